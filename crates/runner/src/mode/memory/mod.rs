//! Memory mode: a tracer starts the benchmark and watches the allocators of all its processes; we tell it when.

mod control;
mod progress;
mod trouble;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use nix::unistd::geteuid;
use runner_shared::{
    artifact::{Artifact, ExecutionTimestamps},
    env_names,
    mode::Mode,
    profile_dir::{EVENT_TIMESTAMPS, ProfileDir, ProfileFile, REPEATED_TIMESTAMPS, REPEATS},
    run_as::RunAs,
};
use system::files;

use super::{ModeError, benchmark, python, walltime::StartError};
use crate::{
    env::Env,
    error::ExitKind,
    process::{AddressSpace, Answer, Ended, Limits, Output, Stdin, ToolCommand},
    profiler::ControlFifos,
    settings::options::{Backend, MemoryOptions, PythonAllocator},
    tools,
    workload::Workload,
};

pub(crate) use control::TracerControl;
pub(crate) use progress::{Progress, fuzz_progress};
pub(crate) use trouble::{RIGHTS, TracerTrouble, trouble};

/// The name of our tracer.
pub(super) const TRACER: &str = "codspeed-memtrack";

/// A traced benchmark that is ready to be started.
pub(crate) struct Traced {
    /// The tracer with the benchmark behind it.
    pub command: ToolCommand,
    /// The way to switch the tracer.
    pub fifos: ControlFifos,
    /// What it tells meanwhile.
    pub progress: Progress,
    /// Sentences about what the numbers don't show.
    pub remarks: Vec<String>,
    /// Sentences about tools that were asked in vain.
    pub warnings: Vec<String>,
    /// Python was told to allocate with malloc, and is likely to be what runs.
    pub python: bool,
}

/// Says if there is no tracer, or if it lacks the rights to trace in the only way that is wanted.
pub(crate) fn check(options: MemoryOptions, cwd: &Path, env: &Env) -> Result<(), StartError> {
    let told = |missing| StartError::Mode(ModeError::MissingSibling(missing));
    let program = tools::sibling(TRACER, env_names::MEMTRACK, env).map_err(told)?;
    let is_told = |name: &str| env.get(env_names::MEMTRACK_BACKEND).is_some_and(|it| it == name);
    let wanted = Backend::Ebpf;
    if options.backend.map_or_else(|| is_told(wanted.name()), |it| it == wanted) {
        ask_for_rights(program, cwd, env)?;
    }
    Ok(())
}

/// Asks the tracer itself, whose file may have rights that we don't have.
fn ask_for_rights(program: PathBuf, cwd: &Path, env: &Env) -> Result<(), StartError> {
    let asked = ToolCommand {
        program,
        args: vec!["rights".into()],
        cwd: cwd.to_owned(),
        env: env.clone().with_our_rights(),
        stdin: Stdin::Null,
        output: Output::Piped,
        address_space: AddressSpace::Random,
    };
    let Answer { ended, stdout: _, stderr: said } = asked.answer(Limits::CHECK)?;
    // A tracer of another time doesn't know the question.
    if ended != Ended::Code(i32::from(ExitKind::Missing.code())) {
        return Ok(());
    }
    let what = said.lines().find_map(|line| line.strip_prefix("error: "));
    what.map_or(Ok(()), |what| Err(ModeError::Rights(what.to_owned()).into()))
}

/// The benchmark below the tracer, as a program to start in the folder `cwd`; `folder` is the profile folder.
pub(crate) fn command(
    workload: &Workload,
    options: MemoryOptions,
    python_allocator: Option<PythonAllocator>,
    cwd: &Path,
    folder: &ProfileDir,
    env: &Env,
) -> Result<Traced, ModeError> {
    let program = tools::sibling(TRACER, env_names::MEMTRACK, env)?;
    let seen = super::environment(env, Mode::Memory, folder);
    let mut warnings = Vec::new();
    let (seen, python) = python::prepared(seen, cwd, python_allocator, &mut warnings);
    let inner = benchmark(workload, cwd, seen)?;
    let results = folder.results();
    // The tracer may have more rights than we have: what it finds is ours.
    files::create_private_subfolder(&results)
        .map_err(|source| ModeError::Write { path: results.clone(), source })?;
    let temporary = env.temp_dir();
    let fifos = ControlFifos::create(&temporary)?;
    let mut args: Vec<OsString> = vec!["track".into(), "--output".into(), results.into()];
    args.extend(["--control".into(), fifos.argument()]);
    let progress = Progress::create(&temporary)?;
    args.extend(["--progress".into(), progress.argument()]);
    if matches!(workload, Workload::Commands { .. }) {
        args.push("--root-is-harness".into());
    }
    args.extend(options.stacks.map(|walk| walk.option().into()));
    if python.has_arenas() {
        args.push("--mappings".into());
    }
    // The tracer looks for who called sudo, too, unless it is told.
    let is_called = geteuid().is_root() && RunAs::has_caller(|name| env.get(name));
    let user = inner.env.user().map(RunAs::word).or(is_called.then(|| "root".to_owned()));
    if let Some(user) = user {
        args.extend(["--run-as".into(), user.into()]);
    }
    if let Some(backend) = options.backend {
        args.extend(["--backend".into(), backend.name().into()]);
    }
    args.push("--".into());
    args.push(inner.program.into_os_string());
    args.extend(inner.args);
    let remarks: Vec<String> = python.remark(workload, cwd, &inner.env).into_iter().collect();
    let python = python.is_told() && !remarks.is_empty();
    // The tracer needs all rights that there are; the benchmark has those of its user.
    let command = ToolCommand { program, args, env: inner.env.with_our_rights(), ..inner };
    Ok(Traced { command, fifos, progress, remarks, warnings, python })
}

/// Keeps what was said during the run, even if it was nothing: without it the events would have no meaning. Of commands
/// that are counted several times, only the first count is a result; the others are kept apart.
pub(crate) fn finish(record: &ExecutionTimestamps, folder: &ProfileDir) -> Result<(), ModeError> {
    let keep = |file: &ProfileFile, record: &ExecutionTimestamps| {
        let path = folder.file(file);
        files::replace_private(&path, &record.encode())
            .map_err(|source| ModeError::Write { path, source })
    };
    if !files::is_there(&folder.file(&REPEATS)) {
        return keep(&EVENT_TIMESTAMPS, record);
    }
    keep(&REPEATED_TIMESTAMPS, record)?;
    keep(&EVENT_TIMESTAMPS, &::results::first_windows(record))
}
