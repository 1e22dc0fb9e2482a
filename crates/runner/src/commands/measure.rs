//! What `run` and `exec` have in common: each part of the plan is measured, shown, exported and judged, and at the end all
//! that was measured well is sent. A part that fails doesn't lose the others.

use std::path::Path;

use runner_shared::mode::Mode;

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
    settings::{RunPart, RunPlan},
    upload::{self, Manifest, Prepared},
};

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
                // What got slower was measured well.
                let is_whole = matches!(kind, ExitKind::Ok | ExitKind::Regression);
                measured.extend(Some(part).filter(|_| is_whole));
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
