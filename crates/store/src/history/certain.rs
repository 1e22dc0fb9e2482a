//! The places that are changes: so far beyond chance that two to five are found in a thousand histories without any.
//!
//! The weakest of those that are not certain is taken away first, so that the levels beside it grow, and the others are
//! judged by more. A level of 5 values between two longer ones proves as little as 5 values do: if these are alike, it is
//! also compared with both of them together.

use std::ops::Range;

use runner_shared::walltime::median;

use super::{
    divisive::{SHORTEST, WINDOW, best_split, candidates},
    ranks::{Ranks, difference},
};
use crate::shown::float;

/// Values from which on changes are looked for.
pub(super) const FEWEST: usize = 20;
/// Changes are at least that improbable by chance, all values at which one could be together.
const STRONG: f64 = 0.0008;
/// A place that is at least that improbable by chance is moved to a better one before it is given up.
const NEARLY: f64 = 1.0;
/// The two ends of a short level are at least that improbable, each by itself.
const WEAK: f64 = 0.01;
/// Values of a level that are looked at: those nearest to its end. Windows find no step that takes more.
const NEAR: usize = 200;
/// Nothing at all counts as half of the smallest value, and as half of this at most.
const UNIT: f64 = 1.0;

/// Returns the places where a new level begins, in ascending order, each with the probability that any place looks
/// like that by chance. Levels differ by at least the share `minimum`. Fewer than [`FEWEST`] values have none.
pub(super) fn change_points(values: &[f64], minimum: f64) -> Vec<(usize, f64)> {
    if values.len() < FEWEST {
        return Vec::new();
    }
    let logs = logarithms(values);
    let minimum = minimum.ln_1p();
    let found = Choice::of(&logs, candidates(&logs)).made(minimum);
    let mut places: Vec<usize> = found.into_iter().map(|(place, _)| place).collect();
    // A window may have cut what belongs together.
    for nth in 0..places.len() {
        let best = better(&logs, &places, nth);
        if let (Some(best), Some(place)) = (best, places.get_mut(nth)) {
            *place = best;
        }
    }
    Choice::of(&logs, places).made(minimum)
}

/// Returns the logarithms of values. Counts may be zero: what is none or no number counts as half of the smallest value.
fn logarithms(values: &[f64]) -> Vec<f64> {
    let sound = |value: &f64| value.is_normal() && *value > 0.0;
    let least = values.iter().copied().filter(sound).fold(UNIT, f64::min) / 2.0;
    let logarithm =
        |value: &f64| if value.is_finite() { value.max(least).ln() } else { least.ln() };
    values.iter().map(logarithm).collect()
}

/// Places that may be changes, in ascending order, while those that are not are taken away.
struct Choice<'a> {
    logs: &'a [f64],
    places: Vec<usize>,
    /// One for each of them.
    known: Vec<Known>,
}

/// That which is known of a place.
struct Known {
    /// The values around it.
    near: Range<usize>,
    ranks: Ranks,
    /// The probability of a certain one by chance, at any place of the series, and the difference of its levels.
    certain: Option<(f64, f64)>,
    was_moved: bool,
}

impl Known {
    fn of(logs: &[f64], at: usize) -> Self {
        let near = at.saturating_sub(WINDOW)..logs.len().min(at + WINDOW);
        let ranks = Ranks::of(logs.get(near.clone()).unwrap_or_default());
        Self { near, ranks, certain: None, was_moved: false }
    }
}

impl<'a> Choice<'a> {
    fn of(logs: &'a [f64], places: Vec<usize>) -> Self {
        let known = places.iter().map(|at| Known::of(logs, *at)).collect();
        Self { logs, places, known }
    }

    /// Returns those that are certain, and changes of at least `minimum`, a difference of logarithms; each with the
    /// probability that any place looks like that by chance.
    fn made(mut self, minimum: f64) -> Vec<(usize, f64)> {
        loop {
            if let Some(nth) = self.weakest() {
                self.judge(nth);
            } else if let Some(nth) = self.smallest(minimum) {
                self.remove(nth);
            } else {
                break;
            }
        }
        let certain = self.places.into_iter().zip(self.known);
        certain.filter_map(|(at, one)| Some((at, one.certain?.0))).collect()
    }

