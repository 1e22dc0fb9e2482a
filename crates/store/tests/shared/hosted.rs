//! The same cases against servers as people host them, and against the emulators of Azure and Google. Each is a program
//! on `PATH` that is started on loopback with a folder and ports of its own; `cargo xtask servers` brings them.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use object_store::{
    azure::{AzureAccessKey, AzureAuthorizer, AzureCredential},
    client::HttpRequestBody,
};

use super::{
    EVERYWHERE, cases, program,
    server::{BUCKET, GOOGLE, KEY, Protocol, S3, SECRET, Server},
};

/// Ports that a server may take: one is for requests, the others for its own parts.
const PORTS: usize = 10;
/// Starts that are tried: somebody else may take a port meanwhile.
const STARTS: usize = 5;
/// A server that has not started by then never will.
const PATIENCE: Duration = Duration::from_mins(2);

/// A server that people host, or an emulator.
struct Kind {
    program: &'static str,
    protocol: &'static Protocol,
    /// The start of the server in this folder, with the first port for requests.
    command: fn(&Path, &[u16]) -> Command,
    /// In the line that says that it runs.
    mark: &'static str,
    /// Makes the bucket, if the start hasn't, and returns where requests go.
    prepare: fn(SocketAddr) -> SocketAddr,
}

/// The account of the emulator, and its key, as Microsoft documents them.
const ACCOUNT: &str = "devstoreaccount1";
const ACCOUNT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

static AZURE: Protocol = Protocol {
    scheme: "az",
    variables: |server, secret| {
        vec![
            ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT.to_owned()),
            ("AZURE_STORAGE_ACCOUNT_KEY", secret.to_owned()),
            ("AZURE_STORAGE_ENDPOINT", format!("http://{server}/{ACCOUNT}")),
        ]
    },
    secret: ACCOUNT_KEY,
    page: 5_000,
};

static GARAGE: Kind = Kind {
    program: "garage",
    protocol: &S3,
    command: |folder, ports| {
        let file = folder.join("garage.toml");
        let [requests, own, ..] = ports else { panic!("two ports") };
        let text = format!(
            "metadata_dir = \"{0}/meta\"\ndata_dir = \"{0}/data\"\ndb_engine = \"sqlite\"\nreplication_factor = 1\n\
             rpc_bind_addr = \"127.0.0.1:{own}\"\nrpc_public_addr = \"127.0.0.1:{own}\"\nrpc_secret = \"{SECRET}\"\n\
             [s3_api]\ns3_region = \"us-east-1\"\napi_bind_addr = \"127.0.0.1:{requests}\"\n",
            folder.display()
        );
        fs::write(&file, text).unwrap();
        let mut command = Command::new("garage");
        command.arg("-c").arg(file).args(["server", "--single-node", "--default-bucket"]);
        command.env("GARAGE_DEFAULT_ACCESS_KEY", KEY).env("GARAGE_DEFAULT_SECRET_KEY", SECRET);
        command.env("GARAGE_DEFAULT_BUCKET", BUCKET);
        command
    },
    mark: "S3 API server listening",
    prepare: |server| server,
};

