//! Were the first rounds slower than the rest? Then the warm-up was too short. Pure.

use runner_shared::{
    duration::show_nanos,
    walltime::{as_float, quantile, sorted},
};

/// Fewer rounds tell nothing about a trend.
const LEAST_ROUNDS: usize = 20;
/// Slower by less than this share is no drift.
const LEAST_SHARE: f64 = 0.05;
/// ... and by less than this many standard deviations of the settled rounds is none either.
const SIGMAS: f64 = 3.0;
/// Median absolute deviation to standard deviation of normal data.
const MAD_TO_SIGMA: f64 = 1.4826;
/// A single slow round at the start is an accident.
const LEAST_SLOW: usize = 3;

/// A sentence about rounds (wall times in nanoseconds, in the order of their run) that begin
/// with slower ones than they end with.
pub(super) fn drift(walls: &[u64]) -> Option<String> {
    if walls.len() < LEAST_ROUNDS {
        return None;
    }
    let settled = sorted(walls.get(walls.len() / 2..)?);
    let median = quantile(&settled, 0.5);
    let mut deviations: Vec<f64> = settled.iter().map(|wall| (wall - median).abs()).collect();
    deviations.sort_by(f64::total_cmp);
    let sigma = MAD_TO_SIGMA * quantile(&deviations, 0.5);
    let limit = median + (median * LEAST_SHARE).max(sigma * SIGMAS);
    let slow = walls.iter().take_while(|wall| as_float(**wall) > limit).count();
    if slow < LEAST_SLOW {
        return None;
    }
    let before = quantile(&sorted(walls.get(..slow)?), 0.5);
    Some(format!(
        "still warming up: the first {slow} rounds took {} against {} later; a longer `--warmup-time` leaves them out",
        show_nanos(before),
        show_nanos(median),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_slow_start_is_named_and_a_calm_run_is_not() {
        let calm: Vec<u64> = (0..40).map(|i| 10 * MS + i % 5 * 100_000).collect();
        assert_eq!(drift(&calm), None);
        let mut slow = vec![15 * MS; 4];
        slow.extend(&calm);
        let said = "still warming up: the first 4 rounds took 15.00 ms against 10.20 ms later; a longer `--warmup-time` leaves them out";
        assert_eq!(drift(&slow).as_deref(), Some(said));
    }

    #[test]
    fn one_slow_round_or_few_rounds_are_no_drift() {
        let mut one = vec![10 * MS; 40];
        one[0] = 50 * MS;
        assert_eq!(drift(&one), None);
        assert_eq!(drift(&[50 * MS, 50 * MS, 50 * MS, 10 * MS]), None);
    }
}