    /// Returns the one of which least is seen, of those that are not certain.
    fn weakest(&self) -> Option<usize> {
        let open = self.known.iter().enumerate().filter(|(_, one)| one.certain.is_none());
        let apart = open.map(|(nth, one)| (nth, self.apart(nth, one)));
        apart.min_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(nth, _)| nth)
    }

    /// Returns how far the levels before and behind a place are apart among all values around it.
    fn apart(&self, nth: usize, known: &Known) -> f64 {
        let (start, at, end) = around(&self.places, nth, self.logs.len());
        let Range { start: first, end: last } = known.near;
        let place = |place: usize| place.clamp(first, last) - first;
        known.ranks.between(&(place(start)..place(at)), &(place(at)..place(end)))
    }

    /// Returns the smallest of all, if it is smaller than it may be.
    fn smallest(&self, minimum: f64) -> Option<usize> {
        let sizes =
            self.known.iter().enumerate().filter_map(|(nth, one)| Some((nth, one.certain?.1)));
        let smallest = sizes.min_by(|(_, one), (_, other)| one.total_cmp(other));
        smallest.filter(|(_, size)| *size < minimum).map(|(nth, _)| nth)
    }

    /// Makes a place certain, moves it, or takes it away.
    fn judge(&mut self, nth: usize) {
        let p = evidence(self.logs, &self.places, nth) * float(self.logs.len());
        let Some(known) = self.known.get_mut(nth) else { return };
        if p < STRONG {
            known.certain = Some((p, size(self.logs, &self.places, nth)));
            return;
        }
        let may_move = p < NEARLY && !std::mem::replace(&mut known.was_moved, true);
        let moved = may_move.then(|| better(self.logs, &self.places, nth)).flatten();
        let (Some(moved), Some(place)) = (moved, self.places.get_mut(nth)) else {
            return self.remove(nth);
        };
        *place = moved;
        *known = Known { was_moved: true, ..Known::of(self.logs, moved) };
        self.open_beside(nth);
    }

    fn remove(&mut self, nth: usize) {
        self.places.remove(nth);
        self.known.remove(nth);
        self.open_beside(nth);
    }

    /// Those near to a place that was moved or taken away have other levels on their sides now.
    fn open_beside(&mut self, nth: usize) {
        for known in self.known.iter_mut().take(nth + 3).skip(nth.saturating_sub(2)) {
            known.certain = None;
        }
    }
}

/// Returns the best place between the neighbours of one.
fn better(logs: &[f64], places: &[usize], nth: usize) -> Option<usize> {
    let (start, at, end) = around(places, nth, logs.len());
    let near = start.max(at.saturating_sub(WINDOW))..end.min(at + WINDOW);
    let best = best_split(&Ranks::of(logs.get(near.clone())?))?;
    Some(near.start + best)
}

/// Returns the change point of this number with those before and behind it, or the ends of the series.
fn around(found: &[usize], nth: usize, length: usize) -> (usize, usize, usize) {
    let get = |nth: Option<usize>| nth.and_then(|nth| found.get(nth)).copied();
    let start = get(nth.checked_sub(1)).unwrap_or(0);
    let at = get(Some(nth)).unwrap_or(start);
    (start, at, get(nth.checked_add(1)).unwrap_or(length))
}

/// Returns the probability by chance of what speaks most for a place: the levels on both sides, or one of them, if it is
/// short, against what lies around it.
fn evidence(logs: &[f64], places: &[usize], nth: usize) -> f64 {
    let (start, at, end) = around(places, nth, logs.len());
    if (at - start).min(end - at) < SHORTEST {
        return 1.0;
    }
    let (left, right) = (before(logs, start, at), behind(logs, at, end));
    let edge = difference(left, &[right]);
    if edge.p >= WEAK || edge.p * float(logs.len()) < STRONG {
        return edge.p;
    }
    let own = (nth + 1 < places.len()).then(|| {
        let (_, _, next) = around(places, nth + 1, logs.len());
        piece(right, left, behind(logs, end, next), !edge.is_higher)
    });
    let last = nth.checked_sub(1).map(|last| {
        let (first, _, _) = around(places, last, logs.len());
        piece(left, right, before(logs, first, start), edge.is_higher)
    });
    own.into_iter().chain(last).fold(edge.p, f64::min)
}

/// Returns the probability by chance of a level that is higher or lower than the one on its near side, if it is short and
/// stands out between two neighbours that are alike; else 1.
fn piece(level: &[f64], near: &[f64], far: &[f64], is_higher: bool) -> f64 {
    if !(SHORTEST..WINDOW).contains(&level.len()) {
        return 1.0;
    }
    let other = difference(level, &[far]);
    let stands_out = other.p < WEAK && other.is_higher == is_higher;
    if !stands_out || difference(near, &[far]).p < WEAK {
        return 1.0;
    }
    difference(level, &[near, far]).p
}

/// The last values of a level.
fn before(logs: &[f64], start: usize, at: usize) -> &[f64] {
    logs.get(start.max(at.saturating_sub(NEAR))..at).unwrap_or_default()
}

/// The first values of a level.
fn behind(logs: &[f64], at: usize, end: usize) -> &[f64] {
    logs.get(at..end.min(at + NEAR)).unwrap_or_default()
}

/// Returns how far the medians before and behind a place are apart.
fn size(logs: &[f64], places: &[usize], nth: usize) -> f64 {
    let (start, at, end) = around(places, nth, logs.len());
    let middle = |from: usize, to: usize| {
        let values = logs.get(from..to).unwrap_or_default();
        median(values.iter().copied()).unwrap_or(0.0)
    };
    (middle(at, end) - middle(start, at)).abs()
}
