//! One round: nothing but the process between the two stamps.

use std::io;

use nix::unistd::Pid;
use runner_shared::{
    artifact::RobustSource,
    clock::{Monotonic, now},
};
use system::{guard, orphans::Orphans, signals::Signals, stopped::Stopped};

use crate::process::{Ended, Launch, Seen, Stamper, Stamps, Status, Tail, Watch};
use crate::progress::interject;

/// Within a long round we look up this often: for overflowing buffers, a stopped process and the
/// progress line.
const LOOK_UP_NS: u64 = 200_000_000;

/// The means of measuring rounds.
#[derive(Debug)]
pub(crate) struct Machine {
    /// Waits for processes and signals.
    pub watch: Watch,
    /// Kernel stamps, where the kernel gives them.
    pub stamper: Option<Stamper>,
    /// The reason why there are no kernel stamps.
    pub missing: String,
    /// Processes that commands leave running.
    orphans: Orphans,
    /// Looks for stopped processes, if nobody else does.
    stopped: Option<Stopped>,
}

/// The result of one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// The process.
    pub pid: Pid,
    /// Just before the process was created.
    pub start: Monotonic,
    /// Just after its end.
    pub end: Monotonic,
    /// Its exit status and the resources that it used.
    pub ended: Ended,
    /// The kernel's record of it.
    pub stamps: Stamps,
    /// Processes that it started ran on when it had ended.
    pub outlived: bool,
}

/// The reason why a round yielded nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RoundError {
    /// The process could not be created or watched.
    #[error("the command could not be started")]
    Start(#[source] io::Error),
    /// The process was ended because it took too long.
    #[error("did not finish within the time-out")]
    TimedOut,
    /// The process was stopped because it wants to use the terminal.
    #[error("was stopped: a benchmark can't read from the terminal")]
    Stopped,
    /// We were asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl Machine {
    /// Watches signals and opens kernel stamps, falling back where they are refused.
    pub(crate) fn start(signals: &Signals) -> Self {
        let watch = Watch::new(signals);
        let (stamper, missing) = match Stamper::open() {
            Ok(stamper) => (Some(stamper), String::new()),
            Err(err) => (None, err.to_string()),
        };
        Self::with(watch, stamper, missing)
    }

    /// Watches signals only: what is counted needs no stamps.
    pub(crate) fn without_stamps(signals: &Signals) -> Self {
        let missing = "not asked for".to_owned();
        Self::with(Watch::new(signals), None, missing)
    }

    fn with(watch: Watch, stamper: Option<Stamper>, missing: String) -> Self {
        let stopped = guard::is_posted().then(Stopped::default);
        Self { watch, stamper, missing, orphans: Orphans::adopt(), stopped }
    }

    /// Returns the source of the noise-robust time of the rounds.
    pub(crate) fn robust_source(&self) -> RobustSource {
        match self.stamper {
            Some(_) => RobustSource::KernelStamps,
            // `wait4` always tells the processor time.
            None => RobustSource::ProcessorTime,
        }
    }

    /// Runs the program once. `look_up` is called a few times a second within a long round.
    pub(crate) fn round(
        &mut self,
        launch: &mut Launch,
        tail: &mut Tail,
        timeout_ns: Option<u64>,
        mut look_up: impl FnMut(u64),
    ) -> Result<Sample, RoundError> {
        if let Some(stamper) = &mut self.stamper {
            stamper.skip();
        }
        self.orphans.note();
        let start = now();
        let child = launch.spawn().map_err(RoundError::Start)?;
        let deadline = timeout_ns.map(|nanos| start.plus(nanos));
        let mut wake = start.plus(LOOK_UP_NS);
        let failed = loop {
            let until = deadline.map_or(wake, |deadline| deadline.min(wake));
            match self.watch.wait(&child, Some(until)) {
                Ok(Seen::Ended(end)) => {
                    let ended = child.reap().map_err(RoundError::Start)?;
                    let stamps = self.stamper.as_mut().map(|stamper| stamper.finish(child.pid));
                    let stamps = stamps.unwrap_or_default();
                    let pid = child.pid;
                    let outlived = self.orphans.have_come();
                    return Ok(Sample { pid, start, end, ended, stamps, outlived });
                }
                Ok(Seen::Time) if deadline.is_some_and(|deadline| now() >= deadline) => {
                    break RoundError::TimedOut;
                }
                Ok(Seen::Time) if child.wants_terminal() => break RoundError::Stopped,
                Ok(Seen::Time) => {
                    wake = now().plus(LOOK_UP_NS);
                    if let Some(stamper) = &mut self.stamper {
                        stamper.gather();
                    }
                    tail.check_flood();
                    // Whoever has started us and is guarded looks, too, and at more.
                    if let Some(text) = self.stopped.as_mut().and_then(Stopped::look) {
                        interject(&text);
                    }
                    look_up(now().since(start));
                }
                Ok(Seen::Signal) => break RoundError::Interrupted,
                Err(err) => break RoundError::Start(err),
            }
        };
        child.kill_group();
        child.reap().map_err(RoundError::Start)?;
        Err(failed)
    }
}

impl Sample {
    /// Length of the round in nanoseconds.
    pub(crate) fn wall_ns(&self) -> u64 {
        self.end.since(self.start)
    }
}

/// The end of a process in words, such as `exit status 3` or `signal 11 (SIGSEGV)`.
pub(crate) fn describe(status: Status) -> String {
    match status {
        Status::Code(code) => format!("exit status {code}"),
        Status::Signal(number) => match nix::sys::signal::Signal::try_from(number) {
            Ok(signal) => format!("signal {number} ({})", signal.as_str()),
            Err(_) => format!("signal {number}"),
        },
    }
}
