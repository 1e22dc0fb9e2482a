//! What a profile folder says about its benchmarks, free of file formats. Times are nanoseconds.

use std::fmt;

use runner_shared::{
    artifact::{Counted, Outcome, RobustSource, Rounds, ShellStart},
    conditions::Conditions,
    walltime::{BenchmarkConfig, BenchmarkStats, NoiseVerdict, as_float, median},
};

pub use runner_shared::statistics::Interval;

use crate::{bootstrap::FEWEST_VALUES, comparison::Comparison, stacks::Stacks};

/// The times of all benchmarks of one part of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WalltimeReport {
    /// In the order in which they were run, process by process.
    pub benchmarks: Vec<BenchResult>,
    /// Where profiled benchmarks spent their time. Reading results leaves this empty: whoever has
    /// read the profile adds it.
    pub profiles: Vec<Profile>,
    /// Each benchmark that took turns with others, against the first of them.
    pub comparisons: Vec<Comparison>,
    /// Sentences for the user about files that could not be used fully.
    pub warnings: Vec<String>,
    /// What was not as usual, as the user has asked for.
    pub conditions: Conditions,
}

/// One benchmark. Times are nanoseconds per iteration unless a field says otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct BenchResult {
    /// Name as shown; not unique, and may hold any character.
    pub name: String,
    /// Identity; equal for repeated measurements of the same benchmark.
    pub uri: String,
    /// Who measured.
    pub integration: Integration,
    /// Process that wrote the results.
    pub pid: u32,
    /// The summary, as the integration computed it; of the rounds kept if it did not finish.
    pub stats: BenchmarkStats,
    /// What was asked for; empty for a benchmark that did not finish.
    pub config: BenchmarkConfig,
    /// How it ended.
    pub outcome: Outcome,
    /// Its only round is a warm-up round.
    pub cold: bool,
    /// Rounds before the measurement; `None` if only iterations are known (`stats.warmup_iters`).
    pub warmup_rounds: Option<u64>,
    /// The single rounds, where somebody kept them.
    pub rounds: Option<RawRounds>,
    /// 95 % interval of the median; needs raw rounds, at least two. Holds the median of `stats`.
    pub median_interval: Option<Interval>,
    /// 95 % interval of the mean; needs raw rounds, at least two.
    pub mean_interval: Option<Interval>,
    /// Why there are no intervals; `None` if there are some, or not even a round.
    pub no_interval: Option<NoInterval>,
    /// The same rounds without what other processes did to them.
    pub robust: Option<Robust>,
    /// Median processor time of a round.
    pub processor_ns: Option<f64>,
    /// The part of it in user mode; `None` if the kernel can't tell for rounds as short as these.
    pub user_ns: Option<f64>,
    /// The part of it in kernel mode; as `user_ns`.
    pub system_ns: Option<f64>,
    /// Nanoseconds between two looks of the kernel at what the process did: smaller parts are not told from none.
    pub split_step_ns: Option<f64>,
    /// Median page faults of a round.
    pub faults: Option<Faults>,
    /// Median context switches of a round.
    pub switches: Option<Switches>,
    /// The start of the shell that runs it; `None` if none does, or nobody knows.
    pub shell: Option<ShellStart>,
    /// Median of the most resident memory of a round.
    pub max_rss: Option<MaxRss>,
    /// Events that were to be counted in each round.
    pub counters: Vec<Counted>,
    /// How calm the machine was.
    pub noise: Option<NoiseVerdict>,
    /// Sentences for the user, without the name of the benchmark.
    pub notes: Vec<String>,
}

/// Where a benchmark spent its time, as a profiler saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// Nanoseconds by stack.
    pub stacks: Stacks,
    /// How often the profiler looked.
    pub samples: u64,
    /// Samples whose stack breaks off before its root.
    pub truncated: u64,
}

