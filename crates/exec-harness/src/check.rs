//! Finds faults of a benchmark before anything runs: programs that can't be started, files that can't be
//! opened. Nothing is opened or made for the answer.

use std::ffi::OsStr;

use runner_shared::{harness::Target, mode::Mode};

use crate::{
    command::HOOKS,
    failure::Failure,
    plan::Plan,
    process::{Executable, Stdio},
    simulation,
};

/// Returns all that keeps a benchmark from being run in this mode; `path` is the value of `PATH`.
pub(crate) fn faults(plan: &Plan, mode: Mode, path: Option<&OsStr>) -> Vec<Failure> {
    let Target { command, run_args: args, .. } = &plan.target;
    let program = Executable::of_words(command, args.shell, path).map_err(Failure::from);
    let fit = program.and_then(|program| match mode {
        Mode::Simulation => simulation::fit(&plan.target, &program, path),
        Mode::Walltime | Mode::Memory => Ok(()),
    });
    let hooks = HOOKS.iter().map(|(name, of)| {
        let Some(text) = of(args) else { return Ok(()) };
        let found = Executable::of_text(text, args.shell, path).map(drop);
        found.map_err(|source| Failure::Hook { name, source })
    });
    let streams = Stdio::of(args).check();
    [fit]
        .into_iter()
        .chain(hooks)
        .chain(streams.into_iter().map(|err| Err(err.into())))
        .filter_map(Result::err)
        .collect()
}
