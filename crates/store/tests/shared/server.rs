//! Places for shared stores: a server of S3's protocol in this process (`s3s-fs`), others that run, bad lines before them.

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
use s3s::{
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use s3s_fs::FileSystem;
use store::{Packed, Patience, Purpose, SharedKey, SharedStore};

/// Connections by which many objects are placed at the same time.
const WRITERS: usize = 8;

/// The bucket of all servers.
pub(crate) const BUCKET: &str = "bench";
/// The key that servers of S3's protocol accept; the form is that of Garage.
pub(crate) const KEY: &str = "GK0123456789abcdef01234567";
/// Its secret.
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A secret of the right form that nobody accepts.
pub(crate) const WRONG_SECRET: &str = "d3Jvbmc=";

/// The way in which a program is told of a server.
pub(crate) struct Protocol {
    pub scheme: &'static str,
    /// The environment for a server at this address with this secret.
    pub variables: fn(SocketAddr, &str) -> Vec<(&'static str, String)>,
    /// The secret that is accepted.
    pub secret: &'static str,
    /// Most objects of an answer.
    pub page: u64,
}

pub(crate) static S3: Protocol = Protocol {
    scheme: "s3",
    variables: |server, secret| {
        vec![
            ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ENDPOINT_URL", format!("http://{server}")),
        ]
    },
    secret: SECRET,
    page: 1_000,
};

pub(crate) static GOOGLE: Protocol = Protocol {
    scheme: "gs",
    variables: |server, _| {
        vec![
            ("GOOGLE_BASE_URL", format!("http://{server}")),
            ("GOOGLE_SKIP_SIGNATURE", "true".to_owned()),
        ]
    },
    secret: "",
    page: 1_000,
};

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

/// A place for a shared store on a running server.
pub(crate) struct Server {
    protocol: &'static Protocol,
    /// The server.
    direct: SocketAddr,
    /// The line to it.
    line: SocketAddr,
    /// The folder in the bucket.
    folder: String,
    /// The files of a server in this process, which ends with it.
    files: Option<tempfile::TempDir>,
}

impl Server {
    /// Starts a light server whose first connections have these faults.
    pub(crate) fn start(faults: &[Fault]) -> Self {
        Self::light(&S3, faults)
    }

    /// The same in the words of Google's protocol.
    pub(crate) fn start_of_google(faults: &[Fault]) -> Self {
        Self::light(&GOOGLE, faults)
    }

    fn light(protocol: &'static Protocol, faults: &[Fault]) -> Self {
        let files = tempfile::tempdir().unwrap();
        std::fs::create_dir(files.path().join(BUCKET)).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(files.path()).unwrap());
        if !protocol.secret.is_empty() {
            service.set_auth(SimpleAuth::from_single(KEY, protocol.secret));
        }
        let direct = serve(service.build());
        Self { files: Some(files), ..Self::at(protocol, direct, "team/project", faults) }
    }

    /// A place in this folder of a server that runs, whose first connections have these faults.
    pub(crate) fn at(
        protocol: &'static Protocol,
        direct: SocketAddr,
        folder: &str,
        faults: &[Fault],
    ) -> Self {
        let line = if faults.is_empty() { direct } else { line(direct, faults) };
        Self { protocol, direct, line, folder: folder.to_owned(), files: None }
    }

    /// Opens the shared store.
    pub(crate) fn open(&self) -> SharedStore {
        self.open_with_secret(self.protocol.secret)
    }

    /// The same with this secret.
    pub(crate) fn open_with_secret(&self, secret: &str) -> SharedStore {
        open(&self.address(), (self.protocol.variables)(self.line, secret), Patience::Long)
    }

    /// The address of the shared store.
    pub(crate) fn address(&self) -> String {
        format!("{}://{BUCKET}/{}", self.protocol.scheme, self.folder)
    }

    /// The environment of a program that uses it.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        (self.protocol.variables)(self.line, self.protocol.secret)
    }

    /// Most objects of an answer.
    pub(crate) fn page(&self) -> u64 {
        self.protocol.page
    }

    /// Puts an object where the record of this key belongs.
    pub(crate) fn place(&self, key: &SharedKey, bytes: &[u8]) {
        self.place_all(std::slice::from_ref(key), bytes);
    }

    /// The same at several places.
    pub(crate) fn place_all(&self, keys: &[SharedKey], bytes: &[u8]) {
        if self.files.is_some() {
            for key in keys {
                self.place_foreign(&key.to_string(), bytes);
            }
            return;
        }
        thread::scope(|scope| {
            for keys in keys.chunks(keys.len().div_ceil(WRITERS)) {
                scope.spawn(move || {
                    let variables = (self.protocol.variables)(self.direct, self.protocol.secret);
                    let shared = open(&self.address(), variables, Patience::Long);
                    for key in keys {
                        let packed = Packed { id: key.id, bytes: bytes.to_owned() };
                        shared.add(key, &packed).unwrap();
                    }
                });
            }
        });
    }

    /// Puts so many bytes, all zero, where the record of this key belongs.
    pub(crate) fn place_long(&self, key: &SharedKey, length: u64) {
        if self.files.is_none() {
            return self.place(key, &vec![0; usize::try_from(length).unwrap()]);
        }
        let path = self.path(&key.to_string());
        std::fs::File::create(path).unwrap().set_len(length).unwrap();
    }

    /// Puts an object of this name beside the records of a light server, behind the back of the protocol.
    pub(crate) fn place_foreign(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        let bucket = self.files.as_ref().unwrap().path().join(BUCKET);
        let path = bucket.join(&self.folder).join("v1").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }
}

/// Serves in a thread that ends with the process. Returns the address.
fn serve(service: S3Service) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
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
    address
}

fn open(address: &str, variables: Vec<(&str, String)>, patience: Patience) -> SharedStore {
    let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value));
    SharedStore::open(address, variables, Purpose::Write, patience).unwrap()
}

/// Opens the shared store on a server that takes connections and never answers, with this patience.
pub(crate) fn open_silent(patience: Patience) -> (TcpListener, SharedStore) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let variables = (S3.variables)(listener.local_addr().unwrap(), SECRET);
    (listener, open("s3://bench/team/project", variables, patience))
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