impl WalltimeReport {
    /// At most `most` of the profiles, those of the benchmarks with the longest medians, in the order of the run.
    pub fn slowest_profiles(&self, most: usize) -> Vec<Profile> {
        let median = |profile: &Profile| {
            let of = self.benchmarks.iter().filter(|of| of.name == profile.stacks.benchmark);
            of.map(|of| of.stats.median_ns).fold(0.0, f64::max)
        };
        let mut ranked: Vec<(usize, f64)> = self.profiles.iter().map(median).enumerate().collect();
        ranked.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let mut chosen: Vec<usize> =
            ranked.into_iter().map(|(index, _)| index).take(most).collect();
        chosen.sort_unstable();
        chosen.into_iter().filter_map(|index| self.profiles.get(index)).cloned().collect()
    }
}

impl BenchResult {
    /// All planned rounds were run.
    pub fn is_complete(&self) -> bool {
        match self.outcome {
            Outcome::Complete => true,
            Outcome::Failed { .. } | Outcome::Interrupted => false,
        }
    }

    /// Rounds that were measured. pytest states how many it planned, which may be more.
    pub fn round_count(&self) -> u64 {
        let kept = self.rounds.as_ref().map(|rounds| rounds.wall_ns().len());
        kept.and_then(|count| u64::try_from(count).ok()).unwrap_or(self.stats.rounds)
    }

    /// All times are without the start of the shell that runs it.
    pub fn is_without_shell(&self) -> bool {
        self.shell.is_some_and(|shell| shell.subtracted)
    }

    /// The median of what was counted of this event in the rounds; `None` if nothing was.
    pub fn counted(&self, name: &str) -> Option<f64> {
        let column = self.counters.iter().find(|column| column.name == name)?;
        median(column.values.iter().flatten().copied().map(as_float))
    }

    /// The undisturbed time, where it is known and the summary is not of it already: the one to trust on a busy machine.
    pub fn undisturbed(&self) -> Option<&Robust> {
        self.robust.as_ref().filter(|robust| {
            !robust.in_stats && robust.source == RobustSource::KernelStamps && self.stats.rounds > 0
        })
    }

    /// More of the rounds were disturbed than a trustworthy number allows.
    pub fn is_noisy(&self) -> bool {
        self.noise.is_some_and(NoiseVerdict::is_noisy)
    }
}

/// The library or program that measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integration {
    /// For example `pytest-codspeed`.
    pub name: String,
    /// Semantic version; `None` if nothing but a log was left, which doesn't hold it.
    pub version: Option<String>,
}

impl fmt::Display for Integration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.version.iter().try_for_each(|version| write!(f, " {version}"))
    }
}

/// Why a benchmark has no interval. Shown as the end of a sentence about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoInterval {
    /// A single round doesn't vary.
    OneRound,
    /// So few rounds don't hold 95 % of anything.
    FewRounds,
    /// The integration told nobody when its rounds were.
    Unmarked,
    /// The integration marked all of its rounds as one.
    OneMark,
    /// What was marked can't be what the summary is about.
    Misfit,
    /// There are more or fewer announcements of it than results.
    Ambiguous,
}

impl NoInterval {
    /// Returns the reason why so many rounds have no interval; nothing if they have one, or if there are none.
    pub(crate) const fn of_rounds(rounds: usize) -> Option<Self> {
        match rounds {
            1 => Some(Self::OneRound),
            2..FEWEST_VALUES => Some(Self::FewRounds),
            _ => None,
        }
    }
}

impl fmt::Display for NoInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneRound => "a single round has no variation",
            Self::FewRounds => "a 95 % interval needs at least 6 rounds",
            Self::Unmarked => "the integration reports no times of single rounds",
            Self::OneMark => {
                "the integration marks all rounds as one, so times of single rounds are unknown"
            }
            Self::Misfit => "the marked rounds don't match the integration's summary",
            Self::Ambiguous => {
                "its number of announcements doesn't match its results, so its rounds are unknown"
            }
        })
    }
}

