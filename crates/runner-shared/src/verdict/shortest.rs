//! Judges the shortest round of each of several runs, for a machine on which whole runs take longer than others.
//!
//! A processor that shares its core with another one, or whose neighbours fill the caches, needs up to twice the time
//! for the same work, for a tenth of a second or for minutes. A run's typical time then tells what its neighbours did,
//! and even pairs of runs have little in common. But nearly every run has a round that was left alone: its shortest one.
//! Compared is the lower quartile of these, so that runs without such a round don't count. Its standard error comes from
//! the bootstrap over pairs (Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7, 1979).
//!
//! Measured with 90 runs of ten equal benchmarks whose medians of runs were up to 100 % apart: 36 pairs found a difference
//! of 5 % in 90 of 100 draws, where the signed-rank test of medians found 30; equal ones were told apart in 1 to 2 of 100.

use super::{
    Judgement, Verdict,
    paired::{levels, verdict, without_first},
};
use crate::{
    statistics::{Interval, Xoshiro256, normal},
    walltime::quantile,
};

/// With fewer pairs the quartile rests on two runs of a side.
pub const FEWEST_PAIRS: u64 = 12;
/// The quantile of the shortest rounds that is compared.
const QUARTILE: f64 = 0.25;
/// Resamples of the bootstrap: the standard error is then known within 5 %.
pub const RESAMPLES: u32 = 200;
/// Any number; it is part of every figure ever shown.
const SEED: u64 = 0x0c0d_e59e_ed00_0002;

/// Judges the shortest rounds of two benchmarks; `base_pair` and `head_pair` say which pair of runs each belongs to.
///
/// Times in any unit. A pair of one side only, or with a time of 0, is left out; so is the first, which warms both sides
/// up, if enough others remain. `threshold` is positive, usually 0.03; `alpha` is the share of comparisons of equals whose
/// interval may leave out "equal".
pub fn judge_shortest(
    (base, base_pair): (&[u64], &[u32]),
    (head, head_pair): (&[u64], &[u32]),
    threshold: f64,
    alpha: f64,
) -> Judgement {
    let (base, head) = (levels(base, base_pair), levels(head, head_pair));
    let both = base.iter().filter_map(|(pair, base)| Some([*base, *head.get(pair)?]));
    let pairs = without_first(both.collect());
    let count = u64::try_from(pairs.len()).unwrap_or(u64::MAX);
    let estimate = difference(&pairs);
    let (interval, p, verdict) = match estimate {
        Some(estimate) if count >= FEWEST_PAIRS => {
            let error = standard_error(&pairs);
            let reach = normal::quantile(1.0 - alpha / 2.0) * error;
            let interval = Interval { low: estimate - reach, high: estimate + reach };
            let z = if estimate == 0.0 { 0.0 } else { estimate.abs() / error };
            let p = (2.0 * normal::cdf(-z)).min(1.0);
            (Some(interval), p, verdict(estimate, interval, threshold.ln_1p(), count))
        }
        Some(_) | None => (None, 1.0, Verdict::Insufficient),
    };
    Judgement {
        ratio: estimate.map(f64::exp),
        interval: interval
            .map(|Interval { low, high }| Interval { low: low.exp(), high: high.exp() }),
        pairs: count,
        p,
        threshold,
        verdict,
    }
}

/// Returns how far the lower quartiles of both sides are apart, in logarithms; `None` without pairs.
fn difference(pairs: &[[f64; 2]]) -> Option<f64> {
    let quartile = |side: usize| {
        let mut times: Vec<f64> = pairs.iter().filter_map(|pair| pair.get(side)).copied().collect();
        times.sort_by(f64::total_cmp);
        quantile(&times, QUARTILE)
    };
    (!pairs.is_empty()).then(|| quartile(1) - quartile(0))
}

fn standard_error(pairs: &[[f64; 2]]) -> f64 {
    let count = u32::try_from(pairs.len()).unwrap_or(u32::MAX);
    let mut random = Xoshiro256::seeded(SEED);
    let mut draw = || {
        let places = (0..pairs.len().div_ceil(2)).flat_map(|_| random.two_below(count));
        let drawn = places.filter_map(|place| pairs.get(usize::try_from(place).ok()?).copied());
        let drawn: Vec<[f64; 2]> = drawn.take(pairs.len()).collect();
        difference(&drawn).unwrap_or(0.0)
    };
    let found: Vec<f64> = (0..RESAMPLES).map(|_| draw()).collect();
    let mean = found.iter().sum::<f64>() / f64::from(RESAMPLES);
    let squares: f64 = found.iter().map(|one| (one - mean).powi(2)).sum();
    (squares / f64::from(RESAMPLES - 1)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{ALPHA, judge};

    /// Medians and shortest rounds of runs on a machine that is up to twice as slow, in one run of ten without a break.
    fn runs(pairs: u32, factor: f64, seed: u64) -> [Vec<u64>; 2] {
        let mut random = Xoshiro256::seeded(seed);
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..pairs {
            let slow = 1.0 + random.open_unit();
            let busy = if random.open_unit() < 0.1 { slow } else { 1.0 };
            let [medians, shortest] = &mut times;
            for (times, level) in [(medians, slow), (shortest, busy)] {
                let time = 1e8 * factor * level * (0.02 * random.normal()).exp();
                #[expect(
                    clippy::as_conversions,
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a time near 1e8"
                )]
                times.push(time as u64);
            }
        }
        times
    }

    /// Returns how often of 60 times a difference is found, by the shortest rounds and by the medians.
    fn found(pairs: u32, factor: f64) -> [usize; 2] {
        let numbers: Vec<u32> = (0..pairs).collect();
        let mut found = [0, 0];
        for seed in 0..60 {
            let [base, base_shortest] = runs(pairs, 1.0, seed);
            let [head, head_shortest] = runs(pairs, factor, seed + 1000);
            let by = [
                judge_shortest((&base_shortest, &numbers), (&head_shortest, &numbers), 0.03, ALPHA),
                judge((&base, &numbers), (&head, &numbers), 0.03, ALPHA),
            ];
            for (count, judgement) in found.iter_mut().zip(by) {
                let differs = matches!(judgement.verdict, Verdict::Regressed | Verdict::Improved);
                *count += usize::from(differs);
            }
        }
        found
    }

    #[test]
    fn five_percent_are_found_where_medians_say_nothing() {
        let [shortest, medians] = found(37, 1.05);
        assert!(shortest >= 54 && medians <= 6, "{shortest} and {medians} of 60");
    }

    #[test]
    fn equals_are_told_apart_by_chance_only() {
        let [shortest, _] = found(37, 1.0);
        assert!(shortest <= 2, "{shortest} of 60");
    }

    #[test]
    fn few_pairs_and_equal_times_have_no_false_certainty() {
        let judge = |times: &[u64], head: &[u64]| {
            let numbers: Vec<u32> = (0..).take(times.len()).collect();
            judge_shortest((times, &numbers), (head, &numbers), 0.03, ALPHA)
        };
        let few = judge(&[100; 11], &[200; 11]);
        assert_eq!((few.pairs, few.interval, few.verdict), (10, None, Verdict::Insufficient));
        assert_eq!(judge(&[], &[]).ratio, None);
        let equal = judge(&[100; 14], &[100; 14]);
        assert_eq!((equal.p, equal.verdict), (1.0, Verdict::Equivalent));
        let zero = judge(&[0; 14], &[100; 14]);
        assert_eq!((zero.pairs, zero.verdict), (0, Verdict::Insufficient));
    }
}
