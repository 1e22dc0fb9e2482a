//! Places where a series may change, by E-divisive means of ranks; those that do are chosen in `certain.rs`.
//!
//! Sources: Matteson and James, "A nonparametric approach for multiple change point analysis of multivariate data", JASA
//! 109, 2014 (the divergence, with exponent 1); Daly et al., "The use of change point detection to identify software
//! performance regressions in a continuous integration system", ICPE 2020 (the method for benchmarks); Fleming et al.,
//! "Hunter: using change point detection to hunt for performance regressions", ICPE 2023 (a test in place of random
//! permutations, so that the same values always have the same change points; windows; weak points that are merged);
//! Olshen et al., "Circular binary segmentation for the analysis of array-based DNA copy number data", Biostatistics 5,
//! 2004 (a short level within a window is a piece, as no single place divides it well).
//!
//! All of it looks at ranks and not at values. So noise of any shape, as long as its values are independent, shows as
//! few changes as any other.
//!
//! With n values and windows of w, candidates take n w steps.

use std::{collections::BTreeSet, ops::Range};

use super::ranks::Ranks;
use crate::shown::float;

/// Values that are looked at together.
pub(super) const WINDOW: usize = 50;
/// Values of the shortest level: fewer are outliers.
pub(super) const SHORTEST: usize = 5;
/// Candidates divide their window by at least so many squared standard deviations: 6 values that are larger than 6 others
/// do.
const WEAK: f64 = 2.8 * 2.8;
/// Pieces are at least so far from the rest of their window: there are far more of them than places.
const WEAK_PIECE: f64 = 3.4 * 3.4;
/// Lengths of pieces. One of another length is found by the nearest of these, and its ends are moved later.
const PIECES: [usize; 8] = [5, 6, 8, 10, 13, 16, 20, 25];

/// Looks for candidates in windows that overlap, so that one at the end of a window is in the middle of the next.
pub(super) fn candidates(logs: &[f64]) -> Vec<usize> {
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

/// Divides a range where its halves differ most, or where a piece differs most from the rest, as long as they differ
/// enough.
fn divide(logs: &[f64], range: Range<usize>, found: &mut Vec<usize>) {
    if range.len() < 2 * SHORTEST {
        return;
    }
    let Some(values) = logs.get(range.clone()) else { return };
    let ranks = Ranks::of(values);
    let (start, count) = (range.start, values.len());
    let is_weak = |part: &Range<usize>, least: f64| ranks.apart(part) >= least;
    let split = if ranks.may_split(SHORTEST, WEAK) { best_split(&ranks) } else { None };
    let ends = match split.filter(|at| is_weak(&(0..*at), WEAK)) {
        Some(at) => at..at,
        None => match ranks.piece(&PIECES).filter(|piece| is_weak(piece, WEAK_PIECE)) {
            Some(piece) => piece,
            None => return,
        },
    };
    let inner = [ends.start, ends.end].into_iter().filter(|place| (1..count).contains(place));
    found.extend(inner.map(|place| start + place));
    divide(logs, start..start + ends.start, found);
    divide(logs, start + ends.end..range.end, found);
}

/// Returns the place where the values before and behind it are furthest apart: by the energy distance, scaled. `None` of
/// too few.
pub(super) fn best_split(ranks: &Ranks) -> Option<usize> {
    let values = ranks.all();
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
    best.map(|(_, left)| left)
}
