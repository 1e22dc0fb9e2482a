//! One benchmark from its set-up to its rounds: knows what to run when, and keeps what came out.

use runner_shared::{
    artifact::{BenchmarkRounds, Counted, Outcome, RobustSource, Rounds, ShellStart},
    clock::now,
    duration::show_nanos,
    harness::Target,
    walltime::{
        BenchmarkConfig, BenchmarkStats, NoiseVerdict, WalltimeBenchmark, as_float, judge_noise,
    },
};

use super::{
    compat::CompatPlanner,
    planner::{LoopPlanner, Step},
    shell,
};
use crate::{
    command::{Prepared, Runnable},
    failure::Failure,
    limits::Limits,
    plan::Plan,
    process::{Counters, own_peak_bytes},
    progress::{Progress, View},
    round::{Machine, Sample},
};

/// The settings of all benchmarks, apart from those of each target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Settings {
    /// Plan by the formulas of the existing harness.
    pub compat_rounds: bool,
    /// The results hold the noise-robust times.
    pub robust: bool,
}

/// A benchmark that is being measured.
pub(crate) struct Benchmark {
    target: Target,
    limits: Limits,
    runnable: Runnable,
    planner: LoopPlanner,
    compat: Option<CompatPlanner>,
    rounds: Rounds,
    /// Start and end of each round, whatever is taken off its times.
    spans: Vec<(u64, u64)>,
    /// The start of the shell that runs the command.
    shell: Option<ShellStart>,
    counters: Counters,
    /// Their counts.
    counted: Vec<Counted>,
    /// The last warm-up round, in case that it is all there will be.
    last_warmup: Option<Sample>,
    cold: bool,
    /// A round had more than one thread or process.
    company: bool,
    /// Rounds whose command has left processes running.
    outlived: usize,
    outcome: Outcome,
    robust: bool,
}

/// The consequence when processes outlive their command.
pub(crate) const PARTLY_MEASURED: &str = "an unpredictable part of its work is measured; make the command wait for all \
    processes that it starts";

impl Benchmark {
    /// Resolves programs and opens streams. Nothing has run yet.
    pub(crate) fn prepare(
        plan: &Plan,
        settings: Settings,
        with: &Prepared,
    ) -> Result<Self, Failure> {
        let Plan { target, limits, around, counters } = plan;
        let counters = Counters::of(counters);
        let limits = *limits;
        let runnable = Runnable::new(target, around, with)?;
        Ok(Self {
            target: target.clone(),
            limits,
            runnable,
            planner: LoopPlanner::new(limits),
            compat: settings.compat_rounds.then(|| CompatPlanner::new(limits)),
            rounds: Rounds::default(),
            spans: Vec::new(),
            shell: None,
            counted: counters.columns(),
            counters,
            last_warmup: None,
            cold: false,
            company: false,
            outlived: 0,
            outcome: Outcome::Complete,
            robust: settings.robust,
        })
    }

    /// Runs the set-up hook, and measures the start of the shell if one runs the command.
    pub(crate) fn set_up(&mut self, machine: &mut Machine, with: &Prepared) -> Result<(), Failure> {
        self.runnable.set_up(machine)?;
        if self.runnable.shell_text().is_some() {
            let subtracted = self.target.run_args.subtract_shell;
            self.shell = Some(shell::measure(machine, with, subtracted)?);
        }
        Ok(())
    }

    /// Runs rounds until the plan is done, or so many for this turn. Returns whether the plan is done.
    pub(crate) fn run(
        &mut self,
        machine: &mut Machine,
        progress: &mut Progress,
        turn: u32,
        most: Option<u64>,
    ) -> Result<bool, Failure> {
        let mut rounds_here = 0_u64;
        loop {
            let step = match &mut self.compat {
                Some(compat) => compat.next(),
                None => self.planner.next(),
            };
            match step {
                Step::Done => return Ok(true),
                Step::KeepWarmup => {
                    self.cold = true;
                    if let Some(sample) = self.last_warmup {
                        self.keep(&sample, turn);
                    }
                    return Ok(true);
                }
                Step::Round if most.is_some_and(|most| rounds_here >= most) => return Ok(false),
                Step::Warmup => self.one_round(machine, progress, None)?,
                Step::Round => {
                    rounds_here += 1;
                    self.one_round(machine, progress, Some(turn))?;
                }
            }
        }
    }

    /// Runs only the warm-up.
    pub(crate) fn warm_up(
        &mut self,
        machine: &mut Machine,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        while self.planner.next() == Step::Warmup {
            self.one_round(machine, progress, None)?;
        }
        Ok(())
    }

