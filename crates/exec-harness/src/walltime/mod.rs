//! Plan rounds, measure them, say how calm the machine was.

mod benchmark;
mod compat;
mod limits;
mod once;
mod planner;
mod round;
mod turns;

pub(crate) use benchmark::{Benchmark, Settings};
pub(crate) use limits::{Limits, LimitsError};
pub(crate) use once::analyse;
pub(crate) use round::{Machine, RoundError, Sample, describe};
pub(crate) use turns::{random_seed, take_turns};