static SEAWEEDFS: Kind = Kind {
    program: "weed",
    protocol: &S3,
    command: |folder, ports| {
        let file = folder.join("keys.json");
        let key = format!(r#"{{"accessKey":"{KEY}","secretKey":"{SECRET}"}}"#);
        let actions = r#"["Admin","Read","Write","List"]"#;
        let text = format!(
            r#"{{"identities":[{{"name":"bench","credentials":[{key}],"actions":{actions}}}]}}"#
        );
        fs::write(&file, text).unwrap();
        let mut command = Command::new("weed");
        command.args(["mini", "-dir=.", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]);
        command.args(["-admin.ui=false", "-webdav=false", "-s3.iam=false", "-bucket", BUCKET]);
        command.args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-filer.localSocket=./socket"]);
        command.arg("-s3.config").arg(file);
        let parts = ["s3", "master", "volume", "filer", "admin"];
        for (part, ports) in parts.iter().zip(ports.chunks(2)) {
            let [port, grpc] = ports else { panic!("two ports for each part") };
            command.arg(format!("-{part}.port={port}")).arg(format!("-{part}.port.grpc={grpc}"));
        }
        command
    },
    mark: "All enabled components are running",
    prepare: |server| server,
};

static AZURITE: Kind = Kind {
    program: "azurite-blob",
    protocol: &AZURE,
    command: |_, ports| {
        let mut command = Command::new("azurite-blob");
        command.args(["--blobHost", "127.0.0.1", "--location", ".", "--disableTelemetry"]);
        // The library may be newer than the emulator.
        command.arg("--skipApiVersionCheck").args(["--blobPort", &ports[0].to_string()]);
        command
    },
    mark: "successfully listens",
    prepare: |server| {
        let uri = format!("http://{server}/{ACCOUNT}/{BUCKET}?restype=container");
        let request = http::Request::put(uri).header("content-length", "0");
        let mut request = request.body(HttpRequestBody::empty()).unwrap();
        let key = AzureCredential::AccessKey(AzureAccessKey::try_new(ACCOUNT_KEY).unwrap());
        AzureAuthorizer::new(&key, ACCOUNT).try_authorize(&mut request).unwrap();
        let mut head = format!(
            "PUT {} HTTP/1.1\r\nhost: {server}\r\n",
            request.uri().path_and_query().unwrap()
        );
        for (name, value) in request.headers() {
            head = format!("{head}{name}: {}\r\n", value.to_str().unwrap());
        }
        asked(server, &format!("{head}connection: close\r\n\r\n"));
        server
    },
};

static FAKE_GCS: Kind = Kind {
    program: "fake-gcs-server",
    protocol: &GOOGLE,
    command: |_, ports| {
        let mut command = Command::new("fake-gcs-server");
        command.args(["-scheme", "http", "-host", "127.0.0.1", "-public-host", "127.0.0.1"]);
        command.args(["-backend", "memory", "-port", &ports[0].to_string()]);
        command
    },
    mark: "server started",
    prepare: |server| {
        let body = format!(r#"{{"name":"{BUCKET}"}}"#);
        let head =
            "POST /storage/v1/b HTTP/1.1\r\ncontent-type: application/json\r\nconnection: close";
        let length = body.len();
        asked(
            server,
            &format!("{head}\r\nhost: {server}\r\ncontent-length: {length}\r\n\r\n{body}"),
        );
        simple_uploads(server)
    },
};

/// A server that runs. It ends with this.
struct Running {
    kind: &'static Kind,
    address: SocketAddr,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop((self.child.kill(), self.child.wait()));
    }
}

impl Running {
    fn start(kind: &'static Kind) -> Self {
        let mut said = String::new();
        for _ in 0..STARTS {
            let folder = tempfile::tempdir().unwrap();
            let ports = free_ports();
            let mut command = (kind.command)(folder.path(), &ports);
            command.current_dir(folder.path()).stdin(Stdio::null());
            let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
            let mut child = child.unwrap_or_else(|err| {
                let program = kind.program;
                panic!("`{program}` can't be started ({err}): `cargo xtask servers` brings it")
            });
            let is_up = says(&mut child, kind.mark, &mut said);
            let address = SocketAddr::from(([127, 0, 0, 1], ports[0]));
            let mut running = Self { kind, address, child, _folder: folder };
            if is_up {
                running.address = (kind.prepare)(address);
                return running;
            }
        }
        panic!("`{}` does not start:\n{said}", kind.program);
    }

    /// Checks all cases, each in a folder of its own.
    fn check(&self) {
        for (name, case) in EVERYWHERE {
            println!("{name}");
            case(&|faults| Server::at(self.kind.protocol, self.address, name, faults));
        }
    }

    /// Checks that a wrong key is refused.
    fn check_credentials(&self) {
        let start = |faults: &[_]| Server::at(self.kind.protocol, self.address, "key", faults);
        cases::wrong_credentials_are_an_error(&start);
    }

    /// Checks what the program does.
    fn check_program(&self) {
        program::check(&Server::at(self.kind.protocol, self.address, "program", &[]));
    }
}

/// Waits for a line with this mark. Returns false once the program has ended without it.
fn says(child: &mut Child, mark: &str, said: &mut String) -> bool {
    let (sender, lines) = channel();
    let streams: [Box<dyn Read + Send>; 2] =
        [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
    for stream in streams {
        let sender = sender.clone();
        thread::spawn(move || {
            // To the end: a server that can't say anything stops.
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                drop(sender.send(line));
            }
        });
    }
    drop(sender);
    wait_for(&lines, mark, said)
}

fn wait_for(lines: &Receiver<String>, mark: &str, said: &mut String) -> bool {
    loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) if line.contains(mark) => return true,
            Ok(line) => said.push_str(&(line + "\n")),
            Err(RecvTimeoutError::Disconnected) => return false,
            Err(RecvTimeoutError::Timeout) => panic!("no `{mark}` within {PATIENCE:?}:\n{said}"),
        }
    }
}

