//! Judges counts, which repeat exactly on the same machine but for what the layout of memory changes: instructions,
//! bytes, allocations.
//!
//! There is no test of significance for counts: the spread between repeats of one side is the floor, and a difference
//! above it is real. Source: `peers.md` 3.3, step 2.

use crate::walltime::{as_float, quantile, sorted};

/// A difference has to be so many times the floor before it is called a regression: a few repeats don't show all of
/// the spread.
pub const FLOORS: f64 = 3.0;

/// Differences that are too small to matter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CountLimits {
    /// As a share of the base: 0.02 is 2 %.
    pub threshold: f64,
    /// In the unit of the count, for counts that are small.
    pub absolute: u64,
}

/// The relation of two benchmarks by one counter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CountJudgement {
    /// Median of the base's repeats.
    pub base: f64,
    /// Median of the other's repeats.
    pub head: f64,
    /// `head / base`; 1 if both are 0, `None` if only the base is.
    pub ratio: Option<f64>,
    /// The larger spread of both sides between their repeats, in the unit of the count. 0 if repeats are equal.
    pub floor: f64,
    /// The difference from which on the verdict is [`CountVerdict::More`] or [`CountVerdict::Less`], in the unit of the count.
    pub limit: f64,
    /// Repeats of the side that has fewer.
    pub repeats: usize,
    /// The conclusion.
    pub verdict: CountVerdict,
}

/// The outcome of comparing counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountVerdict {
    /// Not a single count apart.
    Same,
    /// They differ by no more than repeats of the same program do.
    WithinFloor,
    /// A real difference that is too small to matter.
    Small,
    /// Head has more, and that matters.
    More,
    /// Head has less, and that matters.
    Less,
    /// A side has fewer than two repeats, so that the floor is unknown, and the counts differ.
    Unknown,
    /// A side has no repeats.
    Missing,
}

impl CountVerdict {
    /// Returns the name in exported files.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::WithinFloor => "within_floor",
            Self::Small => "small",
            Self::More => "more",
            Self::Less => "less",
            Self::Unknown => "unknown",
            Self::Missing => "missing",
        }
    }

    /// Returns whether the counts differ so much that it matters.
    pub const fn matters(self) -> bool {
        match self {
            Self::More | Self::Less => true,
            Self::Same | Self::WithinFloor | Self::Small | Self::Unknown | Self::Missing => false,
        }
    }
}

impl CountJudgement {
    /// Returns whether every repeat of each side has the same count: the difference is exact then.
    pub fn is_exact(&self) -> bool {
        self.repeats >= 2 && self.floor <= 0.0
    }
}

/// Judges the counts of the repeats of two sides.
pub fn judge_counts(base: &[u64], head: &[u64], limits: CountLimits) -> CountJudgement {
    judge_counts_above(base, head, limits, None)
}

/// The same where it is known by how much repeats differ, in the unit of the count: a single repeat of each side suffices
/// then.
pub fn judge_counts_above(
    base: &[u64],
    head: &[u64],
    limits: CountLimits,
    known: Option<f64>,
) -> CountJudgement {
    let repeats = base.len().min(head.len());
    let is_enough = repeats >= 2 || known.is_some();
    let floor = as_float(spread(base).max(spread(head))).max(known.unwrap_or(0.0));
    let median = |counts: &[u64]| match counts {
        [] => 0.0,
        counts => quantile(&sorted(counts), 0.5),
    };
    let (base, head) = (median(base), median(head));
    let limit = (limits.threshold * base).max(FLOORS * floor).max(as_float(limits.absolute));
    let difference = head - base;
    let verdict = if repeats == 0 {
        CountVerdict::Missing
    } else if difference.abs() <= 0.0 && (floor <= 0.0 || !is_enough) {
        CountVerdict::Same
    } else if !is_enough {
        CountVerdict::Unknown
    } else if difference.abs() <= floor {
        CountVerdict::WithinFloor
    } else if difference.abs() < limit {
        CountVerdict::Small
    } else if difference > 0.0 {
        CountVerdict::More
    } else {
        CountVerdict::Less
    };
    let ratio = if base > 0.0 { Some(head / base) } else { (head <= 0.0).then_some(1.0) };
    CountJudgement { base, head, ratio, floor, limit, repeats, verdict }
}

fn spread(counts: &[u64]) -> u64 {
    let least = counts.iter().min().copied().unwrap_or(0);
    counts.iter().max().copied().unwrap_or(0) - least
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TWO_PERCENT: CountLimits = CountLimits { threshold: 0.02, absolute: 500 };

    fn verdict(base: &[u64], head: &[u64]) -> CountVerdict {
        judge_counts(base, head, TWO_PERCENT).verdict
    }

    #[test]
    fn a_difference_counts_above_the_floor_the_share_and_the_least() {
        use CountVerdict::{Less, Missing, More, Same, Small, Unknown, WithinFloor};
        let rows: [(&[u64], &[u64], CountVerdict); 12] = [
            (&[100_000, 100_000], &[100_000, 100_000], Same),
            (&[100_000, 100_000], &[100_001, 100_001], Small),
            (&[100_000, 100_000], &[102_000, 102_000], More),
            (&[100_000, 100_000], &[98_000, 98_000], Less),
            (&[100_000, 100_000], &[101_999, 101_999], Small),
            // 3 % more, but repeats of base are 3 % apart.
            (&[100_000, 103_000], &[103_000, 103_000], WithinFloor),
            (&[100_000, 102_000], &[105_000, 105_000], Small),
            (&[100_000, 102_000], &[108_000, 108_000], More),
            // Twice as much of next to nothing.
            (&[100, 100], &[200, 200], Small),
            (&[100_000], &[200_000], Unknown),
            (&[100_000], &[100_000], Same),
            (&[], &[1, 1], Missing),
        ];
        for (base, head, expected) in rows {
            assert_eq!(verdict(base, head), expected, "{base:?} {head:?}");
        }
    }

    #[test]
    fn a_known_floor_makes_single_repeats_enough() {
        use CountVerdict::{More, Small, WithinFloor};
        let judge =
            |head| judge_counts_above(&[100_000], &[head], TWO_PERCENT, Some(1000.0)).verdict;
        let found = [100_000, 101_000, 102_500, 103_000].map(judge);
        assert_eq!(found, [WithinFloor, WithinFloor, Small, More]);
    }

    #[test]
    fn zero_equals_zero_and_a_change_from_zero_has_no_ratio() {
        let none = judge_counts(&[0, 0], &[0, 0], TWO_PERCENT);
        assert_eq!((none.ratio, none.verdict), (Some(1.0), CountVerdict::Same));
        let some = judge_counts(&[0, 0], &[600, 600], TWO_PERCENT);
        assert_eq!((some.ratio, some.verdict), (None, CountVerdict::More));
        assert!(some.is_exact());
    }

    proptest! {
        #[test]
        fn sides_exchanged_give_the_opposite(
            base in prop::collection::vec(0_u64..1_000_000, 2..5),
            head in prop::collection::vec(0_u64..1_000_000, 2..5),
        ) {
            let limits = CountLimits { threshold: 1e-9, absolute: 500 };
            let there = judge_counts(&base, &head, limits).verdict;
            let back = judge_counts(&head, &base, limits).verdict;
            let opposite = match back {
                CountVerdict::More => CountVerdict::Less,
                CountVerdict::Less => CountVerdict::More,
                other @ (CountVerdict::Same
                | CountVerdict::WithinFloor
                | CountVerdict::Small
                | CountVerdict::Unknown
                | CountVerdict::Missing) => other,
            };
            prop_assert_eq!(there, opposite);
        }
    }
}
