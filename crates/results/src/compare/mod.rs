//! Is one benchmark slower than another? Judged from blocks of rounds that took turns.
//!
//! Two runs one after the other differ by whatever the machine did meanwhile. Neighbouring blocks
//! share that, so only the differences within pairs of them count. Rounds of one block are not
//! independent: each block is one observation, its median.

mod rank_sum;
mod sentence;
mod signed_rank;

use std::collections::BTreeMap;

use runner_shared::{
    artifact::Rounds,
    walltime::{as_float, quantile, sorted},
};

use crate::model::Interval;

/// With fewer pairs a 99 % interval of the signed-rank test is infinite.
pub const MINIMUM_PAIRS: u64 = 8;
/// One in a hundred comparisons of equals may have an interval that leaves out "equal".
const ALPHA: f64 = 0.01;
/// More pairs than this are nobody's advice.
const MOST_PAIRS: f64 = 100_000.0;

/// How the wall times of two interleaved benchmarks relate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Time of head divided by time of base (Hodges-Lehmann); `None` without a single pair.
    pub ratio: Option<f64>,
    /// 99 % interval of the ratio; `None` with fewer than [`MINIMUM_PAIRS`] pairs.
    pub interval: Option<Interval>,
    /// Pairs of blocks that were compared, without the warm-up pair.
    pub pairs: u64,
    /// Two-sided p-value of the Wilcoxon signed-rank test over the pairs; 1 without pairs.
    pub p: f64,
    /// Two-sided p-value of the Mann-Whitney test over all rounds, for information: it takes
    /// rounds for independent, which makes it too sure.
    pub rounds_p: f64,
    /// The smallest change that matters, as a share: 0.03 is 3 %.
    pub minimum_effect: f64,
    /// What follows from it.
    pub verdict: Verdict,
}

/// The outcome of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Head is slower for certain, and by at least the minimum effect.
    Regressed,
    /// Head is faster for certain, and by at least the minimum effect.
    Improved,
    /// Whatever the difference is, it is smaller than the minimum effect.
    Equivalent,
    /// The interval is too wide to tell.
    Inconclusive {
        /// About how many pairs would do; `None` if no sensible number would.
        pairs_needed: Option<u64>,
    },
    /// Fewer than [`MINIMUM_PAIRS`] pairs.
    Insufficient,
}

/// Compares the blocks that both sides have. Positive `minimum_effect`, usually 0.03.
///
/// The first pair warms both sides up and is not counted if enough others remain.
pub fn compare(base: &Rounds, head: &Rounds, minimum_effect: f64) -> Comparison {
    let mut differences = differences(base, head);
    let mut pairs = u64::try_from(differences.len()).unwrap_or(u64::MAX);
    if pairs > MINIMUM_PAIRS {
        differences.remove(0);
        pairs -= 1;
    }
    let p = signed_rank::p_value(&differences);
    differences.sort_by(f64::total_cmp);
    let estimate = signed_rank::hodges_lehmann(&differences);
    let interval = signed_rank::interval(&differences, ALPHA);
    let verdict = match (estimate, interval) {
        (Some(estimate), Some(interval)) if pairs >= MINIMUM_PAIRS => {
            judge(estimate, interval, minimum_effect.ln_1p(), pairs)
        }
        (Some(_) | None, Some(_) | None) => Verdict::Insufficient,
    };
    Comparison {
        ratio: estimate.map(f64::exp),
        interval: interval
            .map(|Interval { low, high }| Interval { low: low.exp(), high: high.exp() }),
        pairs,
        p,
        rounds_p: rank_sum::p_value(&base.wall_ns, &head.wall_ns),
        minimum_effect,
        verdict,
    }
}

/// Differences of the logarithms of the block medians, in the order of the blocks.
fn differences(base: &Rounds, head: &Rounds) -> Vec<f64> {
    let (base, head) = (block_levels(base), block_levels(head));
    base.iter().filter_map(|(block, base)| Some(head.get(block)? - base)).collect()
}

/// Logarithm of the median wall time of each block. A median of zero has none.
fn block_levels(rounds: &Rounds) -> BTreeMap<u32, f64> {
    let mut blocks: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for (wall, block) in rounds.wall_ns.iter().zip(&rounds.block) {
        blocks.entry(*block).or_default().push(*wall);
    }
    let levels = blocks.into_iter().map(|(block, walls)| (block, quantile(&sorted(&walls), 0.5)));
    levels.filter(|(_, median)| *median > 0.0).map(|(block, median)| (block, median.ln())).collect()
}

/// All in logarithms.
fn judge(estimate: f64, interval: Interval, effect: f64, pairs: u64) -> Verdict {
    let Interval { low, high } = interval;
    if low > 0.0 && estimate >= effect {
        Verdict::Regressed
    } else if high < 0.0 && estimate <= -effect {
        Verdict::Improved
    } else if -effect < low && high < effect {
        Verdict::Equivalent
    } else {
        let half_width = (high - estimate).max(estimate - low);
        Verdict::Inconclusive { pairs_needed: pairs_needed(estimate, half_width, effect, pairs) }
    }
}

/// The width of an interval shrinks with the root of the number of pairs. It has to shrink until it
/// leaves out 0 (a large estimate) or the minimum effect (a small one).
fn pairs_needed(estimate: f64, half_width: f64, effect: f64, pairs: u64) -> Option<u64> {
    let size = estimate.abs();
    let room = if size >= effect { size } else { effect - size };
    let needed = (as_float(pairs) * (half_width / room).powi(2)).ceil();
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative and at most MOST_PAIRS"
    )]
    (needed <= MOST_PAIRS).then(|| (needed as u64).max(pairs + 1))
}

#[cfg(test)]
mod tests;
