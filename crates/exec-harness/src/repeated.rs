//! Commands that are counted several times each, to be compared: all of them once, then all of them once more with a
//! longer environment, and so on. The hooks of the beginning and of the end are run once.

use runner_shared::artifact::Repeats;

use crate::{
    command::{Prepared, Runnable},
    failure::Failure,
    plan::Plan,
    session::{Session, Verdict},
};

/// A command while it is counted again and again.
pub(crate) struct Repeated<'a> {
    plan: &'a Plan,
    /// As long as it is to be counted.
    hooks: Option<Runnable>,
}

/// Counts each command so often: `count` gets all that the command is started with in that repeat, and the number of the
/// repeat, from 0 on. `layouts` are the variables of each that make up for its words. A command that fails is counted no more.
pub(crate) fn repeatedly(
    session: &mut Session<'_>,
    plans: &[Plan],
    layouts: &[Vec<Vec<u8>>],
    mut count: impl FnMut(&mut Session<'_>, &Plan, &Prepared, usize) -> Result<(), Failure>,
) {
    let with = session.with.clone();
    let mut all: Vec<Repeated<'_>> =
        plans.iter().map(|plan| Repeated::begin(session, plan)).collect();
    for nth in 0..repeat_count(plans) {
        for ((repeated, layout), number) in all.iter_mut().zip(layouts).zip(1..) {
            let Some(_) = &repeated.hooks else { continue };
            if session.verdict() != Verdict::Interrupted {
                session.progress.begin(&repeated.plan.target.display_name(), number, plans.len());
                let with = padded(&with, layout, nth);
                let outcome = count(session, repeated.plan, &with, nth);
                repeated.go_on(session, outcome);
            }
        }
    }
    for mut repeated in all {
        repeated.end(session, Ok(()));
    }
}

/// Returns the number of times that each of these is counted.
fn repeat_count(plans: &[Plan]) -> usize {
    let most = plans.iter().filter_map(|plan| plan.target.walltime_args.max_rounds).min();
    Repeats::count(most)
}

/// Returns the same with an environment that is as long as the nth repeat wants it, and with the variables that make up
/// for the words of the command.
fn padded(with: &Prepared, layout: &[Vec<u8>], nth: usize) -> Prepared {
    let (name, padding) = Repeats::padding(nth);
    let mut padded = with.clone();
    padded.environment.extend_from_slice(layout);
    padded.environment.push(format!("{}={padding}", name.name).into_bytes());
    padded
}

impl<'a> Repeated<'a> {
    /// Runs the hook of the beginning.
    fn begin(session: &mut Session<'_>, plan: &'a Plan) -> Self {
        let mut repeated = Self { plan, hooks: None };
        if session.verdict() == Verdict::Interrupted {
            return repeated;
        }
        match Runnable::new(&plan.target, &plan.around, &session.with) {
            Ok(mut hooks) => {
                session.note_output(hooks.does_less());
                let ready = hooks.set_up(session.machine);
                repeated.hooks = Some(hooks);
                repeated.go_on(session, ready);
            }
            Err(failure) => session.report(&plan.target.display_name(), &failure),
        }
        repeated
    }

    /// Ends it if it has failed.
    fn go_on(&mut self, session: &mut Session<'_>, outcome: Result<(), Failure>) {
        if outcome.is_err() {
            self.end(session, outcome);
        }
    }

    /// Runs the hook of the end, and says what went wrong first.
    fn end(&mut self, session: &mut Session<'_>, outcome: Result<(), Failure>) {
        let Some(mut hooks) = self.hooks.take() else { return };
        let cleaned = session.after(&outcome, |machine| hooks.clean_up(machine));
        if let Err(failure) = outcome.and(cleaned) {
            session.report(&self.plan.target.display_name(), &failure);
        }
    }
}
