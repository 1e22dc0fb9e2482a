//! The program `exec-harness`: see the library of the same name.

use std::process::ExitCode;

use clap::Parser;
use runner_shared::fifo::FifoPaths;

fn main() -> ExitCode {
    let args = exec_harness::Args::parse();
    #[expect(clippy::disallowed_methods, reason = "the one place that takes the environment")]
    let environment = std::env::vars_os().collect();
    ExitCode::from(exec_harness::run(&args, &environment, &FifoPaths::well_known()))
}