/// The single rounds of a benchmark, by who kept them.
#[derive(Debug, Clone, PartialEq)]
pub enum RawRounds {
    /// From the log of `exec-harness`: one iteration per round, all quantities.
    Logged(Box<Rounds>),
    /// Rebuilt from the markers that the integration sent while it measured.
    Marked {
        /// Start of each round, nanoseconds on `CLOCK_MONOTONIC`, ascending.
        start_ns: Vec<u64>,
        /// Length of each whole round in nanoseconds, all its iterations together, without what the marks cost.
        wall_ns: Vec<u64>,
        /// Iterations in each round, at least 1.
        iterations: Vec<u64>,
        /// Time of each whole round in which another thread had the processor, nanoseconds, where that is known.
        preempted_ns: Vec<Option<u64>>,
    },
}

impl RawRounds {
    /// Wall time of each whole round in nanoseconds, in the order of their run.
    pub fn wall_ns(&self) -> &[u64] {
        match self {
            Self::Logged(rounds) => &rounds.wall_ns,
            Self::Marked { wall_ns, .. } => wall_ns,
        }
    }

    /// Wall time per iteration in nanoseconds, in the order of the rounds.
    pub fn per_iteration_ns(&self) -> Vec<f64> {
        match self {
            Self::Logged(rounds) => rounds.wall_ns.iter().map(|wall| as_float(*wall)).collect(),
            Self::Marked { wall_ns, iterations, .. } => {
                let rounds = wall_ns.iter().zip(iterations);
                rounds.map(|(wall, times)| per_iteration(*wall, *times)).collect()
            }
        }
    }

    /// Time per iteration in which the processor was taken away, in nanoseconds, in the order of the rounds; `None` where
    /// it is not known.
    pub fn preempted_per_iteration_ns(&self) -> Vec<Option<f64>> {
        match self {
            Self::Logged(rounds) => {
                rounds.preempted_ns.iter().map(|preempted| preempted.map(as_float)).collect()
            }
            Self::Marked { iterations, preempted_ns, .. } => {
                let rounds = preempted_ns.iter().zip(iterations);
                rounds
                    .map(|(preempted, times)| preempted.map(|time| per_iteration(time, *times)))
                    .collect()
            }
        }
    }

    /// Time per iteration without what other programs took of it, in nanoseconds, of the rounds of which that is known.
    /// Of a command, see [`Rounds::robust_ns`].
    pub fn undisturbed_ns(&self) -> Vec<f64> {
        match self {
            Self::Logged(rounds) => {
                rounds.robust_ns(RobustSource::KernelStamps).into_iter().map(as_float).collect()
            }
            Self::Marked { .. } => {
                let rounds = self.per_iteration_ns().into_iter();
                let rounds = rounds.zip(self.preempted_per_iteration_ns());
                rounds.filter_map(|(wall, preempted)| Some(wall - preempted?)).collect()
            }
        }
    }
}

fn per_iteration(nanos: u64, iterations: u64) -> f64 {
    as_float(nanos) / as_float(iterations).max(1.0)
}

/// The noise-robust time of a benchmark.
#[derive(Debug, Clone, PartialEq)]
pub struct Robust {
    /// Where it comes from; `WallClock` means that there is nothing better than `stats`.
    pub source: RobustSource,
    /// Why there is no better source; empty if nothing is missing.
    pub missing: String,
    /// Median over the rounds, nanoseconds.
    pub median_ns: f64,
    /// 95 % interval of that median; `None` for fewer than two rounds.
    pub interval: Option<Interval>,
    /// `stats` and the intervals of the benchmark are of these times, not of the wall clock.
    pub in_stats: bool,
}

/// Page faults per round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Faults {
    /// Those that needed no disk.
    pub minor: f64,
    /// Those that needed a disk.
    pub major: f64,
}

/// Context switches per round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Switches {
    /// The process gave the processor away.
    pub voluntary: f64,
    /// The processor was taken from it.
    pub involuntary: f64,
}

/// The most memory that was resident at a time, of the process or of a child that it waited for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaxRss {
    /// Bytes.
    pub bytes: f64,
    /// The truth may be less: the kernel counts the memory of the program that has started the process, too, and that
    /// had as much.
    pub is_bound: bool,
}
