//! A run in walltime mode.

use results::Reading;
use runner_shared::mode::Mode;

use super::{
    Measured, RunError, Stage,
    watch::{before, left_by_suite, warn_of, watch},
};
use crate::{
    error,
    event::RunEvent,
    mode::{
        ModeError, Place, shims,
        walltime::{self, Crowd, Isolation, Scene},
    },
    session::{Conversation, FifoPair, Journal, Session, Switches, journal},
    workload::Workload,
};

/// Meaning of processes that outlive a suite.
const LEFT_RUNNING: &str = "it may have disturbed the measurements";

impl Stage<'_> {
    /// Lets the benchmark measure itself, with a profiler beside it.
    pub(super) fn walltime(self) -> Result<Measured, RunError> {
        let output = self.output();
        let Self { part, env, folder, before: old, instruments, paths, signals, ui } = self;
        let tell = |event| ui.event(&event);
        let mut fifos = FifoPair::create(paths)?;
        let isolation = Isolation::begin(env);
        for warning in &isolation.warnings {
            tell(RunEvent::warning(warning.as_str()));
        }
        let place = Place::choose(&part.place)?;
        place
            .note(folder)
            .map_err(|source| ModeError::Write { path: folder.path().to_owned(), source })?;
        place.warnings.iter().for_each(|text| tell(RunEvent::warning(text.as_str())));
        place.said.iter().for_each(|text| tell(RunEvent::Step(text.clone())));
        let away = place.stay_away();
        let (workload, cwd) = (&part.workload, part.working_directory.as_path());
        let env = instruments.environment(env.clone());
        let (env, shims) = shims::install(Mode::Walltime, workload, folder, env)?;
        let env = &env;
        let scene =
            Scene { workload, cwd, folder, env, isolation: &isolation, place: &place, output };
        let before = before();
        let (child, mut profiler) = walltime::start(&scene, part.profiling, &tell)?;
        let mut crowd = Crowd::new(&mut profiler);
        let (session, control) = (Session::walltime(), &mut crowd);
        let journal = Journal::begin(folder);
        let switches = Switches::default();
        let conversation = Conversation { fifos: &mut fifos, session, control, journal, switches };
        let served = watch(child, &before, Some(conversation), signals, ui)?;
        let crowded = crowd.warning(place.processors());
        let recorded = profiler.finish();
        let perf = recorded.as_ref().map(|recorded| recorded.version.clone());
        // perf is gone, and what comes after the benchmark is still to come.
        let left = left_by_suite(workload, &before, &served, LEFT_RUNNING);
        drop((isolation, shims, away));
        warn_of(&served.record, ui);
        match walltime::finish(&served.record.timestamps, folder) {
            Ok(()) => journal::remove(folder),
            // The results themselves are there, and are worth more.
            Err(err) => tell(RunEvent::warning(error::chain(&err))),
        }
        if let Err(err) = walltime::keep_preemptions(&served.preemptions, folder) {
            tell(RunEvent::warning(error::chain(&err)));
        }
        let Reading { mut report, broken } = results::read_walltime(folder, &old.untouched())?;
        let crowded = match workload {
            Workload::Suite(_) => crowded,
            // The threads of `exec-harness` itself only wait.
            Workload::Commands { .. } => walltime::take_turns(&report, place.processors()),
        };
        report.warnings.extend(left.into_iter().chain(crowded));
        if let Some(recorded) = recorded.filter(|_| !signals.interrupted()) {
            walltime::add_profile(recorded, &served.record, folder, &mut report, &tell);
        }
        Ok(Measured { report: report.into(), broken, served, trouble: None, perf })
    }
}
