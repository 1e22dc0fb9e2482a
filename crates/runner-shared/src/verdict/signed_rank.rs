//! Wilcoxon's signed-rank test and what belongs to it: the Hodges-Lehmann estimate and the interval
//! that comes from inverting the test (Hollander and Wolfe, "Nonparametric statistical methods", 3).

use crate::{
    statistics::{Interval, normal},
    walltime::as_float,
};

/// Up to here the distribution of the rank sum is counted out.
const EXACT: usize = 60;

/// Two-sided p-value of "the differences lie around 0". Zeros say nothing and are left out;
/// equal sizes share their rank, and the exact distribution is the one given these ranks.
pub(super) fn p_value(differences: &[f64]) -> f64 {
    let differences: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    let sizes: Vec<f64> = differences.iter().map(|d| d.abs()).collect();
    // Doubled, because shared ranks are halves.
    let ranks: Vec<u64> = doubled_ranks(&sizes);
    let total: u64 = ranks.iter().sum();
    let positive = differences.iter().zip(&ranks).filter(|(d, _)| **d > 0.0);
    let positive: u64 = positive.map(|(_, rank)| rank).sum();
    let smaller = positive.min(total - positive);
    if ranks.len() <= EXACT {
        return (2.0 * probability_up_to(smaller, &ranks)).min(1.0);
    }
    let variance: f64 = ranks.iter().map(|rank| as_float(*rank).powi(2)).sum::<f64>() / 4.0;
    // Half a rank of continuity correction is one in doubled ranks.
    let z = (as_float(smaller) + 1.0 - as_float(total) / 2.0).min(0.0) / variance.sqrt();
    (2.0 * normal::cdf(z)).min(1.0)
}

/// Twice the rank, from 1, of each value; equal values share the mean of their ranks.
pub(super) fn doubled_ranks(values: &[f64]) -> Vec<u64> {
    let mut order: Vec<(f64, usize)> = values.iter().copied().zip(0..).collect();
    order.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let mut doubled = vec![0; values.len()];
    let mut before = 0_u64;
    for group in order.chunk_by(|(one, _), (other, _)| one.total_cmp(other).is_eq()) {
        let size = u64::try_from(group.len()).unwrap_or(u64::MAX);
        for (_, index) in group {
            if let Some(rank) = doubled.get_mut(*index) {
                *rank = 2 * before + size + 1;
            }
        }
        before += size;
    }
    doubled
}

/// Probability that the sum of the ranks with a random sign "plus" is at most `limit`.
fn probability_up_to(limit: u64, ranks: &[u64]) -> f64 {
    chances_up_to(limit, ranks).iter().sum()
}

/// Probability of each sum from 0 to `limit`, rank by rank; larger sums fall out.
fn chances_up_to(limit: u64, ranks: &[u64]) -> Vec<f64> {
    let mut chances = vec![1.0];
    chances.resize(usize::try_from(limit).unwrap_or(0) + 1, 0.0);
    for rank in ranks.iter().filter_map(|rank| usize::try_from(*rank).ok()) {
        let before = chances.clone();
        let shifted = std::iter::repeat_n(0.0, rank).chain(before.iter().copied());
        for (chance, (without, with)) in chances.iter_mut().zip(before.iter().zip(shifted)) {
            *chance = f64::midpoint(*without, with);
        }
    }
    chances
}

/// The median of the means of all pairs of differences (each with itself, too).
pub(super) fn hodges_lehmann(ascending: &[f64]) -> Option<f64> {
    let count = walsh_count(ascending);
    let low = walsh_average(ascending, count.div_ceil(2))?;
    let high = walsh_average(ascending, count / 2 + 1)?;
    Some(f64::midpoint(low, high))
}

/// The interval of all shifts that the test at level `alpha` doesn't reject; `None` if it would
/// be infinite.
pub(super) fn interval(ascending: &[f64], alpha: f64) -> Option<Interval> {
    let rank = rejected_ranks(ascending.len(), alpha);
    let count = walsh_count(ascending);
    if rank == 0 {
        return None;
    }
    let low = walsh_average(ascending, rank)?;
    let high = walsh_average(ascending, count + 1 - rank)?;
    Some(Interval { low, high })
}

/// Says which Walsh averages are the ends of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntervalRank {
    /// The low end is the average of this rank, counted from 1; the high end that of the same rank from above. 0 if the
    /// interval is infinite.
    pub rank: u64,
    /// The number of all averages.
    pub averages: u64,
    /// The distribution of the rank sum was counted out; else it is approximated by a normal one.
    pub is_exact: bool,
}

/// Returns the ends of the interval that so many pairs have at the level 1 - `alpha`.
pub fn interval_rank(pairs: u64, alpha: f64) -> IntervalRank {
    let n = usize::try_from(pairs).unwrap_or(usize::MAX);
    let averages = pairs.saturating_mul(pairs.saturating_add(1)) / 2;
    IntervalRank { rank: rejected_ranks(n, alpha), averages, is_exact: n <= EXACT }
}

