//! The round targets of the existing harness, behind `--compat-rounds`: to reproduce its counts.
//!
//! A warm-up estimates the length of a round, a formula turns the limits into a fixed number of
//! rounds. The ordinary plan ([`super::planner`]) needs no estimate and has no such surprises.

use super::planner::Step;
use crate::limits::Limits;

/// The plan of one benchmark by the old formulas.
#[derive(Debug)]
pub(super) struct CompatPlanner {
    limits: Limits,
    warmup_rounds: u64,
    warmup_elapsed: u64,
    last_wall: u64,
    warm: bool,
    /// Known after the warm-up, if the limits yield one.
    target: Option<u64>,
    rounds: u64,
    elapsed: u64,
}

impl CompatPlanner {
    /// Plans with these limits.
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            warmup_rounds: 0,
            warmup_elapsed: 0,
            last_wall: 0,
            warm: false,
            target: None,
            rounds: 0,
            elapsed: 0,
        }
    }

    /// Returns the next step.
    pub(super) fn next(&mut self) -> Step {
        let max_time = self.limits.max_time_ns;
        if !self.warm {
            if self.warmup_elapsed < self.limits.warmup_ns {
                return Step::Warmup;
            }
            self.warm = true;
            let only = self.warmup_rounds == 1;
            if only && max_time.is_some_and(|max| max <= self.last_wall) {
                return Step::KeepWarmup;
            }
            self.target = match self.warmup_elapsed.checked_div(self.warmup_rounds) {
                Some(average) => target_after_warmup(&self.limits, average.max(1)),
                None => target_without_warmup(&self.limits),
            };
        }
        if self.rounds == 0 {
            return Step::Round;
        }
        let by_time = max_time.is_some_and(|max| self.elapsed >= max);
        let by_rounds = self.target.is_some_and(|target| self.rounds >= target);
        let min_time = self.limits.min_time_ns;
        let by_minimum = self.target.is_none() && min_time > 0 && self.elapsed >= min_time;
        let capped = self.rounds >= self.limits.round_cap;
        if by_time || by_rounds || by_minimum || capped { Step::Done } else { Step::Round }
    }

    /// A warm-up round took `wall` nanoseconds, `elapsed` with everything around it.
    pub(super) fn warmed_up(&mut self, wall: u64, elapsed: u64) {
        self.warmup_rounds += 1;
        self.warmup_elapsed = self.warmup_elapsed.saturating_add(elapsed);
        self.last_wall = wall;
    }

    /// A round was measured, `elapsed` with everything around it.
    pub(super) fn measured(&mut self, elapsed: u64) {
        self.rounds += 1;
        self.elapsed = self.elapsed.saturating_add(elapsed);
    }
}

fn target_after_warmup(limits: &Limits, average: u64) -> Option<u64> {
    let least = [
        (limits.min_rounds > 0).then_some(limits.min_rounds),
        (limits.min_time_ns > 0).then(|| limits.min_time_ns / average + 2),
    ];
    let most = [limits.max_rounds, limits.max_time_ns.map(|max| max / average + 1)];
    match (least.into_iter().flatten().max(), most.into_iter().flatten().min()) {
        (Some(least), Some(most)) if least <= most => Some(least.midpoint(most)),
        (_, Some(most)) => Some(most),
        (Some(least), None) => Some(least),
        (None, None) => None,
    }
}

fn target_without_warmup(limits: &Limits) -> Option<u64> {
    let min_rounds = (limits.min_rounds > 0).then_some(limits.min_rounds);
    match (limits.max_rounds, limits.max_time_ns) {
        (Some(max), None) => Some(max),
        _ if min_rounds.is_some() && limits.min_time_ns == 0 => min_rounds,
        (Some(max), Some(_)) => Some(max),
        (None, _) => min_rounds,
    }
}

#[cfg(test)]
mod tests {
    use runner_shared::harness::WalltimeArgs;

    use super::*;

    /// The options of a row as `--name value` pairs; returns warm-up rounds and recorded rounds.
    fn play(options: &str, wall: u64, around: u64) -> (u64, u64) {
        let mut args = WalltimeArgs::default();
        let words: Vec<&str> = options.split_whitespace().collect();
        for pair in words.chunks(2) {
            let value = pair[1].to_owned();
            match pair[0] {
                "--warmup-time" => args.warmup_time = Some(value),
                "--max-time" => args.max_time = Some(value),
                "--min-time" => args.min_time = Some(value),
                "--max-rounds" => args.max_rounds = value.parse().ok(),
                "--min-rounds" => args.min_rounds = value.parse().ok(),
                other => panic!("{other}"),
            }
        }
        let mut plan = CompatPlanner::new(Limits::resolve(&args).unwrap());
        loop {
            match plan.next() {
                Step::Warmup => plan.warmed_up(wall, wall + around),
                Step::Round => plan.measured(wall + around),
                Step::KeepWarmup => return (plan.warmup_rounds, 1),
                Step::Done => return (plan.warmup_rounds, plan.rounds),
            }
        }
    }

    #[test]
    fn the_table_of_the_existing_harness_is_reproduced() {
        // `sleep 0.01` takes 11.2 ms with everything around it, `sleep 0.3` 301 ms.
        let ten = |options: &str| play(options, 11_000_000, 200_000);
        let three_hundred = |options: &str| play(options, 301_000_000, 200_000);
        let five = |options: &str| play(options, 6_000_000, 200_000);
        assert_eq!(ten("--warmup-time 0 --max-rounds 50 --min-rounds 10"), (0, 50));
        assert_eq!(ten("--warmup-time 0 --max-rounds 50 --min-rounds 10 --max-time 10s"), (0, 10));
        assert_eq!(five("--warmup-time 0 --min-rounds 10 --max-time 10ms"), (0, 2));
        assert_eq!(ten("--warmup-time 0 --min-time 100ms"), (0, 9));
        assert_eq!(ten("--warmup-time 0 --min-time 100ms --max-time 500ms"), (0, 9));
        assert_eq!(ten("--warmup-time 100ms --max-time 500ms"), (9, 45));
        assert_eq!(ten("--warmup-time 100ms --min-time 100ms"), (9, 10));
        assert_eq!(ten("--warmup-time 100ms --min-time 100ms --max-time 500ms"), (9, 27));
        assert_eq!(ten("--warmup-time 100ms --min-rounds 3 --max-rounds 10"), (9, 6));
        assert_eq!(ten("--warmup-time 100ms --min-rounds 100 --max-time 100ms"), (9, 9));
        assert_eq!(three_hundred("--warmup-time 100ms --max-time 100ms"), (1, 1));
        assert_eq!(three_hundred("--warmup-time 100ms --min-rounds 5"), (1, 5));
    }
}
