//! Simulation mode: every command runs once below callgrind, which counts its instructions.
//!
//! The runner tells us how to start Valgrind, or has started us below it; a small library of ours
//! in the command switches the count on and off. Results stand in callgrind's files only. Afterwards each
//! benchmark has exactly one count of all that it did, or an error that says why not.

mod dumps;
pub(crate) mod elf;
mod judge;
pub(crate) mod parts;
mod preload;
mod processes;
mod program;
mod reports;
mod valgrind;

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    io,
    path::Path,
};

use nix::unistd::Pid;
use runner_shared::{harness::Target, profile_dir::ProfileDir};

use self::{
    dumps::{Dump, Dumps},
    judge::{Counted, Evidence, NotCounted},
    processes::Running,
    program::Unfit,
};
pub(crate) use self::{
    preload::{Preload, PreloadError},
    valgrind::below_valgrind,
};
use crate::{
    command::{Prepared, Runnable},
    failure::Failure,
    layout::paddings,
    plan::Plan,
    process::Executable,
    progress::View,
    repeated::repeatedly,
    session::{Session, Verdict},
};

/// The places in which counting leaves its files.
#[derive(Debug)]
pub(crate) struct Simulation {
    preload: Preload,
    /// Valgrind with its arguments, if we don't run below it ourselves.
    launcher: Vec<OsString>,
    /// The folder that callgrind writes to; without it, only the reports of the library are known.
    folder: Option<ProfileDir>,
    /// Benchmarks by the process whose file holds their count.
    counted: BTreeMap<Pid, String>,
}

impl Simulation {
    /// Installs the library in the profile folder or, without one, among temporary files.
    pub(crate) fn start(
        folder: Option<&ProfileDir>,
        temporary: &Path,
        launcher: &[OsString],
    ) -> Result<Self, PreloadError> {
        let preload = Preload::install(folder.map_or(temporary, ProfileDir::path))?;
        let (folder, launcher) = (folder.cloned(), launcher.to_vec());
        Ok(Self { preload, launcher, folder, counted: BTreeMap::new() })
    }

    /// Counts benchmark after benchmark; a failed one doesn't keep the others from being counted.
    pub(crate) fn run(&mut self, session: &mut Session<'_>, plans: &[Plan]) {
        for (index, plan) in plans.iter().enumerate() {
            if session.verdict() == Verdict::Interrupted {
                return;
            }
            let name = plan.target.display_name();
            session.progress.begin(&name, index + 1, plans.len());
            match self.benchmark(session, plan) {
                Ok(found) => session.progress.line(&summary(&name, &found)),
                Err(failure) => session.report(&name, &failure),
            }
        }
    }

    /// Counts all benchmarks several times, to be compared. What all but the first leave is put aside.
    pub(crate) fn run_repeatedly(&mut self, session: &mut Session<'_>, plans: &[Plan]) {
        let targets: Vec<_> = plans.iter().map(|plan| &plan.target).collect();
        let with = &session.with;
        // Each gets its identity, which may be longer than that of another one.
        let own = |target: &Target| self.preload.environment(&with.environment, &target.uri());
        let layouts = paddings(&targets, own, with.path.as_deref());
        repeatedly(session, plans, &layouts, |session, plan, with, nth| {
            let found = self.repeat(session, plan, with, nth)?;
            session.progress.line(&summary(&plan.target.display_name(), &found));
            Ok(())
        });
    }

    fn benchmark(&mut self, session: &mut Session<'_>, plan: &Plan) -> Result<Counted, Failure> {
        let with = session.with.clone();
        let mut runnable = self.runnable(plan, &with)?;
        session.note_output(runnable.does_less());
        let (run, outcome) = match runnable.set_up(session.machine) {
            Ok(()) => self.once(session, &mut runnable, plan),
            Err(failure) => (None, Err(failure)),
        };
        let cleaned = session.after(&outcome, |machine| runnable.clean_up(machine));
        let outcome = outcome.and_then(|found| cleaned.map(|()| found));
        self.settle(session, plan, run.as_ref(), outcome).map(|(_, found)| found)
    }

    /// Counts a benchmark for the nth time, without its hooks of the beginning and the end.
    fn repeat(
        &mut self,
        session: &mut Session<'_>,
        plan: &Plan,
        with: &Prepared,
        nth: usize,
    ) -> Result<Counted, Failure> {
        let mut runnable = self.runnable(plan, with)?;
        let (run, outcome) = self.once(session, &mut runnable, plan);
        let (pid, found) = self.settle(session, plan, run.as_ref(), outcome)?;
        if let (Some(folder), Some(run)) = (self.folder.as_ref().filter(|_| nth > 0), &run) {
            run.put_aside(&folder.repeat(nth)).map_err(Failure::Profile)?;
            // A later process of this number overwrites nothing.
            self.counted.remove(&pid);
        }
        Ok(found)
    }

    fn runnable(&self, plan: &Plan, with: &Prepared) -> Result<Runnable, Failure> {
        let path = with.path.as_deref();
        let program = Executable::of_words(&plan.target.command, plan.target.run_args.shell, path)?;
        // It was so when all began.
        fit(&plan.target, &program, path)?;
        let instrumented = Prepared {
            environment: self.preload.environment(&with.environment, &plan.target.uri()),
            launcher: self.launcher.clone(),
            ..with.clone()
        };
        Runnable::with_hooks(&plan.target, &plan.around, &instrumented, with)
    }

