//! `codspeed run`: a suite that has an integration.

use super::{Context, here, measure::measure};
use crate::{
    cli::RunArgs,
    error::{CliError, ExitKind},
    event::RunEvent,
    settings::{PlannedTarget, RunPlan},
    workload::Workload,
};

/// Runs the suite and shows what it reported.
pub(crate) fn run(args: RunArgs, context: &Context) -> Result<ExitKind, CliError> {
    let RunArgs { shared, instruments, command } = args;
    let workload = Workload::Suite(command.join(" "));
    let here = here()?;
    let working_directory = here.join(shared.working_directory.clone().unwrap_or_default());
    if instruments.mongo_uri_env_name.is_some() && instruments.instruments.is_empty() {
        let text = "`--mongo-uri-env-name` does nothing without `--instruments mongodb`";
        context.ui.event(&RunEvent::Warning(text.to_owned()));
    }
    let targets = vec![PlannedTarget { workload, working_directory }];
    let plan = RunPlan::new(targets, shared, &instruments, None, &here)?;
    measure(&plan, context)
}
