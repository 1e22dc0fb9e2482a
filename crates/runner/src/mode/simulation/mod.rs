//! Simulation mode: the benchmark runs under callgrind, which counts; integrations tell it what.

mod arguments;
mod environment;
mod harvest;
mod logs;
mod valgrind;

use std::path::Path;

use runner_shared::mode::Mode;

use super::{ModeError, benchmark};
use crate::{
    env::Env,
    process::{AddressSpace, ToolCommand},
    workload::Workload,
};

pub(super) use environment::python_malloc;
pub(crate) use harvest::harvest;
pub(crate) use logs::diagnose;
pub(crate) use valgrind::{Valgrind, ValgrindError};

/// The benchmark below Valgrind, as a program to start in the folder `cwd`; `folder` is the
/// profile folder. Also returns the Valgrind that was found.
pub(crate) fn command(
    workload: &Workload,
    cwd: &Path,
    folder: &Path,
    env: &Env,
) -> Result<(ToolCommand, Valgrind), ModeError> {
    let valgrind = Valgrind::find(env)?;
    let seen = super::environment(&environment::stable(env), Mode::Simulation, folder);
    let seen = python_malloc(seen, cwd);
    let inner = benchmark(workload, cwd, seen)?;
    let skipped = if valgrind.capabilities.obj_skip {
        environment::interpreters(&inner.env, cwd)
    } else {
        Vec::new()
    };
    let suite = match workload {
        Workload::Suite(text) => Some(text.as_str()),
        Workload::Commands { .. } => None,
    };
    let mut args = arguments::arguments(&valgrind, folder, &skipped, suite);
    args.push(inner.program.into_os_string());
    args.extend(inner.args);
    let program = valgrind.program.clone();
    // The same addresses in each run make the simulated caches repeat; where the system forbids
    // it, counts of instructions repeat all the same.
    let address_space = AddressSpace::Fixed;
    Ok((ToolCommand { program, args, address_space, ..inner }, valgrind))
}
