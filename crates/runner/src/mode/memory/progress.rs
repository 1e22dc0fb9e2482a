//! How far a trace is, as the tracer tells it once a second, and what is said of it: on a terminal all of it, in a log a
//! line now and then.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    io::{self, PipeReader, Read},
    os::fd::AsFd,
    path::Path,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::stat::Mode,
    unistd::mkfifo,
};
use runner_shared::{clock::now, walltime::as_float};
use system::{
    files,
    temporary::{Folder, Kind},
};

use crate::{event::RunEvent, mode::ModeError};

const FIFO: &str = "progress.fifo";
/// A line of a log after so many seconds, and then after each whole minute.
const FIRST_LINES: [u64; 2] = [10, 30];
const MINUTE: u64 = 60;
const SECOND: u64 = 1_000_000_000;
/// Before this time, nobody has waited for long.
const CRAWLS_AFTER: u64 = 15 * SECOND;
/// Calls per second, by backend, from which on a program spends most of its time in the tracer.
const CRAWLS_FROM: &[(&str, u64)] = &[("ebpf", 100_000), ("preload", 2_000_000)];
/// A tracer that has said nothing for so long does not start the benchmark any more: ours speaks before it does. Loading
/// its programs into the kernel takes seconds on a machine that is emulated.
const STARTUP_NS: u64 = 120 * SECOND;
/// Whoever writes longer lines is not our tracer.
const LONGEST: usize = 4096;

/// The FIFO that a tracer writes to.
#[derive(Debug)]
pub(crate) struct Progress {
    folder: Folder,
    fifo: File,
}

impl Progress {
    /// Makes it in a private folder below `parent`.
    pub(super) fn create(parent: &Path) -> Result<Self, ModeError> {
        let made = || -> io::Result<Self> {
            let folder = Folder::create(parent, Kind::Progress)?;
            let path = folder.path().join(FIFO);
            mkfifo(&path, Mode::S_IRWXU)?;
            // Reading and writing: opening waits for nobody.
            let fifo = files::open_fifo(&path, OpenOptions::new().read(true).write(true))?;
            Ok(Self { folder, fifo })
        };
        made().map_err(|source| ModeError::Write { path: parent.to_owned(), source })
    }

    /// The value of the tracer's option.
    pub(super) fn argument(&self) -> OsString {
        self.folder.path().join(FIFO).into()
    }

    /// Tells what the tracer tells, until `over` is closed. `python` was told to allocate with malloc. Calls `silent` once
    /// if the tracer says nothing at all for [`STARTUP_NS`].
    pub(crate) fn follow(
        self,
        over: &PipeReader,
        python: bool,
        silent: &dyn Fn(),
        tell: &dyn Fn(RunEvent),
    ) -> io::Result<()> {
        self.follow_for(STARTUP_NS, over, python, silent, tell)
    }

    fn follow_for(
        mut self,
        patience_ns: u64,
        over: &PipeReader,
        python: bool,
        silent: &dyn Fn(),
        tell: &dyn Fn(RunEvent),
    ) -> io::Result<()> {
        let mut pace = Pace { python, ..Pace::default() };
        let mut text = Vec::new();
        let mut deadline = Some(now().plus(patience_ns));
        loop {
            let left = deadline.map(|deadline| deadline.since(now()));
            let timeout = left.map_or(PollTimeout::NONE, |left| {
                PollTimeout::try_from(left.div_ceil(1_000_000)).unwrap_or(PollTimeout::MAX)
            });
            let mut watched = [
                PollFd::new(over.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.fifo.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut watched, timeout) {
                Ok(0) if deadline.take_if(|deadline| deadline.since(now()) == 0).is_some() => {
                    silent();
                }
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            let [ended, told] = watched.map(|fd| fd.any().unwrap_or(false));
            if told {
                deadline = None;
                self.read(&mut text, &mut pace, tell)?;
            } else if ended {
                return Ok(());
            }
        }
    }

    fn read(
        &mut self,
        text: &mut Vec<u8>,
        pace: &mut Pace,
        tell: &dyn Fn(RunEvent),
    ) -> io::Result<()> {
        let mut chunk = [0; LONGEST];
        match self.fifo.read(&mut chunk) {
            Ok(len) => pace.read(text, chunk.get(..len).unwrap_or_default(), tell),
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => {}
            Err(err) => return Err(err),
        }
        Ok(())
    }
}

/// Reads what a tracer writes, for the fuzzer.
pub(crate) fn fuzz_progress(bytes: &[u8]) {
    let (mut pace, mut text) = (Pace { python: true, ..Pace::default() }, Vec::new());
    for piece in bytes.chunks(100) {
        pace.read(&mut text, piece, &|_| {});
    }
}

/// What the tracer says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Report {
    events: u64,
    /// Since the trace began.
    nanos: u64,
    backend: String,
}

impl Report {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let mut next = || words.next();
        let (events, nanos) = (next()?.parse().ok()?, next()?.parse().ok()?);
        Some(Self { events, nanos, backend: next()?.to_owned() })
    }
}