    /// Nanoseconds of a typical round of the warm-up, everything around it included; `None` without one.
    pub(crate) fn warm_round_ns(&self) -> Option<u64> {
        self.planner.warm_round_ns()
    }

    /// Everything was run that has to be run at least.
    pub(crate) fn has_met_minimums(&self) -> bool {
        self.planner.has_met_minimums()
    }

    /// The measured rounds.
    pub(crate) const fn rounds(&self) -> &Rounds {
        &self.rounds
    }

    /// Remembers why the benchmark ended early; what was measured stays.
    pub(crate) fn failed(&mut self, failure: &Failure) {
        self.outcome = failure.outcome();
    }

    /// Runs the clean-up hook; its failure is a failure unless there was one before.
    pub(crate) fn clean_up(&mut self, machine: &mut Machine) -> Result<(), Failure> {
        self.runnable.clean_up(machine)
    }

    /// A round that is measured in `block`, or one that only warms up.
    fn one_round(
        &mut self,
        machine: &mut Machine,
        progress: &mut Progress,
        block: Option<u32>,
    ) -> Result<(), Failure> {
        let number = match block {
            Some(_) => self.rounds.len() + 1,
            None => usize::try_from(self.planner.warmup_rounds()).unwrap_or(0) + 1,
        };
        let what = if block.is_some() { "round" } else { "warm-up round" };
        // Hooks are not measured, but the user waits for them as well.
        let before = now();
        self.runnable.before_round(machine, what, number)?;
        let view = View {
            warming_up: block.is_none(),
            rounds: number - 1,
            elapsed_ns: self.planner.measured_elapsed(),
            share: self.planner.progress(),
            last_ns: self.rounds.wall_ns.last().copied(),
        };
        progress.show(&view, 0);
        let show = |running| progress.show(&view, running);
        let counters = self.counters.open();
        let sample = self.runnable.checked_round(machine, what, number, show)?;
        match block {
            Some(block) => {
                counters.read_into(&mut self.counted);
                self.keep(&sample, block);
            }
            None => self.last_warmup = Some(sample),
        }
        drop(counters);
        let concluded = self.runnable.after_round(machine, what, number);
        let elapsed = now().since(before);
        if block.is_some() {
            self.planner.measured(sample.wall_ns(), sample.stamps.preempted_ns, elapsed);
            if let Some(compat) = &mut self.compat {
                compat.measured(elapsed);
            }
        } else {
            self.planner.warmed_up(elapsed);
            if let Some(compat) = &mut self.compat {
                compat.warmed_up(sample.wall_ns(), elapsed);
            }
        }
        concluded
    }

    fn keep(&mut self, sample: &Sample, block: u32) {
        self.spans.push((sample.start.0, sample.end.0));
        let shell = self.shell.filter(|shell| shell.subtracted);
        let sample = &shell.map_or(*sample, |shell| shell::without(sample, &shell));
        self.company |= sample.stamps.company;
        self.outlived += usize::from(sample.outlived);
        let rounds = &mut self.rounds;
        rounds.start_ns.push(sample.start.0);
        rounds.wall_ns.push(sample.wall_ns());
        rounds.user_ns.push(sample.ended.user_ns);
        rounds.system_ns.push(sample.ended.system_ns);
        rounds.minor_faults.push(sample.ended.minor_faults);
        rounds.major_faults.push(sample.ended.major_faults);
        rounds.voluntary_switches.push(sample.ended.voluntary_switches);
        rounds.involuntary_switches.push(sample.ended.involuntary_switches);
        rounds.kernel_ns.push(sample.stamps.kernel_ns);
        rounds.preempted_ns.push(sample.stamps.preempted_ns);
        rounds.block.push(block);
        rounds.max_rss_bytes.push(sample.ended.max_rss_bytes);
    }

    /// Start and end of every measured round, nanoseconds on `CLOCK_MONOTONIC`.
    pub(crate) fn round_times(&self) -> impl Iterator<Item = (u64, u64)> {
        self.spans.iter().copied()
    }

    /// The entry of the results JSON; `None` for a benchmark that did not finish.
    pub(crate) fn result(&self, machine: &Machine) -> Option<WalltimeBenchmark> {
        match self.outcome {
            Outcome::Complete => {}
            Outcome::Failed { .. } | Outcome::Interrupted => return None,
        }
        let times = if self.robust {
            self.rounds.robust_ns(self.robust_source(machine))
        } else {
            self.rounds.wall_ns.clone()
        };
        let nanos = |nanos: u64| (nanos > 0).then(|| as_float(nanos));
        Some(WalltimeBenchmark {
            name: self.target.display_name(),
            uri: self.target.uri(),
            config: BenchmarkConfig {
                warmup_time_ns: Some(as_float(self.limits.warmup_ns)),
                min_round_time_ns: None,
                max_time_ns: self.limits.max_time_ns.and_then(nanos),
                max_rounds: self.limits.max_rounds,
            },
            stats: BenchmarkStats::of_rounds(&times, self.planner.warmup_rounds()),
        })
    }

