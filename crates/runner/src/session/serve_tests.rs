//! The loop against real FIFOs and a real child: clients that die, babble or pipeline.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    path::PathBuf,
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, channel},
    },
    thread::{JoinHandle, spawn},
};

use runner_shared::fifo::{
    Command, FifoPaths, IntegrationMode, MAX_FRAME_LEN, MarkerType, encode_frame,
};
use tempfile::TempDir;

use super::*;
use crate::{
    env::Env,
    process::{AddressSpace, Output, Stdin, ToolCommand},
};

/// A profiler that does what it is asked.
struct Willing;

impl ProfilerControl for Willing {
    fn ask(&mut self, _request: Request) -> bool {
        true
    }
}

/// A process that is being started holds copies of all open files for a moment, so that closing
/// one is noticed late. Tests that share a process therefore take turns.
static TURN: Mutex<()> = Mutex::new(());

/// A run whose benchmark is a process that ends when the test wants it to.
struct Scene {
    paths: FifoPaths,
    told: Receiver<RunEvent>,
    /// Sees whether answers are unread. Never closed, as the runner watches for that.
    probe: File,
    server: JoinHandle<Result<Served, ServeError>>,
    /// The child reads this until it is closed.
    alive: File,
    _folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Scene {
    fn start() -> Self {
        Self::with_patience(u64::MAX / 2)
    }

    fn with_patience(patience: u64) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        let paths = FifoPaths::in_dir(folder.path());
        let stdin = folder.path().join("stdin");
        nix::unistd::mkfifo(&stdin, nix::sys::stat::Mode::S_IRWXU).unwrap();
        // Reading and writing: this end opens without waiting for the other one.
        let alive = OpenOptions::new().read(true).write(true).open(&stdin).unwrap();
        let input = File::open(&stdin).unwrap();
        let (tell, told) = channel();
        let (ready, made) = channel();
        let place = paths.clone();
        let server = spawn(move || {
            let signals = Signals::deaf().unwrap();
            let mut fifos = FifoPair::create(&place).unwrap();
            let mut child = cat(input);
            ready.send(()).unwrap();
            let tell = |event| drop(tell.send(event));
            let (session, fifos) = (Session::walltime(), &mut fifos);
            let conversation = Conversation {
                fifos,
                session,
                control: &mut Willing,
                journal: Journal::none(),
                switches: Switches::off(),
            };
            serve_with(patience, Some(conversation), &mut child, &signals, &tell)
        });
        made.recv().unwrap();
        let probe = OpenOptions::new().read(true).write(true).open(&paths.ack).unwrap();
        Self { paths, told, probe, server, alive, _folder: folder, _turn: turn }
    }

    fn client(&self) -> Client {
        let ctl = OpenOptions::new().write(true).open(&self.paths.ctl).unwrap();
        let ack = OpenOptions::new().read(true).open(&self.paths.ack).unwrap();
        Client { ctl, ack }
    }

