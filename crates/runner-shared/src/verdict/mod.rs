//! Compares two benchmarks whose rounds took turns: which of their times can be trusted, and what these say.
//!
//! On a busy machine the wall clock counts the work of others, too. Where the kernel has stamped the rounds, the
//! undisturbed time is judged; where a command has several threads or processes, its processor time. A command that
//! mostly waits has next to no processor time, and is judged by the wall clock. `exec-harness` asks this while it
//! measures, to stop when the answer is there, and `results` afterwards, to show it.

mod counted;
mod paired;
mod shortest;
mod signed_rank;
mod unpaired;

use crate::{
    artifact::{RobustSource, Rounds},
    share::Share,
    statistics::Interval,
    walltime::{as_float, quantile},
};

pub use counted::{
    CountJudgement, CountLimits, CountVerdict, FLOORS, judge_counts, judge_counts_above,
};
pub use paired::{ALPHA, INTERIM_ALPHA, Judgement, MINIMUM_PAIRS, Verdict, judge};
pub use shortest::{FEWEST_PAIRS, RESAMPLES, judge_shortest};
pub use signed_rank::{IntervalRank, interval_rank};
pub use unpaired::{FEWEST_RUNS, MOST_EXACT_RUNS, SHIFT_RESAMPLES, Shifted, shift};

/// The smallest difference that matters unless the user says otherwise.
pub const DEFAULT_THRESHOLD: Share = Share::THREE_PERCENT;
/// Below this share of processor time, a round mostly waits.
const WORKS: f64 = 0.5;
/// Quantile of the rounds that others let alone, by their share of processor time.
const LET_ALONE: f64 = 0.95;

/// The kind of time that a verdict is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JudgedTime {
    /// From exec to exit, less the time in which the process was preempted.
    Undisturbed,
    /// Processor time of all threads and processes.
    Processor,
    /// Wall time.
    Wall,
    /// The shortest round of each run of a suite, where its typical times differ too much from run to run.
    Shortest,
}

/// The rounds of a benchmark and where their noise-robust times come from.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// All rounds; `block` says which pair each belongs to.
    pub rounds: &'a Rounds,
    /// The source of the noise-robust times.
    pub source: RobustSource,
}

/// The relation of two benchmarks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The time that is judged.
    pub time: JudgedTime,
    /// Noise-robust times exist but a side mostly waits, which is why the wall time is judged.
    pub waits: bool,
    /// Only wall times are left, of a side that mostly waits and one that works: the work of other programs makes them
    /// differ, so that there is no verdict.
    pub differ: bool,
    /// The conclusion.
    pub judged: Judgement,
    /// The conclusion from wall times; `None` if these are judged.
    pub wall: Option<Judgement>,
}

impl Comparison {
    /// The wall times tell something else than processor times, as of programs that wait for each other.
    ///
    /// That is so if the intervals have nothing in common, and the effects differ by more than the threshold and more
    /// than by half: the wall time also has the start of the process, which makes all differences smaller.
    pub fn wall_disagrees(&self) -> bool {
        let Some(wall) = self.wall.filter(|_| self.time == JudgedTime::Processor) else {
            return false;
        };
        let is_apart = |(wall, judged): (Interval, Interval)| wall.is_apart_from(judged);
        let is_far = |(wall, judged): (f64, f64)| {
            let least = self.judged.threshold.ln_1p().max(judged.ln().abs() / 2.0);
            (wall.ln() - judged.ln()).abs() > least
        };
        wall.interval.zip(self.judged.interval).is_some_and(is_apart)
            && wall.ratio.zip(self.judged.ratio).is_some_and(is_far)
    }
}

/// The times at which a comparison that is under way is looked at: after so many turns that an interval can be trusted,
/// and then each time that there are a fifth more.
#[derive(Debug)]
pub struct Looks {
    next: u64,
}

impl Looks {
    /// Nothing is decided before this many turns, of which the first warms up.
    pub const FIRST: u64 = 101;

