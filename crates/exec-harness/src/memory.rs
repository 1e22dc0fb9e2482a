//! Memory mode: every command runs between two messages, once or, to be compared, several times, and the runner looks on.

use crate::{
    command::Runnable, failure::Failure, layout::paddings, plan::Plan, repeated::repeatedly,
    session::Session, walltime::PARTLY_MEASURED,
};

/// Runs each command once. The first failure ends it, as the runner's record of the run is then
/// worth nothing.
pub(crate) fn analyse(session: &mut Session<'_>, plans: &[Plan]) {
    for (index, plan) in plans.iter().enumerate() {
        let name = plan.target.display_name();
        session.progress.begin(&name, index + 1, plans.len());
        match run_once(session, plan) {
            Ok(()) => session.link.executed(plan.target.uri()),
            Err(failure) => {
                session.report(&name, &failure);
                return;
            }
        }
    }
}

/// Runs each command several times. One that fails is run no more.
pub(crate) fn analyse_repeatedly(session: &mut Session<'_>, plans: &[Plan]) {
    let targets: Vec<_> = plans.iter().map(|plan| &plan.target).collect();
    let with = &session.with;
    let layouts = paddings(&targets, |_| with.environment.clone(), with.path.as_deref());
    repeatedly(session, plans, &layouts, |session, plan, with, _| {
        let mut runnable = Runnable::new(&plan.target, &plan.around, with)?;
        one_round(session, plan, &mut runnable)?;
        session.link.executed(plan.target.uri());
        Ok(())
    });
}

fn run_once(session: &mut Session<'_>, plan: &Plan) -> Result<(), Failure> {
    let mut runnable = Runnable::new(&plan.target, &plan.around, &session.with)?;
    session.note_output(runnable.does_less());
    runnable.set_up(session.machine)?;
    let after = one_round(session, plan, &mut runnable);
    after.and(runnable.clean_up(session.machine))
}

/// Opens a window, runs the command and closes it.
fn one_round(
    session: &mut Session<'_>,
    plan: &Plan,
    runnable: &mut Runnable,
) -> Result<(), Failure> {
    let ready = runnable.before_round(session.machine, "round", 1);
    session.link.start();
    let outcome = ready.and_then(|()| runnable.checked_round(session.machine, "round", 1, |_| {}));
    session.link.stop(std::iter::empty());
    if outcome.as_ref().is_ok_and(|sample| sample.outlived) {
        let name = plan.target.shown_name();
        session.progress.always(&format!(
            "warning: a process started by `{name}` was still running at its end: \
            {PARTLY_MEASURED}"
        ));
    }
    outcome.and_then(|_| runnable.after_round(session.machine, "round", 1))
}
