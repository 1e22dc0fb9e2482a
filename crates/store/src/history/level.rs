//! Levels: the values between two changes, and what a further value may be.

use runner_shared::walltime::median;
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::Change;
use crate::shown::float;

/// Values of a level that tell what the next one may be: the newest ones.
const MOST: usize = 30;
/// Fewer values tell nothing about the next one.
const FEWEST: usize = 5;
/// The median absolute deviation times this is the standard deviation of normal values.
const DEVIATION: f64 = 1.4826;
/// One value in a hundred lies outside of what is expected, half of them on each side.
const PROBABILITY: f64 = 0.995;

/// The next value of a level: it lies between `low` and `high` in 99 of 100 cases.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Expected {
    /// Median of the level.
    pub median: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Number of values that this rests on: at most 30, the newest ones.
    pub points: usize,
}

/// Returns the prediction interval for one more value of a level: median ± t · 1.4826 MAD · √(1 + 1/n), of logarithms
/// where all values are positive. `None` for fewer than 5 values.
pub(super) fn expected(level: &[f64]) -> Option<Expected> {
    let newest = level.get(level.len().saturating_sub(MOST)..)?;
    if newest.len() < FEWEST {
        return None;
    }
    let in_logs = newest.iter().all(|value| *value > 0.0 && value.is_finite());
    let to = |value: f64| if in_logs { value.ln() } else { value };
    let from = |value: f64| if in_logs { value.exp() } else { value };
    let values: Vec<f64> = newest.iter().map(|value| to(*value)).collect();
    let centre = median(values.iter().copied())?;
    let distances = values.iter().map(|value| (value - centre).abs());
    let count = float(values.len());
    let t = StudentsT::new(0.0, 1.0, count - 1.0).ok()?.inverse_cdf(PROBABILITY);
    let reach = t * DEVIATION * median(distances)? * (1.0 + 1.0 / count).sqrt();
    Some(Expected {
        median: median(newest.iter().copied())?,
        low: from(centre - reach),
        high: from(centre + reach),
        points: newest.len(),
    })
}

/// Returns the changes at these places, which come with their probability, with the levels on both sides.
pub(super) fn changes(values: &[f64], starts: &[(usize, f64)]) -> Vec<Change> {
    let places = || starts.iter().map(|(at, _)| *at);
    let ends = places().skip(1).chain([values.len()]);
    let befores = [0].into_iter().chain(places());
    let all = befores.zip(starts).zip(ends);
    all.filter_map(|((before, (at, p)), end)| {
        let (left, right) = (values.get(before..*at)?, values.get(*at..end)?);
        let [before, after] = [left, right].map(|level| median(level.iter().copied()));
        Some(Change { at: *at, before: before?, after: after?, p: *p })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_value_lies_around_the_median() {
        let level: Vec<f64> = (0..30).map(|nth| 100.0 + f64::from(nth % 5) - 2.0).collect();
        let found = expected(&level).unwrap();
        assert!((found.median - 100.0).abs() < 1e-9 && found.points == 30);
        // t of 29 degrees at 0.995 is 2.756; the MAD is 1.
        assert!((found.high - 104.24).abs() < 0.1, "{found:?}");
        assert!((found.low - 95.9).abs() < 0.1, "{found:?}");
        assert_eq!(expected(&[1.0; 4]), None);
        let counts = expected(&[0.0; 6]).unwrap();
        assert!(counts.low.abs() < f64::EPSILON && counts.high.abs() < f64::EPSILON);
    }

    #[test]
    fn old_values_of_a_level_count_no_more() {
        let level = [vec![1.0; 100], vec![2.0; 30]].concat();
        assert!((expected(&level).unwrap().low - 2.0).abs() < 1e-9);
    }
}
