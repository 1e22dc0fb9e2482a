//! `codspeed run`: a suite that has an integration.

use super::{Context, here, outcome};
use crate::{
    cli::RunArgs,
    error::{CliError, ExitKind},
    event::RunEvent,
    orchestrator::execute,
    settings::RunPlan,
    workload::Workload,
};

/// Runs the suite and shows what it reported.
pub(crate) fn run(args: RunArgs, context: &Context) -> Result<ExitKind, CliError> {
    let RunArgs { shared, instruments, command } = args;
    let workload = Workload::Suite(command.join(" "));
    let plan = RunPlan::new(workload, shared, None, &here()?)?;
    if instruments.mongo_uri_env_name.is_some() && instruments.instruments.is_empty() {
        let text = "`--mongo-uri-env-name` does nothing without `--instruments mongodb`";
        context.ui.event(&RunEvent::warning(text));
    }
    let plan = RunPlan { instruments, ..plan };
    let completed = execute(&plan, &context.env, &context.ui)?;
    let shown = outcome::show(&plan.exports, &completed.report, context);
    outcome::show_hottest(&completed.report, outcome::A_FEW.0, outcome::A_FEW.1, context)?;
    outcome::judge(&plan, completed, context).and_then(|kind| shown.map(|()| kind))
}