    /// No turn has been run.
    #[expect(clippy::new_without_default, reason = "a beginning is no default")]
    pub const fn new() -> Self {
        Self { next: Self::FIRST }
    }

    /// Returns whether it is time to look, after this many turns.
    pub fn is_due(&mut self, turns: u64) -> bool {
        let is_due = turns >= self.next;
        if is_due {
            self.next = turns + turns.div_ceil(5);
        }
        is_due
    }
}

/// Returns whether a comparison that is under way may end: the verdict would be the same after more turns.
pub fn is_decided(base: Side<'_>, head: Side<'_>, threshold: f64) -> bool {
    compare_at(base, head, threshold, INTERIM_ALPHA).judged.verdict.is_final()
}

/// Compares two benchmarks. `threshold` is the smallest difference that matters, as a share.
pub fn compare(base: Side<'_>, head: Side<'_>, threshold: f64) -> Comparison {
    compare_at(base, head, threshold, ALPHA)
}

fn compare_at(base: Side<'_>, head: Side<'_>, threshold: f64, alpha: f64) -> Comparison {
    let source = common_source(base.source, head.source);
    let waiting = [base, head].map(|side| waits(side.rounds, source));
    // The time by the kernel's stamps holds the waiting, too: it suits a command that computes beside one that waits.
    let waits = match source {
        RobustSource::KernelStamps => waiting == [true, true],
        RobustSource::ProcessorTime => waiting != [false, false],
        RobustSource::WallClock => false,
    };
    let differ = waits && waiting != [true, true];
    let source = if waits { RobustSource::WallClock } else { source };
    let by = |source| {
        let (base_times, head_times) =
            (base.rounds.robust_ns(source), head.rounds.robust_ns(source));
        let (base_pair, head_pair) = (&base.rounds.block, &head.rounds.block);
        judge((&base_times, base_pair), (&head_times, head_pair), threshold, alpha)
    };
    let time = match source {
        RobustSource::KernelStamps => JudgedTime::Undisturbed,
        RobustSource::ProcessorTime => JudgedTime::Processor,
        RobustSource::WallClock => JudgedTime::Wall,
    };
    let wall = (time != JudgedTime::Wall).then(|| by(RobustSource::WallClock));
    let mut judged = by(source);
    if differ {
        judged.verdict = judged.verdict.in_doubt();
    }
    Comparison { time, waits, differ, judged, wall }
}

/// The best that both sides have.
fn common_source(one: RobustSource, other: RobustSource) -> RobustSource {
    use RobustSource::{KernelStamps, ProcessorTime, WallClock};
    match (one, other) {
        (WallClock, KernelStamps | ProcessorTime | WallClock)
        | (KernelStamps | ProcessorTime, WallClock) => WallClock,
        (ProcessorTime, KernelStamps | ProcessorTime) | (KernelStamps, ProcessorTime) => {
            ProcessorTime
        }
        (KernelStamps, KernelStamps) => KernelStamps,
    }
}

/// Returns whether most of the time is no processor time even in rounds that others let alone. Preemption is not known
/// where several threads are, so that a typical round on a busy machine may look as if it waited.
fn waits(rounds: &Rounds, source: RobustSource) -> bool {
    let all = match source {
        RobustSource::KernelStamps => rounds.robust_ns(RobustSource::KernelStamps),
        RobustSource::ProcessorTime | RobustSource::WallClock => rounds.wall_ns.clone(),
    };
    let processor = rounds.robust_ns(RobustSource::ProcessorTime);
    let shares = processor.iter().zip(&all).filter(|(_, all)| **all > 0);
    let mut shares: Vec<f64> =
        shares.map(|(works, all)| as_float(*works) / as_float(*all)).collect();
    shares.sort_by(f64::total_cmp);
    !shares.is_empty() && quantile(&shares, LET_ALONE) < WORKS
}

#[cfg(test)]
mod tests;
