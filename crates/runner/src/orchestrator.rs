//! The order of steps of one run, and nothing else: lock, FIFOs, benchmark, conversation, results.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::SystemTime,
};

use results::{Allocations, ReadError, Reading, SimulationReading};
use runner_shared::{env_names, fifo::FifoPaths, mode::Mode};

use crate::{
    env::Env,
    event::RunEvent,
    instruments::{InstrumentError, Instruments},
    mode::{
        ModeError,
        simulation::{self, Keeper, Valgrind},
        walltime::{self, NoProfiler},
    },
    process::{Child, Ended, Signals, SpawnError, ToolCommand, adopt_orphans, kill_descendants},
    report::AnyReport,
    session::{
        Conversation, FifoError, FifoPair, LockError, RunLock, ServeError, Served, Session,
        SessionRecord, Sharing, serve,
    },
    settings::RunPlan,
    ui::Ui,
};

/// A run that is over, well or not.
#[derive(Debug)]
pub(crate) struct Completed {
    /// What was measured.
    pub report: AnyReport,
    /// Results files that could not be read.
    pub broken: Vec<ReadError>,
    /// How the benchmark ended.
    pub ended: Ended,
    /// The user ended it.
    pub interrupted: bool,
    /// Where everything is.
    pub folder: PathBuf,
    /// What became of the instruments.
    pub instruments: Result<(), InstrumentError>,
}

