//! Several benchmarks in turns, to be compared with the first: each turn has a round of each of them, right after each
//! other, so that whatever the machine does hits all alike.
//!
//! All see environments of the same length, so that their stacks begin at the same address.
//!
//! The order within a turn is drawn at random, so that no benchmark is favoured by its place; the seed is kept with the
//! rounds. Very short commands have several rounds in a turn. Turns end when the comparison is decided.
//!
//! Each turn is a window of its own for the profiler, named after its benchmark.

use std::hash::{BuildHasher, RandomState};

use runner_shared::{
    artifact::Turns,
    statistics::Xoshiro256,
    verdict::{Looks, Side, is_decided},
};

use crate::{
    failure::Failure,
    layout::paddings,
    limits::Limits,
    plan::Plan,
    session::Session,
    store::{Store, StoreError},
    walltime::Benchmark,
};

/// A comparison needs this many turns; they are run even if that takes longer than `max_time`.
const LEAST_TURNS: u64 = 9;
/// The rounds of one benchmark in a turn take about this long, nanoseconds.
const TURN_NS: u64 = 1_000_000;
/// More rounds in a turn don't help: they see the same machine.
const MOST_ROUNDS: u64 = 10;

/// One benchmark in the circle.
struct Turn {
    benchmark: Benchmark,
    rounds: u64,
    outcome: Option<Result<(), Failure>>,
}

/// A new seed for the order of the turns.
pub(crate) fn random_seed() -> u64 {
    RandomState::new().hash_one(0)
}

/// Runs all benchmarks in turns, until it is clear how they relate to the base.
pub(crate) fn take_turns(
    session: &mut Session<'_>,
    plans: &[Plan],
    turns: &Turns,
    store: &mut Store,
) -> Result<(), StoreError> {
    let mut circle = Vec::with_capacity(plans.len());
    let targets: Vec<_> = plans.iter().map(|plan| &plan.target).collect();
    let with = &session.with;
    let paddings = paddings(&targets, |_| with.environment.clone(), with.path.as_deref());
    for (index, (plan, padding)) in plans.iter().zip(paddings).enumerate() {
        session.progress.begin(&plan.target.display_name(), index + 1, plans.len());
        let limits = Limits { floor_rounds: LEAST_TURNS, ..plan.limits };
        let plan = Plan { limits, ..plan.clone() };
        let Some(mut benchmark) = session.prepare(&plan, padding, store)? else { continue };
        let ready = benchmark
            .set_up(session.machine, &session.with)
            .and_then(|()| benchmark.warm_up(session.machine, session.progress));
        let interrupted = matches!(ready, Err(Failure::Interrupted));
        let rounds = rounds_in_a_turn(benchmark.warm_round_ns(), limits);
        let outcome = ready.is_err().then_some(ready);
        circle.push(Turn { benchmark, rounds, outcome });
        if interrupted {
            interrupt(&mut circle);
            break;
        }
    }
    run_turns(session, &mut circle, turns);
    for Turn { mut benchmark, outcome, .. } in circle {
        session.finish(&mut benchmark, outcome.unwrap_or(Ok(())), store)?;
    }
    Ok(())
}

/// Rounds that take about a millisecond together, and leave enough turns of the rounds that are allowed.
fn rounds_in_a_turn(round_ns: Option<u64>, limits: Limits) -> u64 {
    let by_time = round_ns.map_or(1, |round| TURN_NS.div_ceil(round.max(1)));
    let by_count = limits.round_cap / Looks::FIRST;
    by_time.min(by_count).clamp(1, MOST_ROUNDS)
}

fn run_turns(session: &mut Session<'_>, circle: &mut [Turn], turns: &Turns) {
    let mut random = Xoshiro256::seeded(turns.seed);
    let mut looks = Looks::new();
    for number in 0_u32.. {
        let mut order: Vec<&mut Turn> =
            circle.iter_mut().filter(|turn| turn.outcome.is_none()).collect();
        if order.is_empty() {
            return;
        }
        shuffle(&mut order, &mut random);
        let mut interrupted = false;
        for turn in order {
            turn.outcome = one_turn(session, turn, number);
            interrupted = matches!(turn.outcome, Some(Err(Failure::Interrupted)));
            if interrupted {
                break;
            }
        }
        if interrupted {
            interrupt(circle);
        } else if circle.iter().any(|turn| matches!(turn.outcome, Some(Ok(())))) {
            // A benchmark without a partner in a turn is compared with nothing.
            finish(circle);
        } else if looks.is_due(u64::from(number) + 1) && are_all_decided(session, circle, turns) {
            finish(circle);
        }
    }
}

