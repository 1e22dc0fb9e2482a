//! `codspeed run`: a suite that has an integration.

use super::{Context, here, outcome};
use crate::{
    cli::RunArgs,
    error::{CliError, ExitKind},
    orchestrator::execute,
    settings::RunPlan,
    workload::Workload,
};

/// Runs the suite and shows what it reported.
pub(crate) fn run(args: RunArgs, context: &Context) -> Result<ExitKind, CliError> {
    let RunArgs { shared, command } = args;
    let workload = Workload::Suite(command.join(" "));
    let plan = RunPlan::new(workload, shared, None, &here()?)?;
    let completed = execute(&plan, &context.env, &context.ui)?;
    let shown = outcome::show(&plan.exports, &completed.report, context);
    outcome::show_hottest(&completed.report, outcome::A_FEW.0, outcome::A_FEW.1)?;
    outcome::judge(&plan, completed, context).and_then(|kind| shown.map(|()| kind))
}