/// Why a run yielded nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// The profile folder can't be made.
    #[error("could not make the profile folder `{}`", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Somebody else measures.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The FIFOs can't be made.
    #[error(transparent)]
    Fifo(#[from] FifoError),
    /// The benchmark can't be prepared or its record not be kept.
    #[error(transparent)]
    Mode(#[from] ModeError),
    /// The benchmark can't be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// The conversation broke down.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Signals can't be watched.
    #[error("could not take over signals")]
    Signals(#[source] io::Error),
    /// An instrument can't be started.
    #[error(transparent)]
    Instrument(#[from] InstrumentError),
    /// The results can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Runs the plan.
pub(crate) fn execute(plan: &RunPlan, env: &Env, ui: &Ui) -> Result<Completed, RunError> {
    let paths = FifoPaths::well_known();
    let waiting = |holder| ui.event(&RunEvent::Waiting { holder });
    let sharing = match plan.mode {
        Mode::Walltime | Mode::Memory => Sharing::Alone,
        Mode::Simulation => Sharing::Together,
    };
    let lock = RunLock::acquire(&paths.lock, sharing, plan.wait, waiting)?;
    let folder = profile_folder(plan, env)?;
    let before = OldResults::of(plan.mode, &folder, ui);
    let signals = Signals::take().map_err(RunError::Signals)?;
    let forget = || {
        if plan.profile_folder.is_none() {
            // Nothing is in it yet; if something is, it stays.
            drop(fs::remove_dir(&folder));
        }
    };
    let instruments = Instruments::start(&plan.instruments, env).inspect_err(|_err| forget())?;
    let (report, broken, served) = match plan.mode {
        Mode::Walltime | Mode::Memory => {
            let served = walltime(plan, &folder, env, &instruments, &paths, &signals, ui)?;
            let Reading { report, broken } = results::read(&folder, &before.untouched())?;
            (AnyReport::Walltime(report), broken, served)
        }
        Mode::Simulation => {
            let RunPlan { workload, simulation: options, working_directory, .. } = plan;
            let ready = simulation::prepare(workload, options, working_directory, &folder, env)
                .inspect_err(|_err| forget())?;
            ui.event(&RunEvent::Step(counting_with(&ready.valgrind)));
            let command = ready.command;
            let command = ToolCommand { env: instruments.environment(command.env), ..command };
            let start = SystemTime::now();
            let served = watch(command.spawn()?, None, &signals, ui)?;
            drop(ready.shims);
            let kept = ready.keeper.map(Keeper::finish).unwrap_or_default();
            for warning in kept.into_iter().chain(simulation::harvest(&folder, start)) {
                ui.event(&RunEvent::Warning(warning));
            }
            let SimulationReading { mut report, broken } =
                results::read_simulation(&folder, &before.untouched())?;
            report.view.model = options.cost_model;
            if options.exclude_allocations {
                report.view.allocations = Allocations::Excluded;
            }
            (AnyReport::Simulation(report), broken, served)
        }
    };
    drop(lock);
    if let Some(missing) = report.missing() {
        ui.event(&RunEvent::Warning(missing.to_owned()));
    }
    for warning in report.warnings() {
        ui.event(&RunEvent::Warning(warning.clone()));
    }
    let Served { record: _, ended, interrupted } = served;
    let well = !interrupted && ended == Ended::Code(0);
    let instruments = if well { instruments.finish(&folder) } else { Ok(()) };
    Ok(Completed { report, broken, ended, interrupted, folder, instruments })
}

/// What counts, and what it can't do.
fn counting_with(valgrind: &Valgrind) -> String {
    let Valgrind { version, build, .. } = valgrind;
    match &valgrind.limits()[..] {
        [] => format!("counting with {version}"),
        limits => format!("counting with {version} ({build}: {})", limits.join(", ")),
    }
}

fn walltime(
    plan: &RunPlan,
    folder: &Path,
    env: &Env,
    instruments: &Instruments,
    paths: &FifoPaths,
    signals: &Signals,
    ui: &Ui,
) -> Result<Served, RunError> {
    let command = walltime::command(&plan.workload, &plan.working_directory, folder, env)?;
    let command = ToolCommand { env: instruments.environment(command.env), ..command };
    let mut fifos = FifoPair::create(paths)?;
    let (session, control) = (Session::walltime(), &mut NoProfiler);
    let conversation = Conversation { fifos: &mut fifos, session, control };
    let served = watch(command.spawn()?, Some(conversation), signals, ui)?;
    warn_of(&served.record, ui);
    if let Err(err) = walltime::finish(&served.record, folder) {
        // The results themselves are there, and are worth more.
        let mut text = err.to_string();
        if let Some(cause) = std::error::Error::source(&err) {
            text = format!("{text}: {cause}");
        }
        ui.event(&RunEvent::Warning(text));
    }
    Ok(served)
}

/// Accompanies the benchmark to its end, and ends what is left of it when it did not end by itself.
fn watch(
    mut child: Child,
    conversation: Option<Conversation<'_>>,
    signals: &Signals,
    ui: &Ui,
) -> Result<Served, RunError> {
    adopt_orphans();
    let (tell, heard) = mpsc::channel();
    let outcome = thread::scope(|scope| {
        let child = &mut child;
        // A thread of its own, so that nothing which is told to the user delays an answer.
        let serving = scope.spawn(move || {
            let tell = |event| drop(tell.send(event));
            serve(conversation, child, signals, &tell)
        });
        for event in heard {
            ui.event(&event);
        }
        serving.join()
    });
    drop(child);
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(panic) => std::panic::resume_unwind(panic),
    };
    let well = |served: &Served| !served.interrupted && served.ended == Ended::Code(0);
    if !outcome.as_ref().is_ok_and(well) {
        // What a benchmark leaves running on purpose is its own affair, if it succeeds.
        kill_descendants();
    }
    Ok(outcome?)
}

/// The folder of the plan, made if need be, or a fresh one. Absolute and without symbolic links,
/// as integrations change their folder and some want a path that is usable from everywhere.
fn profile_folder(plan: &RunPlan, env: &Env) -> Result<PathBuf, RunError> {
    let made = if let Some(path) = &plan.profile_folder {
        fs::create_dir_all(path).map(|()| path.clone())
    } else {
        let parent = env.get(env_names::TMPDIR).map_or_else(std::env::temp_dir, PathBuf::from);
        let mut fresh = tempfile::Builder::new();
        fresh.prefix("profile.").suffix(".out").rand_bytes(10);
        fresh.tempdir_in(&parent).map(tempfile::TempDir::keep)
    };
    let shown = plan.profile_folder.clone().unwrap_or_else(std::env::temp_dir);
    made.and_then(|path| path.canonicalize())
        .map_err(|source| RunError::Folder { path: shown, source })
}

/// Result files that an earlier run left in the profile folder.
struct OldResults {
    place: PathBuf,
    /// By name: what tells a file from another one of that name. A process of this run may have
    /// the same number as one of the earlier run.
    files: BTreeMap<OsString, Identity>,
}

/// Device, inode, and time of the last change.
type Identity = (u64, u64, i64, i64);

impl OldResults {
    fn of(mode: Mode, folder: &Path, ui: &Ui) -> Self {
        let (place, endings): (_, &[&str]) = match mode {
            Mode::Walltime | Mode::Memory => (folder.join("results"), &["json", "msgpack"]),
            Mode::Simulation => (folder.to_owned(), &["out", "tgtrace"]),
        };
        let is_result = |name: &OsString| {
            let ending = Path::new(name).extension().and_then(OsStr::to_str);
            ending.is_some_and(|ending| endings.contains(&ending))
        };
        let mut files = list(&place);
        files.retain(|name, _| is_result(name));
        if !files.is_empty() {
            ui.event(&RunEvent::Warning(format!(
                "`{}` holds results of an earlier run; they are left there and not shown",
                folder.display()
            )));
        }
        Self { place, files }
    }

    /// Names of those that are still what they were.
    fn untouched(&self) -> BTreeSet<OsString> {
        let now = list(&self.place);
        let same = self.files.iter().filter(|(name, identity)| now.get(*name) == Some(identity));
        same.map(|(name, _)| name.clone()).collect()
    }
}

fn list(place: &Path) -> BTreeMap<OsString, Identity> {
    let Ok(entries) = fs::read_dir(place) else { return BTreeMap::new() };
    let identified = entries.flatten().filter_map(|entry| {
        let data = entry.metadata().ok()?;
        Some((entry.file_name(), (data.dev(), data.ino(), data.ctime(), data.ctime_nsec())))
    });
    identified.collect()
}

fn warn_of(record: &SessionRecord, ui: &Ui) {
    let SessionRecord { integration, pids: _, timestamps: _, unreadable, open_windows } = record;
    let who = integration.as_ref().map_or("the benchmark integration", |(name, _)| name.as_str());
    let counted = |count: u64, what: &str| {
        if count > 0 {
            ui.event(&RunEvent::Warning(what.to_owned()));
        }
    };
    counted(*unreadable, &format!("{unreadable} messages of {who} could not be understood"));
    counted(*open_windows, &format!("{who} began a measurement and did not finish it"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_a_new_process_of_the_same_number_wrote_is_no_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let results = folder.path().join("results");
        fs::create_dir(&results).unwrap();
        for name in ["7.json", "8.json", "notes.txt"] {
            fs::write(results.join(name), "old").unwrap();
        }
        let ui = Ui::new(&Env::default(), true);
        let old = OldResults::of(Mode::Walltime, folder.path(), &ui);
        let mut new = tempfile::NamedTempFile::new_in(&results).unwrap();
        io::Write::write_all(&mut new, b"new").unwrap();
        new.persist(results.join("7.json")).unwrap();
        assert_eq!(old.untouched(), BTreeSet::from([OsString::from("8.json")]));
    }
}
