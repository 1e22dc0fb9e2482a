//! The Mann-Whitney test: do two sets of values mix evenly?

use runner_shared::walltime::as_float;

use crate::normal;

/// Ranks from 1 of values; equal values share the mean of their ranks.
pub(super) struct Ranks {
    /// Twice the rank of each value, in the order of the values.
    pub doubled: Vec<u64>,
    /// Sum of `t^3 - t` over groups of `t` equal values: how much ties narrow the distribution.
    pub ties: f64,
}

/// Ranks values that can be compared.
pub(super) fn mid_ranks(values: &[f64]) -> Ranks {
    let mut order: Vec<(f64, usize)> = values.iter().copied().zip(0..).collect();
    order.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let mut doubled = vec![0; values.len()];
    let mut ties = 0.0;
    let mut before = 0_u64;
    for group in order.chunk_by(|(one, _), (other, _)| one.total_cmp(other).is_eq()) {
        let size = u64::try_from(group.len()).unwrap_or(u64::MAX);
        for (_, index) in group {
            if let Some(rank) = doubled.get_mut(*index) {
                *rank = 2 * before + size + 1;
            }
        }
        ties += as_float(size).powi(3) - as_float(size);
        before += size;
    }
    Ranks { doubled, ties }
}

/// Two-sided p-value by the normal approximation with corrections for ties and continuity, good
/// from about ten values on each side. 1 if a side is empty or everything is equal.
pub(super) fn p_value(base: &[u64], head: &[u64]) -> f64 {
    let pooled: Vec<f64> = base.iter().chain(head).map(|time| as_float(*time)).collect();
    let Ranks { doubled, ties } = mid_ranks(&pooled);
    let count = |of: &[u64]| as_float(u64::try_from(of.len()).unwrap_or(u64::MAX));
    let (of_base, of_head) = (count(base), count(head));
    let all = of_base + of_head;
    let rank_sum = as_float(doubled.iter().take(base.len()).sum()) / 2.0;
    let u = rank_sum - of_base * (of_base + 1.0) / 2.0;
    let off = ((u - of_base * of_head / 2.0).abs() - 0.5).max(0.0);
    let variance = of_base * of_head / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
    // Not a number if a side is empty.
    if variance > 0.0 { (2.0 * normal::cdf(-off / variance.sqrt())).min(1.0) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(got: f64, expected: f64) {
        assert!(got.total_cmp(&expected).is_eq(), "{got} != {expected}");
    }

    #[test]
    fn equal_values_share_their_rank() {
        let Ranks { doubled, ties } = mid_ranks(&[5.0, 1.0, 5.0, 9.0]);
        assert_eq!((doubled, ties), (vec![5, 2, 5, 8], 6.0));
    }

    #[test]
    fn values_of_scipy() {
        // scipy.stats.mannwhitneyu(range(1, 11), range(6, 16), method="asymptotic").
        let base: Vec<u64> = (1..11).collect();
        let head: Vec<u64> = (6..16).collect();
        assert!((p_value(&base, &head) - 0.005_083_1).abs() < 5e-5, "{}", p_value(&base, &head));
        is(p_value(&head, &base), p_value(&base, &head));
    }

    #[test]
    fn nothing_to_compare_is_no_difference() {
        is(p_value(&[], &[]), 1.0);
        is(p_value(&[1], &[]), 1.0);
        is(p_value(&[3, 3], &[3, 3]), 1.0);
    }
}
