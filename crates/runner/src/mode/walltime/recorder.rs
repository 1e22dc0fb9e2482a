//! perf at work: attached to a benchmark that waits, switched on and off with its windows, and given up without
//! much ado when it dies or falls silent. What it yields is a bonus; the times are what matters.

use std::{
    fs,
    io::{self, PipeReader, Read},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use nix::{sys::signal::Signal, unistd::Pid};
use runner_shared::{
    bounds::{PROFILER_WORDS_BYTES, size},
    env_names,
    profile_dir::{
        OLDER_WALLTIME_METADATA, PERF_DATA, PERF_MAP, ProfileDir, SYMBOLS, UNWIND_DATA,
        WALLTIME_METADATA,
    },
    text::shown,
};
use system::{
    files::{self, Links},
    signals::Signals,
};

use super::{
    arguments::arguments, event_names::leaders, kernel, perf::Perf, snapshots::Snapshots,
    unwinding::Unwinding,
};
use crate::{
    env::Env,
    process::{AddressSpace, Helper, Output, SpawnError, Stdin, Streams, ToolCommand, words},
    profiler::{ChannelError, ControlChannel, ControlError, ControlFifos},
    session::{ProfilerControl, Request},
};

/// perf writes what is left in its buffers within milliseconds.
const PATIENCE_NS: u64 = 10_000_000_000;
/// Nobody reads what it has recorded of a run that was interrupted.
const SHORT_PATIENCE_NS: u64 = 100_000_000;
/// All that is read of the stream to find the names of events: they come within the first few kilobytes.
const HEAD_BYTES: u64 = 1 << 20;

/// The reason why perf does not record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecorderError {
    /// It can't be controlled.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// There is no place for its data.
    #[error("could not write `{}`", shown(&path))]
    Data {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// It can't be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// It has started and does not record.
    #[error("perf {version} can't record: {reason}")]
    Unwilling {
        /// Its version.
        version: String,
        /// What it says, or what we see.
        reason: String,
    },
}

/// A running perf.
#[derive(Debug)]
pub(crate) struct Recorder {
    perf: Helper,
    version: String,
    channel: ControlChannel,
    /// What is switched, name by name; empty if the names are not known.
    events: Vec<String>,
    snapshots: Snapshots,
    words: PipeReader,
    data: PathBuf,
    started: SystemTime,
    ended: bool,
}

/// What perf has left.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// Its version.
    pub version: String,
    /// What processes had mapped.
    pub snapshots: Snapshots,
    /// The time when it was started.
    pub started: SystemTime,
    /// The reason why the data may end too early.
    pub failed: Option<String>,
}

impl Recorder {
    /// Attaches perf to the process `pid`, which waits, and returns when it is ready to record.
    pub(crate) fn attach(
        perf: &Perf,
        unwinding: Unwinding,
        pid: Pid,
        folder: &ProfileDir,
        env: &Env,
    ) -> Result<Self, RecorderError> {
        let data = folder.file(&PERF_DATA);
        let failed = |source| RecorderError::Data { path: data.clone(), source };
        let fifos = ControlFifos::create(&place_for_fifos(env))?;
        let stdout = files::create_private(&data).map_err(failed)?;
        // Nobody reads while it records: one that floods must fill neither a disk nor our memory.
        let (words, stderr) = words(PROFILER_WORDS_BYTES).map_err(failed)?;
        let events = kernel::cache_events();
        let command = ToolCommand {
            program: perf.program.clone(),
            args: arguments(perf, events.as_deref(), unwinding, &fifos.argument(), pid),
            cwd: folder.path().to_owned(),
            env: env.clone().with_our_rights().with(env_names::PERF_CONFIG, "/dev/null"),
            stdin: Stdin::Null,
            output: Output::Inherit,
            address_space: AddressSpace::Random,
        };
        let started = SystemTime::now();
        let helper =
            command.spawn_beside(Streams { stdout: stdout.into(), stderr: stderr.into() })?;
        let mut channel = fifos.connect(helper.watch().map_err(failed)?);
        if let Err(err) = channel.say(perf.greeting) {
            drop(helper);
            // Whoever does not listen records nothing, whatever it writes.
            drop(fs::remove_file(&data));
            let reason = last_words(words).unwrap_or_else(|| err.to_string());
            return Err(RecorderError::Unwilling { version: perf.version.clone(), reason });
        }
        // Written before perf listens.
        let events = leaders(&head(&data).map_err(failed)?);
        let snapshots = Snapshots::default();
        Ok(Self {
            perf: helper,
            version: perf.version.clone(),
            channel,
            events,
            snapshots,
            words,
            data,
            started,
            ended: false,
        })
    }

    fn switch(&mut self, verb: &str) -> Result<(), ControlError> {
        if self.events.is_empty() {
            return self.channel.say(verb);
        }
        self.events.iter().try_for_each(|event| self.channel.say(&format!("{verb} {event}")))
    }

    /// Returns what it has left, after its end.
    pub(crate) fn finish(mut self) -> Recorded {
        self.ended();
        let Self { perf, version, channel, snapshots, words, data, started, .. } = self;
        drop(perf);
        discard_if_empty(&data);
        let failed = channel.failed().map(|err| match (err, last_words(words)) {
            (ControlError::Dead, Some(words)) => format!("{err} ({words})"),
            _ => err.to_string(),
        });
        Recorded { version, snapshots, started, failed }
    }
}

