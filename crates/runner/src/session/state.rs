//! The runner's side of the protocol as a state machine: message and time in, reply and record out.
//!
//! No I/O and no clock, so that every order of messages can be tried.

use std::collections::{BTreeMap, BTreeSet};

use results::Beside;
use runner_shared::{
    artifact::ExecutionTimestamps,
    bounds::{Allowance, CONVERSATION_BYTES, size},
    clock::Monotonic,
    fifo::{Command, FrameError, IntegrationMode, MINIMUM_VERSION, MarkerType, PROTOCOL_VERSION},
};

use super::{
    clients::Client,
    integrations::{IntegrationError, MEMORY_INTEGRATIONS, MinimumVersion, check, known},
};

/// The first protocol in which an integration asks for the mode.
const FIRST_WITH_MODES: u64 = 2;

/// What the profiler must do before the client gets its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// Record from now on.
    Enable,
    /// Don't record any more.
    Disable,
    /// Is it there?
    Ping,
}

/// What to do about a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// Send this.
    Reply(Command),
    /// Ask the profiler, then call [`Session::resolved`].
    Ask(Request),
}

/// Why a run can't go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Another protocol.
    #[error(
        "the benchmark integration speaks version {version} of the protocol; {}", understood(*minimum)
    )]
    Version {
        /// What the client speaks.
        version: u64,
        /// The oldest version that this mode needs.
        minimum: u64,
    },
    /// An integration that can't be measured in this mode.
    #[error(transparent)]
    Integration(#[from] IntegrationError),
    /// Two processes measure without waiting for each other.
    #[error(
        "two benchmark processes run at the same time, so their measurements would mix: {}",
        pair.each_ref().map(described).join(" and ")
    )]
    Overlap {
        /// In the order of their ids.
        pair: Box<[Client; 2]>,
    },
    /// In memory mode: the tool that started a worker goes on working while the worker measures.
    #[error(
        "{} measures in a worker process, and what its main process allocates at the same time would be counted, too",
        described(client)
    )]
    BusyMain {
        /// The worker.
        client: Client,
    },
}

/// Names a process for a message.
fn described(client: &Client) -> String {
    let Client { pid, name, tool } = client;
    match tool {
        Some(tool) => format!("`{name}` (process {pid}, {})", tool.name),
        None => format!("`{name}` (process {pid})"),
    }
}

/// Returns the way out when these measure at the same time.
fn way_out(clients: &[Client]) -> String {
    if let Some(tool) = clients.iter().find_map(|client| client.tool) {
        return tool.mend.to_owned();
    }
    if clients.iter().any(|client| client.name == HARNESS) {
        return "a command with a CodSpeed integration of its own is measured by `codspeed run -- COMMAND`, not by `codspeed exec`".to_owned();
    }
    "run them one after the other (`a; b`, not `a & b`), or turn off the workers of your benchmark tool".to_owned()
}

/// The name of the process that turns a command into a benchmark.
const HARNESS: &str = "exec-harness";

impl Refusal {
    /// What the user can do.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Version { version, minimum }
                if version < minimum && *minimum > MINIMUM_VERSION =>
            {
                format!("update the integration in your project: memory mode needs {}", known())
            }
            Self::Version { .. } => {
                "use versions of codspeed and of the integration that are of about the same age"
                    .to_owned()
            }
            Self::Integration(err) => err.hint(),
            Self::Overlap { pair } => way_out(&pair[..]),
            Self::BusyMain { client } => way_out(std::slice::from_ref(client)),
        }
    }
}

fn understood(minimum: u64) -> String {
    if minimum == PROTOCOL_VERSION {
        format!("version {minimum} is needed")
    } else {
        format!("versions {minimum} to {PROTOCOL_VERSION} are understood")
    }
}

