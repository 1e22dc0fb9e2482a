//! What `run` and `exec` have in common: each part of the plan is measured, shown, exported and judged, and at the end all
//! that was measured well is sent. A part that fails doesn't lose the others, and an upload that fails no measurement.

use runner_shared::{mode::Mode, profile_dir::ProfileDir, text::shown};
use store::{Kind, PartState};

use super::{
    Context, here,
    leftovers::Leftovers,
    outcome, preflight, recorded, sources,
    upload::{Measured, send_all},
};
use crate::{
    ci,
    error::{CliError, ExitKind, chain},
    event::RunEvent,
    orchestrator::{Completed, execute, tell_of_folder},
    recording::{self, Recording, Results},
    settings::{RunPart, RunPlan, options::Instrument},
    ui::Ui,
    upload::{self, Manifest, Prepared, State},
};

/// The end of a measurement and of its upload.
pub(super) struct Ended {
    /// The first failure of a part.
    pub measured: ExitKind,
    /// The judgement of the service, if it was asked for one, or the reason why the results were not sent.
    pub sent: Result<ExitKind, CliError>,
    /// True unless a record could not be stored.
    pub is_kept: bool,
}

impl Ended {
    /// The end of the command, if nobody else judges the results. The first failure decides; that of the upload is told
    /// where it does not.
    pub(super) fn whole(self, ui: &Ui) -> Result<ExitKind, CliError> {
        match (self.measured, self.sent) {
            (ExitKind::Ok, sent) => sent,
            (measured, Ok(_)) => Ok(measured),
            (_, Err(err)) if err.kind == ExitKind::Interrupted => Err(err),
            (measured, Err(err)) => {
                ui.error(&err);
                Ok(measured)
            }
        }
    }
}

/// Measures all parts, keeps a record of them, and sends what was measured well.
pub(super) fn measure(plan: &RunPlan, kind: Kind, context: &Context) -> Result<Ended, CliError> {
    let (env, ui) = (&context.env, &context.ui);
    // First: whatever else is looked for would not be found without it.
    preflight::check_machine()?;
    // Whatever is wrong with the upload is said before hours are spent.
    let here = here()?;
    let prepared =
        upload::prepare(&plan.upload, || sources::service_account(context), (env, &here), ui)?;
    if plan.skip_run {
        let commit = ci::checked_out(env, &here);
        let sent = send_again(plan, prepared, commit.as_deref(), context);
        return Ok(Ended { measured: ExitKind::Ok, sent, is_kept: true });
    }
    preflight::check(plan, context, &here)?;
    // Where the run belongs to, whatever is checked out where a benchmark runs, and by the time it has ended.
    let origin = plan.remember.as_ref().map(|_| ci::origin(env, &here));
    let recording = plan
        .remember
        .as_ref()
        .zip(origin.as_ref())
        .map(|(wishes, origin)| Recording::begin(kind, &plan.parts, wishes, origin, env));
    let commit = match origin {
        Some(origin) => origin.commit,
        None => ci::checked_out(env, &here),
    };
    // From here on there is something to keep.
    let _heeding = context.signals.heed(1);
    let leftovers = Leftovers::default();
    let mut run = Run { commit, recording, leftovers, measured: Vec::new() };
    let ended = run.all(plan, context);
    run.miss_the_rest(plan);
    let Run { recording, mut leftovers, measured, .. } = run;
    let is_kept = recorded::keep(recording, context);
    if !is_kept {
        leftovers.stay(context);
    }
    let ended = match ended {
        Ok(End::Interrupted) => {
            let measured = interrupted(&measured, &mut leftovers, context);
            Ok(Ended { measured, sent: Ok(ExitKind::Ok), is_kept })
        }
        Ok(End::Parts(first_failure)) => {
            let is_somewhere = context.recorded.borrow().is_some() || leftovers.any_stays();
            let sent = send(prepared, measured, (first_failure, is_somewhere), context)
                .inspect_err(|_| leftovers.stay(context));
            Ok(Ended { measured: first_failure, sent, is_kept })
        }
        Err(err) => Err(err),
    };
    leftovers.remove(context);
    ended
}

