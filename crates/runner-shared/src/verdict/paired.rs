//! Judges pairs of times that were measured right after each other.
//!
//! Two runs one after the other differ by whatever the machine did meanwhile. Neighbours share that, so only the
//! differences within pairs count: one observation each, the difference of the logarithms of two times. Their centre is
//! the Hodges-Lehmann estimate, and how sure it is comes from Wilcoxon's signed-rank test.

use std::collections::BTreeMap;

use super::signed_rank;
use crate::{
    statistics::Interval,
    walltime::{as_float, quantile, sorted},
};

/// With fewer pairs a 99 % interval of the signed-rank test is infinite.
pub const MINIMUM_PAIRS: u64 = 8;
/// Share of comparisons of equals whose interval may leave out "equal".
pub const ALPHA: f64 = 0.01;
/// The same at a look before the end. Many looks at growing data find more than one chance in a hundred; at this level
/// they add next to nothing to it (the boundary of Haybittle 1971 and Peto 1976).
pub const INTERIM_ALPHA: f64 = 0.001;
/// A number of pairs above this is no advice.
const MOST_PAIRS: f64 = 100_000.0;

/// The relation of two benchmarks by one kind of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// Time of head divided by time of base (Hodges-Lehmann); `None` without a single pair.
    pub ratio: Option<f64>,
    /// Interval of the ratio at the level that was asked for, else 1 - [`ALPHA`]; `None` with fewer than [`MINIMUM_PAIRS`] pairs.
    pub interval: Option<Interval>,
    /// Pairs that were compared, without the one that warms up.
    pub pairs: u64,
    /// Two-sided p-value of the signed-rank test over the pairs; 1 without pairs.
    pub p: f64,
    /// The smallest difference that matters, as a share: 0.03 is 3 %.
    pub threshold: f64,
    /// The conclusion.
    pub verdict: Verdict,
}

/// The outcome of a comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Head is slower for certain, and the estimate is the threshold or more.
    Regressed,
    /// Head is faster for certain, and the estimate is the threshold or more.
    Improved,
    /// Whatever the difference is, it is smaller than the threshold.
    Equivalent,
    /// The interval is too wide to tell.
    Inconclusive {
        /// The smallest difference that these pairs would have shown, as a share; `None` if none can be shown.
        resolves: Option<f64>,
        /// About how many pairs would do; `None` if no sensible number would.
        pairs_needed: Option<u64>,
    },
    /// Fewer than [`MINIMUM_PAIRS`] pairs.
    Insufficient,
}

impl Judgement {
    /// Returns whether head is slower for certain, and the estimate is this share or more.
    pub fn is_slower_by(&self, share: f64) -> bool {
        self.verdict == Verdict::Regressed && self.ratio.is_some_and(|ratio| ratio >= 1.0 + share)
    }
}

impl Verdict {
    /// The same, if the times may be wrong: nothing is certain then.
    #[must_use]
    pub(super) const fn in_doubt(self) -> Self {
        match self {
            Self::Regressed | Self::Improved | Self::Equivalent | Self::Inconclusive { .. } => {
                Self::Inconclusive { resolves: None, pairs_needed: None }
            }
            Self::Insufficient => self,
        }
    }

    /// More pairs would not change it.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Regressed | Self::Improved | Self::Equivalent => true,
            Self::Inconclusive { .. } | Self::Insufficient => false,
        }
    }
}

/// Judges the times of two benchmarks in nanoseconds; `base_pair` and `head_pair` say which pair each belongs to.
///
/// Several times of one side in a pair count as one, their median. A pair of one side only, or with a time of 0, is
/// left out; so is the first, which warms both sides up, if enough others remain. `threshold` is positive, usually 0.03;
/// `alpha` is the share of comparisons of equals whose interval may leave out "equal".
pub fn judge(
    (base, base_pair): (&[u64], &[u32]),
    (head, head_pair): (&[u64], &[u32]),
    threshold: f64,
    alpha: f64,
) -> Judgement {
    let (base, head) = (levels(base, base_pair), levels(head, head_pair));
    let both = base.iter().filter_map(|(pair, base)| Some(head.get(pair)? - base));
    let mut differences: Vec<f64> = without_first(both.collect());
    let pairs = u64::try_from(differences.len()).unwrap_or(u64::MAX);
    let p = signed_rank::p_value(&differences);
    differences.sort_by(f64::total_cmp);
    let estimate = signed_rank::hodges_lehmann(&differences);
    let interval = signed_rank::interval(&differences, alpha);
    let verdict = match (estimate, interval) {
        (Some(estimate), Some(interval)) if pairs >= MINIMUM_PAIRS => {
            verdict(estimate, interval, threshold.ln_1p(), pairs)
        }
        (Some(_) | None, Some(_) | None) => Verdict::Insufficient,
    };
    Judgement {
        ratio: estimate.map(f64::exp),
        interval: interval
            .map(|Interval { low, high }| Interval { low: low.exp(), high: high.exp() }),
        pairs,
        p,
        threshold,
        verdict,
    }
}

/// Leaves out the first pair, which warms both sides up, if enough others remain.
pub(super) fn without_first<T>(mut pairs: Vec<T>) -> Vec<T> {
    if u64::try_from(pairs.len()).is_ok_and(|count| count > MINIMUM_PAIRS) {
        pairs.remove(0);
    }
    pairs
}

/// Logarithm of the median time of each pair. A median of zero has none.
pub(super) fn levels(times: &[u64], pair: &[u32]) -> BTreeMap<u32, f64> {
    let mut pairs: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for (time, pair) in times.iter().zip(pair) {
        pairs.entry(*pair).or_default().push(*time);
    }
    let medians = pairs.into_iter().map(|(pair, times)| (pair, quantile(&sorted(&times), 0.5)));
    medians.filter(|(_, median)| *median > 0.0).map(|(pair, median)| (pair, median.ln())).collect()
}

/// All in logarithms.
pub(super) fn verdict(estimate: f64, interval: Interval, threshold: f64, pairs: u64) -> Verdict {
    let Interval { low, high } = interval;
    if low > 0.0 && estimate >= threshold {
        Verdict::Regressed
    } else if high < 0.0 && estimate <= -threshold {
        Verdict::Improved
    } else if -threshold < low && high < threshold {
        Verdict::Equivalent
    } else {
        let half_width = (high - estimate).max(estimate - low);
        Verdict::Inconclusive {
            resolves: Some(half_width.exp_m1()),
            pairs_needed: pairs_needed(estimate, half_width, threshold, pairs),
        }
    }
}

/// The width of an interval shrinks with the root of the number of pairs. It has to shrink until it
/// leaves out 0 (a large estimate) or the threshold (a small one).
pub(super) fn pairs_needed(
    estimate: f64,
    half_width: f64,
    threshold: f64,
    pairs: u64,
) -> Option<u64> {
    let size = estimate.abs();
    let room = if size >= threshold { size } else { threshold - size };
    let needed = (as_float(pairs) * (half_width / room).powi(2)).ceil();
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative and at most MOST_PAIRS"
    )]
    (needed <= MOST_PAIRS).then(|| (needed as u64).max(pairs + 1))
}
