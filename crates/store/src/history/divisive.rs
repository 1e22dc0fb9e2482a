//! Change points of a series by E-divisive means.
//!
//! Sources: Matteson and James, "A nonparametric approach for multiple change point analysis of multivariate data", JASA
//! 109, 2014 (the divergence, with exponent 1); Daly et al., "The use of change point detection to identify software
//! performance regressions in a continuous integration system", ICPE 2020 (the method for benchmarks); Fleming et al.,
//! "Hunter: using change point detection to hunt for performance regressions", ICPE 2023 (t-test in place of random
//! permutations, so that the same values always have the same change points; windows; weak points that are merged).
//!
//! With n values and windows of w, candidates take n w steps; merging k candidates takes at most k (n + k), usually n.

use std::{collections::BTreeSet, ops::Range};

use super::level::difference;
use crate::shown::float;

/// Values that are looked at together.
const WINDOW: usize = 50;
/// Values from which on changes are looked for.
pub(super) const FEWEST: usize = 20;
/// Values of the shortest level: fewer are outliers.
const SHORTEST: usize = 5;
/// Candidates are at least that improbable by chance.
const WEAK: f64 = 0.01;
/// Changes are, all values at which one could be together: of a thousand histories of independent, normally distributed
/// noise about one shows one. A t-test of short levels finds more in skewed noise; `README.md` has what was measured.
const STRONG: f64 = 0.001;
/// Nothing at all counts as half of the smallest value, and as half of this at most.
const UNIT: f64 = 1.0;

/// Returns the places where a new level begins, in ascending order, each with the probability that any place looks
/// like that by chance. Levels differ by at least the share `minimum`. Fewer than [`FEWEST`] values have none.
pub(super) fn change_points(values: &[f64], minimum: f64) -> Vec<(usize, f64)> {
    if values.len() < FEWEST {
        return Vec::new();
    }
    let logs = logarithms(values);
    let mut found = candidates(&logs);
    merge(&logs, &mut found, minimum.ln_1p());
    settle(&logs, &mut found);
    merge(&logs, &mut found, minimum.ln_1p());
    let judged = |nth: usize| {
        let (start, at, end) = around(&found, nth, logs.len());
        (at, by_chance(&logs, start, at, end))
    };
    (0..found.len()).map(judged).collect()
}

/// Returns the logarithms of values. Counts may be zero: what is none or no number counts as half of the smallest value.
fn logarithms(values: &[f64]) -> Vec<f64> {
    let sound = |value: &f64| value.is_normal() && *value > 0.0;
    let least = values.iter().copied().filter(sound).fold(UNIT, f64::min) / 2.0;
    let logarithm =
        |value: &f64| if value.is_finite() { value.max(least).ln() } else { least.ln() };
    values.iter().map(logarithm).collect()
}

/// Looks for candidates in windows that overlap, so that one at the end of a window is in the middle of the next.
fn candidates(logs: &[f64]) -> Vec<usize> {
    let mut found = BTreeSet::new();
    let mut start = 0;
    while start < logs.len() {
        let end = logs.len().min(start + WINDOW);
        let mut inside = Vec::new();
        divide(logs, start..end, &mut inside);
        let last = inside.iter().copied().max().unwrap_or(start);
        found.extend(inside);
        start = last.max(start + WINDOW / 2);
    }
    found.into_iter().collect()
}

/// Divides a range where its halves differ most, as long as they differ enough.
fn divide(logs: &[f64], range: Range<usize>, found: &mut Vec<usize>) {
    if !logs.get(range.clone()).is_some_and(may_differ) {
        return;
    }
    let Some(at) = best_split(logs, range.clone()) else { return };
    if probability(logs, range.start, at, range.end) >= WEAK {
        return;
    }
    found.push(at);
    divide(logs, range.start..at, found);
    divide(logs, at..range.end, found);
}

/// Returns false if no split of these values can pass the test of candidates: most windows are done with after one look
/// at each value.
fn may_differ(values: &[f64]) -> bool {
    /// The square of the normal quantile that belongs to [`WEAK`], rounded down; that of any t distribution is larger.
    const LEAST: f64 = 6.63;
    let Some(first) = values.first() else { return false };
    // From the first value, as a large mean would swallow small differences.
    let (sum, squares) = values.iter().fold((0.0, 0.0), |(sum, squares), value| {
        let value = value - first;
        (sum + value, squares + value * value)
    });
    let count = float(values.len());
    let total = squares - sum * sum / count;
    let mut left = 0.0;
    (1..values.len()).zip(values).any(|(size, value)| {
        left += value - first;
        let (m, n) = (float(size), count - float(size));
        let apart = left / m - (sum - left) / n;
        let between = apart * apart * m * n / count;
        between * (count - 2.0) > LEAST * (total - between)
    })
}

