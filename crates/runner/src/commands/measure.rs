//! What `run` and `exec` have in common: each part of the plan is measured, shown, exported and judged, and at the end all
//! that was measured well is sent. A part that fails doesn't lose the others.

use runner_shared::{mode::Mode, profile_dir::ProfileDir};

use super::{
    Context, here, outcome, preflight, sources,
    upload::{Measured, send_all},
};
use crate::{
    ci,
    error::{CliError, ExitKind, chain},
    event::RunEvent,
    orchestrator::execute,
    settings::{RunPart, RunPlan, options::Instrument},
    upload::{self, Manifest, Prepared, State},
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
            let folder = ProfileDir::new(part.profile_folder.clone()?);
            let manifest = manifest(part, commit.clone());
            let manifest = kept(manifest, State::Complete, &folder, context);
            Some(Measured { folder, manifest, mode: part.mode })
        });
        return send_all(upload, found.collect(), context);
    }
    if plan.skip_run {
        return Err(CliError::new(ExitKind::Usage, "`--skip-run` without an upload has no effect"));
    }
    preflight::check(plan, context, &here)?;
    // From here on there is something to keep.
    let _heeding = context.signals.heed(1);
    let mut measured = Vec::new();
    let mut first_failure = ExitKind::Ok;
    let parts = plan.parts.len();
    for (index, part) in plan.parts.iter().enumerate() {
        if parts > 1 {
            let text = format!("part {} of {parts}: {}", index + 1, part.label);
            ui.event(&RunEvent::Step(text));
        }
        let kind = match measure_part(part, commit.clone(), context) {
            Ok((ExitKind::Interrupted, _)) => return Ok(interrupted(&measured, context)),
            Err(err) if err.kind == ExitKind::Interrupted && !measured.is_empty() => {
                ui.error(&err);
                return Ok(interrupted(&measured, context));
            }
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
    if context.signals.interrupted() {
        return Ok(interrupted(&measured, context));
    }
    if first_failure == ExitKind::Ok {
        return settle(prepared, measured, true, context);
    }
    settle(prepared, measured, false, context)?;
    Ok(first_failure)
}

/// Sends what was measured, if it is to be sent; where it stays is said if all `went_well`.
fn settle(
    prepared: Prepared,
    measured: Vec<Measured>,
    went_well: bool,
    context: &Context,
) -> Result<ExitKind, CliError> {
    match prepared {
        Prepared::Send(upload) if !measured.is_empty() => {
            return send_all(&upload, measured, context);
        }
        Prepared::Stay(Some(why)) if went_well => context.ui.event(&RunEvent::Step(why)),
        Prepared::Send(_) | Prepared::Stay(_) => {}
    }
    Ok(ExitKind::Ok)
}

fn measure_part(
    part: &RunPart,
    commit: Option<String>,
    context: &Context,
) -> Result<(ExitKind, Measured), CliError> {
    let manifest = manifest(part, commit);
    let completed = execute(part, &manifest, (&context.env, &context.signals), &context.ui)?;
    let folder = completed.folder.clone();
    // Otherwise files that are not whole follow from that.
    if !completed.interrupted && completed.trouble.is_none() {
        outcome::tell_broken(&completed.broken, context);
    }
    // The table comes last: of a long output the end is read.
    outcome::show_slowest(&completed.report, &folder, context)?;
    let shown = outcome::show(&part.exports, &completed.report, context);
    let explained = if part.workload.wants_explanation() {
        context.print_more(&completed.report.explained())
    } else {
        Ok(())
    };
    // What went wrong is not sent.
    let kind = match outcome::judge(part, completed, context) {
        Ok(kind) => kind,
        Err(err) => {
            upload::forget(&folder);
            keep(&manifest.failed(chain(&*err.source)), &folder, context);
            return Err(err);
        }
    };
    shown.inspect_err(|_| upload::forget(&folder))?;
    let state = if kind == ExitKind::Interrupted { State::Interrupted } else { State::Complete };
    let manifest = kept(manifest, state, &folder, context);
    explained.inspect_err(|_| upload::forget(&folder))?;
    Ok((kind, Measured { folder, manifest, mode: part.mode }))
}

/// Somebody wanted an end. Says what is kept of the parts that were measured before.
fn interrupted(before: &[Measured], context: &Context) -> ExitKind {
    for Measured { folder, .. } in before {
        context.ui.event(&RunEvent::Warning {
            text: "interrupted; the parts measured before are complete".to_owned(),
            hint: Some(upload::how_to_go_on(folder)),
        });
    }
    ExitKind::Interrupted
}

/// Returns the facts that a later upload needs.
pub(super) fn manifest(part: &RunPart, commit: Option<String>) -> Manifest {
    let instruments = part.instruments.instruments.iter().map(|instrument| match instrument {
        Instrument::Mongodb => api::Instrument::MongoDb,
    });
    let excludes = part.mode == Mode::Simulation && part.simulation.exclude_allocations;
    let runner = upload::runner(part.mode.into(), instruments.collect(), excludes);
    Manifest::new(runner, part.allow_empty, commit)
}

/// Keeps it beside the results of a run that has come as far as this.
fn kept(manifest: Manifest, state: State, folder: &ProfileDir, context: &Context) -> Manifest {
    let manifest = manifest.at(state);
    keep(&manifest, folder, context);
    manifest
}

fn keep(manifest: &Manifest, folder: &ProfileDir, context: &Context) {
    if let Err(err) = manifest.save(folder) {
        let text = format!("could not save the data for a later upload: {err}");
        context.ui.event(&RunEvent::warning(text));
    }
}
