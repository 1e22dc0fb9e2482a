//! Did the rounds change while they were measured? First rounds that are slower mean that the warm-up was too short; a
//! trend means that the machine or the program changed.

use serde::{Deserialize, Serialize};

use super::{MAD_TO_SIGMA, deviation};
use crate::{
    bounds::size,
    walltime::{as_float, quantile},
};

/// Fewer rounds tell nothing about a trend.
const LEAST_ROUNDS: usize = 20;
/// A change by less than this share is no drift.
const LEAST_SHARE: f64 = 0.05;
/// First rounds are slower by this many standard deviations of the settled ones.
const SIGMAS: f64 = 3.0;
/// A single slow round at the start is an accident.
const LEAST_SLOW: usize = 3;
/// The last third differs from the first by this many standard errors of their medians: one in 15,000 steady
/// measurements does by chance.
const ERRORS: f64 = 4.0;
/// Standard error of the median of normal data, in standard deviations by the root of the number.
const MEDIAN_ERROR: f64 = 1.2533;

/// A change of the rounds, medians in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// So many rounds at the start were slower than the rest; 0 for a trend through all of them.
    pub slow_rounds: u64,
    /// Median of the slow rounds, or of the first third.
    pub from_ns: f64,
    /// Median of the later half, or of the last third.
    pub to_ns: f64,
}

/// The change of these times, which are in the order of their run. Differences of `least_ns` are those of the clock.
pub(super) fn find(times: &[f64], least_ns: f64) -> Option<Drift> {
    if times.len() < LEAST_ROUNDS {
        return None;
    }
    slow_start(times, least_ns).or_else(|| trend(times, least_ns))
}

fn slow_start(times: &[f64], least_ns: f64) -> Option<Drift> {
    let (median, sigma) = centre(times.get(times.len() / 2..)?);
    let limit = median + (median * LEAST_SHARE).max(sigma * SIGMAS).max(least_ns);
    let slow = times.iter().take_while(|time| **time > limit).count();
    let (from_ns, _) = centre(times.get(..slow)?);
    let drift = Drift { slow_rounds: size(slow), from_ns, to_ns: median };
    (LEAST_SLOW..=times.len() / 2).contains(&slow).then_some(drift)
}

fn trend(times: &[f64], least_ns: f64) -> Option<Drift> {
    let third = times.len() / 3;
    let (from_ns, first) = centre(times.get(..third)?);
    let (middle, _) = centre(times.get(third..times.len() - third)?);
    let (to_ns, last) = centre(times.get(times.len() - third..)?);
    let error = MEDIAN_ERROR * first.hypot(last) / as_float(size(third)).sqrt();
    let limit = (from_ns.min(to_ns) * LEAST_SHARE).max(ERRORS * error).max(least_ns);
    // What goes up and down is no trend.
    let is_between = (from_ns.min(to_ns)..=from_ns.max(to_ns)).contains(&middle);
    ((to_ns - from_ns).abs() > limit && is_between).then_some(Drift {
        slow_rounds: 0,
        from_ns,
        to_ns,
    })
}

/// Median, and standard deviation as the median absolute deviation tells it.
fn centre(times: &[f64]) -> (f64, f64) {
    let mut ascending = times.to_vec();
    ascending.sort_by(f64::total_cmp);
    let median = quantile(&ascending, 0.5);
    (median, MAD_TO_SIGMA * deviation(&ascending, median))
}
