//! A server of S3's protocol on loopback (`s3s-fs`), and a bad line before it.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use store::{Patience, Purpose, SharedStore};

const BUCKET: &str = "bench";
/// The key that the server accepts.
pub(crate) const SECRET: &str = "secret";
/// Address of the shared store on it.
pub(crate) const ADDRESS: &str = "s3://bench/team/project";

/// A bad connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// The answer is 503, whatever was asked.
    Busy,
    /// It is closed before anything is read.
    CutAtOnce,
    /// It is closed after so many bytes of the answer.
    CutAfter(usize),
    /// Each byte of the answer comes alone.
    ByteByByte,
}

/// A running server. It ends with the process.
#[derive(Debug)]
pub(crate) struct Server {
    folder: tempfile::TempDir,
    address: SocketAddr,
}

impl Server {
    /// Starts one whose first connections have these faults.
    pub(crate) fn start(faults: &[Fault]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let files = FileSystem::new(folder.path()).unwrap();
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single("key", SECRET));
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    let service = service.clone();
                    tokio::spawn(async move {
                        let builder = Builder::new(TokioExecutor::new());
                        drop(builder.serve_connection(TokioIo::new(stream), service).await);
                    });
                }
            });
        });
        let address = if faults.is_empty() { server } else { line(server, faults) };
        Self { folder, address }
    }

    /// Opens the shared store on it.
    pub(crate) fn open(&self) -> SharedStore {
        self.open_with_secret(SECRET)
    }

    /// The same with this secret key.
    pub(crate) fn open_with_secret(&self, secret: &str) -> SharedStore {
        let variables = self.variables(secret).into_iter();
        open(variables.map(|(name, value)| (name.to_owned(), value)), Patience::Long)
    }

    /// The environment of a program that uses it.
    pub(crate) fn variables(&self, secret: &str) -> [(&'static str, String); 4] {
        [
            ("AWS_ACCESS_KEY_ID", "key".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address)),
        ]
    }

    /// Puts an object beside the records, behind the back of the protocol.
    pub(crate) fn place(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// The same with so many bytes, all zero.
    pub(crate) fn place_sparse(&self, name: &str, length: u64) {
        std::fs::File::create(self.path(name)).unwrap().set_len(length).unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        let path = self.folder.path().join(BUCKET).join("team/project/v1").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }
}

fn open(variables: impl Iterator<Item = (String, String)>, patience: Patience) -> SharedStore {
    SharedStore::open(ADDRESS, variables, Purpose::Write, patience).unwrap()
}

/// Opens the shared store on a server that takes connections and never answers, with this patience.
pub(crate) fn open_silent(patience: Patience) -> (TcpListener, SharedStore) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let variables = [
        ("AWS_ACCESS_KEY_ID", "key".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ("AWS_ENDPOINT_URL", endpoint),
    ];
    let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value));
    (listener, open(variables, patience))
}

/// A line to a server: its first connections have these faults, later ones are good. Returns its address.
fn line(server: SocketAddr, faults: &[Fault]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let left = Arc::new(Mutex::new(faults.iter().rev().copied().collect::<Vec<_>>()));
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let fault = left.lock().unwrap().pop();
            thread::spawn(move || carry(client, server, fault));
        }
    });
    address
}

/// Carries one connection. Errors end it, as on a real line.
fn carry(mut client: TcpStream, server: SocketAddr, fault: Option<Fault>) {
    let mut most = usize::MAX;
    let mut piece = 16 << 10;
    match fault {
        Some(Fault::CutAtOnce) => return,
        Some(Fault::Busy) => {
            let mut request = [0; 16 << 10];
            drop(client.read(&mut request));
            drop(client.write_all(
                b"HTTP/1.1 503 Slow Down\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            ));
            drop(client.shutdown(Shutdown::Write));
            // The rest of the request: closing before it is read would cut the answer.
            drop(std::io::copy(&mut client, &mut std::io::sink()));
            return;
        }
        Some(Fault::CutAfter(bytes)) => most = bytes,
        Some(Fault::ByteByByte) => piece = 1,
        None => {}
    }
    let Ok(mut upstream) = TcpStream::connect(server) else { return };
    let (Ok(mut from), Ok(mut to)) = (client.try_clone(), upstream.try_clone()) else { return };
    thread::spawn(move || {
        drop(std::io::copy(&mut from, &mut to));
        drop(to.shutdown(Shutdown::Write));
    });
    drop(client.set_nodelay(true));
    let mut buffer = vec![0; piece];
    while most > 0 {
        let Ok(read @ 1..) = upstream.read(&mut buffer) else { break };
        let read = read.min(most);
        if buffer.get(..read).is_none_or(|bytes| client.write_all(bytes).is_err()) {
            break;
        }
        most = most.saturating_sub(read);
    }
    drop((client.shutdown(Shutdown::Both), upstream.shutdown(Shutdown::Both)));
}
