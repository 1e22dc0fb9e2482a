//! The program `exec-harness`: see the library of the same name.

use std::{io, process::ExitCode};

use runner_shared::{env_names::is_secret, fifo::FifoPaths};
use system::{exposure::wipe_start, signals::Signals, threads::with_room};

fn main() -> ExitCode {
    let signals = exec_harness::take_signals();
    ExitCode::from(with_room(|| run(signals)))
}

fn run(signals: io::Result<Signals>) -> u8 {
    #[expect(clippy::disallowed_methods, reason = "the one place that takes the environment")]
    let variables = std::env::vars_os();
    // Started by hand in a CI job, we are the first of ours to see its secrets.
    let mut environment: Vec<_> = variables.filter(|(name, _)| !is_secret(name)).collect();
    let args = exec_harness::Args::read(&environment);
    // Both are taken.
    wipe_start(&[]);
    let guard = exec_harness::post_guard(&args, &mut environment);
    let code = exec_harness::run(&args, &environment, &FifoPaths::well_known(), signals);
    if let Some(guard) = guard {
        guard.release();
    }
    code
}
