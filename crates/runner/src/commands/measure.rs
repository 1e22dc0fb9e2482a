//! What `run` and `exec` have in common: each part of the plan is measured, shown, exported and judged. A part that fails
//! doesn't lose the others.

use std::io;

use results::{BenchResult, RawRounds, Report, compare};
use runner_shared::artifact::Rounds;

use super::{Context, outcome};
use crate::{
    error::{CliError, ExitKind},
    event::RunEvent,
    orchestrator::execute,
    report::AnyReport,
    settings::{RunPart, RunPlan},
    workload::Workload,
};

/// A difference below this share is not called one.
const MINIMUM_EFFECT: f64 = 0.03;

/// Measures all parts. The first failure decides the exit code.
pub(super) fn measure(plan: &RunPlan, context: &Context) -> Result<ExitKind, CliError> {
    let parts = plan.parts.len();
    let mut first_failure = ExitKind::Ok;
    for (index, part) in plan.parts.iter().enumerate() {
        if parts > 1 {
            let text = format!("part {} of {parts}: {}", index + 1, part.label);
            context.ui.event(&RunEvent::Step(text));
        }
        let kind = match measure_part(part, context) {
            Ok(ExitKind::Interrupted) => return Ok(ExitKind::Interrupted),
            Ok(kind) => kind,
            // The last words of the program.
            Err(err) if parts == 1 => return Err(err),
            Err(err) => {
                context.ui.error(&err);
                err.kind
            }
        };
        if first_failure == ExitKind::Ok {
            first_failure = kind;
        }
    }
    Ok(first_failure)
}

fn measure_part(part: &RunPart, context: &Context) -> Result<ExitKind, CliError> {
    let completed = execute(part, &context.env, &context.ui)?;
    let shown = outcome::show(&part.exports, &completed.report, context);
    outcome::show_hottest(&completed.report, outcome::A_FEW.0, outcome::A_FEW.1, context)?;
    if let AnyReport::Walltime(report) = &completed.report {
        show_verdict(report, &part.workload, context).map_err(|err| outcome::unwritten(&err))?;
    }
    outcome::judge(part, completed, context).and_then(|kind| shown.map(|()| kind))
}

/// Says which of two commands is faster, if two were compared and both were measured.
fn show_verdict(report: &Report, workload: &Workload, context: &Context) -> io::Result<()> {
    let Workload::Commands { targets, interleave: true, .. } = workload else { return Ok(()) };
    let [base, head] = &targets[..] else { return Ok(()) };
    let find = |uri: String| report.benchmarks.iter().find(|bench| bench.uri == uri);
    if let (Some(base), Some(head)) = (find(base.uri()), find(head.uri()))
        && let (Some(base_rounds), Some(head_rounds)) = (rounds(base), rounds(head))
    {
        let comparison = compare(base_rounds, head_rounds, MINIMUM_EFFECT);
        context.ui.details(&format!("\n{}", comparison.sentence(&base.name, &head.name)))?;
    }
    Ok(())
}

fn rounds(bench: &BenchResult) -> Option<&Rounds> {
    match &bench.rounds {
        Some(RawRounds::Logged(rounds)) => Some(rounds),
        Some(RawRounds::Marked { .. }) | None => None,
    }
}
