//! Traces a program with the backend and keeps everything it hands out.

use std::{
    collections::HashMap,
    ffi::OsString,
    io::Read,
    process::{Command, ExitStatus, Stdio},
    sync::mpsc,
    time::Duration,
};

use memtrack::backend::{
    Backend, Coverage, Record,
    preload::{Options, Preload},
};
use runner_shared::memory::{Event, EventKind};

/// The outcome of a traced program.
#[derive(Debug)]
pub struct Traced {
    pub records: Vec<Kept>,
    pub stdout: String,
    pub status: ExitStatus,
    pub pid: i32,
    pub coverage: Coverage,
}

/// A record that outlives its handing over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    Call { event: Event, stack: Vec<u64> },
    Exec { pid: i32, timestamp: u64 },
    Exit { pid: i32, timestamp: u64 },
}

impl Kept {
    fn from(record: Record<'_>) -> Option<Self> {
        Some(match record {
            Record::Call { event, stack } => Self::Call { event, stack: stack.addresses.to_vec() },
            Record::Exec { pid, timestamp } => Self::Exec { pid, timestamp },
            Record::Exit { pid, timestamp } => Self::Exit { pid, timestamp },
            Record::Mapped { .. } | Record::Memory { .. } | Record::Forked { .. } => return None,
        })
    }
}

/// Traces a command from its first instruction to its end, with recording on.
pub fn trace(command: &mut Command) -> Traced {
    trace_with(&Options::default(), command)
}

pub fn trace_with(options: &Options, command: &mut Command) -> Traced {
    let mut records = Vec::new();
    let traced = trace_into(options, command, &mut |record| records.extend(Kept::from(record)));
    check_order(&records);
    Traced { records, ..traced }
}

/// Traces without keeping the records.
pub fn trace_into(
    options: &Options,
    command: &mut Command,
    take: &mut dyn FnMut(Record<'_>),
) -> Traced {
    let temp = std::env::temp_dir();
    let mut backend = Preload::start(&temp, options).unwrap();
    prepare(&mut backend, command);
    backend.record(true).unwrap();
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let (ended, end) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        ended.send(()).unwrap();
        text
    });
    while end.recv_timeout(Duration::from_millis(1)).is_err() {
        backend.drain(take).unwrap();
    }
    let pid = i32::try_from(child.id()).unwrap();
    let status = child.wait().unwrap();
    let coverage = backend.finish(take).unwrap();
    let stdout = reader.join().unwrap();
    Traced { records: Vec::new(), stdout, status, pid, coverage }
}

/// Adds the variables of the backend to those of the command.
pub fn prepare(backend: &mut Preload, command: &mut Command) {
    let of_command = |command: &Command| -> Vec<(OsString, OsString)> {
        let set = command.get_envs().filter_map(|(name, value)| Some((name.into(), value?.into())));
        set.collect()
    };
    let mut env: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    env.extend(of_command(command));
    command.envs(backend.environment(&env));
}

/// The records of each thread are in order, and so are all of them together.
fn check_order(records: &[Kept]) {
    let mut last = HashMap::new();
    let mut newest = 0;
    let mut late = 0;
    for record in records {
        let Kept::Call { event, .. } = record else { continue };
        let before = last.insert((event.pid, event.tid), event.timestamp).unwrap_or(0);
        assert!(before <= event.timestamp, "a thread's records are out of order: {event:?}");
        late += usize::from(event.timestamp < newest);
        newest = newest.max(event.timestamp);
    }
    assert_eq!(late, 0, "records that came later than newer ones");
}

pub const MARK_BEGIN: u64 = 7_700_001;
pub const MARK_END: u64 = 7_700_002;

impl Traced {
    /// Fails unless the program has succeeded and nothing was lost.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert!(self.status.success(), "{} {}", self.status, self.stdout);
        assert_eq!(self.coverage.lost, 0);
        self
    }

    pub fn events(&self) -> impl Iterator<Item = Event> + Clone {
        self.records.iter().filter_map(|record| match record {
            Kept::Call { event, .. } => Some(*event),
            Kept::Exec { .. } | Kept::Exit { .. } => None,
        })
    }

    /// The events between the marks, in order of time.
    pub fn marked(&self) -> Vec<Event> {
        let is_mark = |event: &Event, size| event.kind == EventKind::Malloc { size };
        let mut inside: Vec<Event> = self
            .events()
            .skip_while(|event| !is_mark(event, MARK_BEGIN))
            .skip(2)
            .take_while(|event| !is_mark(event, MARK_END))
            .collect();
        assert!(self.events().any(|event| is_mark(&event, MARK_END)), "no end: {:?}", self.records);
        inside.sort_by_key(|event| event.timestamp);
        inside
    }

    /// One line per event between the marks: the kind and the size; addresses as letters, in the order of their first
    /// appearance.
    pub fn story(&self) -> Vec<String> {
        let mut names: Vec<u64> = Vec::new();
        let mut name = |addr: u64| {
            let at = names.iter().position(|known| *known == addr).unwrap_or_else(|| {
                names.push(addr);
                names.len() - 1
            });
            format!("#{at}")
        };
        let line = |event: Event| match event.kind {
            EventKind::Free => format!("Free {}", name(event.addr)),
            EventKind::Realloc { old_addr, size } => {
                let old = name(old_addr.unwrap());
                format!("Realloc {size} {old}")
            }
            other => format!("{} {} {}", other.tag(), other.size().unwrap(), name(event.addr)),
        };
        self.marked().into_iter().map(line).collect()
    }

    pub fn count(&self, wanted: impl Fn(&EventKind) -> bool) -> usize {
        self.events().filter(|event| wanted(&event.kind)).count()
    }
}