/// What was told before.
#[derive(Debug, Default)]
struct Pace {
    python: bool,
    before: Report,
    /// Lines of a log so far.
    logged: u64,
    warned: bool,
}

impl Pace {
    /// Takes another piece of what the tracer writes; what has no end of line yet stays in `text`.
    fn read(&mut self, text: &mut Vec<u8>, piece: &[u8], tell: &dyn Fn(RunEvent)) {
        text.extend(piece);
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            let report = str::from_utf8(&line).ok().and_then(Report::parse);
            report.into_iter().flat_map(|report| self.take(&report)).for_each(tell);
        }
        if text.len() > LONGEST {
            text.clear();
        }
    }

    fn take(&mut self, report: &Report) -> impl Iterator<Item = RunEvent> + use<> {
        let since = report.nanos.saturating_sub(self.before.nanos);
        let rate = per_second(report.events.saturating_sub(self.before.events), since);
        self.before = report.clone();
        let lines = lines_until(report.nanos / SECOND);
        let logged = lines > self.logged;
        self.logged = lines.max(self.logged);
        let text = format!("{} allocator calls, {} per second", short(report.events), short(rate));
        let warning = self.crawls(report);
        std::iter::once(RunEvent::Activity { text, logged }).chain(warning)
    }

    /// Said once, when it is worth to begin anew.
    fn crawls(&mut self, report: &Report) -> Option<RunEvent> {
        let rate = per_second(report.events, report.nanos);
        let limit = CRAWLS_FROM.iter().find(|(backend, _)| *backend == report.backend);
        let crawls = report.nanos >= CRAWLS_AFTER && limit.is_some_and(|(_, from)| rate >= *from);
        if !self.python || self.warned || !crawls {
            return None;
        }
        self.warned = true;
        let other = match report.backend.as_str() {
            "ebpf" => "; use `--backend preload` to count all of them in a fraction of the time",
            _ => "",
        };
        Some(RunEvent::Warning {
            text: format!(
                "tracing takes most of the time: Python allocates each object with malloc, which makes {} calls per \
                    second",
                short(rate)
            ),
            hint: Some(format!(
                "use `--python-allocator own` to leave out small Python objects and trace the rest{other}"
            )),
        })
    }
}

/// Returns how many lines a log has after so many seconds.
fn lines_until(seconds: u64) -> u64 {
    let first = FIRST_LINES.iter().filter(|line| **line <= seconds).count();
    u64::try_from(first).unwrap_or(0) + seconds / MINUTE
}

