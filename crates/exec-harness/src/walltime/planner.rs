//! Decides after each round what comes next. Knows times and counts, touches nothing else.
//!
//! Rounds are run until every minimum is met; no maximum is exceeded on purpose: a round that
//! would end after `max_time`, judged by the rounds so far, is not started. At least one round
//! always runs.

use runner_shared::walltime::{judge_noise, median_half_width, sorted};

use crate::limits::Limits;

/// Cold caches and lazily written files need more than one round to settle.
const WARMUP_ROUNDS: u64 = 3;
/// ... unless the rounds are so long that these would take more than this many warm-up times.
const WARMUP_PATIENCE: u64 = 3;
/// A noisy measurement that has met its minimums goes on until it has this many times as much.
const NOISY_FACTOR: u64 = 2;

/// The next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A round that is not counted.
    Warmup,
    /// A measured round.
    Round,
    /// The one warm-up round took longer than all rounds may: it is the result.
    KeepWarmup,
    /// Nothing.
    Done,
}

/// The plan of one benchmark.
#[derive(Debug)]
pub(super) struct LoopPlanner {
    limits: Limits,
    warmup: Phase,
    measured: Phase,
    warm: bool,
    walls: Vec<u64>,
    preempted: Vec<Option<u64>>,
    next_precision_check: u64,
    precise: bool,
    next_noise_check: u64,
    noisy: bool,
}

/// Sorting at every round would cost more than the rounds of a short command.
fn next_check(rounds: u64) -> u64 {
    rounds + rounds.div_ceil(5)
}

#[derive(Debug, Default, Clone, Copy)]
struct Phase {
    rounds: u64,
    /// Nanoseconds, bookkeeping included.
    elapsed: u64,
}

impl LoopPlanner {
    /// Plans with these limits.
    pub(super) fn new(limits: Limits) -> Self {
        let room = usize::try_from(limits.round_cap.min(10_000)).unwrap_or(0);
        Self {
            limits,
            warmup: Phase::default(),
            measured: Phase::default(),
            warm: limits.warmup_ns == 0,
            walls: Vec::with_capacity(room),
            preempted: Vec::with_capacity(room),
            next_precision_check: 10,
            precise: false,
            next_noise_check: 0,
            noisy: false,
        }
    }

    /// Returns the next step.
    pub(super) fn next(&mut self) -> Step {
        if !self.warm {
            if self.wants_warmup() {
                return Step::Warmup;
            }
            self.warm = true;
            let only = self.warmup.rounds == 1;
            let too_long = self.limits.max_time_ns.is_some_and(|max| max <= self.warmup.elapsed);
            if only && too_long && self.limits.min_rounds <= 1 && self.limits.floor_rounds <= 1 {
                return Step::KeepWarmup;
            }
        }
        if self.is_done() { Step::Done } else { Step::Round }
    }

    /// A warm-up round was run; it took `elapsed` nanoseconds, everything around it included.
    pub(super) fn warmed_up(&mut self, elapsed: u64) {
        self.warmup.rounds += 1;
        self.warmup.elapsed = self.warmup.elapsed.saturating_add(elapsed);
    }

    /// A round was measured: its own time, what of it was preempted, and the time with
    /// everything around it; nanoseconds.
    pub(super) fn measured(&mut self, wall: u64, preempted: Option<u64>, elapsed: u64) {
        self.measured.rounds += 1;
        self.measured.elapsed = self.measured.elapsed.saturating_add(elapsed);
        self.walls.push(wall);
        self.preempted.push(preempted);
    }

    /// Warm-up rounds so far.
    pub(super) fn warmup_rounds(&self) -> u64 {
        self.warmup.rounds
    }

    /// Nanoseconds of measurement so far.
    pub(super) fn measured_elapsed(&self) -> u64 {
        self.measured.elapsed
    }

    /// Nanoseconds of a typical round of the warm-up; `None` without one.
    pub(super) fn warm_round_ns(&self) -> Option<u64> {
        self.warmup.elapsed.checked_div(self.warmup.rounds)
    }

    /// The least rounds and the least time are reached.
    pub(super) const fn has_met_minimums(&self) -> bool {
        let Phase { rounds, elapsed } = self.measured;
        rounds >= self.limits.min_rounds && elapsed >= self.limits.min_time_ns
    }

