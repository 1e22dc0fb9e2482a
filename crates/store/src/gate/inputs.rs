//! All that a gate looks at.

use super::rules::{Day, Rules};
use crate::{
    Mode,
    compare::{Comparison, Run},
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
    /// Key of the quantity.
    pub metric: String,
    /// The values.
    pub expected: Expected,
}