/// Ports that nobody has at the moment.
fn free_ports() -> Vec<u16> {
    let all: Vec<TcpListener> =
        (0..PORTS).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    all.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

/// Sends a request by hand, which has to succeed.
fn asked(server: SocketAddr, request: &str) {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let code = answer.split(' ').nth(1).unwrap_or_default();
    assert!(code.starts_with('2'), "{request}\n{answer}");
}

/// A line to `fake-gcs-server`, which takes simple uploads of Google's XML protocol only with the mark of a signed one, and
/// answers them without a tag. Returns its address.
fn simple_uploads(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || drop(one_request(client, server)));
        }
    });
    address
}

/// Carries one request, after which both sides hang up.
fn one_request(client: TcpStream, server: SocketAddr) -> std::io::Result<()> {
    let mut from = BufReader::new(client.try_clone()?);
    let (mut line, mut head, mut length) = (String::new(), String::new(), 0);
    from.read_line(&mut line)?;
    let is_upload = line.starts_with("PUT ");
    if is_upload {
        line = line.replace(" HTTP/", "?X-Goog-Algorithm=none HTTP/");
    }
    loop {
        let mut field = String::new();
        from.read_line(&mut field)?;
        if field.trim().is_empty() {
            break;
        }
        if let Some((_, value)) = field.to_ascii_lowercase().split_once("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        head.push_str(&field);
    }
    let mut upstream = TcpStream::connect(server)?;
    upstream.write_all(format!("{line}{head}connection: close\r\n\r\n").as_bytes())?;
    std::io::copy(&mut (&mut from).take(length), &mut upstream)?;
    let mut answers = BufReader::new(upstream);
    let mut status = String::new();
    answers.read_line(&mut status)?;
    if is_upload {
        status.push_str("etag: \"none\"\r\n");
    }
    let mut client = client;
    client.write_all(status.as_bytes())?;
    std::io::copy(&mut answers, &mut client)?;
    client.shutdown(std::net::Shutdown::Write)
}

mod garage {
    use super::{GARAGE, Running};

    #[test]
    fn all_cases_hold() {
        Running::start(&GARAGE).check();
    }

    #[test]
    fn a_wrong_key_is_refused() {
        Running::start(&GARAGE).check_credentials();
    }

    #[test]
    fn the_program_shares_runs() {
        Running::start(&GARAGE).check_program();
    }
}

mod seaweedfs {
    use super::{Running, SEAWEEDFS};

    #[test]
    fn all_cases_hold() {
        Running::start(&SEAWEEDFS).check();
    }

    #[test]
    fn a_wrong_key_is_refused() {
        Running::start(&SEAWEEDFS).check_credentials();
    }

    #[test]
    fn the_program_shares_runs() {
        Running::start(&SEAWEEDFS).check_program();
    }
}

mod azurite {
    use super::{AZURITE, Running};

    #[test]
    fn all_cases_hold() {
        Running::start(&AZURITE).check();
    }

    #[test]
    fn a_wrong_key_is_refused() {
        Running::start(&AZURITE).check_credentials();
    }

    #[test]
    fn the_program_shares_runs() {
        Running::start(&AZURITE).check_program();
    }
}

mod fake_gcs {
    use super::{FAKE_GCS, Running};

    #[test]
    fn all_cases_hold() {
        Running::start(&FAKE_GCS).check();
    }

    #[test]
    fn the_program_shares_runs() {
        Running::start(&FAKE_GCS).check_program();
    }
}
