//! Can the numbers be trusted? One rule for the rounds of all modes and integrations. Pure functions over rounds.
//!
//! | what is seen | threshold | why this one |
//! |---|---|---|
//! | disturbed rounds | more than 10 % of them | each lost 2 %, or lies ten standard deviations and 2 % outside: a tenth of them moves the median by more than its interval says |
//! | spread | the middle half spans 20 % of the median, or one round in 20 takes less than two thirds of it | rounds of programs at rest span 1 to 5 %, short ones 10 %; noise only makes slower, so that rounds far below the median tell that the typical one was slowed down |
//! | tail | rounds far outside hold a tenth of the time | the mean is a ninth above what it would be without them, and a deviation of 100 % has no other reason; interrupts on a machine at rest hold half of that |
//! | groups | two groups that are clearly apart, each with 15 % of the rounds, by 5 % | the median is that of the larger group, and the next run may have another one |
//! | drift | see `drift.rs` | |

mod drift;
mod groups;

use serde::{Deserialize, Serialize};

use super::stats::{as_float, quantile};

pub use drift::Drift;
pub use groups::Groups;

/// A round is flagged when more than this share of its wall time was spent preempted.
const PREEMPTED_SHARE: f64 = 0.02;
/// A round is flagged when it lies further than this many median absolute deviations from the
/// median; 14.8 of them are ten standard deviations of normal data.
const MAD_FACTOR: f64 = 14.8;
/// A round is never flagged for lying this share of the median outside: where all rounds are alike, the others still are
/// near.
const LEAST_REACH: f64 = 0.02;
/// The machine was noisy when more than this share of the rounds is flagged.
pub const NOISY_SHARE: f64 = 0.10;
/// Rounds vary widely when their middle half spans more than this share of the median ...
const WIDE: f64 = 0.20;
/// ... or one in 20 lies below it by more than this share.
const FAR_BELOW: f64 = 1.0 / 3.0;
/// Rounds far outside must not hold more than this share of the time.
const HEAVY_TAIL: f64 = 0.10;
/// The median absolute deviation of fewer rounds is small by chance.
const LEAST_FOR_STRAYS: usize = 10;
/// Quartiles of fewer rounds say little.
const LEAST_ROUNDS: usize = 5;
/// Median absolute deviation to standard deviation of normal data.
const MAD_TO_SIGMA: f64 = 1.4826;

/// The calm of the machine, as the rounds of one benchmark show it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct NoiseVerdict {
    /// Rounds that were looked at.
    pub rounds: u64,
    /// Rounds in which another process took the processor for more than 2 % of the time.
    pub preempted: u64,
    /// Rounds far outside the others (more than 14.8 median absolute deviations).
    pub stray: u64,
    /// Rounds that are one or the other.
    pub flagged: u64,
    /// The span of the middle half of the rounds, as a share of the median.
    #[serde(default)]
    pub spread: f64,
    /// The distance below the median of one round in 20, as a share of it.
    #[serde(default)]
    pub below: f64,
    /// Share of the time of all rounds that those far outside took longer than the median.
    #[serde(default)]
    pub tail: f64,
    /// Two groups that the rounds fall into.
    #[serde(default)]
    pub groups: Option<Groups>,
    /// The change of the rounds while they were measured.
    #[serde(default)]
    pub drift: Option<Drift>,
}

/// Reasons that a number is not to be trusted, the plainest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Noise {
    /// Other programs disturbed too many of the rounds.
    Disturbed,
    /// The rounds fall into two groups.
    Grouped,
    /// The rounds vary widely.
    Wide,
    /// A few rounds took far longer than the others.
    Tail,
}

