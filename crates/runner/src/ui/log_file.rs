//! All that happens, for `runner.log` in the profile folder: a file without a name until then, so that nothing is left
//! behind, however we end.
//!
//! A line is `HH:MM:SS [LEVEL] (thread) target: message`, in UTC.

use std::{
    fs::File,
    io::{self, Seek, Write},
    path::Path,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use runner_shared::profile_dir::{LOG, ProfileDir};
use system::files;

use super::{
    shown::{Kind, Shown},
    surface::Level,
};
use crate::event::{RunEvent, Stream};

/// The maximum number of bytes of benchmark output in the log, which is uploaded, and shall not fill a disk.
const MOST_OUTPUT: usize = 16 * 1024 * 1024;
/// The party that speaks where it is us.
const OURS: &str = "codspeed";
/// The party that speaks where it is the benchmark.
const BENCHMARK: &str = "executor";

/// The log.
#[derive(Debug)]
pub(super) struct LogFile<W> {
    to: W,
    clock: fn() -> SystemTime,
    /// Bytes that output may still fill; `None` if that was said to be over.
    room: Option<usize>,
}

impl LogFile<File> {
    /// Begins a log in this folder for temporary files.
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        Ok(Self::new(tempfile::tempfile_in(folder)?, SystemTime::now))
    }

    /// Puts what is there so far into the profile folder, in the place of an older one.
    pub(super) fn save(&mut self, folder: &ProfileDir) -> io::Result<()> {
        self.to.rewind()?;
        let outcome = files::replace_private_by(&folder.file(&LOG), |file| {
            io::copy(&mut self.to, file).map(drop)
        });
        self.to.seek(io::SeekFrom::End(0))?;
        outcome
    }
}

impl<W: Write> LogFile<W> {
    pub(super) const fn new(to: W, clock: fn() -> SystemTime) -> Self {
        Self { to, clock, room: Some(MOST_OUTPUT) }
    }

    /// Keeps the event.
    pub(super) fn on(&mut self, event: &RunEvent) -> io::Result<()> {
        match event {
            RunEvent::RunStarted => {
                let name = format!("codspeed-runner {}", env!("CARGO_PKG_VERSION"));
                return self.lines(Level::Info, OURS, &name);
            }
            RunEvent::PartStarted(mode) => {
                return self.lines(Level::Info, OURS, &format!("mode: {mode}"));
            }
            RunEvent::RunFinished { run_id: _, code } => {
                return self.lines(Level::Info, OURS, &format!("exit code: {code}"));
            }
            RunEvent::GroupStart { .. }
            | RunEvent::GroupEnd { .. }
            | RunEvent::Step(_)
            | RunEvent::Debug(_)
            | RunEvent::Warning { .. }
            | RunEvent::Announcement { .. }
            | RunEvent::Finding { .. }
            | RunEvent::Output { .. }
            | RunEvent::Waiting { .. }
            | RunEvent::Stopping
            | RunEvent::Killing
            | RunEvent::Progress { .. }
            | RunEvent::Activity { .. }
            | RunEvent::Report(_)
            | RunEvent::Details(_)
            | RunEvent::ProfileFolder { .. }
            | RunEvent::Recorded { .. }
            | RunEvent::Uploaded { .. }
            | RunEvent::Error(_) => {}
        }
        match Shown::of(event) {
            Shown::Text(Kind::Note, text) => self.lines(Level::Info, OURS, &text),
            Shown::Text(Kind::Warning, text) => self.lines(Level::Warn, OURS, &text),
            Shown::Text(Kind::Debug, text) => self.lines(Level::Debug, OURS, &text),
            Shown::Announcement(title, text) => {
                self.lines(Level::Info, OURS, &format!("{title}: {text}"))
            }
            Shown::Output(stream, bytes) => self.output(stream, bytes),
            Shown::Results(text) | Shown::Activity { text, logged: true } => {
                self.lines(Level::Info, OURS, text)
            }
            Shown::Error(failure) => self.lines(Level::Error, OURS, &failure.lines().join("\n")),
            Shown::Progress { label, done, total: Some(total) } if done >= total => {
                self.lines(Level::Debug, OURS, &format!("{label}: {total} bytes"))
            }
            Shown::Progress { .. }
            | Shown::Activity { logged: false, .. }
            | Shown::GroupStart { .. }
            | Shown::GroupEnd { .. }
            | Shown::Finding { .. }
            | Shown::Nothing => Ok(()),
        }
    }

    fn output(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let Some(room) = self.room else { return Ok(()) };
        let text = String::from_utf8_lossy(bytes);
        let lines = match stream {
            Stream::Stdout => self.prefixed(Level::Trace, BENCHMARK, &text),
            Stream::Stderr => {
                let marked: Vec<_> = text.lines().map(|line| format!("[stderr] {line}")).collect();
                self.prefixed(Level::Trace, BENCHMARK, &marked.join("\n"))
            }
        };
        self.room = room.checked_sub(lines.len());
        if self.room.is_none() {
            let full = runner_shared::text::bytes(u64::try_from(MOST_OUTPUT).unwrap_or(u64::MAX));
            let text = format!("the benchmark wrote more than {full}; the rest is not kept");
            return self.lines(Level::Warn, OURS, &text);
        }
        self.to.write_all(lines.as_bytes())
    }

    /// Keeps each line of the text. Written at once.
    fn lines(&mut self, level: Level, target: &str, text: &str) -> io::Result<()> {
        let lines = self.prefixed(level, target, text);
        self.to.write_all(lines.as_bytes())
    }

    /// Each line of the text behind what is known of it.
    fn prefixed(&self, level: Level, target: &str, text: &str) -> String {
        let time = (self.clock)().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let (hour, minute, second) = (time / 3600 % 24, time / 60 % 60, time % 60);
        let level = match level {
            Level::Error => "ERROR",
            Level::Warn => "WARN",
            Level::Info => "INFO",
            Level::Debug => "DEBUG",
            Level::Trace => "TRACE",
        };
        let current = thread::current();
        let thread = current.name().unwrap_or("unnamed");
        let start = format!("{hour:02}:{minute:02}:{second:02} [{level}] ({thread}) {target}: ");
        let lines = text.lines().flat_map(|line| [&start, line.trim_end_matches('\r'), "\n"]);
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_kept_up_to_a_limit_which_is_said() {
        let mut log = LogFile::new(Vec::new(), || UNIX_EPOCH);
        let bytes = [vec![b'x'; 1024 * 1024 - 1], b"\n".to_vec()].concat();
        for _ in 0..20 {
            log.on(&RunEvent::Output { stream: Stream::Stdout, bytes: bytes.clone() }).unwrap();
        }
        let text = String::from_utf8(log.to).unwrap();
        assert_eq!(text.lines().count(), 16, "a line is a little more than 1 MiB");
        let last = "codspeed: the benchmark wrote more than 16 MB; the rest is not kept";
        assert!(text.lines().last().unwrap().ends_with(last));
    }

    #[test]
    fn a_log_is_saved_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let dir = ProfileDir::new(folder.path());
        let mut log = LogFile::create(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let lines = || std::fs::read_to_string(dir.file(&LOG)).unwrap().lines().count();
        for expected in [1, 2] {
            log.on(&RunEvent::RunStarted).unwrap();
            log.save(&dir).unwrap();
            assert_eq!(lines(), expected);
        }
    }
}