    /// Runs the command once between the hooks of a round.
    fn once(
        &self,
        session: &mut Session<'_>,
        runnable: &mut Runnable,
        plan: &Plan,
    ) -> (Option<Run>, Result<(Pid, Counted), Failure>) {
        let ready = runnable.before_round(session.machine, "round", 1);
        match ready.and_then(|()| self.look_around(plan.target.uri())) {
            Ok(run) => {
                let outcome = self.count(session, runnable, &run);
                let outcome = outcome.and_then(|found| {
                    runnable.after_round(session.machine, "round", 1).map(|()| found)
                });
                (Some(run), outcome)
            }
            Err(failure) => (None, Err(failure)),
        }
    }

    /// Keeps in mind whose file holds the count, or removes what a failed benchmark left.
    fn settle(
        &mut self,
        session: &mut Session<'_>,
        plan: &Plan,
        run: Option<&Run>,
        outcome: Result<(Pid, Counted), Failure>,
    ) -> Result<(Pid, Counted), Failure> {
        match outcome {
            Ok((pid, found)) => {
                self.remember(session, pid, plan.target.display_name());
                Ok((pid, found))
            }
            Err(failure) => {
                // The failure says more than that its traces could not be removed.
                drop(run.map(Run::remove_dumps));
                Err(failure)
            }
        }
    }

    /// Notes what runs and what is there before a command is run.
    fn look_around(&self, uri: String) -> Result<Run, Failure> {
        let dumps = self.folder.as_ref().map(Dumps::note).transpose();
        Ok(Run { uri, before: Running::now(), dumps: dumps.map_err(Failure::Profile)? })
    }

    /// Runs the command and looks for its count.
    fn count(
        &self,
        session: &mut Session<'_>,
        runnable: &mut Runnable,
        run: &Run,
    ) -> Result<(Pid, Counted), Failure> {
        self.preload.clear().map_err(Failure::Profile)?;
        let view = View { warming_up: false, rounds: 0, elapsed_ns: 0, share: None, last_ns: None };
        let Session { machine, progress, .. } = session;
        let show = |running| progress.show(&view, running);
        let ended = runnable.checked_round(machine, "round", 1, show);
        let stragglers = run.before.end_others();
        let pid = ended?.pid;
        let reports = self.preload.reports(&run.uri).map_err(Failure::Profile)?;
        let dumps = run.read_dumps().map_err(Failure::Profile)?;
        let (reports, stragglers, dumps) = (&reports[..], &stragglers[..], dumps.as_ref());
        let evidence = Evidence { pid, reports, stragglers, dumps };
        let found =
            evidence.judge().map_err(|source| not_counted(source, runnable.last_words()))?;
        if let Some(dumps) = &run.dumps {
            if found.unlabelled {
                dumps.relabel(pid, &run.uri).map_err(Failure::Profile)?;
            }
            dumps.note_became(pid, found.became.as_deref()).map_err(Failure::Profile)?;
        }
        Ok((pid, found))
    }

    /// Process ids repeat, and so do the names of callgrind's files.
    fn remember(&mut self, session: &mut Session<'_>, pid: Pid, name: String) {
        if let Some(earlier) = self.counted.insert(pid, name) {
            let source = NotCounted::Overwritten { pid };
            session.report(&earlier, &not_counted(source, String::new()));
        }
    }
}

/// Refuses what can't be counted, as far as that shows before it runs; `path` is the value of `PATH`.
pub(crate) fn fit(
    target: &Target,
    program: &Executable,
    path: Option<&OsStr>,
) -> Result<(), Failure> {
    if target.uri().contains('\n') {
        return Err(Unfit::LineBreak.into());
    }
    Ok(program::check(&program.path, path)?)
}

impl From<Unfit> for Failure {
    fn from(unfit: Unfit) -> Self {
        Self::Unfit(Box::new(unfit))
    }
}

fn not_counted(source: NotCounted, tail: String) -> Failure {
    Failure::NotCounted { source: Box::new(source), tail }
}

/// The state before a command was run.
struct Run {
    uri: String,
    before: Running,
    dumps: Option<Dumps>,
}

impl Run {
    fn read_dumps(&self) -> io::Result<Option<BTreeMap<Pid, Dump>>> {
        let Some(dumps) = &self.dumps else { return Ok(None) };
        dumps.read_new(&self.uri, |pid| self.before.contains(pid)).map(Some)
    }

    /// Moves its files into this folder.
    fn put_aside(&self, to: &ProfileDir) -> io::Result<()> {
        let Some(dumps) = &self.dumps else { return Ok(()) };
        dumps.put_aside(to, |pid| self.before.contains(pid))
    }

    fn remove_dumps(&self) -> io::Result<()> {
        let Some(dumps) = &self.dumps else { return Ok(()) };
        dumps.remove_new(|pid| self.before.contains(pid))
    }
}

fn summary(name: &str, found: &Counted) -> String {
    let Counted { instructions, became, unlabelled: _ } = found;
    let count = match instructions {
        Some(count) => format!("{count} instructions"),
        None => "counted".to_owned(),
    };
    match became {
        None => format!("{name}: {count}"),
        Some(program) => format!(
            "{name}: {count} (only of `{program}`, which replaced the command; earlier instructions are not counted)"
        ),
    }
}
