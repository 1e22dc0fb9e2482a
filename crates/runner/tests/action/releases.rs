//! Releases on this machine: archives, lists of hashes, and a server for both that writes down what it was asked.

use std::{
    collections::BTreeMap,
    env::consts::ARCH,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use test_support::Sandbox;

/// An archive as `cargo xtask dist` makes it.
#[derive(Debug, Clone)]
pub(crate) struct Release {
    pub version: String,
    /// The purpose.
    pub triple: String,
    pub bytes: Vec<u8>,
    pub sha256: String,
}

impl Release {
    /// Packs programs for machines like this one.
    #[track_caller]
    pub(crate) fn pack(sandbox: &Sandbox, version: &str, programs: &[&Path]) -> Self {
        Self::pack_for("musl", sandbox, version, programs)
    }

    /// The same for this C library.
    #[track_caller]
    pub(crate) fn pack_for(
        libc: &str,
        sandbox: &Sandbox,
        version: &str,
        programs: &[&Path],
    ) -> Self {
        let triple = format!("{ARCH}-unknown-linux-{libc}");
        let name = format!("codspeed-v{version}-{triple}");
        let pack = r#"
            mkdir -p "packing/$1" && archive="$1.tar.gz" && cd packing
            name=$1 && shift && cp "$@" "$name" && tar -cf - "$name" | gzip -1 > "$archive"
            sha256sum "$archive" && rm -r "$name""#;
        let mut command = sandbox.command("bash", ["-euo", "pipefail", "-c", pack, "pack", &name]);
        command.args(programs);
        let run = sandbox.run(command);
        assert_eq!(run.code, 0, "{}", run.shown());
        let sha256 = run.stdout.split(' ').next().unwrap().to_owned();
        let bytes = std::fs::read(sandbox.path().join(format!("packing/{name}.tar.gz"))).unwrap();
        Self { version: version.to_owned(), triple, bytes, sha256 }
    }

    /// The name of the archive.
    pub(crate) fn asset(&self) -> String {
        format!("codspeed-v{}-{}.tar.gz", self.version, self.triple)
    }

    fn folder(&self) -> String {
        format!("/releases/download/v{}", self.version)
    }

    /// The list of hashes, with the archive for the other kind of machine as well.
    fn sums(&self) -> String {
        let other = if ARCH == "x86_64" { "aarch64" } else { "x86_64" };
        let other = self.asset().replace(ARCH, other);
        format!("{}  {}\n{}  {other}\n", self.sha256, self.asset(), "0".repeat(64))
    }
}

/// The answer.
#[derive(Debug, Clone)]
enum Answer {
    Bytes(Vec<u8>),
    Moved(String),
    Status(u16),
    /// The first time something else.
    Later(u16, Box<Self>),
}

/// The server. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Releases {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    answers: Mutex<BTreeMap<String, Answer>>,
    asked: Mutex<Vec<String>>,
    ends: AtomicBool,
}

impl Shared {
    /// The answer to a request for a path, which is written down.
    fn next(&self, path: &str) -> Answer {
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        self.asked.lock().unwrap().push(name);
        let mut answers = self.answers.lock().unwrap();
        let answer = answers.get(path).cloned().unwrap_or(Answer::Status(404));
        if let Answer::Later(_, then) = &answer {
            answers.insert(path.to_owned(), (**then).clone());
        }
        answer
    }
}

impl Releases {
    /// A server without releases.
    pub(crate) fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if of_thread.ends.load(Ordering::SeqCst) {
                    break;
                }
                // A client that goes away is the business of its test.
                drop(stream.and_then(|stream| answer(stream, &of_thread)));
            }
        });
        Self { address, shared, thread: Some(thread) }
    }

    /// Returns what stands for the address of the releases.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/releases", self.address)
    }

    /// Serves a release.
    pub(crate) fn publish(&self, release: &Release) {
        let folder = release.folder();
        self.set(format!("{folder}/{}", release.asset()), Answer::Bytes(release.bytes.clone()));
        self.set(format!("{folder}/SHA256SUMS"), Answer::Bytes(release.sums().into_bytes()));
    }

    /// Makes a release the latest one.
    pub(crate) fn make_latest(&self, release: &Release) {
        let to = format!("{}/SHA256SUMS", release.folder());
        self.set("/releases/latest/download/SHA256SUMS".to_owned(), Answer::Moved(to));
    }

    /// Serves this as the list of hashes of a release.
    pub(crate) fn set_sums(&self, release: &Release, text: &str) {
        let path = format!("{}/SHA256SUMS", release.folder());
        self.set(path, Answer::Bytes(text.as_bytes().to_vec()));
    }

    /// Answers every request for an archive of the release by this.
    pub(crate) fn break_archive(&self, release: &Release, status: u16) {
        self.set(format!("{}/{}", release.folder(), release.asset()), Answer::Status(status));
    }

    /// Answers the first request for an archive of the release by this.
    pub(crate) fn delay_archive(&self, release: &Release, status: u16) {
        let later = Answer::Later(status, Box::new(Answer::Bytes(release.bytes.clone())));
        self.set(format!("{}/{}", release.folder(), release.asset()), later);
    }

    /// The last parts of the paths that were asked for, since the last call.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.asked.lock().unwrap())
    }

    fn set(&self, path: String, answer: Answer) {
        self.shared.answers.lock().unwrap().insert(path, answer);
    }
}

impl Drop for Releases {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::SeqCst);
        // Wakes the thread, which then sees that it shall end.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn answer(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let (status, location, body) = match shared.next(&path) {
        Answer::Bytes(bytes) => (200, None, bytes),
        Answer::Moved(to) => (302, Some(to), Vec::new()),
        Answer::Status(status) | Answer::Later(status, _) => (status, None, b"no".to_vec()),
    };
    let location = location.map(|to| format!("Location: {to}\r\n")).unwrap_or_default();
    let mut stream = reader.into_inner();
    write!(
        stream,
        "HTTP/1.1 {status} -\r\nContent-Length: {}\r\nConnection: close\r\n{location}\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}
