//! The records of `ab`: one of each state of the sources, that of head with the verdicts.

use results::SuiteSide;
use store::{Kind, PartState};

use super::{
    Context,
    basis::Basis,
    compare::{Compared, Plan, is_interrupted, takes_turns},
};
use crate::{
    ab::{End, Sides, State},
    ci,
    recording::{Measured, Recording, Results},
    settings::RunPart,
};

/// The records of both states of the sources that `ab` compares.
pub(super) struct Records {
    /// Base and head; nothing if nobody wants them.
    sides: Vec<(SuiteSide, Recording)>,
}

impl Records {
    /// Begins both.
    pub(super) fn begin(plan: &Plan, [base, head]: [&State; 2], context: &Context) -> Self {
        let Some(wishes) = &plan.remember else { return Self { sides: Vec::new() } };
        let env = &context.env;
        let of = |state: &State| match state {
            State::WorkingTree => ci::origin(env, &plan.here),
            State::Commit(commit) => {
                let place = ci::place(env, &plan.here);
                let is_checked_out = place.commit.as_deref() == Some(&*commit.hash);
                ci::Origin {
                    commit: Some(commit.hash.clone()),
                    branch: place.branch.filter(|_| is_checked_out),
                    dirty: Some(false),
                    ..place
                }
            }
        };
        let base = Recording::begin(Kind::Ab, &plan.parts, wishes, &of(base), env);
        let head = base.after(&of(head), env);
        Self { sides: vec![(SuiteSide::Base, base), (SuiteSide::Head, head)] }
    }

    /// Looks at the programs of both states before a mode is measured.
    pub(super) fn look_at(
        &mut self,
        (plan, sides): (&Plan, &Sides),
        part: &RunPart,
        context: &Context,
    ) {
        for (side, recording) in &mut self.sides {
            let part = RunPart { working_directory: plan.cwd(*side, sides), ..part.clone() };
            recording.look_at(&part, &context.env);
        }
    }

    /// Adds what was found out in one mode.
    pub(super) fn add(
        &mut self,
        (plan, sides): (&Plan, &Sides),
        part: &RunPart,
        Compared { found, basis, end }: &Compared,
        context: &Context,
    ) {
        let state = match end {
            Ok(End::Complete) => PartState::Complete,
            Ok(End::Interrupted) => PartState::Interrupted,
            Err(err) if is_interrupted(err) => PartState::Interrupted,
            Err(_) => PartState::Failed,
        };
        let command = takes_turns(part).map(|target| (target.display_name(), target.uri()));
        for (side, recording) in &mut self.sides {
            let side = *side;
            let results = match (basis, &command) {
                (Basis::Runs(suite, facts), _) => {
                    let [base, head] = &**facts;
                    let facts = if side == SuiteSide::Base { base } else { head };
                    Results::Runs { suite, found, side, facts: facts.as_ref() }
                }
                (Basis::Turns(report), Some((name, uri))) => {
                    Results::Turns { report, found, command: (name, uri), side }
                }
                (Basis::Turns(_), None) | (Basis::Nothing, _) => continue,
            };
            let part = &RunPart { working_directory: plan.cwd(side, sides), ..part.clone() };
            let measured =
                Measured { part, state, results, perf: None, folder: None, folder_stays: false };
            recording.add(measured, &context.env);
        }
    }

    /// Returns them, that of head last.
    pub(super) fn finish(self) -> impl Iterator<Item = Recording> {
        self.sides.into_iter().map(|(_, recording)| recording)
    }
}
