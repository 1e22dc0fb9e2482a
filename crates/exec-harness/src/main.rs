//! The program `exec-harness`: see the library of the same name.

use std::process::ExitCode;

use runner_shared::fifo::FifoPaths;

fn main() -> ExitCode {
    let signals = exec_harness::take_signals();
    #[expect(clippy::disallowed_methods, reason = "the one place that takes the environment")]
    let environment: Vec<_> = std::env::vars_os().collect();
    let args = exec_harness::Args::read(&environment);
    ExitCode::from(exec_harness::run(&args, &environment, &FifoPaths::well_known(), signals))
}