impl NoiseVerdict {
    /// The plainest reason not to trust the numbers, if there is one. A drift alone is none.
    pub fn noise(self) -> Option<Noise> {
        let is_wide = self.spread > WIDE || self.below > FAR_BELOW;
        let preempted = as_float(self.preempted) / as_float(self.rounds.max(1));
        [
            (Noise::Disturbed, preempted > NOISY_SHARE),
            (Noise::Grouped, self.groups.is_some()),
            (Noise::Disturbed, self.flagged_share() > NOISY_SHARE),
            (Noise::Wide, is_wide),
            (Noise::Tail, self.tail > HEAVY_TAIL),
        ]
        .into_iter()
        .find_map(|(noise, is_so)| is_so.then_some(noise))
    }

    /// There is a reason not to trust the numbers.
    pub fn is_noisy(self) -> bool {
        self.noise().is_some()
    }

    /// Share of disturbed rounds, 0 to 1.
    pub fn flagged_share(self) -> f64 {
        as_float(self.flagged) / as_float(self.rounds.max(1))
    }
}

/// Judges rounds by their wall times and, where known, by the time spent preempted (nanoseconds).
///
/// `preempted_ns` may be shorter than `wall_ns`; missing entries count as not preempted.
pub fn judge_noise(wall_ns: &[u64], preempted_ns: &[Option<u64>]) -> NoiseVerdict {
    let times: Vec<f64> = wall_ns.iter().map(|wall| as_float(*wall)).collect();
    let preempted: Vec<Option<f64>> = preempted_ns.iter().map(|lost| lost.map(as_float)).collect();
    judge_times(&times, &preempted, 0.0)
}

/// The same for times that are no whole nanoseconds, such as those of single iterations. Differences of `least_ns` are
/// those of the clock.
pub fn judge_times(times_ns: &[f64], preempted_ns: &[Option<f64>], least_ns: f64) -> NoiseVerdict {
    let mut ascending = times_ns.to_vec();
    ascending.sort_by(f64::total_cmp);
    let median = quantile(&ascending, 0.5);
    let least_ns = least_ns.max(median * 1e-4);
    // Clocks tick: identical rounds have no deviation at all, and a nanosecond is no outlier.
    let reach =
        (MAD_FACTOR * deviation(&ascending, median).max(least_ns)).max(LEAST_REACH * median);

    let is_many = ascending.len() >= LEAST_FOR_STRAYS;
    let mut verdict = NoiseVerdict::default();
    let (mut all, mut surplus) = (0.0, 0.0);
    for (index, wall) in times_ns.iter().copied().enumerate() {
        let lost = preempted_ns.get(index).copied().flatten().unwrap_or(0.0);
        let preempted = lost > PREEMPTED_SHARE * wall;
        let stray = is_many && (wall - median).abs() > reach;
        all += wall;
        surplus += if stray { (wall - median).max(0.0) } else { 0.0 };
        verdict.rounds += 1;
        verdict.preempted += u64::from(preempted);
        verdict.stray += u64::from(stray);
        verdict.flagged += u64::from(preempted || stray);
    }
    if ascending.len() >= LEAST_ROUNDS && median > 0.0 {
        // What the clock alone may have made of it is none.
        let share = |width: f64| (width - 2.0 * least_ns).max(0.0) / median;
        verdict.spread = share(quantile(&ascending, 0.75) - quantile(&ascending, 0.25));
        verdict.below = share(median - quantile(&ascending, 0.05));
        verdict.tail = surplus / all;
        verdict.groups = groups::find(&ascending, least_ns);
        // What others took of a round is no change of the program.
        let own = times_ns.iter().enumerate().map(|(index, wall)| {
            let lost = preempted_ns.get(index).copied().flatten().unwrap_or(0.0);
            // Several threads may have lost more than there was.
            if lost < *wall { wall - lost } else { *wall }
        });
        verdict.drift = drift::find(&own.collect::<Vec<f64>>(), least_ns);
    }
    verdict
}

/// The median absolute deviation from `median`.
fn deviation(times: &[f64], median: f64) -> f64 {
    let mut deviations: Vec<f64> = times.iter().map(|time| (time - median).abs()).collect();
    deviations.sort_by(f64::total_cmp);
    quantile(&deviations, 0.5)
}

#[cfg(test)]
mod tests;
