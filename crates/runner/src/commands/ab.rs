//! `codspeed ab`: a suite, or a command, in two states of a repository.

use results::{SuiteComparison, SuiteSide, Verdicts};
use runner_shared::{share::Share, text::one_line};
use store::gate::{GateReport, comparison_of};

use super::{
    Context,
    both::Records,
    compare::{Aim, Compared, Plan, is_interrupted},
    compared::limit_of,
    gate::Gate,
    outcome::unwritten,
    recorded::{self, Recorded},
    report::{self, Content},
};
use crate::{
    ab::{End, Sides, State},
    cli::AbArgs,
    error::{CliError, ExitKind},
    event::RunEvent,
    orchestrator::Turn,
    settings::options::Export,
    ui,
};

/// Compares the states and says of each benchmark whether it has changed.
pub(crate) fn run(args: AbArgs, context: &mut Context) -> Result<ExitKind, CliError> {
    let AbArgs { shared, instruments, base, head, fail_if_slower, compare, report, gate } = args;
    let page = report::wanted(&report, &shared.export, context)?;
    let limit = limit_of(fail_if_slower, compare.threshold)?;
    let gate = Gate::of_ab(gate, context)?;
    let mut plan = Plan::new(shared, instruments, compare, context)?;
    plan.limit = limit;
    if let Some(gate) = &gate {
        let modes = [store::Mode::Simulation, store::Mode::Walltime, store::Mode::Memory];
        let limit = |mode: store::Mode| Some((mode.into(), gate.smallest_regression(mode)?));
        plan.of_gate = modes.into_iter().filter_map(limit).collect();
    }
    let base = State::Commit(plan.repository.commit(&base)?);
    let head = match head {
        Some(head) => State::Commit(plan.repository.commit(&head)?),
        None => State::WorkingTree,
    };
    let context = &*context;
    // From here on there is something to remove.
    let _heeding = context.signals.heed(1);
    let turn = plan.turn(context)?;
    let sides = plan.sides(context)?;
    for (side, state) in [(SuiteSide::Base, &base), (SuiteSide::Head, &head)] {
        plan.make(side, state, &sides, context)?;
    }
    let mut records = Records::begin(&plan, [&base, &head], context);
    let judges = Judges {
        limit: fail_if_slower.map(|_| limit.map_or(0.0, Share::value)),
        gate: gate.as_ref(),
    };
    let mut all = Vec::new();
    let ended = all_parts(&plan, &sides, &turn, (&judges, &mut all), &mut records, context);
    recorded::keep(records.finish(), context);
    let shown = gate.as_ref().and_then(|gate| gate.shown.take());
    let written = write_page(page.as_ref(), &all, shown.as_ref(), context);
    report::and_written(ended, written, context)
}

/// Writes the page of both states, if one is wanted.
fn write_page(
    page: Option<&Export>,
    all: &[SuiteComparison],
    gate: Option<&GateReport>,
    context: &Context,
) -> Result<(), CliError> {
    let Some(file) = page else { return Ok(()) };
    let recorded = context.recorded.borrow();
    let Some(Recorded { id, before: Some(before), kept }) =
        recorded.as_ref().filter(|_| !all.is_empty())
    else {
        report::tell_of_none(file, context);
        return Ok(());
    };
    let [base, head] = [before, id].map(|id| Ok::<_, CliError>((*id, kept.store.get(*id)?)));
    let (base, found) = (base?, comparison_of(&all.iter().collect::<Vec<_>>()));
    let most_bytes = ::report::Report::USUAL_BYTES;
    let (base, head) = (Some((&base, &found)), head?);
    Content { base, gate, log: None, most_bytes }.write(&head, file, context)
}

/// The judges of the verdicts.
struct Judges<'a> {
    /// The share of `--fail-if-slower`: 0 without one.
    limit: Option<f64>,
    /// The limits of the project.
    gate: Option<&'a Gate>,
}

