//! `codspeed ab`: a suite, or a command, in two states of a repository.

use results::{SuiteComparison, SuiteSide};
use runner_shared::{share::Share, text::one_line};

use super::{
    Context,
    compare::{Aim, Compared, Plan, is_interrupted},
    compared::limit_of,
    outcome::unwritten,
};
use crate::{
    ab::{End, State},
    cli::AbArgs,
    error::{CliError, ExitKind},
    event::RunEvent,
    settings::options::Export,
    ui,
};

/// Compares the states and says of each benchmark whether it has changed.
pub(crate) fn run(args: AbArgs, context: &mut Context) -> Result<ExitKind, CliError> {
    let AbArgs { shared, instruments, base, head, fail_if_slower, compare } = args;
    let limit = limit_of(fail_if_slower, compare.threshold)?;
    let mut plan = Plan::new(shared, instruments, compare, context)?;
    plan.limit = limit;
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
    let mut first_failure = ExitKind::Ok;
    for part in &plan.parts {
        let aim = Aim { only: None, seed: plan.seed, limits: plan.limits };
        let Compared { found, basis, end } = plan.compare(part, &sides, &turn, aim, context)?;
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
        let share = limit.map_or(0.0, Share::value);
        let kind = fail_if_slower.map_or(ExitKind::Ok, |_| judge(&found, share, context));
        if first_failure == ExitKind::Ok {
            first_failure = kind;
        }
    }
    Ok(first_failure)
}

/// Shows the verdicts and writes the exports.
pub(super) fn show(
    found: &SuiteComparison,
    exports: &[Export],
    context: &Context,
) -> Result<(), CliError> {
    context.ui.verdicts(found).map_err(|err| unwritten(&err))?;
    export_all(found, exports, context)
}

/// Writes the exports.
pub(super) fn export_all(
    found: &SuiteComparison,
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
    let worse: Vec<String> =
        found.worse_by(limit).map(|one| format!("`{}`", one_line(&one.name))).collect();
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