/// What one conversation left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SessionRecord {
    /// Name and version of the integration that spoke last.
    pub integration: Option<(String, String)>,
    /// Processes that said which benchmark they ran.
    pub pids: BTreeSet<i32>,
    /// Benchmarks, windows and rounds in the order of their arrival.
    pub timestamps: ExecutionTimestamps,
    /// Frames that were no message, and bytes that were no frame.
    pub unreadable: u64,
    /// Windows that were opened and never closed.
    pub open_windows: u64,
    /// Processes beside the client of a window, whose allocations count all the same.
    pub beside: Beside,
    /// Names, rounds and windows for which there was no room.
    pub left_out: u64,
}

/// What a point in time takes of the room for a conversation, in bytes.
const MARKER: u64 = 16;
/// What an entry with a text or in a set takes, besides the text.
const ENTRY: u64 = 64;

/// The conversation so far.
#[derive(Debug)]
pub(crate) struct Session {
    mode: IntegrationMode,
    minimum_version: u64,
    /// Which integrations are served; all, if there is no list.
    integrations: Option<&'static [MinimumVersion]>,
    record: SessionRecord,
    /// Once it is used up, nothing more is kept: what comes later would fit to nothing.
    room: Allowance,
    window_open: bool,
    /// The start of the open window is in the record.
    window_kept: bool,
    refusal: Option<Refusal>,
    /// Processes that named themselves, in whatever message.
    speakers: BTreeSet<i32>,
    newcomer: Option<i32>,
    /// The process that named itself first in the open window.
    window_pid: Option<i32>,
    /// Two processes that named themselves in one window.
    clash: Option<[i32; 2]>,
    /// The process that named its benchmark in the last message.
    claim: Option<i32>,
    /// The last message named a benchmark within a window, which one client alone never does.
    untimely: bool,
}

impl Session {
    /// A conversation in walltime mode.
    pub(crate) fn walltime() -> Self {
        Self {
            mode: IntegrationMode::Walltime,
            minimum_version: MINIMUM_VERSION,
            integrations: None,
            record: SessionRecord::default(),
            room: Allowance::of(CONVERSATION_BYTES),
            window_open: false,
            window_kept: false,
            refusal: None,
            speakers: BTreeSet::new(),
            newcomer: None,
            window_pid: None,
            clash: None,
            claim: None,
            untimely: false,
        }
    }

    /// A conversation in memory mode, which only newer integrations know.
    pub(crate) fn memory() -> Self {
        Self {
            mode: IntegrationMode::Analysis,
            minimum_version: FIRST_WITH_MODES,
            integrations: Some(MEMORY_INTEGRATIONS),
            ..Self::walltime()
        }
    }

    /// A complete frame arrived at `now`.
    pub(crate) fn frame(&mut self, payload: &[u8], now: Monotonic) -> Reaction {
        let Ok(command) = Command::decode(payload) else {
            self.record.unreadable += 1;
            return Reaction::Reply(Command::Err);
        };
        if let Command::CurrentBenchmark { pid, .. } | Command::AddMarker { pid, .. } = command {
            self.names_itself(pid);
        }
        let answer = match command {
            Command::CurrentBenchmark { pid, uri } => {
                if self.has_room(ENTRY + size(uri.len())) {
                    self.record.timestamps.uri_by_ts.push((now.0, uri));
                }
                if !self.record.pids.contains(&pid) && self.has_room(ENTRY) {
                    self.record.pids.insert(pid);
                }
                self.claim = Some(pid);
                self.untimely = self.window_open;
                Command::Ack
            }
            Command::StartBenchmark => return Reaction::Ask(Request::Enable),
            Command::StopBenchmark => return Reaction::Ask(Request::Disable),
            Command::PingPerf => return Reaction::Ask(Request::Ping),
            Command::SetIntegration { name, version } => self.integration(name, version),
            Command::AddMarker { marker, .. } => {
                if self.has_room(MARKER) {
                    self.record.timestamps.markers.push(marker);
                }
                Command::Ack
            }
            Command::SetVersion(version) => self.version(version),
            Command::GetIntegrationMode => Command::IntegrationModeResponse(self.mode),
            // These are answers; a client has no business sending them.
            Command::Ack | Command::Err | Command::IntegrationModeResponse(_) => {
                self.record.unreadable += 1;
                Command::Err
            }
        };
        Reaction::Reply(answer)
    }