/// The outcome of the benchmark if this was its last turn.
fn one_turn(
    session: &mut Session<'_>,
    turn: &mut Turn,
    number: u32,
) -> Option<Result<(), Failure>> {
    session.progress.resume(&turn.benchmark.name());
    // The least number of turns is counted in rounds, so these have one each.
    let rounds = if u64::from(number) < LEAST_TURNS { 1 } else { turn.rounds };
    let before = turn.benchmark.rounds().len();
    session.link.start();
    let ran = turn.benchmark.run(session.machine, session.progress, number, Some(rounds));
    session.link.stop(turn.benchmark.round_times().skip(before));
    // Also after a failure: a window without a name would go to the next benchmark.
    session.link.executed(turn.benchmark.uri());
    match ran {
        Ok(true) => Some(Ok(())),
        Ok(false) => None,
        Err(failure) => Some(Err(failure)),
    }
}

/// All minimums are met, and more rounds would change no verdict.
fn are_all_decided(session: &Session<'_>, circle: &[Turn], turns: &Turns) -> bool {
    let is_base = |turn: &&Turn| turn.benchmark.uri() == turns.base_uri;
    // Without it there is nothing to decide: the others run as long as they may.
    let Some(base) = circle.iter().find(is_base) else { return false };
    let side =
        |turn: &Turn| (turn.outcome.is_none(), turn.benchmark.robust_source(session.machine));
    let (base_runs, base_source) = side(base);
    let base_side = Side { rounds: base.benchmark.rounds(), source: base_source };
    let judged = |head: &Turn| {
        let (head_runs, source) = side(head);
        let head = Side { rounds: head.benchmark.rounds(), source };
        !head_runs || is_decided(base_side, head, turns.threshold)
    };
    base_runs
        && circle.iter().all(|turn| turn.benchmark.has_met_minimums())
        && circle.iter().filter(|turn| !is_base(turn)).all(judged)
}

/// Fisher and Yates; every order is equally likely.
fn shuffle<T>(items: &mut [T], random: &mut Xoshiro256) {
    for last in (1..items.len()).rev() {
        let [other, _] = random.two_below(u32::try_from(last + 1).unwrap_or(u32::MAX));
        items.swap(last, usize::try_from(other).unwrap_or(0));
    }
}

/// Those that still run have run enough.
fn finish(circle: &mut [Turn]) {
    for turn in circle.iter_mut().filter(|turn| turn.outcome.is_none()) {
        turn.outcome = Some(Ok(()));
    }
}

/// None of the others goes on.
fn interrupt(circle: &mut [Turn]) {
    for turn in circle.iter_mut().filter(|turn| turn.outcome.is_none()) {
        turn.outcome = Some(Err(Failure::Interrupted));
    }
}

#[cfg(test)]
mod tests {
    use runner_shared::harness::WalltimeArgs;

    use super::*;

    #[test]
    fn short_commands_have_several_rounds_in_a_turn() {
        let limits = Limits::resolve(&WalltimeArgs::default()).unwrap();
        let rounds = |ns| rounds_in_a_turn(ns, limits);
        assert_eq!(rounds(Some(5_000_000)), 1);
        assert_eq!(rounds(Some(400_000)), 3);
        assert_eq!(rounds(Some(10)), MOST_ROUNDS);
        assert_eq!(rounds(None), 1);
        let few = Limits { round_cap: 20, ..limits };
        assert_eq!(rounds_in_a_turn(Some(400_000), few), 1, "few rounds are many turns");
    }

    #[test]
    fn every_order_is_equally_likely_and_a_seed_repeats_it() {
        let orders = |seed| {
            let mut random = Xoshiro256::seeded(seed);
            let mut counts = std::collections::BTreeMap::new();
            for _ in 0..6000 {
                let mut order = [0, 1, 2];
                shuffle(&mut order, &mut random);
                *counts.entry(order).or_insert(0) += 1;
            }
            counts
        };
        let counts = orders(3);
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|count| (880..1120).contains(count)), "{counts:?}");
        assert_eq!(counts, orders(3));
        assert_ne!(counts, orders(4));
    }
}