/// Returns the place in a range where the values before and behind it are furthest apart: by the energy distance, scaled.
fn best_split(logs: &[f64], range: Range<usize>) -> Option<usize> {
    let values = logs.get(range.clone())?;
    let far = |value: f64, others: &[f64]| -> f64 {
        others.iter().map(|other| (value - other).abs()).sum()
    };
    // Sums of distances: within what lies before the split, within what lies behind it, and between both.
    let mut before = 0.0;
    let mut between = 0.0;
    let mut behind: f64 =
        (1..).zip(values).filter_map(|(next, value)| Some(far(*value, values.get(next..)?))).sum();
    let mut best: Option<(f64, usize)> = None;
    for (place, value) in values.iter().enumerate() {
        let to_left = far(*value, values.get(..place)?);
        let to_right = far(*value, values.get(place + 1..)?);
        before += to_left;
        behind -= to_right;
        between += to_right - to_left;
        let (left, right) = (place + 1, values.len() - place - 1);
        if left.min(right) < SHORTEST {
            continue;
        }
        let (m, n) = (float(left), float(right));
        let distance = 2.0 * between / (m * n)
            - 2.0 * before / (m * (m - 1.0))
            - 2.0 * behind / (n * (n - 1.0));
        let scaled = distance * m * n / (m + n);
        if best.is_none_or(|(most, _)| scaled > most) {
            best = Some((scaled, left));
        }
    }
    best.map(|(_, left)| range.start + left)
}

/// Takes away the weakest candidates until all that are left are strong and large enough.
fn merge(logs: &[f64], found: &mut Vec<usize>, minimum: f64) {
    let judged = |found: &[usize], nth: usize| {
        let (start, at, end) = around(found, nth, logs.len());
        let size = size(logs, start, at, end);
        (by_chance(logs, start, at, end), size)
    };
    let mut known: Vec<(f64, f64)> = (0..found.len()).map(|nth| judged(found, nth)).collect();
    loop {
        let all = || known.iter().copied().enumerate();
        let weakest = all().max_by(|(_, one), (_, other)| one.0.total_cmp(&other.0));
        let smallest = all().min_by(|(_, one), (_, other)| one.1.total_cmp(&other.1));
        let (Some((weakest, (p, _))), Some((smallest, (_, size)))) = (weakest, smallest) else {
            return;
        };
        let gone = if p >= STRONG {
            weakest
        } else if size < minimum {
            smallest
        } else {
            return;
        };
        found.remove(gone);
        known.remove(gone);
        for nth in [gone.checked_sub(1), Some(gone)].into_iter().flatten() {
            if let Some(known) = known.get_mut(nth) {
                *known = judged(found, nth);
            }
        }
    }
}

/// Moves each change point to the best place between its neighbours: a window may have cut what belongs together.
fn settle(logs: &[f64], found: &mut [usize]) {
    for nth in 0..found.len() {
        let (start, at, end) = around(found, nth, logs.len());
        let near = start.max(at.saturating_sub(WINDOW))..end.min(at + WINDOW);
        if let (Some(best), Some(place)) = (best_split(logs, near), found.get_mut(nth)) {
            *place = best;
        }
    }
}

/// Returns the change point of this number with those before and behind it, or the ends of the series.
fn around(found: &[usize], nth: usize, length: usize) -> (usize, usize, usize) {
    let get = |nth: Option<usize>| nth.and_then(|nth| found.get(nth)).copied();
    let start = get(nth.checked_sub(1)).unwrap_or(0);
    let at = get(Some(nth)).unwrap_or(start);
    (start, at, get(nth.checked_add(1)).unwrap_or(length))
}

/// Returns the probability that the values before and behind `at` are of one level.
fn probability(logs: &[f64], start: usize, at: usize, end: usize) -> f64 {
    match (logs.get(start..at), logs.get(at..end)) {
        (Some(left), Some(right)) if left.len().min(right.len()) >= SHORTEST => {
            difference(left, right)
        }
        _ => 1.0,
    }
}

/// Returns the probability that any place in such values of one level looks like a change as much as this one does
/// between `start` and `end`: by Bonferroni's correction for all places of the series, as neighbours are chosen,
/// too. It may be larger than 1, so that candidates have a rank.
fn by_chance(logs: &[f64], start: usize, at: usize, end: usize) -> f64 {
    probability(logs, start, at, end) * float(logs.len())
}

/// Returns how far the means before and behind `at` are apart.
fn size(logs: &[f64], start: usize, at: usize, end: usize) -> f64 {
    let mean = |range: Range<usize>| {
        let values = logs.get(range).unwrap_or_default();
        values.iter().sum::<f64>() / float(values.len().max(1))
    };
    (mean(at..end) - mean(start..at)).abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_that_prove_nothing_have_a_rank() {
        let chance = |step: f64| {
            let level = |nth: u8| if nth < 20 { 0.0 } else { step };
            let logs: Vec<f64> = (0..40).map(|nth| f64::from(nth % 2) + level(nth)).collect();
            by_chance(&logs, 0, 20, 40)
        };
        assert!(chance(0.1) > chance(0.2) && chance(0.2) > 1.0, "{} {}", chance(0.1), chance(0.2));
    }
}
