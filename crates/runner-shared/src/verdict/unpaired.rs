//! Judges two groups of runs of which no two belong together, such as those of yesterday and those of today.
//!
//! The shift between both groups is the median of all differences between a run of head and one of base (Hodges and
//! Lehmann). Of up to ten runs a side its interval comes from the exact permutation distribution of the rank sum, with
//! shared ranks for equal values (Hollander and Wolfe, "Nonparametric statistical methods", 4); of more runs from a
//! bootstrap of each side. Either says how runs of the same hour differ. What a machine does from hour to hour is in
//! neither, so that a caller has to add it.

use super::signed_rank::doubled_ranks;
use crate::{
    statistics::{Interval, Xoshiro256, normal},
    walltime::quantile,
};

/// With fewer runs of a side a 99 % interval of the rank-sum test is infinite.
pub const FEWEST_RUNS: usize = 5;
/// Up to so many runs of a side all permutations are counted out.
pub const MOST_EXACT_RUNS: usize = 10;
/// Resamples of the bootstrap of more runs.
pub const SHIFT_RESAMPLES: u32 = 4_000;

/// The distance between two groups.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shifted {
    /// The estimate, in the unit of the values.
    pub shift: f64,
    /// Its interval.
    pub interval: Interval,
    /// Two-sided p-value of "there is none".
    pub p: f64,
}

/// Returns how far the values of head are above those of base, with an interval at the level 1 - `alpha`.
///
/// `None` with fewer than [`FEWEST_RUNS`] values on a side, or one that is not finite. `seed` is used for more than
/// [`MOST_EXACT_RUNS`] values.
pub fn shift(base: &[f64], head: &[f64], alpha: f64, seed: u64) -> Option<Shifted> {
    let is_finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
    if base.len().min(head.len()) < FEWEST_RUNS || !is_finite(base) || !is_finite(head) {
        return None;
    }
    let differences = differences(base, head);
    let shift = quantile(&differences, 0.5);
    if base.len().max(head.len()) > MOST_EXACT_RUNS {
        return Some(resampled(base, head, shift, alpha, seed));
    }
    let rank = rejected(base.len(), head.len(), alpha)?;
    let low = *differences.get(rank.checked_sub(1)?)?;
    let high = *differences.get(differences.len().checked_sub(rank)?)?;
    Some(Shifted { shift, interval: Interval { low, high }, p: p_value(base, head) })
}

/// All differences between a value of head and one of base, ascending.
fn differences(base: &[f64], head: &[f64]) -> Vec<f64> {
    let mut all: Vec<f64> =
        head.iter().flat_map(|head| base.iter().map(move |base| head - base)).collect();
    all.sort_by(f64::total_cmp);
    all
}

/// Two-sided p-value of the rank sum of head, given the ranks that these values have.
fn p_value(base: &[f64], head: &[f64]) -> f64 {
    let all: Vec<f64> = base.iter().chain(head).copied().collect();
    let ranks = doubled_ranks(&all);
    let of_head: u64 = ranks.iter().skip(base.len()).sum();
    let chances = chances(&ranks, head.len());
    let sums = (0_u64..).zip(&chances);
    let (mut below, mut above) = (0.0, 0.0);
    for (sum, chance) in sums {
        below += if sum <= of_head { *chance } else { 0.0 };
        above += if sum >= of_head { *chance } else { 0.0 };
    }
    (2.0 * below.min(above)).min(1.0)
}

/// Returns the rank, from 1, of the difference that is the lower end of the interval; `None` if that is infinite.
fn rejected(base: usize, head: usize, alpha: f64) -> Option<usize> {
    let ranks: Vec<u64> = (1_u64..).take(base + head).map(|rank| 2 * rank).collect();
    let least: u64 = ranks.iter().take(head).sum();
    let mut so_far = 0.0;
    let is_rejected = |chance: &&f64| {
        so_far += **chance;
        so_far <= alpha / 2.0
    };
    // The number of differences below 0 is the rank sum less the least one. Sums are doubled: every other one.
    let chances = chances(&ranks, head);
    let from_least = chances.iter().skip(usize::try_from(least).ok()?).step_by(2);
    let count = from_least.take_while(is_rejected).count();
    (count > 0).then_some(count)
}

/// Probability of each sum of `chosen` of these ranks, from 0 on.
fn chances(ranks: &[u64], chosen: usize) -> Vec<f64> {
    let width = usize::try_from(ranks.iter().sum::<u64>()).unwrap_or(0) + 1;
    let mut ways = vec![vec![0.0; width]; chosen + 1];
    if let Some(first) = ways.first_mut().and_then(|sums| sums.first_mut()) {
        *first = 1.0;
    }
    for rank in ranks.iter().filter_map(|rank| usize::try_from(*rank).ok()) {
        for count in (1..=chosen).rev() {
            let before = ways.get(count - 1).cloned().unwrap_or_default();
            let Some(sums) = ways.get_mut(count) else { continue };
            for (sum, more) in sums.iter_mut().skip(rank).zip(before) {
                *sum += more;
            }
        }
    }
    let sums = ways.pop().unwrap_or_default();
    let all: f64 = sums.iter().sum();
    sums.into_iter().map(|count| count / all).collect()
}