    /// A length that makes no sense arrived.
    pub(crate) fn unreadable(&mut self, _error: FrameError) -> Reaction {
        self.record.unreadable += 1;
        Reaction::Reply(Command::Err)
    }

    /// The profiler has done what was asked (`worked`), or could not.
    pub(crate) fn resolved(&mut self, request: Request, worked: bool, now: Monotonic) -> Command {
        if !worked {
            return Command::Err;
        }
        let opens = match request {
            Request::Ping => return Command::Ack,
            Request::Enable => true,
            Request::Disable => false,
        };
        // A second start or a stray stop changes nothing and is no error: real clients do it.
        if opens != self.window_open {
            self.window_open = opens;
            self.window_pid = None;
            // A window that begins in the record also ends there.
            if opens {
                self.window_kept = self.has_room(2 * MARKER);
            }
            let marker = if opens { MarkerType::SampleStart } else { MarkerType::SampleEnd };
            if self.window_kept {
                self.record.timestamps.markers.push(marker(now.0));
            }
        }
        Command::Ack
    }

    /// Returns whether something of this size, in bytes, is still kept.
    fn has_room(&mut self, bytes: u64) -> bool {
        // What is small would still fit when what is large does not.
        let needed = if self.room.left_out() > 0 { u64::MAX } else { bytes };
        self.room.take(needed)
    }

    fn names_itself(&mut self, pid: i32) {
        if !self.speakers.contains(&pid) && self.has_room(ENTRY) {
            self.speakers.insert(pid);
            self.newcomer = Some(pid);
        }
        if self.window_open {
            let first = *self.window_pid.get_or_insert(pid);
            if first != pid {
                self.clash = Some([first, pid]);
            }
        }
    }

    /// Returns two processes that named themselves in one window, once.
    pub(crate) fn clash(&mut self) -> Option<[i32; 2]> {
        self.clash.take()
    }

    /// Returns the process that named its benchmark in the last message, if one did.
    pub(crate) fn claim(&mut self) -> Option<i32> {
        self.claim.take()
    }

    /// Returns whether the last message named a benchmark within a window, once.
    pub(crate) fn is_untimely(&mut self) -> bool {
        std::mem::take(&mut self.untimely)
    }

    /// The process that opened the window is gone: forgets what it has begun.
    pub(crate) fn abandon(&mut self) {
        if self.window_open {
            self.window_open = false;
            self.window_pid = None;
            self.record.open_windows += 1;
            if !self.window_kept {
                return;
            }
            let markers = &mut self.record.timestamps.markers;
            let start = markers.iter().rposition(|of| matches!(of, MarkerType::SampleStart(_)));
            markers.truncate(start.unwrap_or(markers.len()));
        }
    }

    /// Returns whether all processes of the benchmark count in every window.
    pub(crate) fn counts_all_processes(&self) -> bool {
        self.mode == IntegrationMode::Analysis
    }

    /// These run beside the client of the window that is open.
    pub(crate) fn runs_beside(&mut self, processes: BTreeMap<i32, String>) {
        let start = self.record.timestamps.markers.iter().rev().find_map(|marker| match marker {
            MarkerType::SampleStart(start) => Some(*start),
            MarkerType::SampleEnd(_) | MarkerType::RoundStart(_) | MarkerType::RoundEnd(_) => None,
        });
        let bytes = processes.values().map(|name| ENTRY + size(name.len())).sum();
        if let Some(start) = start.filter(|_| self.window_kept && !processes.is_empty())
            && self.window_open
            && self.has_room(bytes)
        {
            self.record.beside.entry(start).or_default().extend(processes);
        }
    }

    /// Returns what was said so far, unless a window is open: its beginning may still be taken back.
    pub(crate) fn closed(&self) -> Option<&ExecutionTimestamps> {
        (!self.window_open).then_some(&self.record.timestamps)
    }