    /// Everything that was measured.
    pub(crate) fn log(&self, machine: &Machine) -> BenchmarkRounds {
        // What somebody has ended was not cut off by a limit.
        let is_complete = matches!(self.outcome, Outcome::Complete);
        let unmet = self.planner.unmet().filter(|_| is_complete);
        let mut notes: Vec<String> = unmet.into_iter().collect();
        if self.cold {
            notes.push("only one round: it takes longer than the time for all rounds; use `--max-time` or \
                `--min-rounds` for more".to_owned());
        }
        if self.outlived > 0 {
            let (outlived, rounds) = (self.outlived, self.rounds.len());
            notes.push(format!("in {outlived} of {rounds} rounds, a process started by the command was still running \
                at its end: {PARTLY_MEASURED}"));
        }
        BenchmarkRounds {
            name: self.target.display_name(),
            uri: self.target.uri(),
            outcome: self.outcome.clone(),
            cold: self.cold,
            robust_source: self.robust_source(machine),
            robust_missing: machine.missing.clone(),
            warmup_rounds: self.planner.warmup_rounds(),
            noise: self.noise(),
            notes,
            shell: self.shell,
            // Of all rounds: it only grows.
            least_rss_bytes: own_peak_bytes(),
            counters: self.counted(),
            rounds: self.rounds.clone(),
        }
    }

    /// Returns the source of the noise-robust time. The work of several threads or processes is only known as the
    /// processor time of all of them.
    pub(crate) fn robust_source(&self, machine: &Machine) -> RobustSource {
        match machine.robust_source() {
            RobustSource::KernelStamps if self.company => RobustSource::ProcessorTime,
            source @ (RobustSource::KernelStamps
            | RobustSource::ProcessorTime
            | RobustSource::WallClock) => source,
        }
    }

    /// Returns what was counted. A warm-up round that is all there is was not.
    fn counted(&self) -> Vec<Counted> {
        let mut counted = self.counted.clone();
        for column in &mut counted {
            column.values.resize(self.rounds.len(), None);
        }
        counted
    }

    fn noise(&self) -> NoiseVerdict {
        judge_noise(&self.rounds.wall_ns, &self.rounds.preempted_ns)
    }

    /// Returns a summary of the measurement, on one line.
    pub(crate) fn summary(&self) -> String {
        let stats = BenchmarkStats::of_rounds(&self.rounds.wall_ns, 0);
        let name = self.name();
        match self.rounds.len() {
            0 => format!("{name}: no round was finished"),
            1 => format!("{name}: 1 round of {}", show_nanos(stats.median_ns)),
            rounds => format!(
                "{name}: {rounds} rounds in {}, median {}",
                show_nanos(stats.total_time * 1e9),
                show_nanos(stats.median_ns)
            ),
        }
    }

    /// Name as shown.
    pub(crate) fn name(&self) -> String {
        self.target.display_name()
    }

    /// Identity.
    pub(crate) fn uri(&self) -> String {
        self.target.uri()
    }

    /// The text that is run by a shell although nobody said so.
    pub(crate) fn shell_text(&self) -> Option<&str> {
        self.runnable.shell_text().filter(|_| !self.target.run_args.shell)
    }

    /// A shell runs it.
    pub(crate) fn has_shell(&self) -> bool {
        self.runnable.shell_text().is_some()
    }

    /// The program, if it is one that does less as nobody reads what it says.
    pub(crate) fn does_less(&self) -> Option<&str> {
        self.runnable.does_less()
    }

    /// The log of a benchmark that could not even be prepared.
    pub(crate) fn never_run(
        target: &Target,
        failure: &Failure,
        machine: &Machine,
    ) -> BenchmarkRounds {
        BenchmarkRounds {
            name: target.display_name(),
            uri: target.uri(),
            outcome: failure.outcome(),
            cold: false,
            robust_source: machine.robust_source(),
            robust_missing: machine.missing.clone(),
            warmup_rounds: 0,
            noise: NoiseVerdict::default(),
            notes: Vec::new(),
            shell: None,
            least_rss_bytes: 0,
            counters: Vec::new(),
            rounds: Rounds::default(),
        }
    }
}