/// The interval of the percentiles of the shift between medians, each side resampled for itself.
fn resampled(base: &[f64], head: &[f64], shift: f64, alpha: f64, seed: u64) -> Shifted {
    let mut random = Xoshiro256::seeded(seed);
    let mut shifts: Vec<f64> = (0..SHIFT_RESAMPLES)
        .map(|_| {
            let [base, head] = [base, head].map(|side| median_of_draws(side, &mut random));
            head - base
        })
        .collect();
    shifts.sort_by(f64::total_cmp);
    let [low, high] = [alpha / 2.0, 1.0 - alpha / 2.0].map(|share| quantile(&shifts, share));
    let interval = Interval { low, high }.with(shift);
    let mean = shifts.iter().sum::<f64>() / f64::from(SHIFT_RESAMPLES);
    let squares: f64 = shifts.iter().map(|one| (one - mean).powi(2)).sum();
    let error = (squares / f64::from(SHIFT_RESAMPLES - 1)).sqrt();
    let p = match shift.abs() {
        size if size <= 0.0 => 1.0,
        _ if error <= 0.0 => 0.0,
        size => (2.0 * normal::cdf(-size / error)).min(1.0),
    };
    Shifted { shift, interval, p }
}

fn median_of_draws(values: &[f64], random: &mut Xoshiro256) -> f64 {
    let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
    let places = (0..values.len().div_ceil(2)).flat_map(|_| random.two_below(count));
    let drawn = places.filter_map(|place| values.get(usize::try_from(place).ok()?).copied());
    let mut drawn: Vec<f64> = drawn.take(values.len()).collect();
    drawn.sort_by(f64::total_cmp);
    quantile(&drawn, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normals(count: usize, centre: f64, random: &mut Xoshiro256) -> Vec<f64> {
        (0..count).map(|_| centre + 0.01 * random.normal()).collect()
    }

    #[test]
    fn too_few_or_infinite_values_have_no_shift() {
        let five = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(shift(&five, &five[1..], 0.01, 1), None);
        assert_eq!(shift(&five, &[1.0, 2.0, 3.0, 4.0, f64::NAN], 0.01, 1), None);
        assert_eq!(shift(&[], &[], 0.01, 1), None);
    }

    #[test]
    fn five_runs_apart_have_the_smallest_p_of_the_tables() {
        let found = shift(&[1.0, 2.0, 3.0, 4.0, 5.0], &[11.0, 12.0, 13.0, 14.0, 15.0], 0.01, 1);
        let found = found.unwrap();
        // 2 of the 252 ways to choose five of ten.
        assert!((found.p - 2.0 / 252.0).abs() < 1e-12, "{}", found.p);
        assert_eq!((found.shift, found.interval), (10.0, Interval { low: 6.0, high: 14.0 }));
    }

    #[test]
    fn ranks_of_the_ends_are_those_of_the_tables() {
        // Critical values of the rank-sum test, two-sided 0.01, are one less.
        let found = [5, 6, 7, 8, 9, 10].map(|count| rejected(count, count, 0.01).unwrap());
        assert_eq!(found, [1, 3, 5, 8, 12, 17]);
        assert_eq!(rejected(4, 4, 0.01), None);
    }

    #[test]
    fn equal_values_share_their_ranks() {
        let same = shift(&[7.0; 6], &[7.0; 6], 0.01, 1).unwrap();
        assert_eq!((same.shift, same.p), (0.0, 1.0));
        assert_eq!(same.interval, Interval { low: 0.0, high: 0.0 });
        let many = shift(&[7.0; 12], &[7.0; 12], 0.01, 1).unwrap();
        assert_eq!((many.shift, many.p), (0.0, 1.0));
    }

    #[test]
    fn intervals_cover_no_shift_as_promised() {
        let mut random = Xoshiro256::seeded(11);
        for count in [5, 10, 14] {
            let is_wrong = |_: &u32| {
                let [base, head] = [0.0, 0.0].map(|centre| normals(count, centre, &mut random));
                let found = shift(&base, &head, 0.01, 3).unwrap();
                found.interval.low > 0.0 || found.interval.high < 0.0
            };
            let wrong = (0..600_u32).filter(is_wrong).count();
            // Six are expected.
            assert!(wrong <= 12, "{count}: {wrong} of 600");
        }
    }

    #[test]
    fn a_shift_of_three_deviations_is_found() {
        let mut random = Xoshiro256::seeded(12);
        for count in [5, 10, 14] {
            let is_found = |_: &u32| {
                let base = normals(count, 0.0, &mut random);
                let head = normals(count, 0.03, &mut random);
                shift(&base, &head, 0.01, 3).unwrap().interval.low > 0.0
            };
            let found = (0..100_u32).filter(is_found).count();
            assert!(found >= if count == 5 { 70 } else { 99 }, "{count}: {found} of 100");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_bits() {
        let mut random = Xoshiro256::seeded(13);
        let (base, head) = (normals(20, 0.0, &mut random), normals(20, 0.01, &mut random));
        assert_eq!(shift(&base, &head, 0.01, 5), shift(&base, &head, 0.01, 5));
        assert_ne!(shift(&base, &head, 0.01, 5), shift(&base, &head, 0.01, 6));
    }
}
