//! Throws damaged answers of a service at the readers of this crate: `cargo xtask fuzz`.

#![expect(
    clippy::unwrap_used,
    reason = "without a listener on the loopback interface nothing can be tried"
)]

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::ExitCode,
    sync::{Arc, Mutex, OnceLock},
    thread,
    time::Duration,
};

use api::{
    Http, HttpSettings, Oidc, Pause, RepositoryName, RepositoryProvider, Secret, Service, unwatched,
};
use test_support::fuzz::{self, Target};

/// To add a reader, add a row here and its name to the table in `xtask/src/fuzz.rs`.
const TARGETS: &[Target] = &[
    Target { name: "service-answers", seeds: || texts(ANSWERS), read: read_answer },
    Target { name: "service-responses", seeds: || texts(RESPONSES), read: read_response },
];

const ANSWERS: &[&str] = &[
    r#"{"data":{"user":{"login":"a","provider":"GITHUB"},"repositoryOverview":{"id":"1","settings":{"allowedRegression":0.1}}}}"#,
    r#"{"data":{"repository":{"run":{"id":"1","status":"completed","url":"https://x","results":[{"value":1.5e-3,"benchmark":{"name":"a","executor":"valgrind"}}]}}}}"#,
    r#"{"data":null,"errors":[{"message":"no\u001b[31m","extensions":{"code":"UNAUTHENTICATED"}}]}"#,
    r#"{"data":{"createLoginSession":{"callbackUrl":"https://x/y","sessionId":"s"},"consumeLoginSession":{"token":"t"}}}"#,
    r#"{"value":"token"}"#,
    r#"{"status":"success","uploadUrl":"http://127.0.0.1/x","runId":"r"}"#,
];
const RESPONSES: &[&str] = &[
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n{\"value\":\"abc\"}",
    "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 401 No\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"err\r\n0\r\n\r\n",
];

fn main() -> ExitCode {
    fuzz::main(TARGETS)
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// A wait that takes no time.
#[derive(Debug)]
struct NoPause;

impl Pause for NoPause {
    fn pause(&self, _: Duration) {}

    fn random(&self) -> f64 {
        0.5
    }
}

/// A service that says the same to everybody.
struct Fake {
    says: Arc<Mutex<Vec<u8>>>,
    address: String,
    http: Http,
}

impl Fake {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let says = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::clone(&says);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let bytes = answer.lock().unwrap().clone();
                // A client that has gone away needs no answer.
                drop(respond(stream, &bytes));
            }
        });
        let settings = HttpSettings {
            // As a response that has no end is not waited for.
            idle_timeout: Duration::from_secs(2),
            pause: Arc::new(NoPause),
            use_proxies: false,
            ..HttpSettings::default()
        };
        Self { says, address, http: Http::new(settings).unwrap() }
    }

    /// Asks all that is asked of a service, with these bytes as the answer to everything.
    fn ask(&self, bytes: Vec<u8>) {
        *self.says.lock().unwrap() = bytes;
        let token = || Secret::new("secret").unwrap();
        let oidc = Oidc { url: self.address.clone(), token: token(), is_required: false };
        drop(oidc.ask(&self.http, &mut unwatched));
        let service = Service::new(&self.http, &self.address, Some(token())).unwrap();
        let name = RepositoryName {
            provider: RepositoryProvider::GitHub,
            owner: "owner".to_owned(),
            name: String::from("name"),
        };
        drop(service.session());
        drop(service.create_login_session());
        drop(service.consume_login_session("session"));
        drop(service.repository_id(&name));
        drop(service.repository_overview(&name));
        drop(service.get_or_create_project_repository("name"));
        drop(service.run("owner", "name", "run"));
        drop(service.run_report("owner", "name", "run"));
        drop(service.compare_runs("owner", "name", "base", "run"));
    }
}

/// Reads the head and the body of a request, and says `bytes`.
fn respond(mut stream: TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let len = stream.read(&mut chunk)?;
        request.extend(chunk.iter().take(len));
        if len == 0 || is_whole(&request) {
            break;
        }
    }
    stream.write_all(bytes)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

fn fake() -> &'static Fake {
    static FAKE: OnceLock<Fake> = OnceLock::new();
    FAKE.get_or_init(Fake::start)
}

/// Reads the body of a good response.
fn read_answer(bytes: &[u8]) {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
    let mut response = format!("{head}content-length: {}\r\n\r\n", bytes.len()).into_bytes();
    response.extend(bytes);
    fake().ask(response);
}

/// Reads a whole response.
fn read_response(bytes: &[u8]) {
    fake().ask(bytes.to_vec());
}

#[test]
fn every_target_reads_its_seeds() {
    fuzz::read_seeds(TARGETS);
}