fn per_second(events: u64, nanos: u64) -> u64 {
    let rate = u128::from(events) * u128::from(SECOND) / u128::from(nanos.max(1));
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// A large number in three digits or so.
fn short(number: u64) -> String {
    let scaled = |unit: f64, name: &str| {
        let value = as_float(number) / unit;
        let digits = usize::from(value < 100.0);
        format!("{value:.digits$} {name}")
    };
    match number {
        0..10_000 => number.to_string(),
        10_000..1_000_000 => scaled(1e3, "thousand"),
        1_000_000..1_000_000_000 => scaled(1e6, "million"),
        1_000_000_000.. => scaled(1e9, "billion"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(seconds: u64, events: u64, backend: &str) -> Report {
        Report { events, nanos: seconds * SECOND, backend: backend.to_owned() }
    }

    fn told(python: bool, reports: &[Report]) -> Vec<RunEvent> {
        let mut pace = Pace { python, ..Pace::default() };
        reports.iter().flat_map(|report| pace.take(report)).collect()
    }

    fn activity(text: &str, logged: bool) -> RunEvent {
        RunEvent::Activity { text: text.to_owned(), logged }
    }

    /// Follows a tracer that has written this until it is said to be silent or has nothing more to say. Returns whether it
    /// was silent.
    fn is_silent(written: &[u8]) -> bool {
        use std::{cell::RefCell, io::Write};

        let folder = tempfile::tempdir().unwrap();
        let progress = Progress::create(folder.path()).unwrap();
        (&progress.fifo).write_all(written).unwrap();
        let (over, ended) = io::pipe().unwrap();
        let ended = RefCell::new(Some(ended));
        let was_silent = RefCell::new(false);
        let silent = || {
            was_silent.replace(true);
            ended.take();
        };
        let tell = |_| drop(ended.take());
        progress.follow_for(1, &over, false, &silent, &tell).unwrap();
        was_silent.into_inner()
    }

    #[test]
    fn a_tracer_that_never_speaks_is_given_up() {
        assert!(is_silent(b""));
        assert!(!is_silent(b"0 0 ebpf\n"));
    }

    #[test]
    fn the_rate_is_that_of_the_last_second() {
        let reports =
            [report(1, 500, "ebpf"), report(2, 120_500, "ebpf"), report(4, 2_120_500, "ebpf")];
        let expected = [
            activity("500 allocator calls, 500 per second", false),
            activity("120 thousand allocator calls, 120 thousand per second", false),
            activity("2.1 million allocator calls, 1.0 million per second", false),
        ];
        assert_eq!(told(true, &reports), expected);
    }

    #[test]
    fn a_log_gets_a_line_after_10_s_30_s_and_each_minute() {
        let reports: Vec<Report> = (1..=190).map(|second| report(second, 0, "preload")).collect();
        let is_logged = |event: &RunEvent| matches!(event, RunEvent::Activity { logged: true, .. });
        let logged: Vec<usize> = told(true, &reports)
            .iter()
            .zip(1..)
            .filter_map(|(event, second)| is_logged(event).then_some(second))
            .collect();
        assert_eq!(logged, [10, 30, 60, 120, 180]);
        // A report that is late brings one line, not two.
        assert_eq!(told(true, &[report(61, 0, "preload"), report(62, 0, "preload")]).len(), 2);
    }

    #[test]
    fn python_that_crawls_is_pointed_out_once() {
        let hints = |python, backend, rate: u64| {
            let reports: Vec<Report> =
                (1..40).map(|second| report(second, second * rate, backend)).collect();
            let mut hints = Vec::new();
            for event in told(python, &reports) {
                if let RunEvent::Warning { hint: Some(hint), .. } = event {
                    hints.push(hint);
                }
            }
            hints
        };
        let [hint] = hints(true, "ebpf", 220_000).try_into().unwrap();
        assert!(hint.contains("--python-allocator own") && hint.contains("preload"), "{hint}");
        let [hint] = hints(true, "preload", 3_000_000).try_into().unwrap();
        assert!(hint.contains("--python-allocator own") && !hint.contains("preload"), "{hint}");
        assert!(hints(true, "ebpf", 20_000).is_empty());
        assert!(hints(true, "preload", 220_000).is_empty());
        assert!(hints(false, "ebpf", 220_000).is_empty());
    }

    #[test]
    fn what_is_no_report_is_passed_over() {
        assert_eq!(
            Report::parse("7 9 ebpf\n"),
            Some(Report { events: 7, nanos: 9, backend: "ebpf".to_owned() })
        );
        for odd in ["", "7", "7 9", "x 9 ebpf", "-7 9 ebpf"] {
            assert_eq!(Report::parse(odd), None, "{odd}");
        }
    }
}
