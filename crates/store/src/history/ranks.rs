//! Ranks: that of values which doesn't depend on the shape of their noise, and the certainty of a difference between them.
//!
//! Sources: Mann and Whitney, "On a test of whether one of two random variables is stochastically larger than the other",
//! Annals of Mathematical Statistics 18, 1947 (the rank-sum test); Andrews, "The Theory of Partitions", 1976, chapter 3
//! (its exact distribution is the Gaussian binomial coefficient).

use std::ops::Range;

use statrs::function::{erf::erfc, factorial::ln_binomial};

use crate::shown::float;

/// Samples of which the smaller one has at most so many values have the exact distribution. That of larger ones is as good
/// as normal, and where it isn't, the normal one finds too little rather than too much.
const FEW: usize = 20;
/// Larger probabilities of the normal distribution are not looked at more closely.
const CLOSER: f64 = 0.05;

/// The ranks of some values, less their mean; equal values share theirs.
#[derive(Debug)]
pub(super) struct Ranks {
    /// In the order of the values.
    all: Vec<f64>,
    /// Sums of the first ones, from none to all.
    sums: Vec<f64>,
    /// Their variance.
    variance: f64,
}

impl Ranks {
    /// Ranks these values, which are numbers.
    pub(super) fn of(values: &[f64]) -> Self {
        let mut sorted: Vec<(f64, usize)> = values.iter().copied().zip(0..).collect();
        sorted.sort_unstable_by(|(one, _), (other, _)| one.total_cmp(other));
        let middle = (float(values.len()) - 1.0) / 2.0;
        let mut ranks = vec![0.0; values.len()];
        let mut below = 0;
        for equal in sorted.chunk_by(|(one, _), (other, _)| one.total_cmp(other).is_eq()) {
            let rank = float(below) + (float(equal.len()) - 1.0) / 2.0 - middle;
            for (_, place) in equal {
                if let Some(of) = ranks.get_mut(*place) {
                    *of = rank;
                }
            }
            below += equal.len();
        }
        let mut sum = 0.0;
        let summed = ranks.iter().map(|rank| {
            sum += rank;
            sum
        });
        let sums: Vec<f64> = [0.0].into_iter().chain(summed).collect();
        let squares: f64 = ranks.iter().map(|rank| rank * rank).sum();
        let variance = squares / (float(values.len()) - 1.0).max(1.0);
        Self { all: ranks, sums, variance }
    }

    /// Returns the ranks, in the order of the values.
    pub(super) fn all(&self) -> &[f64] {
        &self.all
    }

    /// Returns the sum of the ranks of a range.
    fn sum(&self, range: &Range<usize>) -> f64 {
        let upto = |place: usize| self.sums.get(place).copied().unwrap_or(0.0);
        upto(range.end) - upto(range.start)
    }

    /// Returns how far the values of a range are from all others, in squared standard deviations.
    pub(super) fn apart(&self, range: &Range<usize>) -> f64 {
        let (inside, all) = (float(range.len()), float(self.all.len()));
        let spread = self.variance * inside * (all - inside) / all;
        if spread > 0.0 { self.sum(range).powi(2) / spread } else { 0.0 }
    }

    /// Returns how far the values of two ranges are apart, in about squared standard deviations, as values within a larger
    /// whole: here a few that are larger than all others of two short ranges are less than a few that are larger than all
    /// of the whole.
    pub(super) fn between(&self, one: &Range<usize>, other: &Range<usize>) -> f64 {
        let (m, n) = (float(one.len()), float(other.len()));
        if m < 1.0 || n < 1.0 || self.variance <= 0.0 {
            return 0.0;
        }
        let apart = self.sum(one) / m - self.sum(other) / n;
        apart * apart * m * n / (m + n) / self.variance
    }

    /// Returns true if values before and behind a place, at least `shortest` on each side, are apart by at least so many
    /// squared standard deviations.
    pub(super) fn may_split(&self, shortest: usize, least: f64) -> bool {
        let count = self.all.len();
        let (all, least) = (float(count), least * self.variance);
        let mut places =
            (shortest..=count.saturating_sub(shortest)).zip(self.sums.iter().skip(shortest));
        // Without a division: this is asked of all windows of all histories.
        self.variance > 0.0
            && places.any(|(place, sum)| {
                let left = float(place);
                sum * sum * all >= least * left * (all - left)
            })
    }

