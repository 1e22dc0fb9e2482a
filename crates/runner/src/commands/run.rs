//! `codspeed run`: a suite that has an integration, or what the project file lists.

use std::path::Path;

use super::{Context, here, outcome, sources};
use crate::{
    cli::{RunArgs, SharedArgs},
    error::{CliError, ExitKind},
    event::RunEvent,
    orchestrator::execute,
    settings::{
        RunPlan,
        targets::{PlannedTarget, PlannedWork, plan_targets},
    },
    workload::Workload,
};

/// Runs the suite and shows what it reported.
pub(crate) fn run(args: RunArgs, context: &Context) -> Result<ExitKind, CliError> {
    let RunArgs { mut shared, instruments, command } = args;
    let here = here()?;
    shared.mode = sources::modes(shared.mode, context)?;
    let workload = if command.is_empty() {
        from_project(&mut shared, context, &here)?
    } else {
        if context.global.config.is_some() {
            // Nothing in it is for a command; but one that is named has to be there.
            sources::project(context, &here)?;
        }
        Workload::Suite(command.join(" "))
    };
    let plan = RunPlan::new(workload, shared, None, &here)?;
    if instruments.mongo_uri_env_name.is_some() && instruments.instruments.is_empty() {
        let text = "`--mongo-uri-env-name` does nothing without `--instruments mongodb`";
        context.ui.event(&RunEvent::Warning(text.to_owned()));
    }
    let plan = RunPlan { instruments, ..plan };
    let completed = execute(&plan, &context.env, &context.ui)?;
    let shown = outcome::show(&plan.exports, &completed.report, context);
    outcome::show_hottest(&completed.report, outcome::A_FEW.0, outcome::A_FEW.1)?;
    outcome::judge(&plan, completed, context).and_then(|kind| shown.map(|()| kind))
}

/// What the project file lists, as one piece of work; it decides where that is done.
fn from_project(
    shared: &mut SharedArgs,
    context: &Context,
    here: &Path,
) -> Result<Workload, CliError> {
    let nothing = |what: String| {
        CliError::new(ExitKind::Usage, what)
            .hint("`codspeed run -- COMMAND` runs a suite; `benchmarks` in `codspeed.yml` lists what `codspeed run` alone runs")
    };
    let Some(config) = sources::project(context, here)? else {
        let what = "there is no command, and no project file that lists benchmarks";
        return Err(nothing(what.to_owned()));
    };
    let (targets, warning) = plan_targets(&config, shared.working_directory.as_deref());
    if let Some(warning) = warning {
        context.ui.event(&RunEvent::Warning(warning));
    }
    let number = targets.len();
    let Ok([PlannedTarget { work, working_directory }]) = <[_; 1]>::try_from(targets) else {
        if number == 0 {
            return Err(nothing(format!("`{}` lists no benchmarks", config.shown())));
        }
        let what = format!(
            "`{}` lists {number} things to run one after the other, but a run has one",
            config.shown()
        );
        return Err(CliError::new(ExitKind::Usage, what)
            .hint("all `exec` entries together are one, and each `entrypoint` is one"));
    };
    shared.working_directory = Some(working_directory);
    Ok(match work {
        PlannedWork::Commands(targets) => {
            Workload::Commands { targets, interleave: false, robust: false, quiet: shared.quiet }
        }
        PlannedWork::Entrypoint { name, text } => {
            if let Some(name) = name {
                context.ui.event(&RunEvent::Step(format!("running {name}")));
            }
            Workload::Suite(text)
        }
    })
}
