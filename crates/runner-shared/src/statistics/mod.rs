//! The mathematics below intervals and verdicts: distributions, random numbers that can be replayed, intervals.

pub mod normal;
mod random;

use serde::Serialize;

pub use random::Xoshiro256;

/// A confidence interval; both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// The smallest interval that also holds `value`.
    #[must_use]
    pub const fn with(self, value: f64) -> Self {
        Self { low: self.low.min(value), high: self.high.max(value) }
    }

    /// Returns whether `value` lies in it, as far as rounding in a file allows to say.
    pub fn holds(self, value: f64) -> bool {
        let slack = 1e-9 * value.abs();
        (self.low - slack..=self.high + slack).contains(&value)
    }

    /// Returns whether no value lies in both.
    pub fn is_apart_from(self, other: Self) -> bool {
        self.high < other.low || other.high < self.low
    }

    /// The larger of the two distances from `centre` to the ends, as a share of `centre`.
    ///
    /// `None` for a centre that isn't positive.
    pub fn reach(self, centre: f64) -> Option<f64> {
        let far = (self.high - centre).abs().max((centre - self.low).abs());
        (centre > 0.0).then(|| far / centre)
    }
}
