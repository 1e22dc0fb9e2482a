//! The MongoDB instrument: a tracer stands as a proxy between the benchmark and its database, and
//! at the end hands over which queries each benchmark made.

use std::{
    io::{self, Read, Seek},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    time::Duration,
};

use api::{ApiError, Http, HttpSettings, unwatched};
use runner_shared::{
    clock::now,
    env_names,
    profile_dir::{MONGO, ProfileDir},
};
use system::{
    files::{self, Links},
    temporary::{Folder, Kind},
};

use super::{InstrumentError, mongo_uri::MongoUri};
use crate::{
    env::Env,
    error::chain,
    process::{AddressSpace, Child, Output, Poll, Stdin, ToolCommand},
    tools,
};

/// The tracer.
const PROGRAM: &str = "cs-mongo-tracer";
/// So long may it take until the tracer listens.
const START_LIMIT: Duration = Duration::from_secs(10);
/// Between two looks whether it does: it has no way to tell us.
const START_STEP: Duration = Duration::from_millis(5);
/// So long may it take to hand over.
const END_LIMIT: Duration = Duration::from_mins(1);
/// Longer answers are refused.
const MOST_BYTES: usize = 1 << 30;
/// Lines of its log that are shown when it fails.
const TAIL_LINES: usize = 8;
/// Their length at most.
const TAIL_BYTES: u64 = 4096;
/// Starts the tracer (`$0`) with all that it says in a file (`$1`).
const INTO_LOG: &str = "exec \"$0\" >\"$1\" 2>&1";

/// The file in a folder of its own.
const LOG: &str = "log";

/// A running tracer. Dropping it ends it.
#[derive(Debug)]
pub(super) struct MongoTracer {
    child: Child,
    scratch: Folder,
    /// The place where it is spoken to.
    control: SocketAddr,
    /// The user's variable with the address of the proxy.
    variable: Option<(String, String)>,
}

/// Programs that have to be there.
struct Needs {
    /// The user's variable and what is in it.
    uri: Option<(String, MongoUri)>,
    /// The tracer.
    program: PathBuf,
    shell: PathBuf,
}

impl Needs {
    fn find(name: Option<&str>, env: &Env) -> Result<Self, InstrumentError> {
        let uri = name.map(|name| read_uri(name, env)).transpose()?;
        let told = env.get(env_names::MONGO_TRACER).map(PathBuf::from);
        let program = told.or_else(|| tools::find(PROGRAM, env));
        let program = program.ok_or(InstrumentError::MissingTracer(PROGRAM))?;
        let shell = tools::find("sh", env).ok_or(InstrumentError::MissingTracer("sh"))?;
        Ok(Self { uri, program, shell })
    }
}

impl MongoTracer {
    /// Starts the tracer and waits until it listens. `name` is the variable with the address of
    /// the database; without it the benchmark itself tells the tracer.
    pub(super) fn start(name: Option<&str>, env: &Env) -> Result<Self, InstrumentError> {
        let Needs { uri, program, shell } = Needs::find(name, env)?;
        let scratch =
            Folder::create(&env.temp_dir(), Kind::Log).map_err(InstrumentError::Prepare)?;
        let log = scratch.path().join(LOG);
        let [control, proxy] = free_ports().map_err(InstrumentError::Prepare)?;
        let mut seen = env
            .clone()
            .with(env_names::RUST_LOG, "debug")
            .with(env_names::MONGO_SERVER_ADDRESS, control.to_string())
            .with(env_names::MONGO_PROXY, proxy.to_string());
        if let Some((_, uri)) = &uri {
            seen = seen.with(env_names::MONGO_DEST, &uri.server);
        }
        let words = ["-c".into(), INTO_LOG.into(), program.into_os_string(), log.into()];
        let command = ToolCommand {
            program: shell,
            args: words.into(),
            cwd: "/".into(),
            env: seen,
            stdin: Stdin::Null,
            output: Output::Inherit,
            address_space: AddressSpace::Random,
        };
        let variable = uri.map(|(name, uri)| (name, uri.through(&proxy.to_string())));
        let mut tracer = Self { child: command.spawn()?, scratch, control, variable };
        tracer.wait_until_it_listens()?;
        Ok(tracer)
    }

