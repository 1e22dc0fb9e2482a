//! The program `exec-harness`: see the library of the same name.

use std::process::ExitCode;

use runner_shared::fifo::FifoPaths;
use system::threads::with_room;

fn main() -> ExitCode {
    system::signals::start_afresh();
    system::limits::outlive_large_files();
    ExitCode::from(with_room(run))
}

fn run() -> u8 {
    #[expect(clippy::disallowed_methods, reason = "the one place that takes the environment")]
    let mut environment: Vec<_> = std::env::vars_os().collect();
    let args = exec_harness::Args::read(&environment);
    let guard = exec_harness::post_guard(&args, &mut environment);
    let code = exec_harness::run(&args, &environment, &FifoPaths::well_known());
    if let Some(guard) = guard {
        guard.release();
    }
    code
}
