//! What `run` and `exec` have in common: each part of the plan is measured, shown, exported and judged, and at the end all
//! that was measured well is sent. A part that fails doesn't lose the others.

use std::{io, path::Path};

use results::{BenchResult, RawRounds, Report, compare};
use runner_shared::{artifact::Rounds, mode::Mode};

use super::{
    Context, here, outcome, preflight, sources,
    upload::{Measured, send_all},
};
use crate::{
    ci,
    cli::Instrument,
    error::{CliError, ExitKind},
    event::RunEvent,
    orchestrator::execute,
    report::AnyReport,
    settings::{RunPart, RunPlan},
    upload::{self, Manifest, Prepared},
    workload::Workload,
};

/// A difference below this share is not called one.
const MINIMUM_EFFECT: f64 = 0.03;

/// Measures all parts, and sends what was measured well. The first failure decides the exit code.
pub(super) fn measure(plan: &RunPlan, context: &Context) -> Result<ExitKind, CliError> {
    let (env, ui) = (&context.env, &context.ui);
    // First: whatever else is looked for would not be found without it.
    preflight::check_machine()?;
    // Whatever is wrong with the upload is said before hours are spent.
    let here = here()?;
    let prepared =
        upload::prepare(&plan.upload, || sources::service_account(context), (env, &here), ui)?;
    // Where the run belongs to, whatever is checked out where a benchmark runs, and by the time it has ended.
    let commit = ci::checked_out(env, &here);
    if let (true, Prepared::Send(upload)) = (plan.skip_run, &prepared) {
        let found = plan.parts.iter().filter_map(|part| {
            let folder = part.profile_folder.clone()?;
            let manifest = manifest(part, &folder, commit.clone(), context);
            Some(Measured { folder, manifest, mode: part.mode })
        });
        return send_all(upload, found.collect(), context);
    }
    if plan.skip_run {
        return Err(CliError::new(ExitKind::Usage, "`--skip-run` without an upload does nothing"));
    }
    preflight::check(plan, context, &here)?;
    let mut measured = Vec::new();
    let mut first_failure = ExitKind::Ok;
    let parts = plan.parts.len();
    for (index, part) in plan.parts.iter().enumerate() {
        if parts > 1 {
            let text = format!("part {} of {parts}: {}", index + 1, part.label);
            ui.event(&RunEvent::Step(text));
        }
        let kind = match measure_part(part, commit.clone(), context) {
            Ok((ExitKind::Interrupted, _)) => return Ok(ExitKind::Interrupted),
            Ok((kind, part)) => {
                measured.extend(Some(part).filter(|_| kind == ExitKind::Ok));
                kind
            }
            // The last words of the program.
            Err(err) if parts == 1 => return Err(err),
            Err(err) => {
                ui.error(&err);
                err.kind
            }
        };
        if first_failure == ExitKind::Ok {
            first_failure = kind;
        }
    }
    let uploaded = match prepared {
        Prepared::Send(upload) if !measured.is_empty() => send_all(&upload, measured, context)?,
        Prepared::Send(_) => ExitKind::Ok,
        Prepared::Stay(why) => {
            if let Some(why) = why.filter(|_| first_failure == ExitKind::Ok) {
                ui.event(&RunEvent::Step(why));
            }
            ExitKind::Ok
        }
    };
    Ok(if first_failure == ExitKind::Ok { uploaded } else { first_failure })
}

fn measure_part(
    part: &RunPart,
    commit: Option<String>,
    context: &Context,
) -> Result<(ExitKind, Measured), CliError> {
    let completed = execute(part, &context.env, &context.ui)?;
    let folder = completed.folder.clone();
    // Otherwise files that are not whole follow from that.
    if !completed.interrupted && completed.trouble.is_none() {
        outcome::tell_broken(&completed.broken, context);
    }
    // The table comes last: of a long output the end is read.
    outcome::show_slowest(&completed.report, &folder, context)?;
    let shown = outcome::show(&part.exports, &completed.report, context);
    if let AnyReport::Walltime(report) = &completed.report {
        show_verdict(report, &part.workload, context).map_err(|err| outcome::unwritten(&err))?;
    }
    let kind = outcome::judge(part, completed, context)?;
    shown?;
    let manifest = manifest(part, &folder, commit, context);
    Ok((kind, Measured { folder, manifest, mode: part.mode }))
}

/// What a later upload needs to know, kept beside the results.
fn manifest(part: &RunPart, folder: &Path, commit: Option<String>, context: &Context) -> Manifest {
    let instruments = part.instruments.instruments.iter().map(|instrument| match instrument {
        Instrument::Mongodb => api::Instrument::MongoDb,
    });
    let executor = upload::executor(part.mode.names().executor);
    let excludes = part.mode == Mode::Simulation && part.simulation.exclude_allocations;
    let runner = upload::runner(executor, instruments.collect(), excludes);
    let manifest = Manifest::new(runner, part.allow_empty, commit);
    if let Err(err) = manifest.save(folder) {
        let text = format!("could not note what a later upload needs: {err}");
        context.ui.event(&RunEvent::warning(text));
    }
    manifest
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