impl ProfilerControl for Recorder {
    /// Always works: a benchmark that is not profiled any more is measured all the same.
    fn ask(&mut self, request: Request) -> bool {
        // Failures are kept by the channel, which tries no second time.
        match request {
            Request::Enable => {
                self.snapshots.take_all();
                let _ = self.switch("enable");
            }
            Request::Disable => {
                let _ = self.switch("disable");
                self.snapshots.take_all();
            }
            Request::Ping => {
                let _ = self.channel.say("ping");
            }
        }
        true
    }

    fn meet(&mut self, pid: i32) {
        self.snapshots.take(pid);
    }

    fn ended(&mut self) {
        if self.ended {
            return;
        }
        self.ended = true;
        let interrupted = Signals::current().is_some_and(Signals::interrupted);
        let patience = match (self.channel.failed(), interrupted) {
            (Some(_), _) => 0,
            (None, true) => SHORT_PATIENCE_NS,
            (None, false) => PATIENCE_NS,
        };
        // It writes out what it has, which a killed one would not.
        self.perf.end(Signal::SIGINT, patience);
    }
}

/// Nothing at all is no recording, and nobody shall look for one in it.
fn discard_if_empty(data: &Path) {
    if data.metadata().is_ok_and(|data| data.len() == 0) {
        drop(fs::remove_file(data));
    }
}

/// perf takes a comma for the end of a path.
fn place_for_fifos(env: &Env) -> PathBuf {
    let told = env.get(env_names::TMPDIR).filter(|path| !path.as_bytes().contains(&b','));
    told.map_or_else(|| PathBuf::from("/tmp"), PathBuf::from)
}

fn head(data: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    files::open(data, Links::Refuse)?.take(HEAD_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The gist of what perf said about its failure, on one line.
fn last_words(mut words: PipeReader) -> Option<String> {
    let mut bytes = Vec::new();
    // One that still runs keeps the pipe open; there is nothing to wait for.
    drop(words.by_ref().take(size(PROFILER_WORDS_BYTES)).read_to_end(&mut bytes));
    gist(&String::from_utf8_lossy(&bytes))
}

/// The first line with a message: headings, usage and chat about events left out.
fn gist(text: &str) -> Option<String> {
    let is_chat = |line: &str| {
        line.is_empty()
            || line == "Error:"
            || line.starts_with("Events ")
            || line.starts_with("Usage:")
            || line.starts_with("[ perf record:")
    };
    let line = text.lines().map(str::trim).find(|line| !is_chat(line))?;
    let line = line.strip_prefix("Error: ").unwrap_or(line);
    Some(line.trim_end_matches(':').chars().take(300).collect())
}

/// Removes what an earlier run recorded in the folder: it would be taken for what this one recorded.
pub(super) fn clear(folder: &ProfileDir) {
    // Without the data of a profile, files with such names belong to something else.
    if !files::is_there(&folder.file(&PERF_DATA)) {
        return;
    }
    let kinds =
        [PERF_DATA, WALLTIME_METADATA, OLDER_WALLTIME_METADATA, PERF_MAP, SYMBOLS, UNWIND_DATA];
    for entry in fs::read_dir(folder.path()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if kinds.iter().any(|kind| kind.is(name)) {
            drop(fs::remove_file(entry.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gist_of_a_failure_is_one_line() {
        let usage =
            "  Error: unknown option `control=fifo:/a'\n\n Usage: perf record [<options>]\n";
        assert_eq!(gist(usage).unwrap(), "unknown option `control=fifo:/a'");
        let limited =
            "Events disabled\nError:\nAccess to performance monitoring is limited.\nEnforced";
        assert_eq!(gist(limited).unwrap(), "Access to performance monitoring is limited.");
        assert_eq!(gist("Events disabled\n[ perf record: Woken up 1 times ]\n"), None);
        assert_eq!(gist(""), None);
    }

    #[test]
    fn fifos_lie_where_perf_can_name_them() {
        let place = |folder| place_for_fifos(&Env::default().with(env_names::TMPDIR, folder));
        assert_eq!(place("/my tmp"), Path::new("/my tmp"));
        assert_eq!(place("/my,tmp"), Path::new("/tmp"));
    }

    #[test]
    fn only_an_earlier_profile_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let dir = ProfileDir::new(folder.path());
        let names = [
            "perf-7.map",
            "0__a.symbols.map",
            "0__a.unwind_data",
            "walltime.metadata",
            "perf.metadata",
            "7.out",
        ];
        let left = || {
            let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().flatten().collect();
            left.sort_by_key(fs::DirEntry::file_name);
            left.into_iter()
                .map(|entry| entry.file_name().into_string().unwrap())
                .collect::<Vec<_>>()
        };
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        clear(&dir);
        assert_eq!(left().len(), names.len());
        fs::write(dir.file(&PERF_DATA), "").unwrap();
        clear(&dir);
        assert_eq!(left(), ["7.out"]);
    }
}
