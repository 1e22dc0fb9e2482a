//! The number of pairs of runs and their order, decided from what is known so far. No I/O, no clock.

use results::{Stage, SuiteComparison, SuiteSide};
use runner_shared::{mode::Mode, statistics::Xoshiro256, verdict::MINIMUM_PAIRS};

/// Pairs between two looks at times.
const STEP: u64 = 4;
/// Repeats of each side in simulation and memory mode: fewer show no spread.
const REPEATS: u64 = 2;

/// Bounds that the user sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Pairs of the first stage, without the one that warms up.
    pub max_pairs: u64,
    /// Nanoseconds after which no further pair begins.
    pub max_time: Option<u64>,
}

/// The pairs of a comparison.
#[derive(Debug)]
pub(crate) struct Schedule {
    mode: Mode,
    limits: Limits,
    random: Xoshiro256,
    stage: Stage,
    /// Pairs that were run in this stage.
    done: u64,
    /// Pairs that were run in all stages.
    run: u64,
    /// Pairs after which it is looked at.
    planned: u64,
}

/// The next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// Run this pair, in this order.
    Pair {
        /// The stage that it belongs to.
        stage: Stage,
        /// Its number in the stage, from 0.
        pair: u32,
        /// The side that comes first.
        first: SuiteSide,
    },
    /// All that is wanted is known, or would take more than is allowed.
    Stop,
}

impl Schedule {
    /// Nothing was run.
    pub(crate) fn new(mode: Mode, limits: Limits, seed: u64) -> Self {
        let planned = match mode {
            // The first pair warms up.
            Mode::Walltime => MINIMUM_PAIRS.min(limits.max_pairs) + 1,
            Mode::Simulation | Mode::Memory => REPEATS,
        };
        let random = Xoshiro256::seeded(seed);
        Self { mode, limits, random, stage: Stage::First, done: 0, run: 0, planned }
    }

    /// Pairs of this stage: those that were run, and those after which it is looked at.
    pub(crate) const fn progress(&self) -> (u64, u64) {
        (self.done, self.planned)
    }

    /// The next step. `elapsed` nanoseconds have gone.
    pub(crate) fn next(&mut self, elapsed: u64, known: &SuiteComparison) -> Next {
        // A pair takes as long as those before.
        let is_late = |limit| elapsed + elapsed / self.run.max(1) > limit;
        if self.run > 0 && self.limits.max_time.is_some_and(is_late) {
            return Next::Stop;
        }
        if self.done == self.planned && !self.plan_more(known) {
            return Next::Stop;
        }
        let pair = u32::try_from(self.done).unwrap_or(u32::MAX);
        self.done += 1;
        self.run += 1;
        let first = match self.random.two_below(2) {
            [0, _] => SuiteSide::Base,
            _ => SuiteSide::Head,
        };
        Next::Pair { stage: self.stage, pair, first }
    }

    /// Plans further pairs if they would tell something.
    fn plan_more(&mut self, known: &SuiteComparison) -> bool {
        if self.stage == Stage::Again {
            return false;
        }
        let most = self.limits.max_pairs + 1;
        if self.mode == Mode::Walltime && known.undecided() > 0 && self.planned < most {
            self.planned = (self.planned + STEP).min(most);
            return true;
        }
        if known.suspects() == 0 {
            return false;
        }
        self.stage = Stage::Again;
        self.planned = match self.mode {
            Mode::Walltime => 2 * (self.done - 1) + 1,
            Mode::Simulation | Mode::Memory => 2 * self.done,
        };
        self.done = 0;
        true
    }
}

#[cfg(test)]
mod tests {
    use results::{Suite, SuiteReading, SuiteRun, Value};

    use super::*;

    fn nothing(mode: Mode) -> SuiteComparison {
        Suite { mode, threshold: None, at_most: None, seed: 1, runs: Vec::new() }.judge()
    }

    #[test]
    fn a_suite_without_doubt_is_run_as_often_as_a_verdict_takes() {
        let limits = Limits { max_pairs: 24, max_time: None };
        let pairs = |mode| {
            let mut schedule = Schedule::new(mode, limits, 7);
            let mut pairs = Vec::new();
            while let Next::Pair { first, .. } = schedule.next(0, &nothing(mode)) {
                pairs.push(first);
            }
            pairs
        };
        let times = pairs(Mode::Walltime);
        assert_eq!(times.len(), 9);
        assert!(times.contains(&SuiteSide::Base), "{times:?}");
        assert!(times.contains(&SuiteSide::Head), "{times:?}");
        assert_eq!(times, pairs(Mode::Walltime), "the seed decides");
        assert_eq!(pairs(Mode::Simulation).len(), 2);
    }

    /// A suite of one benchmark whose head takes twice as long, after so many pairs.
    fn slower(mode: Mode, pairs: u32) -> SuiteComparison {
        let run = |pair, side| {
            let wall = if side == SuiteSide::Head { 2000 } else { 1000 };
            let value = Value::Time { wall, undisturbed: None, shortest: wall };
            let reading = SuiteReading { name: "b".to_owned(), uri: "b".to_owned(), value };
            SuiteRun { stage: Stage::First, pair, side, readings: vec![reading] }
        };
        let pairs = (0..pairs).flat_map(|pair| SuiteSide::BOTH.map(|side| run(pair, side)));
        Suite { mode, threshold: None, at_most: None, seed: 1, runs: pairs.collect() }.judge()
    }

    #[test]
    fn a_suspect_is_looked_at_twice_as_often_within_the_same_time() {
        let pairs = |max_time| {
            let limits = Limits { max_pairs: 24, max_time };
            let mut schedule = Schedule::new(Mode::Walltime, limits, 7);
            let (mut elapsed, mut stages) = (0, [0, 0]);
            while let Next::Pair { stage, .. } = schedule.next(elapsed, &slower(Mode::Walltime, 9))
            {
                stages[usize::from(stage == Stage::Again)] += 1;
                elapsed += 10;
            }
            stages
        };
        assert_eq!(pairs(None), [9, 17]);
        // A pair takes a tenth of this, whatever was run before it.
        assert_eq!(pairs(Some(200)), [9, 11]);
        assert_eq!(pairs(Some(90)), [9, 0]);
    }

    #[test]
    fn undecided_benchmarks_get_more_pairs_up_to_the_limit() {
        let few = slower(Mode::Walltime, 4);
        let mut schedule =
            Schedule::new(Mode::Walltime, Limits { max_pairs: 14, max_time: None }, 7);
        let mut planned = Vec::new();
        while schedule.next(0, &few) != Next::Stop {
            planned.push(schedule.progress().1);
        }
        planned.dedup();
        assert_eq!(planned, [9, 13, 15]);
    }

    #[test]
    fn no_pair_begins_that_would_end_too_late() {
        let limits = Limits { max_pairs: 24, max_time: Some(100) };
        let mut schedule = Schedule::new(Mode::Walltime, limits, 7);
        let mut elapsed = 0;
        let mut pairs = 0;
        while schedule.next(elapsed, &nothing(Mode::Walltime)) != Next::Stop {
            pairs += 1;
            elapsed += 30;
        }
        assert_eq!(pairs, 3);
    }
}
