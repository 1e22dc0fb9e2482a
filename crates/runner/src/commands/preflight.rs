//! Finds faults of a run before anything is waited for, made, asked or measured. Nothing is left behind.

use std::{io, path::Path};

use nix::unistd::AccessFlags;
use runner_shared::{
    command_text::CommandText,
    env_names,
    fault::{Attempt, explain},
    mode::Mode,
    program, reach,
    text::shown,
};

use super::Context;
use crate::{
    env::Env,
    error::{CliError, ExitKind, chain},
    instruments::Instruments,
    mode::{self, Refusal, memory, simulation::Valgrind},
    orchestrator::RunError,
    settings::{RunPart, RunPlan, SettingsError, options::Export},
    workload::Workload,
};

/// Looks for one kind of fault.
type Check = fn(&Scene<'_>) -> Vec<CliError>;

/// All checks: first those that only look, then those that ask a program. To add one, add it here.
const CHECKS: &[Check] = &[
    working_directory,
    profile_folder,
    exports,
    place,
    suite,
    tracer,
    instruments,
    valgrind,
    commands,
];

/// Those that need no file of the benchmark: where it is built first, none is there yet.
const BEFORE_BUILD: &[Check] =
    &[working_directory, profile_folder, exports, place, tracer, instruments, valgrind];

/// A part of the run, and what it will see.
struct Scene<'a> {
    part: &'a RunPart,
    env: &'a Env,
    here: &'a Path,
}

/// Files that every Linux has, and a container or a `chroot` may lack; the fault, and the command that helps.
const MACHINE: &[(&str, &str, &str)] = &[
    ("/proc/self", "`/proc` is not mounted", "run `mount -t proc proc /proc` as root"),
    (
        "/dev/null",
        "`/dev/null` does not exist: `/dev` is not mounted",
        "run `mount -t devtmpfs dev /dev` as root, or use the container's option for it",
    ),
];

/// Looks whether the system is as all else takes for granted.
pub(super) fn check_machine() -> Result<(), CliError> {
    let missing = MACHINE.iter().find(|(path, ..)| !Path::new(path).exists());
    missing.map_or(Ok(()), |(_, what, hint)| {
        let what = format!("{what}, which is required for measuring");
        Err(CliError::new(ExitKind::Missing, what).hint(*hint))
    })
}

/// Checks all parts. All that is wrong is said; the last error is returned.
pub(super) fn check(plan: &RunPlan, context: &Context, here: &Path) -> Result<(), CliError> {
    check_by(CHECKS, &plan.parts, context, here)
}

/// The same before the benchmark is built.
pub(super) fn check_before_build(
    parts: &[RunPart],
    context: &Context,
    here: &Path,
) -> Result<(), CliError> {
    check_by(BEFORE_BUILD, parts, context, here)
}

/// The same for a part that was built since.
pub(super) fn check_built(part: RunPart, context: &Context, here: &Path) -> Result<(), CliError> {
    check_by(&[working_directory, suite, commands], &[part], context, here)
}

fn check_by(
    checks: &[Check],
    parts: &[RunPart],
    context: &Context,
    here: &Path,
) -> Result<(), CliError> {
    let mut errs: Vec<CliError> = Vec::new();
    for check in checks {
        for part in parts {
            let found = check(&Scene { part, env: &context.env, here });
            for err in found {
                // Several parts may have the same fault.
                let text = chain(&*err.source);
                if !errs.iter().any(|other| chain(&*other.source) == text) {
                    errs.push(err);
                }
            }
        }
        // What a later check says might only follow from it.
        if !errs.is_empty() {
            break;
        }
    }
    refuse(errs, context)
}

/// The same for exports of results that are there.
pub(super) fn check_exports(
    exports: &[Export],
    context: &Context,
    here: &Path,
) -> Result<(), CliError> {
    refuse(unwritable(exports, None, here), context)
}

fn refuse(mut errs: Vec<CliError>, context: &Context) -> Result<(), CliError> {
    let Some(last) = errs.pop() else { return Ok(()) };
    for err in &errs {
        context.ui.error(err);
    }
    Err(last)
}

/// The way out where the folder for temporary files can't be used.
const TEMPORARY: &str = "set `TMPDIR` to an existing, writable folder, or use `--profile-folder`";

/// The error for something that the user has given and that can't be used.
fn unusable(what: String) -> CliError {
    CliError::new(ExitKind::Usage, what)
}

/// The folder is there, as the plan has looked; but not everybody may enter it.
fn working_directory(scene: &Scene<'_>) -> Vec<CliError> {
    let folder = &scene.part.working_directory;
    let entered = reach::allows(folder, AccessFlags::X_OK);
    let refused = |err: io::Error| {
        let why = explain(&err, Attempt::Read);
        unusable(format!("the benchmark can't run in `{}`: {why}", shown(folder)))
    };
    entered.map_err(refused).err().into_iter().collect()
}

fn profile_folder(scene: &Scene<'_>) -> Vec<CliError> {
    let Scene { part, env, .. } = scene;
    let temporary = || env.temp_dir();
    let path = part.profile_folder.clone().unwrap_or_else(temporary);
    // Nobody makes the folder for temporary files.
    let is_told = part.profile_folder.is_some();
    let outcome = if is_told { reach::can_make_folder(&path) } else { reach::can_make_in(&path) };
    let failed = |err| {
        let failed = CliError::from(RunError::Folder { path, err });
        if is_told { failed } else { failed.hint(TEMPORARY) }
    };
    outcome.map_err(failed).err().into_iter().collect()
}