    /// Share of the measurement that is done, as far as the limits tell.
    pub(super) fn progress(&self) -> Option<f64> {
        let share = |done: u64, all: u64| {
            runner_shared::walltime::as_float(done) / runner_shared::walltime::as_float(all.max(1))
        };
        let by_time = self.limits.max_time_ns.map(|max| share(self.measured.elapsed, max));
        let by_rounds = self.limits.max_rounds.map(|max| share(self.measured.rounds, max));
        let by_minimum = (self.limits.min_rounds > 0)
            .then(|| share(self.measured.rounds, self.limits.min_rounds));
        let by_min_time = (self.limits.min_time_ns > 0)
            .then(|| share(self.measured.elapsed, self.limits.min_time_ns));
        let stops = [by_time, by_rounds].into_iter().flatten().reduce(f64::max);
        stops.or_else(|| [by_minimum, by_min_time].into_iter().flatten().reduce(f64::min))
    }

    /// A minimum that a maximum cut off, in words.
    pub(super) fn unmet(&self) -> Option<String> {
        let Phase { rounds, elapsed } = self.measured;
        if rounds < self.limits.min_rounds {
            let wanted = self.limits.min_rounds;
            return Some(format!(
                "stopped after {rounds} of at least {wanted} rounds: `--max-time` was reached first"
            ));
        }
        (elapsed < self.limits.min_time_ns && rounds >= self.limits.round_cap).then(|| {
            let cap = self.limits.round_cap;
            format!("stopped before `--min-time` was reached: at most {cap} rounds are run")
        })
    }

    fn wants_warmup(&self) -> bool {
        let Phase { rounds, elapsed } = self.warmup;
        let budget = self.limits.warmup_ns;
        let impatient = elapsed >= budget.saturating_mul(WARMUP_PATIENCE);
        // One round that took longer than all measured ones may: there is nothing to warm up for.
        let too_long = rounds == 1 && self.limits.max_time_ns.is_some_and(|max| max <= elapsed);
        elapsed < budget || (rounds < WARMUP_ROUNDS && !impatient && !too_long)
    }

    fn is_done(&mut self) -> bool {
        let Phase { rounds, elapsed } = self.measured;
        if rounds >= self.limits.round_cap {
            return true;
        }
        if rounds < self.limits.floor_rounds.max(1) {
            return false;
        }
        let typical = elapsed / rounds.max(1);
        let would_exceed =
            self.limits.max_time_ns.is_some_and(|max| elapsed.saturating_add(typical) > max);
        if would_exceed {
            return true;
        }
        if !self.has_met_minimums() {
            return false;
        }
        if self.is_precise() {
            return true;
        }
        let has_maximum = self.limits.max_time_ns.is_some() || self.limits.max_rounds.is_some();
        !has_maximum && !self.wants_more_for_noise()
    }

    fn is_precise(&mut self) -> bool {
        let Some(target) = self.limits.target_precision else { return false };
        if !self.precise && self.measured.rounds >= self.next_precision_check {
            self.next_precision_check = next_check(self.measured.rounds);
            self.precise = median_half_width(&sorted(&self.walls)).is_some_and(|w| w <= target);
        }
        self.precise
    }

    /// All minimums are met and nothing limits the measurement upwards.
    fn wants_more_for_noise(&mut self) -> bool {
        let Phase { rounds, elapsed } = self.measured;
        let more_rounds = self.limits.min_rounds.saturating_mul(NOISY_FACTOR);
        let more_time = self.limits.min_time_ns.saturating_mul(NOISY_FACTOR);
        if rounds >= more_rounds && elapsed >= more_time {
            return false;
        }
        if rounds >= self.next_noise_check {
            self.next_noise_check = next_check(rounds);
            self.noisy = judge_noise(&self.walls, &self.preempted).is_noisy();
        }
        self.noisy
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use runner_shared::harness::WalltimeArgs;

    use super::*;

    const MS: u64 = 1_000_000;

    /// Runs a plan against rounds of the given lengths; returns warm-up rounds, rounds and whether
    /// the warm-up round was kept.
    fn play(limits: Limits, mut length: impl FnMut(u64) -> u64) -> (u64, u64, bool) {
        let mut planner = LoopPlanner::new(limits);
        for round in 0..3_000_000 {
            match planner.next() {
                Step::Warmup => planner.warmed_up(length(round)),
                Step::Round => {
                    let wall = length(round);
                    planner.measured(wall, None, wall);
                }
                Step::KeepWarmup => return (planner.warmup.rounds, 0, true),
                Step::Done => return (planner.warmup.rounds, planner.measured.rounds, false),
            }
        }
        panic!("no end with {limits:?}");
    }

    fn limits(warmup: &str, keys: &[(&str, &str)]) -> Limits {
        let text =
            |key| keys.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned());
        let number = |key| text(key).and_then(|text| text.parse().ok());
        Limits::resolve(&WalltimeArgs {
            warmup_time: Some(warmup.to_owned()),
            max_time: text("max_time"),
            min_time: text("min_time"),
            max_rounds: number("max_rounds"),
            min_rounds: number("min_rounds"),
            target_precision: text("precision"),
        })
        .unwrap()
    }

