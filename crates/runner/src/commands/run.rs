//! `codspeed run`: a suite that has an integration, or what the project file lists.

use std::path::Path;

use super::{Context, here, measure::measure, sources};
use crate::{
    cli::{RunArgs, SharedArgs},
    error::{CliError, ExitKind},
    event::RunEvent,
    settings::{
        RunPlan,
        targets::{PlannedTarget, plan_targets},
    },
    workload::Workload,
};

/// Runs the suite and shows what it reported.
pub(crate) fn run(args: RunArgs, context: &Context) -> Result<ExitKind, CliError> {
    let RunArgs { mut shared, instruments, command } = args;
    let here = here()?;
    sources::warn_of_old_words(&shared.compat, context);
    shared.mode = sources::modes(shared.mode, context)?;
    if instruments.mongo_uri_env_name.is_some() && instruments.instruments.is_empty() {
        let text = "`--mongo-uri-env-name` does nothing without `--instruments mongodb`";
        context.ui.event(&RunEvent::warning(text));
    }
    let targets = if command.is_empty() {
        from_project(&shared, context, &here)?
    } else {
        if context.global.config.is_some() {
            // Nothing in it is for a command; but one that is named has to be there.
            sources::project(context, &here)?;
        }
        let working_directory = here.join(shared.working_directory.clone().unwrap_or_default());
        let workload = Workload::Suite(shell_text(command));
        vec![PlannedTarget { name: None, workload, working_directory }]
    };
    let plan = RunPlan::new(targets, shared, &instruments, None, &here)?;
    measure(&plan, context)
}

/// One word is shell text; several are the words of a command, and stay what they are.
fn shell_text(command: Vec<String>) -> String {
    match <[String; 1]>::try_from(command) {
        Ok([text]) => text,
        Err(words) => shell_words::join(words),
    }
}

/// What the project file lists; it decides where that is done.
fn from_project(
    shared: &SharedArgs,
    context: &Context,
    here: &Path,
) -> Result<Vec<PlannedTarget>, CliError> {
    let nothing = |what: String| {
        CliError::new(ExitKind::Usage, what)
            .hint("`codspeed run -- COMMAND` runs a suite; `benchmarks` in `codspeed.yml` lists what `codspeed run` alone runs")
    };
    let Some(config) = sources::project(context, here)? else {
        let what = "there is no command, and no project file that lists benchmarks";
        return Err(nothing(what.to_owned()));
    };
    let (targets, warning) =
        plan_targets(&config, shared.working_directory.as_deref(), shared.quiet);
    if let Some(warning) = warning {
        context.ui.event(&RunEvent::warning(warning));
    }
    if targets.is_empty() {
        return Err(nothing(format!("`{}` lists no benchmarks", config.shown())));
    }
    Ok(targets)
}
