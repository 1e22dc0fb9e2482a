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
    harness::INTEGRATION,
};

use super::{
    clients::Client,
    integrations::{IntegrationError, MEMORY_INTEGRATIONS, MinimumVersion, check, known},
};

/// The first protocol in which an integration asks for the mode.
const FIRST_WITH_MODES: u64 = 2;

/// The action of the profiler before the client gets its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// Record from now on.
    Enable,
    /// Don't record any more.
    Disable,
    /// Is it there?
    Ping,
}

/// The reaction to a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// Send this.
    Reply(Command),
    /// Ask the profiler, then call [`Session::resolved`].
    Ask(Request),
}

/// The reason why a run can't go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Another protocol.
    #[error(
        "the benchmark integration uses version {version} of the protocol; {}", understood(*minimum)
    )]
    Version {
        /// The version of the client.
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
        "{} measures in a worker process, so allocations of its main process would be counted as well",
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
        return "the command has a CodSpeed integration of its own: use `codspeed run -- COMMAND` instead of `codspeed \
            exec`".to_owned();
    }
    "run them one after the other (`a; b`, not `a & b`), or turn off the workers of your benchmark tool".to_owned()
}

/// The name of the process that turns a command into a benchmark.
const HARNESS: &str = "exec-harness";

impl Refusal {
    /// Returns what the user can do.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Version { version, minimum }
                if version < minimum && *minimum > MINIMUM_VERSION =>
            {
                format!("update the integration in your project: memory mode needs {}", known())
            }
            Self::Version { .. } => {
                "update codspeed or the integration, so that both support the same protocol"
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
        format!("version {minimum} is required")
    } else {
        format!("versions {minimum} to {PROTOCOL_VERSION} are supported")
    }
}

/// The record of one conversation.
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

/// Bytes that a point in time takes of the room for a conversation.
const MARKER: u64 = 16;
/// Bytes of an entry with a text or in a set, besides the text.
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

    /// Returns whether `exec-harness` speaks.
    pub(crate) fn is_of_harness(&self) -> bool {
        self.record.integration.as_ref().is_some_and(|(name, _)| name == INTEGRATION)
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

    /// Returns why the run can't go on, once the refusal was sent.
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
#[path = "state_tests.rs"]
mod tests;
