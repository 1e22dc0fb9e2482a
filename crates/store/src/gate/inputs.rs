//! All that a gate looks at.

use super::{day::Day, rules::Rules};
use crate::{
    Mode,
    compare::{Compared, Comparison, Quantity, Run},
    history::Expected,
};

/// All that a gate looks at.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// Limits and waivers.
    pub rules: &'a Rules,
    /// The comparison with a base; `None` if there is no base.
    pub comparison: Option<&'a Comparison>,
    /// The runs that are judged.
    pub head: &'a [Run<'a>],
    /// The values that the history of benchmarks lets expect.
    pub expectations: &'a [Expectation],
    /// The present day.
    pub today: &'a Day,
    /// True if uncertain checks fail, too.
    pub strict: bool,
}

/// A value that the history of a benchmark lets expect, in the environment of the run that is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// The mode.
    pub mode: Mode,
    /// Identity of the benchmark.
    pub uri: String,
    /// 1 for the first measurement of its identity in a run, 2 for the next.
    pub occurrence: u32,
    /// Key of the quantity.
    pub metric: String,
    /// The values.
    pub expected: Expected,
}

impl Expectation {
    /// Returns true if the value is that of this quantity.
    pub(super) fn is_about(&self, one: &Compared, quantity: &Quantity) -> bool {
        (self.mode, self.occurrence) == (one.mode, one.occurrence)
            && self.uri == one.uri
            && self.metric == quantity.key
    }
}
