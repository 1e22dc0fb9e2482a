//! `exec-harness` turns any command into a benchmark.
//!
//! `run` is the whole program: it reads what to measure, measures it (`walltime` and `turns`,
//! `memory`, or `simulation` below Valgrind), tells the runner about it (`link`) and keeps the results (`store`).

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests look at what they have made"))]

mod app;
mod check;
mod cli;
mod command;
mod failure;
#[doc(hidden)]
pub mod fuzzing;
mod layout;
mod limits;
mod link;
mod memory;
mod null_output;
mod plan;
mod process;
mod progress;
mod repeated;
mod round;
mod session;
mod simulation;
mod store;
mod turns;
mod walltime;

pub use app::{Environment, post_guard, run, take_signals};
pub use cli::Args;