    fn wait_for_answers(&self) {
        poll(&mut [PollFd::new(self.probe.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE).unwrap();
    }

    fn has_unread_answers(&self) -> bool {
        let mut probe = [PollFd::new(self.probe.as_fd(), PollFlags::POLLIN)];
        poll(&mut probe, PollTimeout::ZERO).unwrap() > 0
    }

    /// Ends the benchmark and returns how the run went.
    fn end(self) -> Served {
        let Self { server, alive, _turn, .. } = self;
        drop(alive);
        server.join().unwrap().unwrap()
    }
}

/// A process that holds the control FIFO until its standard input is closed.
struct Other {
    process: std::process::Child,
}

impl Other {
    fn open(scene: &Scene) -> Self {
        Self::run(scene, "exec 8<> \"$0\"; echo; read x")
    }

    /// One that runs this shell text, which writes a line to say that it has come so far.
    #[expect(clippy::disallowed_methods, reason = "a process that is not of the benchmark")]
    fn run(scene: &Scene, text: &str) -> Self {
        let mut command = std::process::Command::new("/bin/sh");
        command.args(["-c", text]).arg(&scene.paths.ctl);
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut process = command.spawn().unwrap();
        process.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        Self { process }
    }

    fn end(mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}

fn cat(input: File) -> Child {
    let program = PathBuf::from("/bin/cat");
    let (cwd, stdin) = (PathBuf::from("/"), Stdin::File(input));
    let (output, address_space) = (Output::Inherit, AddressSpace::Random);
    let (args, env) = (Vec::new(), Env::default());
    ToolCommand { program, args, cwd, env, stdin, output, address_space }.spawn().unwrap()
}

struct Client {
    ctl: File,
    ack: File,
}

impl Client {
    fn send(&mut self, bytes: &[u8]) {
        self.ctl.write_all(bytes).unwrap();
    }

    #[track_caller]
    fn answered(&mut self, expected: &[Command]) {
        let expected: Vec<u8> = expected.iter().flat_map(Command::encode).collect();
        let mut got = vec![0; expected.len()];
        self.ack.read_exact(&mut got).unwrap();
        assert_eq!(got, expected);
    }

    #[track_caller]
    fn says(&mut self, command: &Command, answer: Command) {
        self.send(&command.encode());
        self.answered(&[answer]);
    }
}

const WALLTIME: Command = Command::IntegrationModeResponse(IntegrationMode::Walltime);

fn conversation() -> Vec<Command> {
    vec![
        Command::SetVersion(2),
        Command::GetIntegrationMode,
        Command::SetIntegration { name: "n".to_owned(), version: "1.0.0".to_owned() },
        Command::StartBenchmark,
        Command::AddMarker { pid: 1, marker: MarkerType::RoundStart(1) },
        Command::AddMarker { pid: 1, marker: MarkerType::RoundEnd(2) },
        Command::StopBenchmark,
        Command::CurrentBenchmark { pid: 1, uri: "u".to_owned() },
    ]
}

fn answers() -> Vec<Command> {
    let answer = |command: &Command| {
        if *command == Command::GetIntegrationMode { WALLTIME } else { Command::Ack }
    };
    conversation().iter().map(answer).collect()
}

#[test]
fn a_run_in_which_nobody_speaks_ends_with_its_child() {
    let served = Scene::start().end();
    assert_eq!((served.ended, served.interrupted), (Ended::Code(0), false));
    assert_eq!(served.record, SessionRecord::default());
}

#[test]
fn a_client_waits_for_the_end_of_another_one() {
    let scene = Scene::start();
    let mut client = scene.client();
    let (first, second) = (Other::open(&scene), Other::open(&scene));
    client.send(&Command::SetVersion(2).encode());
    first.end();
    client.answered(&[Command::Ack]);
    second.end();
    scene.end();
}

#[test]
fn two_clients_that_stay_are_refused_by_name() {
    let scene = Scene::with_patience(0);
    let others = [Other::open(&scene), Other::open(&scene)];
    let Scene { server, alive, _folder, _turn, .. } = scene;
    let err = server.join().unwrap().unwrap_err();
    for other in &others {
        let named = format!("sh` (process {})", other.process.id());
        assert!(err.to_string().contains(&named), "{err}: {named}");
    }
    drop(alive);
    for other in others {
        other.end();
    }
}

/// Shell text that opens a window through the descriptor 8.
const START: &str = r"printf '\4\0\0\0\1\0\0\0' >&8";
const STOP: &str = r"printf '\4\0\0\0\2\0\0\0' >&8";

#[test]
fn a_window_of_a_process_that_is_gone_is_forgotten() {
    let scene = Scene::start();
    let mut listener = scene.client();
    let first = Other::run(&scene, &format!("exec 8<> \"$0\"; {START}; echo; read x"));
    listener.answered(&[Command::Ack]);
    first.end();
    let text = format!("exec 8<> \"$0\"; {START}; {START}; {STOP}; echo; read x");
    let second = Other::run(&scene, &text);
    listener.answered(&[Command::Ack, Command::Ack, Command::Ack]);
    second.end();
    let record = scene.end().record;
    let markers = &record.timestamps.markers[..];
    assert!(
        matches!(markers, [MarkerType::SampleStart(_), MarkerType::SampleEnd(_)]),
        "{markers:?}"
    );
    assert_eq!(record.open_windows, 1);
}

#[test]
fn workers_that_share_a_connection_are_refused_by_name() {
    // A window each, or messages that nobody can read, as they lie within each other.
    for says in [START, r"printf '\0\0\0\0' >&8"] {
        refused_workers(says);
    }
}

#[track_caller]
fn refused_workers(says: &str) {
    let scene = Scene::start();
    let worker = format!("({says}; echo; exec 0<&7; read x) &");
    let text = format!("exec 8<> \"$0\" 7<&0; {worker} {worker} wait");
    let main = Other::run(&scene, &text);
    let Scene { server, alive, _folder, _turn, .. } = scene;
    let err = server.join().unwrap().unwrap_err();
    let problem = "two benchmark processes run at the same time";
    assert!(err.to_string().starts_with(problem), "{err}");
    assert!(!err.to_string().contains(&format!("process {})", main.process.id())), "{err}");
    drop(alive);
    main.end();
}

#[test]
fn messages_sent_together_or_byte_by_byte_are_answered_in_order() {
    let scene = Scene::start();
    let stream: Vec<u8> = conversation().iter().flat_map(Command::encode).collect();
    let mut client = scene.client();
    client.send(&stream);
    client.answered(&answers());
    for byte in &stream {
        client.send(&[*byte]);
    }
    client.answered(&answers());
    let record = scene.end().record;
    assert_eq!(record.timestamps.uri_by_ts.len(), 2);
    assert_eq!(record.timestamps.markers.len(), 8);
}

#[test]
fn the_last_words_of_a_benchmark_that_ends_at_once_are_heard() {
    let scene = Scene::start();
    let mut client = scene.client();
    client.send(&Command::CurrentBenchmark { pid: 7, uri: "last".to_owned() }.encode());
    let record = scene.end().record;
    assert_eq!(record.pids, [7].into());
}

#[test]
fn a_client_may_die_at_every_byte_and_the_next_one_is_served() {
    let stream: Vec<u8> = conversation().iter().flat_map(Command::encode).collect();
    let scene = Scene::start();
    for end in 0..=stream.len() {
        let sent = &stream[..end];
        let mut whole = FrameDecoder::default();
        whole.push(sent);
        let mut frames = 0;
        while whole.next_frame().unwrap().is_some() {
            frames += 1;
        }
        let mut client = scene.client();
        client.send(sent);
        // It dies without having read a single answer.
        if frames > 0 {
            scene.wait_for_answers();
        }
        drop(client);
        if whole.reset() > 0 {
            let text = "a benchmark process ended in the middle of a message".to_owned();
            assert_eq!(scene.told.recv().unwrap(), RunEvent::warning(text));
        }
        // The runner takes back what nobody will read: no real client follows faster than that.
        while scene.has_unread_answers() {
            std::thread::yield_now();
        }
        let mut next = scene.client();
        next.says(&Command::PingPerf, Command::Ack);
        next.says(&Command::GetIntegrationMode, WALLTIME);
    }
    scene.end();
}

#[test]
fn an_invalid_message_gets_err_and_does_not_affect_the_next() {
    let scene = Scene::start();
    let mut client = scene.client();
    client.send(&0x7fff_ffff_u32.to_le_bytes());
    client.answered(&[Command::Err]);
    client.says(&Command::StartBenchmark, Command::Ack);
    client.send(&encode_frame(&[]));
    client.answered(&[Command::Err]);
    client.send(&encode_frame(&vec![0xff; MAX_FRAME_LEN]));
    client.answered(&[Command::Err]);
    client.says(&Command::StopBenchmark, Command::Ack);
    let record = scene.end().record;
    assert_eq!((record.unreadable, record.open_windows), (3, 0));
}

#[test]
fn more_answers_than_the_fifo_holds_wait_for_their_reader() {
    let scene = Scene::start();
    let mut client = scene.client();
    let mut ack = client.ack.try_clone().unwrap();
    // 20 000 answers of 8 bytes are more than twice what the FIFO takes.
    let reader = spawn(move || {
        let mut got = vec![0; 20_000 * 8];
        ack.read_exact(&mut got).unwrap();
        got
    });
    let marker = Command::AddMarker { pid: 1, marker: MarkerType::RoundStart(1) }.encode();
    for _ in 0..20 {
        client.send(&marker.repeat(1000));
    }
    assert_eq!(reader.join().unwrap(), Command::Ack.encode().repeat(20_000));
    assert_eq!(scene.end().record.timestamps.markers.len(), 20_000);
}

#[test]
fn a_refused_version_is_answered_and_ends_the_run() {
    let scene = Scene::start();
    let mut client = scene.client();
    client.says(&Command::SetVersion(3), Command::Err);
    // The child still reads: the run is not over because of it.
    let Scene { server, alive, _turn, .. } = scene;
    let refusal = Refusal::Version { version: 3, minimum: 1 };
    assert!(matches!(server.join().unwrap(), Err(ServeError::Refused(said)) if said == refusal));
    drop(alive);
}
