//! Runs the tracer on a command and reads all that it leaves.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::{NamedTempFile, TempDir};

use crate::artifact::{self, Event, Kind};

/// The ways in which a command is traced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Session,
    Multi,
    PerfEvent,
    Preload,
}

impl Way {
    pub const fn options(self) -> &'static [&'static str] {
        match self {
            Self::Session => &["--backend", "ebpf", "--attach", "session"],
            Self::Multi => &["--backend", "ebpf", "--attach", "multi"],
            Self::PerfEvent => &["--backend", "ebpf", "--attach", "perf-event"],
            Self::Preload => &["--backend", "preload"],
        }
    }
}

pub const TRACER: &str = env!("CARGO_BIN_EXE_codspeed-memtrack");

/// A run of the tracer that is to be.
#[derive(Debug)]
pub struct Track {
    folder: TempDir,
    /// A lock of its own: there may be two at once. Its user may be anybody.
    lock: NamedTempFile,
    before: Vec<OsString>,
    tracer: PathBuf,
    options: Vec<OsString>,
    /// The words that start the command.
    launcher: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
}

impl Track {
    pub fn by(way: Way) -> Self {
        let mut track = Self::with_no_backend().with(&["--quiet"]);
        track.options.extend(way.options().iter().map(Into::into));
        track
    }

    pub fn with_no_backend() -> Self {
        let lock = NamedTempFile::new().unwrap();
        fs::set_permissions(lock.path(), std::os::unix::fs::PermissionsExt::from_mode(0o666))
            .unwrap();
        Self {
            lock,
            folder: tempfile::tempdir().unwrap(),
            before: Vec::new(),
            tracer: TRACER.into(),
            options: Vec::new(),
            launcher: Vec::new(),
            env: Vec::new(),
        }
    }

    pub fn with(mut self, options: &[&str]) -> Self {
        self.options.extend(options.iter().map(Into::into));
        self
    }

    /// Starts the tracer by another program.
    pub fn below(mut self, before: &[&str]) -> Self {
        self.before = before.iter().map(Into::into).collect();
        self
    }

    /// Takes a copy of the tracer.
    pub fn at(self, tracer: &Path) -> Self {
        Self { tracer: tracer.to_owned(), ..self }
    }

    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// With a library in the command, and not in the tracer. For the library of `preload` the variable is its own way,
    /// so that whoever sets it anew for a program hides the program.
    pub fn preloading(mut self, way: Way, library: &str) -> Self {
        if way == Way::Preload {
            return self.env("LD_PRELOAD", library);
        }
        self.launcher = vec!["env".into(), format!("LD_PRELOAD={library}").into()];
        self
    }

    /// The folder for the files of the trace.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn command<W: AsRef<OsStr>>(&self, words: &[W]) -> Command {
        let mut line: Vec<OsString> = self.before.clone();
        line.push(self.tracer.clone().into());
        line.extend(["track".into(), "--output".into(), self.folder().into()]);
        line.extend(self.options.iter().cloned());
        line.push("--".into());
        line.extend(self.launcher.iter().cloned());
        line.extend(words.iter().map(Into::into));
        let mut command = Command::new(&line[0]);
        command.env("CODSPEED_LOCK_FILE", self.lock.path());
        command.args(&line[1..]).envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    #[track_caller]
    pub fn run<W: AsRef<OsStr>>(self, words: &[W]) -> Traced {
        let output = self.command(words).output().unwrap();
        self.read(output)
    }