    /// Returns the range of one of these lengths that is furthest from all other values, within the ends.
    pub(super) fn piece(&self, lengths: &[usize]) -> Option<Range<usize>> {
        let count = self.all.len();
        let all = float(count);
        let mut best: Option<(f64, Range<usize>)> = None;
        for length in lengths.iter().copied().filter(|length| *length < count) {
            let ends = self.sums.iter().zip(self.sums.iter().skip(length)).enumerate();
            let squares = ends.map(|(start, (from, to))| ((to - from) * (to - from), start));
            let furthest = squares.max_by(|(one, _), (other, _)| one.total_cmp(other));
            let Some((square, start)) = furthest else { continue };
            let inside = float(length);
            let apart = square / (inside * (all - inside));
            if best.as_ref().is_none_or(|(most, _)| apart > *most) {
                best = Some((apart, start..start + length));
            }
        }
        best.map(|(_, range)| range)
    }
}

/// The difference between two samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Difference {
    /// Probability that two samples of one distribution differ at least as much, either way.
    pub p: f64,
    /// True if the first sample is the one with the higher values.
    pub is_higher: bool,
}

/// Compares the ranks of a sample with those of all others together: a rank-sum test. Equal values in both count against
/// a difference, so that the probability is never too small, whatever the noise is. Samples that never vary differ for
/// certain or not at all.
pub(super) fn difference(sample: &[f64], others: &[&[f64]]) -> Difference {
    let mut sorted = sample.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let count: usize = others.iter().map(|other| other.len()).sum();
    // Pairs of values in which that of the sample is lower, and in which both are equal.
    let (mut lower, mut equal) = (0, 0);
    for value in others.iter().copied().flatten() {
        let below = sorted.partition_point(|own| own < value);
        lower += below;
        let same = sorted.get(below..).unwrap_or_default().iter();
        equal += same.take_while(|own| *own <= value).count();
    }
    let higher = (sorted.len() * count).saturating_sub(lower + equal);
    let against = lower.min(higher) + equal;
    let is_some = !sample.is_empty() && count > 0;
    let p = if is_some && against == 0 && never_varies(&[sample]) && never_varies(others) {
        0.0
    } else {
        by_chance(sorted.len(), count, against)
    };
    Difference { p, is_higher: higher > lower }
}

fn never_varies(samples: &[&[f64]]) -> bool {
    let mut all = samples.iter().copied().flatten();
    let first = all.next();
    all.all(|value| Some(value) == first)
}

/// Returns the probability that at most `against` of all pairs of values of two samples of these sizes speak against a
/// difference one way or the other.
fn by_chance(one: usize, other: usize, against: usize) -> f64 {
    let (fewer, more) = (one.min(other), one.max(other));
    if fewer == 0 {
        return 1.0;
    }
    let normal = normally(fewer, more, against);
    if fewer > FEW || normal > CLOSER { normal } else { exactly(fewer, more, against) }
}

/// Returns that probability as if the number of pairs were distributed normally.
fn normally(one: usize, other: usize, against: usize) -> f64 {
    let (m, n) = (float(one), float(other));
    let deviation = (m * n * (m + n + 1.0) / 12.0).sqrt();
    let far = (m * n / 2.0 - float(against) - 0.5) / deviation;
    if far > 0.0 { erfc(far / std::f64::consts::SQRT_2) } else { 1.0 }
}

/// Returns that probability by counting.
fn exactly(fewer: usize, more: usize, against: usize) -> f64 {
    let size = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let all = ln_binomial(size(fewer + more), size(fewer));
    (2.0 * (arrangements(fewer, more, against).ln() - all).exp()).min(1.0)
}