    #[track_caller]
    fn runs(warmup: &str, keys: &[(&str, &str)], length: u64, expected: (u64, u64, bool)) {
        assert_eq!(play(limits(warmup, keys), |_| length), expected, "{warmup} {keys:?}");
    }

    #[test]
    fn minimums_are_met_and_maximums_are_not_exceeded() {
        runs("0", &[("max_rounds", "50"), ("min_rounds", "10")], 11 * MS, (0, 50, false));
        runs("0", &[("max_rounds", "50"), ("max_time", "10s")], 11 * MS, (0, 50, false));
        runs("0", &[("min_rounds", "10"), ("max_time", "10ms")], 6 * MS, (0, 1, false));
        runs("0", &[("min_rounds", "10")], 6 * MS, (0, 10, false));
        runs("0", &[("min_time", "100ms")], 11 * MS, (0, 10, false));
        runs("0", &[("min_time", "100ms"), ("max_time", "500ms")], 11 * MS, (0, 45, false));
        runs("100ms", &[("max_time", "500ms")], 11 * MS, (10, 45, false));
        runs("100ms", &[("max_time", "1s"), ("min_rounds", "3")], 11 * MS, (10, 90, false));
        runs("1", &[], MS / 2, (2000, 6000, false));
        runs("1", &[], MS / 10, (10_000, 10_000, false));
    }

    #[test]
    fn a_command_longer_than_all_rounds_may_take_runs_once() {
        runs("100ms", &[("max_time", "100ms")], 300 * MS, (1, 0, true));
        runs("1", &[], 5_000 * MS, (1, 0, true));
        runs("0", &[], 5_000 * MS, (0, 1, false));
        runs("100ms", &[("max_time", "100ms"), ("min_rounds", "5")], 300 * MS, (1, 1, false));
        runs("100ms", &[("min_rounds", "5")], 300 * MS, (1, 5, false));
    }

    #[test]
    fn at_least_three_rounds_warm_up_unless_they_take_too_long() {
        runs("1", &[("max_rounds", "1")], 600 * MS, (3, 1, false));
        runs("1", &[("max_rounds", "1")], 2_000 * MS, (2, 1, false));
        runs("1", &[("max_rounds", "1")], 4_000 * MS, (1, 1, false));
    }

    #[test]
    fn precision_ends_a_measurement_early_and_noise_prolongs_one() {
        let precise = limits("0", &[("max_time", "10s"), ("precision", "1%")]);
        assert_eq!(play(precise, |_| 11 * MS), (0, 10, false));
        let calm = limits("0", &[("min_rounds", "20")]);
        assert_eq!(play(calm, |round| 11 * MS + round * 10), (0, 20, false));
        let noisy = |round: u64| if round.is_multiple_of(4) { 50 * MS } else { 11 * MS + round };
        assert_eq!(play(calm, noisy), (0, 40, false));
    }

    #[test]
    fn an_unmet_minimum_is_said() {
        let mut planner =
            LoopPlanner::new(limits("0", &[("min_rounds", "10"), ("max_time", "1s")]));
        while planner.next() != Step::Done {
            planner.measured(600 * MS, None, 600 * MS);
        }
        let said = "stopped after 1 of at least 10 rounds: `--max-time` was reached first";
        assert_eq!(planner.unmet().as_deref(), Some(said));
    }

    proptest! {
        #[test]
        fn every_plan_ends_within_its_limits(
            warmup in 0u64..50, min_time in prop::option::of(0u64..200), max_time in prop::option::of(1u64..200),
            min_rounds in prop::option::of(0u64..30), max_rounds in prop::option::of(0u64..30), floor in 1u64..9,
            lengths in prop::collection::vec(1u64..40, 1..20),
        ) {
            let ms = |time: Option<u64>| time.map(|ms| format!("{ms}ms"));
            let args = WalltimeArgs {
                warmup_time: Some(format!("{warmup}ms")), max_time: ms(max_time), min_time: ms(min_time),
                max_rounds, min_rounds, target_precision: None,
            };
            let Ok(limits) = Limits::resolve(&args) else { return Ok(()); };
            let limits = Limits { floor_rounds: floor, ..limits };
            let length = |round: u64| {
                let index = usize::try_from(round).unwrap() % lengths.len();
                lengths[index] * MS
            };
            let (_, rounds, kept) = play(limits, length);
            prop_assert!(rounds >= 1 || kept);
            prop_assert!(rounds <= limits.round_cap);
            if max_time.is_none() && max_rounds.is_none() && !kept {
                prop_assert!(rounds >= limits.min_rounds);
            }
        }
    }
}