    /// Reads what a run has left.
    #[track_caller]
    pub fn read(self, output: Output) -> Traced {
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let code = output.status.code();
        let files = |ending: &str| {
            let files = fs::read_dir(self.folder()).unwrap().map(|file| file.unwrap().path());
            files.filter(|file| file.to_str().unwrap().ends_with(ending)).collect::<Vec<_>>()
        };
        let [file] = &files(".MemtrackArtifact.msgpack")[..] else {
            panic!("no artifact, code {code:?}, {stderr}");
        };
        let [side] = &files(".MemtrackStats.json")[..] else {
            panic!("no file beside the artifact, code {code:?}, {stderr}");
        };
        let name = file.file_name().unwrap().to_str().unwrap();
        let root = name.split('.').next().unwrap().parse().unwrap();
        let stats: serde_json::Value = serde_json::from_slice(&fs::read(side).unwrap()).unwrap();
        let events = artifact::read(file);
        let told: u64 = stats["events"]
            .as_object()
            .unwrap()
            .values()
            .map(|count| count.as_u64().unwrap())
            .sum();
        assert_eq!(told, u64::try_from(events.len()).unwrap(), "{stats}");
        Traced { events, root, stats, stdout, stderr, code, folder: self.folder }
    }
}

/// The outcome of a run.
#[derive(Debug)]
pub struct Traced {
    pub events: Vec<Event>,
    pub root: i32,
    pub stats: serde_json::Value,
    pub stdout: String,
    pub stderr: String,
    pub code: Option<i32>,
    pub folder: TempDir,
}

pub const MARK_BEGIN: u64 = 7_700_001;
pub const MARK_END: u64 = 7_700_002;

impl Traced {
    /// Fails unless the command has succeeded and nothing was lost.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stats["lost_events"], 0, "{}", self.stats);
        assert_eq!(self.stats["failed_tracks"], 0, "{}", self.stats);
        self
    }

    /// The events between the marks, without the marks.
    #[track_caller]
    pub fn marked(&self) -> &[Event] {
        let mark = |size| {
            // Allocators in Rust may be asked for each block with its alignment.
            let is_mark = |event: &Event| event.size == Some(size);
            let places: Vec<usize> =
                (0..self.events.len()).filter(|at| is_mark(&self.events[*at])).collect();
            assert_eq!(places.len(), 1, "marks of {size}: {}", self.stats);
            places[0]
        };
        &self.events[mark(MARK_BEGIN) + 2..mark(MARK_END)]
    }

    /// One line per event between the marks: kind and size.
    #[track_caller]
    pub fn story(&self) -> Vec<String> {
        self.marked().iter().map(line).collect()
    }

    /// Allocations of these sizes.
    pub fn allocations(&self, sizes: std::ops::RangeInclusive<u64>) -> usize {
        let wanted = |event: &&Event| event.size.is_some_and(|size| sizes.contains(&size));
        self.events.iter().filter(wanted).count()
    }

    /// Allocations of the pairs in `crowd.c`.
    pub fn pairs(&self) -> usize {
        self.allocations(500..=506)
    }

    pub fn notes(&self) -> Vec<String> {
        let notes = self.all_notes().into_iter();
        notes.filter(|note| !note.contains("another tracer")).collect()
    }

    /// Also about what else goes on on this machine.
    pub fn all_notes(&self) -> Vec<String> {
        let notes = self.stats["notes"].as_array().unwrap().iter();
        notes.map(|note| note.as_str().unwrap().to_owned()).collect()
    }
}

/// Kind and size of an event.
pub fn line(event: &Event) -> String {
    event
        .size
        .map_or_else(|| format!("{:?}", event.kind), |size| format!("{:?} {size}", event.kind))
}

/// Fails unless each block is live from its allocation to its one free, in the order of the events. Blocks that are
/// not known may be freed where `inherited` says so.
#[track_caller]
pub fn check_blocks(events: &[Event], inherited: bool) {
    let mut live: BTreeMap<(i32, u64), u64> = BTreeMap::new();
    for event in events {
        let here = (event.pid, event.addr);
        if event.kind == Kind::Free {
            assert!(live.remove(&here).is_some() || inherited, "not live: {event:?}");
            continue;
        }
        if let Some(old) = event.old_addr {
            assert!(live.remove(&(event.pid, old)).is_some() || inherited, "not live: {event:?}");
        }
        assert_eq!(live.insert(here, event.size.unwrap()), None, "twice: {event:?}");
    }
}