/// Returns how many of the arrangements of two samples have at most `most` pairs in which the value of the second one is
/// lower: coefficients of the product of (1 - q^(more + k)) / (1 - q^k), for k from 1 to `fewer`.
fn arrangements(fewer: usize, more: usize, most: usize) -> f64 {
    let mut ways = vec![0.0; most + 1];
    if let Some(none) = ways.first_mut() {
        *none = 1.0;
    }
    let mut add = |place: usize, from: usize, sign: f64| {
        let other = ways.get(from).copied().unwrap_or(0.0);
        if let Some(way) = ways.get_mut(place) {
            *way += sign * other;
        }
    };
    for part in 1..=fewer {
        (part..=most).for_each(|place| add(place, place - part, 1.0));
        (more + part..=most).rev().for_each(|place| add(place, place - more - part, -1.0));
    }
    ways.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rank_sum_test_agrees_with_published_values() {
        // R: wilcox.test(x, y)$p.value, which is exact for these, and pwilcox.
        let separate = difference(&[1.0, 2.0, 3.0, 4.0, 5.0], &[&[6.0, 7.0, 8.0], &[9.0, 10.0]]);
        assert!((separate.p - 2.0 / 252.0).abs() < 1e-12 && !separate.is_higher, "{separate:?}");
        // Critical values of U, both sides at 5 %: 5 and 8 have 6, 10 and 10 have 23, 8 and 15 have 29.
        for (one, other, critical) in [(5, 8, 6), (10, 10, 23), (8, 15, 29)] {
            let (at, beyond) =
                (by_chance(one, other, critical), by_chance(one, other, critical + 1));
            assert!(at <= 0.05 && beyond > 0.05, "{one} and {other}: {at}, {beyond}");
        }
        assert!((by_chance(10, 10, 0) - 2.0 / 184_756.0).abs() < 1e-12);
    }

    #[test]
    fn exact_probabilities_are_those_of_counting() {
        // All ways to choose 4 of 10 places.
        let mut counts = vec![0_u32; 25];
        for set in 0_u32..1 << 10 {
            if set.count_ones() == 4 {
                let chosen = (0..10).filter(|place| set >> place & 1 == 1);
                let sum: usize = chosen.zip(0..).map(|(place, nth)| place - nth).sum();
                counts[sum] += 1;
            }
        }
        let mut below = 0;
        for (against, count) in counts.into_iter().enumerate() {
            below += count;
            assert!((arrangements(4, 6, against) - f64::from(below)).abs() < 1e-9, "{against}");
        }
    }

    #[test]
    fn large_samples_are_judged_like_smaller_ones() {
        // The normal distribution takes over, and is never the bolder one.
        for against in [0, 100, 150, 200] {
            let (exact, normal) = (exactly(20, 40, against), normally(20, 40, against));
            assert!(normal >= exact, "{against}: {exact}, {normal}");
        }
        assert!(by_chance(5_000, 5_000, 0) < 1e-300);
        assert!(by_chance(5, 10_000, 0) < 1e-17);
    }

    #[test]
    fn equal_values_speak_against_a_difference() {
        let apart = difference(&[1.0, 1.0, 2.0, 1.0, 1.0], &[&[3.0; 40]]).p;
        let touching = difference(&[1.0, 1.0, 3.0, 1.0, 1.0], &[&[3.0; 40]]).p;
        assert!(apart < 1e-5 && touching > 10.0 * apart, "{apart}, {touching}");
        assert!((difference(&[7.0; 5], &[&[7.0; 40]]).p - 1.0).abs() < f64::EPSILON);
        assert!(difference(&[7.0; 5], &[&[7.1; 5]]).p < f64::MIN_POSITIVE);
        assert!((difference(&[], &[&[7.1; 5]]).p - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn the_piece_that_stands_out_is_found() {
        let values: Vec<f64> = (0..50)
            .map(|nth| f64::from(nth * 7 % 50) + if (20..28).contains(&nth) { 60.0 } else { 0.0 })
            .collect();
        let ranks = Ranks::of(&values);
        assert_eq!(ranks.piece(&[5, 8, 12]), Some(20..28));
        assert!(ranks.apart(&(20..28)) > ranks.apart(&(0..20)));
        assert!(!Ranks::of(&[1.0; 50]).may_split(5, 1.0));
    }
}
