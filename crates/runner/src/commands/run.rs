//! `codspeed run`: a suite that has an integration, or what the project file lists.

use std::{ffi::OsString, path::Path};

use runner_shared::command_text;
use store::Kind;

use super::{
    Context,
    gate::{Gate, measured},
    here, sources,
};
use crate::{
    cli::{RunArgs, resolve},
    error::{CliError, ExitKind},
    event::RunEvent,
    settings::{
        RunPlan,
        project_file::ProjectConfig,
        targets::{PlannedTarget, listing, plan_targets, select},
    },
    workload::Workload,
};

/// Runs the suite and shows what it reported.
pub(crate) fn run(args: RunArgs, context: &mut Context) -> Result<ExitKind, CliError> {
    let RunArgs { mut shared, upload, instruments, gate, report, bench, list, command } = args;
    let here = here()?;
    if list {
        let config = project_with_benchmarks(&bench, context, &here)?;
        context.print(&listing(&config))?;
        return Ok(ExitKind::Ok);
    }
    sources::warn_of_old_words(&shared.compat, context);
    let by;
    (shared.mode, by) = sources::modes(shared.mode, context)?;
    if instruments.mongo_uri_env_name.is_some() && instruments.instruments.is_empty() {
        let text = "`--mongo-uri-env-name` has no effect without `--instruments mongodb`";
        context.ui.event(&RunEvent::warning(text));
    }
    let targets = if command.is_empty() {
        let config = project_with_benchmarks(&bench, context, &here)?;
        context.hide_variables(&shared, Some(&config));
        let flag = shared.working_directory.as_deref();
        let (targets, warning) = plan_targets(&config, flag, shared.quiet);
        if let Some(warning) = warning {
            context.ui.event(&RunEvent::warning(warning));
        }
        targets
    } else {
        // For a command it says nothing but what is hidden.
        let project = sources::project(context, &here)?;
        context.hide_variables(&shared, project.as_ref());
        let working_directory = here.join(shared.working_directory.clone().unwrap_or_default());
        let workload = Workload::Suite(shell_text(command));
        vec![PlannedTarget { name: None, workload, working_directory }]
    };
    let page = super::report::wanted(&report, &shared.export, context)?;
    let plan = RunPlan::new(targets, resolve(shared, upload, instruments)?, &here)?;
    sources::say_modes(&plan, by, context);
    let gate = Gate::of_run(gate, context)?;
    measured(gate.as_ref(), page.as_ref(), &plan, Kind::Run, context)
}

/// One word is shell text; several are the words of a command, and stay what they are.
pub(super) fn shell_text(command: Vec<OsString>) -> OsString {
    match <[OsString; 1]>::try_from(command) {
        Ok([text]) => text,
        Err(words) => command_text::join(&words),
    }
}

/// The project file with those of its benchmarks that are wanted: at least one.
fn project_with_benchmarks(
    wanted: &[String],
    context: &Context,
    here: &Path,
) -> Result<ProjectConfig, CliError> {
    let nothing = |what: String| {
        CliError::new(ExitKind::Usage, what).hint(
            "use `codspeed run -- COMMAND` to run a suite, or list `benchmarks` in `codspeed.yml`",
        )
    };
    let Some(mut config) = sources::project(context, here)? else {
        let what = "no command was given, and no project file lists benchmarks";
        return Err(nothing(what.to_owned()));
    };
    if config.targets.is_empty() {
        return Err(nothing(format!("`{}` lists no benchmarks", config.shown())));
    }
    config.targets = select(config.targets, wanted).map_err(|err| {
        CliError::new(ExitKind::Usage, err).hint("run `codspeed run --list` to see them all")
    })?;
    Ok(config)
}