/// Sends what lies in the folders of the plan, without measuring anything.
fn send_again(
    plan: &RunPlan,
    prepared: Prepared,
    commit: Option<&str>,
    context: &Context,
) -> Result<ExitKind, CliError> {
    let Prepared::Send(upload) = prepared else {
        let what = "`--skip-run` without an upload has no effect";
        return Err(CliError::new(ExitKind::Usage, what));
    };
    let found = plan.parts.iter().filter_map(|part| {
        let folder = ProfileDir::new(part.profile_folder.clone()?);
        let manifest = manifest(part, commit.map(str::to_owned));
        let manifest = kept(manifest, State::Complete, &folder, context);
        Some(Measured { folder, manifest, mode: part.mode })
    });
    send_all(&upload, found.collect(), context)
}

/// The end of all parts.
enum End {
    /// They were measured; the first failure, if there is one.
    Parts(ExitKind),
    /// Somebody wanted an end.
    Interrupted,
}

/// A run that goes on.
struct Run {
    /// The commit that is checked out.
    commit: Option<String>,
    /// Its record, if one is kept.
    recording: Option<Recording>,
    leftovers: Leftovers,
    /// The parts that were measured well.
    measured: Vec<Measured>,
}

impl Run {
    /// Measures one part after the other.
    fn all(&mut self, plan: &RunPlan, context: &Context) -> Result<End, CliError> {
        let mut first_failure = ExitKind::Ok;
        let parts = plan.parts.len();
        for (index, part) in plan.parts.iter().enumerate() {
            if parts > 1 {
                let text = format!("part {} of {parts}: {}", index + 1, part.label);
                context.ui.event(&RunEvent::Step(text));
            }
            let kind = match self.part(part, context) {
                Ok((ExitKind::Interrupted, _)) => return Ok(End::Interrupted),
                Err(err) if err.kind == ExitKind::Interrupted && !self.measured.is_empty() => {
                    context.ui.error(&err);
                    return Ok(End::Interrupted);
                }
                Ok((kind, part)) => {
                    // What got slower was measured well.
                    let is_whole = matches!(kind, ExitKind::Ok | ExitKind::Regression);
                    self.measured.extend(Some(part).filter(|_| is_whole));
                    kind
                }
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
        if context.signals.interrupted() {
            return Ok(End::Interrupted);
        }
        Ok(End::Parts(first_failure))
    }

    /// Notes in the record that a part has no results.
    fn miss(&mut self, part: &RunPart, kind: ExitKind) {
        let is_interrupted = kind == ExitKind::Interrupted;
        let state = if is_interrupted { PartState::Interrupted } else { PartState::Failed };
        if let Some(recording) = &mut self.recording {
            recording.miss(part, state);
        }
    }

    /// Notes in the record that the last parts were never begun, if that is so.
    fn miss_the_rest(&mut self, plan: &RunPlan) {
        let noted = self.recording.as_ref().map_or(plan.parts.len(), Recording::parts);
        for part in plan.parts.iter().skip(noted) {
            self.miss(part, ExitKind::Interrupted);
        }
    }

    /// Measures a part, and takes it into the record.
    fn part(
        &mut self,
        part: &RunPart,
        context: &Context,
    ) -> Result<(ExitKind, Measured), CliError> {
        let manifest = manifest(part, self.commit.clone());
        if let Some(recording) = &mut self.recording {
            recording.look_at(part, &context.env);
        }
        let completed = execute(part, &manifest, (&context.env, &context.signals), &context.ui)
            .map_err(CliError::from)
            .inspect_err(|err| self.miss(part, err.kind))?;
        let folder = completed.folder.clone();
        let goes = self.leftovers.note(part, (&folder, &completed.lock));
        if let Some(recording) = &mut self.recording {
            let measured = recording::Measured {
                part,
                state: PartState::Complete,
                results: Results::Run(&completed.report),
                perf: completed.perf.as_deref(),
                folder: Some(&folder),
                folder_stays: !goes,
            };
            recording.add(measured, &context.env);
        }
        // What is broken holds numbers that only somebody who looks at the files can find.
        let is_worth_a_look = completed.report.begun() > 0 || !completed.broken.is_empty();
        let is_stored = self.recording.is_some();
        let (state, ended) = finish(part, completed, manifest, (goes, is_stored), context);
        if let Some(recording) = &mut self.recording {
            recording.end_last(state);
        }
        let stays = match &ended {
            Ok((kind, _)) => *kind == ExitKind::Interrupted && is_worth_a_look,
            Err(err) => is_worth_a_look && !matches!(err.kind, ExitKind::Usage | ExitKind::Empty),
        };
        if stays {
            self.leftovers.keep(&folder, context);
        }
        ended
    }
}

/// Sends what was measured, if it is to be sent; that it is not is said if all went well. Something of it `is_kept`
/// here, or nothing.
fn send(
    prepared: Prepared,
    measured: Vec<Measured>,
    (first_failure, is_kept): (ExitKind, bool),
    context: &Context,
) -> Result<ExitKind, CliError> {
    let went_well = first_failure == ExitKind::Ok;
    match prepared {
        Prepared::Send(upload) if !measured.is_empty() => {
            return send_all(&upload, measured, context);
        }
        Prepared::Stay(Some(how)) if went_well => {
            let what = if is_kept { "results kept locally" } else { "results are not uploaded" };
            context.ui.event(&RunEvent::Step(format!("{what}; {how}")));
        }
        Prepared::Send(_) | Prepared::Stay(_) => {}
    }
    Ok(ExitKind::Ok)
}

/// Shows and exports the results of a part, and judges it: that alone decides its state. Its folder is about to be removed
/// if it `goes`; its record is to be stored if it `is_stored`.
fn finish(
    part: &RunPart,
    completed: Completed,
    manifest: Manifest,
    (goes, is_stored): (bool, bool),
    context: &Context,
) -> (PartState, Result<(ExitKind, Measured), CliError>) {
    let folder = completed.folder.clone();
    // Otherwise files that are not whole follow from that.
    if !completed.interrupted && completed.trouble.is_none() {
        outcome::tell_broken(&completed.broken, context);
    }
    let shown = show(part, &completed, (goes, is_stored), context);
    if !goes {
        tell_of_folder(&folder, &context.ui);
    }
    // What went wrong is not sent.
    let kind = match outcome::judge(part, completed, context) {
        Ok(kind) => kind,
        Err(err) => {
            upload::forget(&folder);
            keep(&manifest.failed(chain(&*err.source)), &folder, context);
            return (PartState::Failed, Err(err));
        }
    };
    let (recorded, sent) = if kind == ExitKind::Interrupted {
        (PartState::Interrupted, State::Interrupted)
    } else {
        (PartState::Complete, State::Complete)
    };
    if let Err(err) = shown {
        upload::forget(&folder);
        return (recorded, Err(err));
    }
    let manifest = kept(manifest, sent, &folder, context);
    (recorded, Ok((kind, Measured { folder, manifest, mode: part.mode })))
}

/// Shows and exports the results of a part. The table comes last: of a long output the end is read.
fn show(
    part: &RunPart,
    completed: &Completed,
    (goes, is_stored): (bool, bool),
    context: &Context,
) -> Result<(), CliError> {
    let Completed { report, folder, .. } = completed;
    let folder = (!goes).then_some(folder);
    let place = folder.map(|folder| format!(" {}", shown(folder)));
    let place = place.or_else(|| is_stored.then(String::new));
    let slowest = outcome::show_slowest(report, place.as_deref(), context);
    let shown = outcome::show(&part.exports, report, context);
    let explained = if part.workload.wants_explanation() {
        context.print_more(&report.explained())
    } else {
        Ok(())
    };
    slowest.and(shown).and(explained)
}

/// Somebody wanted an end. Says what is kept of the parts that were measured before.
fn interrupted(before: &[Measured], leftovers: &mut Leftovers, context: &Context) -> ExitKind {
    for Measured { folder, .. } in before {
        leftovers.keep(folder, context);
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