/// Returns the number of lowest rank sums that together are at most `alpha / 2` probable.
fn rejected_ranks(n: usize, alpha: f64) -> u64 {
    let pairs = u64::try_from(n).unwrap_or(u64::MAX);
    if n > EXACT {
        let n = as_float(pairs);
        let mean = n * (n + 1.0) / 4.0;
        let deviation = (n * (n + 1.0) * (2.0 * n + 1.0) / 24.0).sqrt();
        let rank = (mean + 0.5 + normal::quantile(alpha / 2.0) * deviation).floor().max(0.0);
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, and below the number of Walsh averages"
        )]
        return rank as u64;
    }
    let ranks: Vec<u64> = (1..=pairs).collect();
    let mut so_far = 0.0;
    let is_rejected = |chance: &f64| {
        so_far += chance;
        so_far <= alpha / 2.0
    };
    let chances = chances_up_to(pairs * (pairs + 1) / 4, &ranks);
    u64::try_from(chances.into_iter().take_while(is_rejected).count()).unwrap_or(0)
}

fn walsh_count(values: &[f64]) -> u64 {
    let n = u64::try_from(values.len()).unwrap_or(u64::MAX);
    n.saturating_mul(n.saturating_add(1)) / 2
}

/// The Walsh average of a rank (from 1), found by halving the range of values: there may be too
/// many to list them.
fn walsh_average(ascending: &[f64], rank: u64) -> Option<f64> {
    let (mut low, mut high) = (*ascending.first()?, *ascending.last()?);
    if walsh_up_to(ascending, low) >= rank {
        return Some(low);
    }
    // Invariant: fewer than `rank` averages are at most `low`, at least `rank` at most `high`.
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return Some(high);
        }
        if walsh_up_to(ascending, middle) >= rank {
            high = middle;
        } else {
            low = middle;
        }
    }
}

/// Number of Walsh averages up to `limit`. The more the first of a pair, the less the second.
fn walsh_up_to(ascending: &[f64], limit: f64) -> u64 {
    let mut partners = ascending.len();
    let mut count = 0_u64;
    for (index, first) in ascending.iter().enumerate() {
        let fits = |second: &f64| f64::midpoint(*first, *second) <= limit;
        while partners > index && ascending.get(partners - 1).is_some_and(|second| !fits(second)) {
            partners -= 1;
        }
        if partners <= index {
            break;
        }
        count += u64::try_from(partners - index).unwrap_or(0);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Xoshiro256;

    #[track_caller]
    fn is(got: f64, expected: f64) {
        assert!(got.total_cmp(&expected).is_eq(), "{got} != {expected}");
    }

    fn walsh(values: &[f64]) -> Vec<f64> {
        let pairs = values.iter().enumerate().flat_map(|(index, first)| {
            values[index..].iter().map(|second| f64::midpoint(*first, *second))
        });
        let mut averages: Vec<f64> = pairs.collect();
        averages.sort_by(f64::total_cmp);
        averages
    }

    #[test]
    fn averages_by_rank_are_those_of_the_sorted_list() {
        let mut random = Xoshiro256::seeded(3);
        for n in [1, 2, 3, 8, 17] {
            let mut values: Vec<f64> = (0..n).map(|_| random.normal()).collect();
            values.sort_by(f64::total_cmp);
            for (rank, expected) in (1..).zip(walsh(&values)) {
                let got = walsh_average(&values, rank).unwrap();
                assert!((got - expected).abs() < 1e-12, "{n} {rank}: {got} != {expected}");
            }
        }
        assert_eq!(walsh_average(&[2.0; 9], 20), Some(2.0));
        assert_eq!(hodges_lehmann(&[]), None);
        assert_eq!(hodges_lehmann(&[1.0, 2.0, 6.0]), Some(2.75), "of 1 1.5 2 3.5 4 6");
    }

    #[test]
    fn equal_values_share_their_rank() {
        assert_eq!(doubled_ranks(&[5.0, 1.0, 5.0, 9.0]), [5, 2, 5, 8]);
    }

    #[test]
    fn ranks_of_the_interval_are_those_of_the_tables() {
        // Critical values of the signed-rank test, two-sided 0.01, are one less.
        let ranks = [5, 7, 8, 9, 10, 12, 15, 20, 25, 30].map(|n| rejected_ranks(n, 0.01));
        assert_eq!(ranks, [0, 0, 1, 2, 4, 8, 16, 38, 69, 110]);
    }

    #[test]
    fn the_normal_approximation_continues_the_exact_count() {
        let exact = rejected_ranks(60, 0.01);
        let steps = [59, 60, 61, 62].map(|n| rejected_ranks(n, 0.01));
        assert!(steps.is_sorted(), "{steps:?}");
        assert!(steps[2] - exact < 25, "{steps:?}");
    }

    #[test]
    fn p_values_are_exact_with_ties_and_without() {
        // All eight positive: 2 of 256 signs are as extreme.
        is(p_value(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]), 2.0 / 256.0);
        is(p_value(&[1.0, 1.0, 1.0, 0.0]), 0.25);
        is(p_value(&[1.0, -1.0]), 1.0);
        is(p_value(&[]), 1.0);
        let many: Vec<f64> = (1..=100).map(f64::from).collect();
        assert!(p_value(&many) < 1e-15);
        let even: Vec<f64> = (0..100).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        assert!(p_value(&even) > 0.9);
    }
}