fn exports(scene: &Scene<'_>) -> Vec<CliError> {
    let Scene { part, here, .. } = scene;
    unwritable(&part.exports, part.profile_folder.as_deref(), here)
}

/// Exports that can't be written, or not beside each other. A folder that the run makes may hold them.
fn unwritable(exports: &[Export], made: Option<&Path>, here: &Path) -> Vec<CliError> {
    let to_files: Vec<_> = exports.iter().filter(|it| it.path != Path::new("-")).collect();
    let mut errs = Vec::new();
    for (index, Export { format: _, path }) in to_files.iter().enumerate() {
        let full = here.join(path);
        if made.is_some_and(|made| reach::is_made_with(&full, made)) {
            continue;
        }
        if let Err(err) = reach::can_replace(&full) {
            let why = explain(&err, Attempt::Write);
            errs.push(unusable(format!("could not write the export `{}`: {why}", shown(path))));
        }
        // Devices and FIFOs take all that comes.
        let is_file = full.metadata().map_or(true, |data| data.is_file());
        let place = reach::place_of(&full);
        let mut others = to_files.iter().take(index).map(|other| here.join(&other.path));
        if is_file && others.any(|other| reach::place_of(&other) == place) {
            errs.push(SettingsError::SameExport { path: path.clone() }.into());
        }
    }
    errs
}

/// The processors that are named by `--pin`.
fn place(scene: &Scene<'_>) -> Vec<CliError> {
    let outcome = mode::Place::check(&scene.part.place);
    outcome.map_err(|err| RunError::Place(err).into()).err().into_iter().collect()
}

/// Words of Bash that need no program, besides those that [`CommandText`] knows.
const BUILTINS: &[&str] = &[
    "[",
    "[[",
    "echo",
    "false",
    "kill",
    "printf",
    "pwd",
    "test",
    "true",
    "bind",
    "builtin",
    "caller",
    "compgen",
    "complete",
    "compopt",
    "coproc",
    "declare",
    "dirs",
    "disown",
    "enable",
    "fc",
    "function",
    "getopts",
    "help",
    "history",
    "let",
    "logout",
    "mapfile",
    "popd",
    "pushd",
    "readarray",
    "select",
    "shopt",
    "suspend",
    "time",
    "typeset",
];
/// Beginnings of variables that give Bash functions, which may stand for programs.
const FUNCTIONS: &[&str] = &["BASH_FUNC_", "BASH_ENV"];

/// The program of a suite, where no shell is needed to know it.
fn suite(scene: &Scene<'_>) -> Vec<CliError> {
    let Scene { part, env, .. } = scene;
    let Workload::Suite(text) = &part.workload else { return Vec::new() };
    let words = match CommandText::read(text) {
        Ok(CommandText::Words(words)) => words,
        // The shell judges the rest.
        Ok(CommandText::Shell) | Err(_) => return Vec::new(),
    };
    let has_functions = env.iter().any(|(name, _)| {
        FUNCTIONS.iter().any(|start| name.as_encoded_bytes().starts_with(start.as_bytes()))
    });
    let Some(name) = words.first().filter(|_| !has_functions) else { return Vec::new() };
    if BUILTINS.iter().any(|builtin| name == builtin) {
        return Vec::new();
    }
    // Bash has a list of its own if there is none.
    let path = env.get(env_names::PATH);
    if path.is_none() && !name.as_encoded_bytes().contains(&b'/') {
        return Vec::new();
    }
    let found = program::find(name, path, &part.working_directory);
    let failed =
        |err| CliError::new(ExitKind::Failed, format!("the benchmark command can't be run: {err}"));
    found.map_err(failed).err().into_iter().collect()
}

fn tracer(scene: &Scene<'_>) -> Vec<CliError> {
    let Scene { part, env, .. } = scene;
    if part.mode != Mode::Memory {
        return Vec::new();
    }
    let outcome = memory::check(part.memory, &part.working_directory, env);
    outcome.map_err(|err| RunError::from(err).into()).err().into_iter().collect()
}

fn instruments(scene: &Scene<'_>) -> Vec<CliError> {
    let outcome = Instruments::check(&scene.part.instruments, scene.env);
    outcome.map_err(|err| RunError::Instrument(err).into()).err().into_iter().collect()
}

fn valgrind(scene: &Scene<'_>) -> Vec<CliError> {
    if scene.part.mode != Mode::Simulation {
        return Vec::new();
    }
    let found = Valgrind::find(&scene.part.simulation, scene.env);
    found.map_err(|err| RunError::Mode(err.into()).into()).err().into_iter().collect()
}

fn commands(scene: &Scene<'_>) -> Vec<CliError> {
    let RunPart { workload, mode, working_directory, .. } = scene.part;
    match mode::check(workload, *mode, working_directory, scene.env) {
        Ok(None) => Vec::new(),
        Ok(Some(Refusal { kind, reasons })) => {
            reasons.into_iter().map(|reason| CliError::new(kind, reason)).collect()
        }
        Err(err) => vec![RunError::from(err).into()],
    }
}