    /// Says what is missing.
    pub(super) fn check(name: Option<&str>, env: &Env) -> Result<(), InstrumentError> {
        Needs::find(name, env).map(drop)
    }

    /// The environment of the benchmark.
    pub(super) fn environment(&self, env: Env) -> Env {
        let env = env.with(env_names::MONGO_SERVER_ADDRESS, format!("http://{}", self.control));
        match &self.variable {
            Some((name, value)) => env.with_named(name, value),
            None => env,
        }
    }

    /// Takes over what was recorded, and ends the tracer.
    pub(super) fn finish(self, folder: &ProfileDir) -> Result<(), InstrumentError> {
        let recorded = self.terminate().map_err(|what| self.silent(what))?;
        files::create_private_subfolder(&folder.folder_of(&MONGO))
            .and_then(|()| files::replace_private(&folder.file(&MONGO), &recorded))
            .map_err(InstrumentError::Prepare)
    }

    fn terminate(&self) -> Result<Vec<u8>, String> {
        let failed = |err: ApiError| match err.status() {
            Some(status) => format!("answered {status} to the request for its record"),
            None => format!("did not return its record: {}", chain(&err)),
        };
        let settings = HttpSettings { use_proxies: false, ..HttpSettings::default() };
        let http = Http::new(settings).map_err(failed)?;
        let url = format!("http://{}/terminate", self.control);
        let bytes = http.post(&url, MOST_BYTES, END_LIMIT, &mut unwatched).map_err(failed)?;
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok();
        if is_json { Ok(bytes) } else { Err("returned invalid JSON".to_owned()) }
    }

    fn wait_until_it_listens(&mut self) -> Result<(), InstrumentError> {
        let start = now();
        while TcpStream::connect_timeout(&self.control, START_STEP).is_err() {
            match self.child.poll() {
                Ok(Poll::Runs | Poll::WantsTerminal(_)) => {}
                Ok(Poll::Ended(_)) | Err(_) => {
                    return Err(self.silent("exited before the benchmark started".to_owned()));
                }
            }
            if Duration::from_nanos(now().since(start)) > START_LIMIT {
                let limit = START_LIMIT.as_secs();
                return Err(self.silent(format!("did not start listening within {limit} s")));
            }
            #[expect(clippy::disallowed_methods, reason = "nothing reports when it listens")]
            std::thread::sleep(START_STEP);
        }
        Ok(())
    }

    /// An error with the end of what the tracer said.
    fn silent(&self, what: String) -> InstrumentError {
        let mut said = Vec::new();
        // Without its log the error is all that is known.
        let log = files::open(&self.scratch.path().join(LOG), Links::Refuse);
        drop(log.and_then(|mut log| {
            let len = log.metadata()?.len();
            log.seek(io::SeekFrom::Start(len.saturating_sub(TAIL_BYTES)))?;
            // It may still write.
            log.take(TAIL_BYTES).read_to_end(&mut said)
        }));
        let said = String::from_utf8_lossy(&said).into_owned();
        let lines: Vec<&str> = said.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default();
        let before = if tail.is_empty() { "" } else { "\n  | " };
        InstrumentError::Silent { what, tail: format!("{before}{}", tail.join("\n  | ")) }
    }
}

fn read_uri(name: &str, env: &Env) -> Result<(String, MongoUri), InstrumentError> {
    let name = name.to_owned();
    let Some(value) = env.get_named(&name).and_then(|value| value.to_str()) else {
        return Err(InstrumentError::NoVariable(name));
    };
    match MongoUri::parse(value) {
        Ok(uri) => Ok((name, uri)),
        Err(source) => Err(InstrumentError::Uri { name, source }),
    }
}

/// Two addresses of this machine on which nobody listens, and which nobody else can reach.
fn free_ports() -> io::Result<[SocketAddr; 2]> {
    let bind = || TcpListener::bind(("127.0.0.1", 0));
    let (one, other) = (bind()?, bind()?);
    Ok([one.local_addr()?, other.local_addr()?])
}
