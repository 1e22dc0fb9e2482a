//! What can go wrong with the tracer itself, told apart from what goes wrong with the benchmark.

use nix::sys::signal::Signal;
use results::MemoryReport;
use runner_shared::text::count;

use crate::{error::ExitKind, process::Ended, profiler::ControlError, settings::options::Backend};

/// The tracer has failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TracerTrouble {
    /// It ended before it started the benchmark.
    #[error("the tracer could not start (exit status {code}); see its messages above")]
    NotStarted {
        /// Its exit status.
        code: i32,
    },
    /// It said nothing at all, and was ended.
    #[error("the tracer did not respond within two minutes and was stopped: nothing was measured")]
    Silent,
    /// Somebody ended it.
    #[error("the tracer was killed by {signal}; benchmarks after that were not measured")]
    Killed {
        /// The signal.
        signal: Signal,
    },
    /// It says itself that it has not seen everything.
    #[error(
        "the tracer lost {} and could not follow {}: the numbers are wrong", count(*lost, "event"), count(*untracked, "process")
    )]
    Incomplete {
        /// Events.
        lost: u64,
        /// Processes.
        untracked: u64,
    },
    /// It can't be switched any more.
    #[error("the tracer failed: {0}; benchmarks after that were not measured")]
    Control(ControlError),
}

impl TracerTrouble {
    /// The exit code and what the user can do.
    pub(crate) fn advice(&self, backend: Option<Backend>) -> (ExitKind, Option<&'static str>) {
        // Nobody is told to do what was just done.
        let other = if backend == Some(Backend::Preload) { DOCTOR } else { RIGHTS };
        match self {
            Self::NotStarted { code } if *code == i32::from(ExitKind::Missing.code()) => {
                (ExitKind::Missing, Some(other))
            }
            Self::NotStarted { .. } | Self::Silent => (ExitKind::Failed, Some(other)),
            Self::Killed { .. } => {
                (ExitKind::Failed, Some("results of earlier benchmarks are kept"))
            }
            Self::Control(_) | Self::Incomplete { .. } => (ExitKind::Failed, None),
        }
    }
}

const DOCTOR: &str =
    "run `codspeed-memtrack doctor` to see what works here and what the other backend needs";
/// Advice for those who may not trace from the kernel.
pub(crate) const RIGHTS: &str = "use `--backend preload`, which needs no permissions but doesn't see statically linked \
    allocators; tracing from the kernel (`--backend ebpf`) needs root or file capabilities";

/// Returns what is wrong with a tracer that ended like this; `failed` is why it could not be switched any more. Its
/// exit status
/// is that of the benchmark, unless it has not even begun its file or says itself that something is missing.
pub(crate) fn trouble(
    ended: Ended,
    failed: Option<ControlError>,
    report: &MemoryReport,
) -> Option<TracerTrouble> {
    let stats = || report.traces.iter().filter_map(|trace| trace.stats.as_ref());
    let lost = stats().map(|stats| stats.lost_events).sum();
    let untracked = stats().map(|stats| stats.failed_tracks).sum();
    match ended {
        // A benchmark that is ended by a signal gives an exit status.
        Ended::Signal(signal) => Some(TracerTrouble::Killed { signal }),
        Ended::Code(code) if code != 0 && report.traces.is_empty() => {
            Some(TracerTrouble::NotStarted { code })
        }
        Ended::Code(1..) if (lost, untracked) != (0, 0) => {
            Some(TracerTrouble::Incomplete { lost, untracked })
        }
        // That it ended is known better from how it ended.
        Ended::Code(_) => match failed? {
            ControlError::Dead => None,
            err @ (ControlError::Silent | ControlError::Unexpected | ControlError::Broken(_)) => {
                Some(TracerTrouble::Control(err))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use results::MemoryTrace;
    use runner_shared::memory::TracerStats;

    use super::*;

    #[test]
    fn troubles_of_the_tracer_are_told_from_those_of_the_benchmark() {
        let trace = |lost_events| MemoryTrace {
            stats: Some(TracerStats { lost_events, ..TracerStats::default() }),
            ..MemoryTrace::default()
        };
        let report = |lost| MemoryReport { traces: vec![trace(lost)], ..MemoryReport::default() };
        let of = |ended, failed| trouble(ended, failed, &report(0));
        let nothing = MemoryReport::default();
        assert_eq!(trouble(Ended::Code(0), None, &nothing), None);
        let not_started = Some(TracerTrouble::NotStarted { code: 3 });
        assert_eq!(trouble(Ended::Code(3), None, &nothing), not_started);
        assert_eq!(of(Ended::Code(3), None), None, "that is the benchmark's");
        let incomplete = Some(TracerTrouble::Incomplete { lost: 9, untracked: 0 });
        assert_eq!(trouble(Ended::Code(1), None, &report(9)), incomplete);
        assert_eq!(
            trouble(Ended::Code(0), None, &report(9)),
            None,
            "that is said beside the numbers"
        );
        assert_eq!(of(Ended::Code(0), Some(ControlError::Dead)), None);
        let silent = Some(TracerTrouble::Control(ControlError::Silent));
        assert_eq!(of(Ended::Code(0), Some(ControlError::Silent)), silent);
        let killed = Some(TracerTrouble::Killed { signal: Signal::SIGKILL });
        assert_eq!(of(Ended::Signal(Signal::SIGKILL), Some(ControlError::Dead)), killed);
    }
}