    /// Ends the conversation for this reason; an earlier one stands.
    pub(crate) fn refuse(&mut self, reason: Refusal) {
        self.refusal.get_or_insert(reason);
    }

    /// The process that named itself for the first time in the last message, if one did.
    pub(crate) fn newcomer(&mut self) -> Option<i32> {
        self.newcomer.take()
    }

    /// Why the run can't go on, once the refusal was sent.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// The end: what was said.
    pub(crate) fn finish(mut self) -> SessionRecord {
        self.record.open_windows += u64::from(self.window_open);
        self.record.left_out = self.room.left_out();
        self.record
    }

    fn integration(&mut self, name: String, version: String) -> Command {
        let refused = self.integrations.and_then(|list| check(list, &name, &version).err());
        self.record.integration = Some((name, version));
        match refused {
            None => Command::Ack,
            Some(err) => {
                self.refuse(err.into());
                Command::Err
            }
        }
    }

    fn version(&mut self, version: u64) -> Command {
        if (self.minimum_version..=PROTOCOL_VERSION).contains(&version) {
            return Command::Ack;
        }
        let minimum = self.minimum_version;
        self.refuse(Refusal::Version { version, minimum });
        Command::Err
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn payload(command: &Command) -> Vec<u8> {
        command.encode().split_off(4)
    }

    /// Sends a command to a session whose profiler always works; returns the answer.
    fn send(session: &mut Session, command: &Command, now: u64) -> Command {
        match session.frame(&payload(command), Monotonic(now)) {
            Reaction::Ask(request) => session.resolved(request, true, Monotonic(now)),
            Reaction::Reply(answer) => answer,
        }
    }

    #[test]
    fn a_usual_conversation_is_recorded() {
        let mut session = Session::walltime();
        let (name, version) = ("pytest-codspeed".to_owned(), "5.0.4".to_owned());
        let uri = "t.py::x".to_owned();
        let marker = |marker| Command::AddMarker { pid: 7, marker };
        assert_eq!(send(&mut session, &Command::SetVersion(2), 1), Command::Ack);
        assert_eq!(
            send(&mut session, &Command::GetIntegrationMode, 2),
            Command::IntegrationModeResponse(IntegrationMode::Walltime)
        );
        let integration = Command::SetIntegration { name: name.clone(), version: version.clone() };
        for (now, command) in (3..).zip([
            integration,
            Command::StartBenchmark,
            marker(MarkerType::RoundStart(40)),
            marker(MarkerType::RoundEnd(50)),
            Command::StopBenchmark,
            Command::CurrentBenchmark { pid: 7, uri: uri.clone() },
        ]) {
            assert_eq!(send(&mut session, &command, now), Command::Ack);
        }
        let markers = vec![
            MarkerType::SampleStart(4),
            MarkerType::RoundStart(40),
            MarkerType::RoundEnd(50),
            MarkerType::SampleEnd(7),
        ];
        let timestamps = ExecutionTimestamps { uri_by_ts: vec![(8, uri)], markers };
        let expected = SessionRecord {
            integration: Some((name, version)),
            pids: [7].into(),
            timestamps,
            ..SessionRecord::default()
        };
        assert_eq!(session.finish(), expected);
    }

    #[test]
    fn a_flood_is_answered_and_kept_up_to_a_bound() {
        let mut session = Session::walltime();
        let uri = "u".repeat(4 << 20);
        let markers = |session: &Session| session.record.timestamps.markers.len();
        for pid in 1..=20 {
            let command = Command::CurrentBenchmark { pid, uri: uri.clone() };
            assert_eq!(send(&mut session, &command, 1), Command::Ack);
        }
        assert_eq!(session.record.timestamps.uri_by_ts.len(), 15, "of 4 MiB each, in 64 MiB");
        // What is small is left out as well: it would belong to nothing.
        for command in [Command::StartBenchmark, Command::StopBenchmark] {
            assert_eq!(send(&mut session, &command, 2), Command::Ack);
        }
        let round = Command::AddMarker { pid: 1, marker: MarkerType::RoundStart(1) };
        assert_eq!(send(&mut session, &round, 3), Command::Ack);
        assert_eq!(markers(&session), 0);
        session.abandon();
        // Five names with their processes, the window, and the round.
        assert!(session.finish().left_out >= 7);
    }

    #[test]
    fn four_million_rounds_are_kept_and_every_window_that_begins_ends() {
        let mut session = Session::walltime();
        assert_eq!(send(&mut session, &Command::StartBenchmark, 1), Command::Ack);
        let round = payload(&Command::AddMarker { pid: 1, marker: MarkerType::RoundStart(2) });
        for _ in 0..4_200_000 {
            session.frame(&round, Monotonic(2));
        }
        assert_eq!(send(&mut session, &Command::StopBenchmark, 3), Command::Ack);
        let record = session.finish();
        let markers = &record.timestamps.markers;
        assert!(markers.len() > 4_190_000, "{}", markers.len());
        assert_eq!(markers.last(), Some(&MarkerType::SampleEnd(3)));
        let kept = markers.len() - 2;
        assert_eq!(record.left_out, u64::try_from(4_200_000 - kept).unwrap());
    }

    #[test]
    fn a_process_is_new_once() {
        let mut session = Session::walltime();
        let marker = |pid| Command::AddMarker { pid, marker: MarkerType::RoundStart(1) };
        let current = |pid| Command::CurrentBenchmark { pid, uri: String::new() };
        let commands = [Command::StartBenchmark, marker(7), marker(7), current(8), current(7)];
        let newcomers = commands.map(|command| {
            send(&mut session, &command, 1);
            session.newcomer()
        });
        assert_eq!(newcomers, [None, Some(7), None, Some(8), None]);
    }

    #[test]
    fn two_processes_in_one_window_clash() {
        let mut session = Session::walltime();
        let marker = |pid| Command::AddMarker { pid, marker: MarkerType::RoundStart(1) };
        let current = |pid| Command::CurrentBenchmark { pid, uri: String::new() };
        let mut clash_after = |command| {
            assert_eq!(send(&mut session, &command, 1), Command::Ack);
            session.clash()
        };
        // One after the other, in windows of their own or outside of any, is fine.
        let fine = [marker(7), current(8), Command::StartBenchmark, marker(7), current(7)];
        let next = [Command::StopBenchmark, current(8), Command::StartBenchmark, marker(8)];
        for command in fine.into_iter().chain(next) {
            assert_eq!(clash_after(command), None);
        }
        assert_eq!(clash_after(current(9)), Some([8, 9]));
        assert_eq!(clash_after(marker(8)), None);
    }

    #[test]
    fn a_window_whose_process_is_gone_leaves_no_marker() {
        let mut session = Session::walltime();
        let marker = |marker| Command::AddMarker { pid: 7, marker };
        for (now, command) in [
            (1, Command::StartBenchmark),
            (2, Command::StopBenchmark),
            (3, marker(MarkerType::RoundStart(3))),
            (4, Command::StartBenchmark),
            (5, marker(MarkerType::RoundStart(5))),
        ] {
            send(&mut session, &command, now);
        }
        session.abandon();
        session.abandon();
        send(&mut session, &Command::StartBenchmark, 9);
        send(&mut session, &Command::StopBenchmark, 12);
        let record = session.finish();
        let (start, end) = (MarkerType::SampleStart, MarkerType::SampleEnd);
        let kept = [start(1), end(2), MarkerType::RoundStart(3), start(9), end(12)];
        assert_eq!(record.timestamps.markers, kept);
        assert_eq!(record.open_windows, 1);
    }

    #[test]
    fn the_way_out_fits_the_processes() {
        let client = |pid, name: &str| Client { pid, name: name.to_owned(), tool: None };
        let overlap = |pair| Refusal::Overlap { pair: Box::new(pair) };
        let suites = overlap([client(3, "python3"), client(4, "bench")]);
        assert_eq!(
            suites.to_string(),
            "two benchmark processes run at the same time, so their measurements would mix: \
             `python3` (process 3) and `bench` (process 4)"
        );
        assert!(suites.hint().starts_with("run them one after the other"), "{}", suites.hint());
        let nested = overlap([client(3, "exec-harness"), client(4, "bench")]);
        assert!(nested.hint().contains("codspeed run"), "{}", nested.hint());
    }

    #[test]
    fn versions_outside_the_range_are_refused_and_end_the_run() {
        for (version, fine) in [(0, false), (1, true), (2, true), (3, false), (u64::MAX, false)] {
            let mut session = Session::walltime();
            let answer = if fine { Command::Ack } else { Command::Err };
            assert_eq!(send(&mut session, &Command::SetVersion(version), 1), answer);
            let refusal = Refusal::Version { version, minimum: 1 };
            assert_eq!(session.refusal(), (!fine).then_some(&refusal));
        }
    }

    #[test]
    fn a_profiler_that_fails_is_answered_with_err_and_opens_no_window() {
        let mut session = Session::walltime();
        for request in [Request::Enable, Request::Disable, Request::Ping] {
            assert_eq!(session.resolved(request, false, Monotonic(1)), Command::Err);
        }
        assert_eq!(session.finish(), SessionRecord::default());
    }

    #[test]
    fn answers_from_a_client_and_garbage_get_err() {
        let mut session = Session::walltime();
        for command in [
            Command::Ack,
            Command::Err,
            Command::IntegrationModeResponse(IntegrationMode::Walltime),
        ] {
            assert_eq!(send(&mut session, &command, 1), Command::Err);
        }
        for garbage in
            [&[][..], &[11, 0, 0, 0], &[7, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0], &[8, 0, 0, 0, 1]]
        {
            let reaction = session.frame(garbage, Monotonic(1));
            assert_eq!(reaction, Reaction::Reply(Command::Err));
        }
        let mut long = payload(&Command::SetVersion(2));
        long.extend([1, 2, 3]);
        assert_eq!(session.frame(&long, Monotonic(1)), Reaction::Reply(Command::Ack));
        assert_eq!(session.finish().unreadable, 7);
    }

    fn any_command() -> impl Strategy<Value = Command> {
        prop_oneof![
            (any::<i32>(), ".{0,8}").prop_map(|(pid, uri)| Command::CurrentBenchmark { pid, uri }),
            Just(Command::StartBenchmark),
            Just(Command::StopBenchmark),
            Just(Command::Ack),
            Just(Command::PingPerf),
            Just(Command::SetIntegration { name: "n".to_owned(), version: "v".to_owned() }),
            Just(Command::Err),
            any::<u64>()
                .prop_map(|at| Command::AddMarker { pid: 1, marker: MarkerType::RoundStart(at) }),
            (0u64..4).prop_map(Command::SetVersion),
            Just(Command::GetIntegrationMode),
        ]
    }

    proptest! {
        #[test]
        fn any_order_of_commands_gets_one_answer_each_and_windows_alternate(
            commands in prop::collection::vec(any_command(), 0..60),
        ) {
            let mut session = Session::walltime();
            for (now, command) in (0..).zip(&commands) {
                let refused = matches!(command, Command::Ack | Command::Err | Command::SetVersion(0 | 3));
                let answer = send(&mut session, command, now);
                prop_assert_eq!(answer == Command::Err, refused, "{:?}", command);
            }
            let markers = session.finish().timestamps.markers;
            let windows: Vec<bool> = markers.iter().filter_map(|marker| match marker {
                MarkerType::SampleStart(_) => Some(true),
                MarkerType::SampleEnd(_) => Some(false),
                MarkerType::RoundStart(_) | MarkerType::RoundEnd(_) => None,
            }).collect();
            prop_assert!(windows.iter().enumerate().all(|(i, opens)| *opens == (i % 2 == 0)));
        }
    }
}
