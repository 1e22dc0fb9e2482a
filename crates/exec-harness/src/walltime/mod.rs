//! Plan rounds, measure them, say how calm the machine was.

mod benchmark;
mod compat;
mod limits;
mod once;
mod planner;
mod round;
mod shell;
mod turns;

pub(crate) use benchmark::{Benchmark, Settings};
pub(crate) use limits::{Limits, LimitsError};
pub(crate) use once::{analyse, analyse_repeatedly};
pub(crate) use round::{Machine, RoundError, Sample, describe};
pub(crate) use turns::{random_seed, take_turns};
