//! Every round that `exec-harness` measured: what the summary in the results JSON was made from.

use serde::{Deserialize, Serialize};

use super::Artifact;
use crate::{
    profile_dir::{ProfileFile, ROUND_LOG},
    walltime::NoiseVerdict,
};

/// All benchmarks of one `exec-harness` process, in the order of their start.
///
/// Lies beside the results JSON as `results/<pid>.RoundLog.msgpack`. Benchmarks that failed are
/// in here and not in the JSON, which holds finished ones only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoundLog {
    /// Version of this layout.
    pub version: u32,
    /// Nanoseconds between two samples in which the kernel looks if a process is in user or in kernel mode: it splits
    /// processor time by them. 0 if it stamps each change of mode; `None` in older logs.
    #[serde(default)]
    pub tick_ns: Option<u64>,
    /// The way in which the benchmarks took turns; `None` if they were run one after another.
    #[serde(default)]
    pub turns: Option<Turns>,
    /// One entry per benchmark.
    pub benchmarks: Vec<BenchmarkRounds>,
}

/// Benchmarks that took turns, to be compared with one of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turns {
    /// Identity of the benchmark that the others are compared with.
    pub base_uri: String,
    /// Seed of the order in each turn.
    pub seed: u64,
    /// The smallest difference that matters, as a share: 0.03 is 3 %.
    pub threshold: f64,
}

impl RoundLog {
    /// The layout described here.
    pub const VERSION: u32 = 1;
}

impl Artifact for RoundLog {
    const FILE: ProfileFile = ROUND_LOG;
}

/// The record of one benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchmarkRounds {
    /// Name as shown.
    pub name: String,
    /// Identity.
    pub uri: String,
    /// The way in which it ended.
    pub outcome: Outcome,
    /// The one round is a warm-up round: the command takes longer than the time given for all rounds.
    pub cold: bool,
    /// The source of the noise-robust time of the rounds.
    pub robust_source: RobustSource,
    /// The reason why a better source could not be used; empty if nothing is missing.
    pub robust_missing: String,
    /// Rounds that were run before the measurement and are not in `rounds`.
    pub warmup_rounds: u64,
    /// The verdict on the noise of the machine.
    pub noise: NoiseVerdict,
    /// Sentences for the user about this measurement.
    pub notes: Vec<String>,
    /// The start of the shell that runs the command; `None` if none does, and in older logs.
    #[serde(default)]
    pub shell: Option<ShellStart>,
    /// The peak memory of `exec-harness` itself in bytes: the kernel hands it on to what it starts, so that a maximum that
    /// is not larger says no more than that it is a bound. 0 in older logs.
    #[serde(default)]
    pub least_rss_bytes: u64,
    /// The events that were to be counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counters: Vec<Counted>,
    /// The measured rounds.
    pub rounds: Rounds,
}

/// The time of a shell that has nothing to do: medians of single rounds, nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellStart {
    /// Wall time, without what other programs took of it where that is known.
    pub wall_ns: u64,
    /// From exec to exit less the time in which it was preempted; 0 where that is not known.
    pub undisturbed_ns: u64,
    /// Processor time.
    pub processor_ns: u64,
    /// Rounds of which these are the medians.
    pub rounds: u64,
    /// It was taken off each round of the benchmark: its times are without it.
    pub subtracted: bool,
}

/// An event that was to be counted in each round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counted {
    /// Its name, as in [`crate::counters::EVENTS`].
    pub name: String,
    /// The work of the kernel for the command was counted, too.
    pub with_kernel: bool,
    /// The reason why it was not counted; empty if it was.
    pub missing: String,
    /// It was counted for this share of the time at least, and scaled up where that is less than all of it.
    pub least_running: f64,
    /// From exec to exit, one value per round; nothing where it was not counted.
    pub values: Vec<Option<u64>>,
}

/// The end of a benchmark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// All rounds were run.
    #[serde(rename = "Complete")]
    Complete,
    /// A round failed; the rounds before it are kept.
    #[serde(rename = "Failed")]
    Failed {
        /// A description of the failure and its reason.
        reason: String,
    },
    /// The user ended the run.
    #[serde(rename = "Interrupted")]
    Interrupted,
}

impl Outcome {
    /// Returns its name in exports.
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Failed { .. } => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// The source of the noise-robust time of a round, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RobustSource {
    /// From exec to exit as stamped by the kernel, less the time in which the process was preempted.
    #[serde(rename = "KernelStamps")]
    KernelStamps,
    /// Processor time of the process (`rusage`).
    #[serde(rename = "ProcessorTime")]
    ProcessorTime,
    /// Nothing better than the wall clock.
    #[serde(rename = "WallClock")]
    WallClock,
}

/// The rounds, one column per quantity; all columns are equally long.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rounds {
    /// Just before the process was created; nanoseconds on `CLOCK_MONOTONIC`.
    pub start_ns: Vec<u64>,
    /// From `start_ns` until the process had ended, nanoseconds.
    pub wall_ns: Vec<u64>,
    /// Processor time in user mode of the process and of its children that it waited for, nanoseconds.
    pub user_ns: Vec<u64>,
    /// The same in kernel mode.
    pub system_ns: Vec<u64>,
    /// Page faults that needed no disk.
    pub minor_faults: Vec<u64>,
    /// Page faults that needed a disk.
    pub major_faults: Vec<u64>,
    /// Times that the process gave the processor away.
    pub voluntary_switches: Vec<u64>,
    /// Times that the processor was taken from it (includes the migration at exec).
    pub involuntary_switches: Vec<u64>,
    /// From exec to exit by the kernel's stamps, nanoseconds; `None` where they are not known.
    pub kernel_ns: Vec<Option<u64>>,
    /// Time between exec and exit in which the process was preempted, nanoseconds.
    pub preempted_ns: Vec<Option<u64>>,
    /// Which turn the round belongs to, where benchmarks take turns; else 0.
    pub block: Vec<u32>,
    /// The most memory that was resident at a time, in bytes, of the process or of a child that it waited for, whichever
    /// had more (`ru_maxrss`). Empty in older logs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub max_rss_bytes: Vec<u64>,
}

impl Rounds {
    /// Number of rounds.
    pub fn len(&self) -> usize {
        self.wall_ns.len()
    }

    /// No round was measured.
    pub fn is_empty(&self) -> bool {
        self.wall_ns.is_empty()
    }

    /// The noise-robust time of each round in nanoseconds, from the given source.
    ///
    /// A round without kernel stamps (the ring overflowed) falls back to its wall time less what
    /// is known of its preemption.
    pub fn robust_ns(&self, source: RobustSource) -> Vec<u64> {
        match source {
            RobustSource::WallClock => self.wall_ns.clone(),
            RobustSource::ProcessorTime => self
                .user_ns
                .iter()
                .zip(&self.system_ns)
                .map(|(user, system)| user.saturating_add(*system))
                .collect(),
            RobustSource::KernelStamps => self
                .wall_ns
                .iter()
                .zip(self.kernel_ns.iter().zip(&self.preempted_ns))
                .map(|(wall, (kernel, preempted))| {
                    kernel.unwrap_or(*wall).saturating_sub(preempted.unwrap_or(0))
                })
                .collect(),
        }
    }
}
