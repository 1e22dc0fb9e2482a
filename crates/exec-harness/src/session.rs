//! The benchmarks of one process, one after the other, and what everybody is told about them.

use runner_shared::{fault::chain, text::one_line};

use crate::{
    command::Prepared,
    failure::Failure,
    link::Link,
    plan::Plan,
    progress::Progress,
    round::Machine,
    store::{Store, StoreError},
    walltime::{Benchmark, Settings},
};

/// Everything that the benchmarks of one process share.
pub(crate) struct Session<'a> {
    /// The settings of all benchmarks.
    pub settings: Settings,
    /// The settings with which programs are started.
    pub with: Prepared,
    /// The means of measuring rounds.
    pub machine: &'a mut Machine,
    /// The runner.
    pub link: &'a mut Link,
    /// The user.
    pub progress: &'a mut Progress,
    failed: bool,
    interrupted: bool,
}

/// The overall result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All benchmarks were measured.
    Ok,
    /// At least one failed.
    Failed,
    /// The user ended the run.
    Interrupted,
}

impl<'a> Session<'a> {
    /// Nothing has run yet.
    pub(crate) fn new(
        settings: Settings,
        with: Prepared,
        machine: &'a mut Machine,
        link: &'a mut Link,
        progress: &'a mut Progress,
    ) -> Self {
        Self { settings, with, machine, link, progress, failed: false, interrupted: false }
    }

    /// Returns the overall result.
    pub(crate) fn verdict(&self) -> Verdict {
        match (self.interrupted, self.failed) {
            (true, _) => Verdict::Interrupted,
            (false, true) => Verdict::Failed,
            (false, false) => Verdict::Ok,
        }
    }

    /// Measures benchmark after benchmark; an interruption leaves out the rest.
    pub(crate) fn one_after_the_other(
        &mut self,
        plans: &[Plan],
        store: &mut Store,
    ) -> Result<(), StoreError> {
        for (index, plan) in plans.iter().enumerate() {
            if self.interrupted {
                break;
            }
            self.progress.begin(&plan.target.display_name(), index + 1, plans.len());
            let Some(mut benchmark) = self.prepare(plan, Vec::new(), store)? else { continue };
            self.link.start();
            let outcome = benchmark
                .set_up(self.machine, &self.with)
                .and_then(|()| benchmark.run(self.machine, self.progress, 0, None).map(drop));
            self.link.stop(benchmark.round_times());
            self.finish(&mut benchmark, outcome, store)?;
        }
        Ok(())
    }

    /// Gets a benchmark ready, which sees these variables, too. One that can't be run is recorded as failed.
    pub(crate) fn prepare(
        &mut self,
        plan: &Plan,
        variables: Vec<Vec<u8>>,
        store: &mut Store,
    ) -> Result<Option<Benchmark>, StoreError> {
        let mut with = self.with.clone();
        with.environment.extend(variables);
        match Benchmark::prepare(plan, self.settings, &with) {
            Ok(benchmark) => {
                if let Some(text) = benchmark.shell_text() {
                    self.progress.line(&format!("note: `{text}` is run by `sh -c`"));
                }
                if plan.target.run_args.subtract_shell && !benchmark.has_shell() {
                    self.progress.line("note: `--subtract-shell` has no effect, because this command runs without a \
                        shell");
                }
                self.note_output(benchmark.does_less());
                Ok(Some(benchmark))
            }
            Err(failure) => {
                self.report(&plan.target.display_name(), &failure);
                store.add(None, Benchmark::never_run(&plan.target, &failure, self.machine))?;
                Ok(None)
            }
        }
    }

    /// Says that a benchmark's program, if there is one of this name, does less as its output goes to `/dev/null`.
    pub(crate) fn note_output(&mut self, program: Option<&str>) {
        if let Some(program) = program {
            self.progress.line(&format!(
                "note: `{program}` reads less when it writes to /dev/null; use \
                `--output FILE` to make it read everything"
            ));
        }
    }

    /// Cleans up after a benchmark, keeps what it yielded and tells everybody.
    pub(crate) fn finish(
        &mut self,
        benchmark: &mut Benchmark,
        mut outcome: Result<(), Failure>,
        store: &mut Store,
    ) -> Result<(), StoreError> {
        let cleaned = self.after(&outcome, |machine| benchmark.clean_up(machine));
        if outcome.is_ok() {
            outcome = cleaned;
        }
        match outcome {
            Ok(()) => self.link.executed(benchmark.uri()),
            Err(failure) => {
                benchmark.failed(&failure);
                self.report(&benchmark.name(), &failure);
            }
        }
        let summary = benchmark.summary();
        self.progress.line(&summary);
        store.add(benchmark.result(self.machine), benchmark.log(self.machine))
    }

    /// Tidies up after a benchmark that has ended like this: an end that somebody wanted does not end that as well.
    pub(crate) fn after<T>(
        &mut self,
        outcome: &Result<T, Failure>,
        tidy: impl FnOnce(&mut Machine) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if matches!(outcome, Err(Failure::Interrupted)) {
            self.machine.watch.acknowledge();
        }
        tidy(self.machine)
    }

    /// Remembers that a benchmark failed and says why.
    pub(crate) fn report(&mut self, name: &str, failure: &Failure) {
        let name = one_line(name);
        if matches!(failure, Failure::Interrupted) {
            self.interrupted = true;
            self.progress.always(&format!("interrupted: `{name}` was not finished"));
            return;
        }
        self.failed = true;
        let mut text = format!("error: benchmark `{name}` failed: {}", chain(failure));
        let tail = failure.tail();
        if !tail.is_empty() {
            text.push_str("\n  its standard error ends with:");
            for line in tail.lines() {
                text.push_str("\n  | ");
                text.push_str(line);
            }
        }
        self.progress.always(&text);
    }
}
