//! A suite that was run again and again in two states, base and head: all its benchmarks, each with a verdict.
//!
//! A run says one number of a benchmark (or one of each counter), so that a pair of runs is one observation. What is
//! found in a first stage is measured once more in a second one with twice as many pairs, and counts only if both say
//! the same. No I/O and no clock: [`Suite`] is given the readings of each run, and judges what it has so far.

mod explain;
mod judge;
mod matching;
mod model;
mod readings;
#[cfg(test)]
mod tests;
mod turns;
mod words;

pub use explain::explain_turns;
pub use model::{
    CounterFinding, Doubt, Evidence, Found, OneSided, Shift, Stage, Suite, SuiteBenchmark,
    SuiteComparison, SuiteRun, SuiteSide, SuiteVerdict, Unit,
};
pub use readings::{SuiteReading, Value};
