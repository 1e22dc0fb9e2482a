//! Simulation mode: the benchmark runs under callgrind, which counts; integrations tell it what.

mod arguments;
mod environment;
mod harvest;
pub(crate) mod install;
mod keeper;
mod logs;
mod manifest;
mod status;
mod valgrind;
mod version;

use std::{ffi::OsString, path::Path};

use runner_shared::{env_names, mode::Mode, profile_dir::ProfileDir, text::as_text};

use super::{
    ModeError, benchmark, interpreters, python,
    shims::{self, Shims},
};
use crate::{
    env::Env,
    process::{AddressSpace, ToolCommand},
    settings::options::{PythonAllocator, SimulationOptions},
    workload::Workload,
};

pub(crate) use harvest::harvest;
pub(crate) use keeper::Keeper;
pub(crate) use logs::diagnose;
pub(crate) use status::status;
pub(crate) use valgrind::{Valgrind, ValgrindError};

/// A benchmark that is ready to be counted.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// What to start.
    pub command: ToolCommand,
    /// What counts.
    pub valgrind: Valgrind,
    /// What stands before other programs in `PATH`, as long as the benchmark runs.
    pub shims: Option<Shims>,
    /// What looks after its files. `exec-harness` does that itself.
    pub keeper: Option<Keeper>,
    /// Sentences about tools that were asked in vain.
    pub warnings: Vec<String>,
}

/// The benchmark below Valgrind, as a program to start in the folder `cwd`; `folder` is the
/// profile folder.
pub(crate) fn prepare(
    workload: &Workload,
    options: &SimulationOptions,
    python_allocator: Option<PythonAllocator>,
    cwd: &Path,
    folder: &ProfileDir,
    env: &Env,
) -> Result<Prepared, ModeError> {
    let valgrind = Valgrind::find(options, env)?;
    let stable = environment::stable(env, options);
    let told = super::environment(&stable, Mode::Simulation, folder);
    let visible = match &valgrind.tools {
        Some(tools) => told.with(env_names::VALGRIND_LIB, tools),
        None => told,
    };
    let mut warnings = Vec::new();
    let (visible, _) = python::prepared(visible, cwd, python_allocator, &mut warnings);
    let can_fold = valgrind.capabilities.obj_skip;
    let objects =
        if can_fold { interpreters::objects(&visible, cwd, &mut warnings) } else { Vec::new() };
    let suite = match workload {
        Workload::Suite(text) => Some(as_text(text)),
        Workload::Commands { .. } => None,
    };
    let request = arguments::Request {
        valgrind: &valgrind,
        folder,
        objects: &objects,
        suite: suite.as_deref(),
        options,
    };
    let before = request.arguments();
    let (visible, shims) = shims::install(Mode::Simulation, workload, folder, visible)?;
    let inner = benchmark(workload, cwd, visible)?;
    let mut command = match workload {
        Workload::Suite(_) => below(&valgrind, before, inner),
        // It starts the commands below Valgrind and nothing else, itself included.
        Workload::Commands { .. } => launching(&valgrind, before, inner),
    };
    // The same addresses in each run make the simulated caches repeat; where the system forbids
    // it, counts of instructions repeat all the same.
    command.address_space = AddressSpace::Fixed;
    let keeper = match workload {
        Workload::Suite(_) => Some(
            Keeper::start(folder, &env.temp_dir())
                .map_err(|source| ModeError::Write { path: folder.path().to_owned(), source })?,
        ),
        Workload::Commands { .. } => None,
    };
    Ok(Prepared { command, valgrind, shims, keeper, warnings })
}

/// The program below Valgrind, with all that it starts.
fn below(valgrind: &Valgrind, mut before: Vec<OsString>, inner: ToolCommand) -> ToolCommand {
    before.push(inner.program.into_os_string());
    before.extend(inner.args);
    ToolCommand { program: valgrind.program.clone(), args: before, ..inner }
}

/// `exec-harness`, told how to start Valgrind.
fn launching(valgrind: &Valgrind, before: Vec<OsString>, inner: ToolCommand) -> ToolCommand {
    let words = [valgrind.program.clone().into_os_string()].into_iter().chain(before);
    let mut args: Vec<OsString> = words
        .map(|word| {
            let mut option = OsString::from("--launcher=");
            option.push(word);
            option
        })
        .collect();
    args.extend(inner.args);
    ToolCommand { args, ..inner }
}
