//! Builds a state by the commands of the user, in the folder that stands for the one they are in.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

use results::SuiteSide;
use runner_shared::{env_names, text::shown};
use system::signals::Signals;

use super::{AbError, called};
use crate::{
    env::Env,
    orchestrator::run_step,
    process::{AddressSpace, Ended, Output, Stdin, ToolCommand},
    tools,
    ui::Ui,
};

/// Makes the environment of the builds and suites of a side: no other repository than the one around them, and a folder
/// of their own for the output of Cargo, if the user has set one for all. Of the same length for both sides.
pub(crate) fn environment(env: &Env, folder: &Path) -> Env {
    let own = env.clone().without(env_names::OTHER_REPOSITORY);
    match own.get(env_names::CARGO_TARGET_DIR) {
        Some(_) => own.with(env_names::CARGO_TARGET_DIR, folder.join("target")),
        None => own,
    }
}

/// Runs all commands in `cwd`, one after the other, until one fails.
pub(crate) fn build(
    side: SuiteSide,
    commands: &[OsString],
    cwd: &Path,
    (env, signals): (&Env, &Signals),
    ui: &Ui,
) -> Result<(), AbError> {
    for command in commands {
        let shell = tools::find("bash", env).or_else(|| tools::find("sh", env));
        let title = format!("{}: {}", called(side), shown(command));
        let step = ToolCommand {
            program: shell.ok_or(AbError::NoShell)?,
            args: vec![OsStr::new("-c").to_owned(), command.clone()],
            cwd: cwd.to_owned(),
            env: env.clone(),
            stdin: Stdin::Null,
            output: Output::Piped,
            address_space: AddressSpace::Random,
        };
        let ended = run_step(&title, step, signals, ui)?;
        if ended != Ended::Code(0) {
            let command = shown(command).into_owned();
            return Err(AbError::Build { side: called(side), command, ended });
        }
    }
    Ok(())
}