/// Compares both states in all modes.
fn all_parts(
    plan: &Plan,
    sides: &Sides,
    turn: &Turn,
    (judges, all): (&Judges<'_>, &mut Vec<SuiteComparison>),
    records: &mut Records,
    context: &Context,
) -> Result<ExitKind, CliError> {
    let mut first_failure = ExitKind::Ok;
    for part in &plan.parts {
        let aim = Aim { only: None, seed: plan.seed, limits: plan.limits };
        records.look_at((plan, sides), part, context);
        let compared = plan.compare(part, sides, turn, aim, context)?;
        records.add((plan, sides), part, &compared, context);
        let Compared { found, basis, end } = compared;
        let was_run = found.pairs.iter().any(|pairs| *pairs > 0);
        let shown = if was_run { show(&found, &part.exports, context) } else { Ok(()) };
        let written = shown.and_then(|()| plan.explain(&found, &basis, context));
        match end {
            Ok(End::Complete) => written?,
            Ok(End::Interrupted) => return Ok(interrupted(&found, written, context)),
            Err(err) if is_interrupted(&err) => return Ok(interrupted(&found, written, context)),
            Err(err) => {
                tell(written, context);
                return Err(err.into());
            }
        }
        let share = judges.limit;
        let kind = share.map_or(ExitKind::Ok, |share| judge(&found, share, context));
        all.push(found);
        if first_failure == ExitKind::Ok {
            first_failure = kind;
        }
    }
    let Some(gate) = judges.gate else { return Ok(first_failure) };
    let kind = gate.judge_pairs(&comparison_of(&all.iter().collect::<Vec<_>>()), context)?;
    Ok(if first_failure == ExitKind::Ok { kind } else { first_failure })
}

/// Shows the verdicts and writes the exports.
pub(super) fn show(
    found: &dyn Verdicts,
    exports: &[Export],
    context: &Context,
) -> Result<(), CliError> {
    context.ui.verdicts(found).map_err(|err| unwritten(&err))?;
    export_all(found, exports, context)
}

/// Writes the exports.
pub(super) fn export_all(
    found: &dyn Verdicts,
    exports: &[Export],
    context: &Context,
) -> Result<(), CliError> {
    for export in exports {
        ui::export_verdicts(found, export, &context.ui).map_err(|err| {
            let path = runner_shared::text::shown(&export.path);
            let what = format!("could not write the export `{path}`: {err}");
            CliError::new(ExitKind::Failed, what)
        })?;
    }
    Ok(())
}

/// Judges by `--fail-if-slower`.
fn judge(found: &SuiteComparison, limit: f64, context: &Context) -> ExitKind {
    let worse = found.worse_by(limit).map(|one| format!("`{}`", one_line(&one.name)));
    fail_of(&worse.collect::<Vec<_>>(), context)
}

/// Fails because of these benchmarks, if there are some.
pub(super) fn fail_of(worse: &[String], context: &Context) -> ExitKind {
    if worse.is_empty() {
        return ExitKind::Ok;
    }
    let what = format!("got worse (`--fail-if-slower`): {}", worse.join(", "));
    context.ui.error(&CliError::new(ExitKind::Regression, what));
    ExitKind::Regression
}

/// Says what could not be written, beside the error that the command ends with.
fn tell(written: Result<(), CliError>, context: &Context) {
    if let Err(err) = written {
        context.ui.error(&err);
    }
}

/// Says what the verdicts rest on that were shown.
fn interrupted(
    found: &SuiteComparison,
    written: Result<(), CliError>,
    context: &Context,
) -> ExitKind {
    tell(written, context);
    let text = match found.pairs[0] {
        0 => "interrupted; no pair of runs was finished".to_owned(),
        1 => "interrupted; the verdicts are of the 1 pair that was finished".to_owned(),
        pairs => format!("interrupted; the verdicts are of the {pairs} pairs that were finished"),
    };
    context.ui.event(&RunEvent::warning(text));
    ExitKind::Interrupted
}
