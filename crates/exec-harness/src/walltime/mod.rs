//! One benchmark in rounds: plans them, measures them, says how calm the machine was.

mod benchmark;
mod compat;
mod planner;
mod shell;

pub(crate) use benchmark::{Benchmark, PARTLY_MEASURED, Settings};
