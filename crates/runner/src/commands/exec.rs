//! `codspeed exec`: any command, alone or against another one.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
};

use runner_shared::{
    command_text::CommandText,
    harness::Target,
    text::{one_line, shown},
};
use store::Kind;

use super::{
    Context,
    compared::{self, Wanted},
    gate::{Gate, measured},
    here, sources,
};
use crate::{
    cli::{ExecArgs, InstrumentArgs, resolve},
    error::{CliError, ExitKind},
    event::RunEvent,
    settings::{RunPlan, targets::PlannedTarget},
    workload::Workload,
};

/// Runs the command and shows what came out.
pub(crate) fn run(args: ExecArgs, context: &mut Context) -> Result<ExitKind, CliError> {
    let ExecArgs {
        mut shared,
        mut upload,
        name,
        vs,
        parameter_list,
        parameter_scan,
        threshold,
        fail_if_slower,
        explain,
        robust,
        walltime,
        around,
        report,
        command,
        gate,
    } = args;
    let here = here()?;
    refuse_blank(name.as_deref())?;
    compared::refuse_limit_apart(fail_if_slower, &command)?;
    let hint = compared::hint(&command, &here, &context.env).filter(|_| vs.is_empty());
    let project = sources::project(context, &here)?;
    context.hide_variables(&shared, project.as_ref());
    let walltime = match project {
        Some(project) => project.complete(walltime)?,
        None => walltime,
    };
    sources::warn_of_old_words(&shared.compat, context);
    let by;
    (shared.mode, by) = sources::modes(shared.mode, context)?;
    let head = Target {
        command,
        name,
        walltime_args: walltime,
        run_args: around,
        working_directory: None,
    };
    let targets = with_others(head, &vs)?;
    let mut targets = compared::with_parameters(&targets, parameter_list, &parameter_scan)?;
    check_names(&targets)?;
    let is_comparison = targets.len() > 1;
    compared::refuse_gate(gate.gate.is_some(), is_comparison)?;
    let base = upload.target.base.take_if(|_| is_comparison);
    if let Some(base) = base {
        compared::put_first(&mut targets, &base)?;
    }
    let wanted = Wanted { threshold, fail_if_slower, explain };
    let versus = compared::versus(wanted, is_comparison)?;
    let workload = Workload::Commands { versus, targets, robust, quiet: shared.quiet };
    let working_directory = here.join(shared.working_directory.clone().unwrap_or_default());
    let targets = vec![PlannedTarget { name: None, workload, working_directory }];
    let page = super::report::wanted(&report, &shared.export, context)?;
    let options = resolve(shared, upload, InstrumentArgs::default())?;
    let plan = RunPlan::new(targets, options, &here)?;
    sources::say_modes(&plan, by, context);
    if let Some(text) = hint {
        context.ui.event(&RunEvent::Step(text));
    }
    let gate = Gate::of_run(gate, context)?;
    measured(gate.as_ref(), page.as_ref(), &plan, Kind::Exec, context)
}

/// The command behind those that it is compared with.
fn with_others(head: Target, vs: &[OsString]) -> Result<Vec<Target>, CliError> {
    let other = |text: &OsString| {
        let command = words(text)?;
        Ok(Target { command, name: None, ..head.clone() })
    };
    let mut targets = vs.iter().map(other).collect::<Result<Vec<_>, CliError>>()?;
    targets.push(head);
    Ok(targets)
}

/// A blank name would be shown as nothing.
fn refuse_blank(name: Option<&str>) -> Result<(), CliError> {
    if name.is_some_and(|name| name.trim().is_empty()) {
        let what = "the name of the benchmark is blank";
        return Err(CliError::new(ExitKind::Usage, what)
            .hint("leave out `--name` to use the words of the command"));
    }
    Ok(())
}

/// Results are told apart by the names of the commands.
fn check_names(targets: &[Target]) -> Result<(), CliError> {
    let mut known = BTreeSet::new();
    match targets.iter().find(|target| !known.insert(target.uri())) {
        None => Ok(()),
        Some(twice) => {
            let what = format!(
                "two commands have the same name `{}`, so their results can't be told apart",
                one_line(&twice.display_name())
            );
            let hint = "use `--name` to give the command after `--` another name";
            Err(CliError::new(ExitKind::Usage, what).hint(hint))
        }
    }
}

/// The words of a command line, or the one word of a text that a shell shall run.
fn words(text: &OsStr) -> Result<Vec<OsString>, CliError> {
    match CommandText::read(text) {
        Ok(CommandText::Words(words)) => Ok(words),
        Ok(CommandText::Shell) => Ok(vec![text.to_owned()]),
        Err(err) => Err(CliError::new(
            ExitKind::Usage,
            format!("`--vs {}` is not a valid command: {err}", shown(text)),
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
