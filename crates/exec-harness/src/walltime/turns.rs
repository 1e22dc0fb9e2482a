//! Several benchmarks in turns, in blocks of rounds: a drift of the machine hits all of them alike.
//!
//! Each block is a window of its own for the profiler, named after its benchmark. The order of the
//! benchmarks is reversed in every other block, so that a steady drift favours none of them.

use super::{Benchmark, BlockEnd, Limits};
use crate::{
    failure::Failure,
    plan::Plan,
    session::Session,
    store::{Store, StoreError},
};

/// A comparison needs this many blocks; they are run even if that takes longer than `max_time`.
const LEAST_BLOCKS: u64 = 8;
/// More blocks than this don't sharpen a comparison any more.
const BLOCKS: u64 = 24;
/// Time of a benchmark without a limit of its own, to be cut into blocks.
const TIME_NS: u64 = 3_000_000_000;

/// One benchmark in the circle.
struct Turn {
    benchmark: Benchmark,
    block_ns: u64,
    block_rounds: u64,
    outcome: Option<Result<(), Failure>>,
}

/// Runs all benchmarks in turns.
pub(crate) fn interleave(
    session: &mut Session<'_>,
    plans: &[Plan],
    store: &mut Store,
) -> Result<(), StoreError> {
    let mut turns = Vec::with_capacity(plans.len());
    for (index, plan) in plans.iter().enumerate() {
        session.progress.begin(&plan.target.display_name(), index + 1, plans.len());
        let limits = Limits { floor_rounds: LEAST_BLOCKS, ..plan.limits };
        let plan = Plan { limits, ..plan.clone() };
        let Some(mut benchmark) = session.prepare(&plan, store)? else { continue };
        let block_ns = limits.max_time_ns.unwrap_or(TIME_NS) / BLOCKS;
        let most_rounds =
            limits.max_rounds.or((limits.min_rounds > 0).then_some(limits.min_rounds));
        let block_rounds = most_rounds.map_or(u64::MAX, |most| (most / BLOCKS).max(1));
        let ready = benchmark
            .set_up(session.machine)
            .and_then(|()| benchmark.warm_up(session.machine, session.progress));
        let interrupted = matches!(ready, Err(Failure::Interrupted));
        let outcome = ready.is_err().then_some(ready);
        turns.push(Turn { benchmark, block_ns, block_rounds, outcome });
        if interrupted {
            interrupt(&mut turns);
            break;
        }
    }
    run_blocks(session, &mut turns);
    for Turn { mut benchmark, outcome, .. } in turns {
        session.finish(&mut benchmark, outcome.unwrap_or(Ok(())), store)?;
    }
    Ok(())
}

fn run_blocks(session: &mut Session<'_>, turns: &mut [Turn]) {
    for block in 0.. {
        let mut order: Vec<&mut Turn> =
            turns.iter_mut().filter(|turn| turn.outcome.is_none()).collect();
        if order.is_empty() {
            return;
        }
        if block % 2 == 1 {
            order.reverse();
        }
        let mut interrupted = false;
        for turn in order {
            session.progress.resume(&turn.benchmark.name());
            let until = turn.benchmark.measured_elapsed().saturating_add(turn.block_ns);
            let until = Some(BlockEnd { elapsed_ns: until, rounds: turn.block_rounds });
            let before = turn.benchmark.round_times().count();
            session.link.start();
            let ran = turn.benchmark.run(session.machine, session.progress, block, until);
            session.link.stop(turn.benchmark.round_times().skip(before));
            // Also after a failure: a window without a name would go to the next benchmark.
            session.link.executed(turn.benchmark.uri());
            turn.outcome = match ran {
                Ok(true) => Some(Ok(())),
                Ok(false) => None,
                Err(failure) => {
                    interrupted |= matches!(failure, Failure::Interrupted);
                    Some(Err(failure))
                }
            };
            if interrupted {
                break;
            }
        }
        if interrupted {
            interrupt(turns);
        }
    }
}

/// None of the others goes on.
fn interrupt(turns: &mut [Turn]) {
    for turn in turns.iter_mut().filter(|turn| turn.outcome.is_none()) {
        turn.outcome = Some(Err(Failure::Interrupted));
    }
}
