//! Was the machine calm enough for the numbers to mean something? Pure functions over rounds.

use serde::{Deserialize, Serialize};

use super::stats::{as_float, quantile};

/// A round is flagged when more than this share of its wall time was spent preempted.
const PREEMPTED_SHARE: f64 = 0.02;
/// A round is flagged when it lies further than this many median absolute deviations from the
/// median; 14.8 of them are ten standard deviations of normal data.
const MAD_FACTOR: f64 = 14.8;
/// The machine was noisy when more than this share of the rounds is flagged.
const NOISY_SHARE: f64 = 0.10;

/// How calm the machine was during one benchmark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoiseVerdict {
    /// Rounds that were looked at.
    pub rounds: u64,
    /// Rounds in which another process took the processor for more than 2 % of the time.
    pub preempted: u64,
    /// Rounds far outside the others (more than 14.8 median absolute deviations).
    pub stray: u64,
    /// Rounds that are one or the other.
    pub flagged: u64,
}

impl NoiseVerdict {
    /// More than a tenth of the rounds was disturbed.
    pub fn is_noisy(self) -> bool {
        self.flagged_share() > NOISY_SHARE
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
    judge_times(&times, preempted_ns, 0.0)
}

/// The same for times that are no whole nanoseconds, such as those of single iterations. Differences of `least_ns` are
/// those of the clock.
pub fn judge_times(times_ns: &[f64], preempted_ns: &[Option<u64>], least_ns: f64) -> NoiseVerdict {
    let mut times = times_ns.to_vec();
    times.sort_by(f64::total_cmp);
    let median = quantile(&times, 0.5);
    let mut deviations: Vec<f64> = times.iter().map(|time| (time - median).abs()).collect();
    deviations.sort_by(f64::total_cmp);
    // Clocks tick: identical rounds have no deviation at all, and a nanosecond is no outlier.
    let reach = MAD_FACTOR * quantile(&deviations, 0.5).max(median * 1e-4).max(least_ns);

    let mut verdict = NoiseVerdict::default();
    for (index, wall) in times_ns.iter().copied().enumerate() {
        let lost = as_float(preempted_ns.get(index).copied().flatten().unwrap_or(0));
        let preempted = lost > PREEMPTED_SHARE * wall;
        let stray = (wall - median).abs() > reach;
        verdict.rounds += 1;
        verdict.preempted += u64::from(preempted);
        verdict.stray += u64::from(stray);
        verdict.flagged += u64::from(preempted || stray);
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calm_rounds_are_not_flagged() {
        let walls: Vec<u64> = (0..100).map(|i| 5_000_000 + i % 7 * 1000).collect();
        let verdict = judge_noise(&walls, &vec![Some(10_000); 100]);
        assert_eq!(verdict, NoiseVerdict { rounds: 100, ..NoiseVerdict::default() });
        assert!(!verdict.is_noisy());
    }

    #[test]
    fn preempted_and_stray_rounds_are_counted_once() {
        let mut walls = vec![5_000_000; 8];
        walls.extend([20_000_000, 5_000_001]);
        let mut preempted = vec![None; 8];
        preempted.extend([Some(15_000_000), Some(200_000)]);
        let verdict = judge_noise(&walls, &preempted);
        assert_eq!(verdict, NoiseVerdict { rounds: 10, preempted: 2, stray: 1, flagged: 2 });
        assert!(verdict.is_noisy());
    }

    #[test]
    fn no_rounds_are_no_noise() {
        assert_eq!(judge_noise(&[], &[]), NoiseVerdict::default());
        assert!(!NoiseVerdict::default().is_noisy());
    }
}
