//! `codspeed exec`: any command, alone or against another one.

use std::ffi::{OsStr, OsString};

use runner_shared::{command_text::CommandText, harness::Target, text::shown};

use super::{Context, here, measure::measure, sources};
use crate::{
    cli::{ExecArgs, InstrumentArgs},
    error::{CliError, ExitKind},
    settings::{RunPlan, targets::PlannedTarget},
    workload::Workload,
};

/// Runs the command and shows what came out.
pub(crate) fn run(args: ExecArgs, context: &mut Context) -> Result<ExitKind, CliError> {
    let ExecArgs { mut shared, name, vs, robust, walltime, around, command } = args;
    let here = here()?;
    if name.as_deref().is_some_and(|name| name.trim().is_empty()) {
        let what = "the name of the benchmark is blank";
        return Err(CliError::new(ExitKind::Usage, what)
            .hint("without `--name`, the words of the command are its name"));
    }
    let project = sources::project(context, &here)?;
    context.hide_variables(&shared, project.as_ref());
    let walltime = match project {
        Some(project) => project.complete(walltime)?,
        None => walltime,
    };
    sources::warn_of_old_words(&shared.compat, context);
    let by;
    (shared.mode, by) = sources::modes(shared.mode, context)?;
    let head = Target { command, name, walltime_args: walltime, run_args: around };
    let base = vs.map(|text| {
        let command = words(&text)?;
        Ok::<_, CliError>(Target { command, name: None, ..head.clone() })
    });
    let base = base.transpose()?;
    if base.as_ref().is_some_and(|base| base.uri() == head.uri()) {
        let err = "both commands have the same name, so their results can't be told apart";
        return Err(
            CliError::new(ExitKind::Usage, err).hint("`--name` gives the command another one")
        );
    }
    let workload = Workload::Commands {
        interleave: base.is_some(),
        targets: base.into_iter().chain([head]).collect(),
        robust,
        quiet: shared.quiet,
    };
    let working_directory = here.join(shared.working_directory.clone().unwrap_or_default());
    let targets = vec![PlannedTarget { name: None, workload, working_directory }];
    let none = InstrumentArgs::default();
    let plan = RunPlan::new(targets, shared, &none, &here)?;
    sources::say_modes(&plan, by, context);
    measure(&plan, context)
}

/// The words of a command line, or the one word of a text that a shell shall run.
fn words(text: &OsStr) -> Result<Vec<OsString>, CliError> {
    match CommandText::read(text) {
        Ok(CommandText::Words(words)) => Ok(words),
        Ok(CommandText::Shell) => Ok(vec![text.to_owned()]),
        Err(err) => Err(CliError::new(
            ExitKind::Usage,
            format!("`--vs {}` is no command: {err}", shown(text)),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_split_unless_it_is_shell_text() {
        let split = |text| words(OsStr::new(text)).unwrap();
        assert_eq!(split("./old 'in put.txt' -n"), ["./old", "in put.txt", "-n"]);
        assert_eq!(split("a | b"), ["a | b"]);
        assert!(words(OsStr::new("./old 'x")).is_err());
    }
}
