//! The order of steps of one run, and nothing else: lock, FIFOs, benchmark, conversation, results. Each mode has a room
//! of its own for what lies between the profile folder and the report.

mod memory;
mod old_results;
mod repeats;
mod simulation;
mod step;
mod walltime;
mod watch;

use std::{fs, io, path::PathBuf, rc::Rc};

use results::{ReadError, Report};
use runner_shared::{
    env_names,
    fault::{Attempt, explain},
    fifo::FifoPaths,
    mode::Mode,
    profile_dir::ProfileDir,
    text::shown,
};
use system::{
    files,
    lock::{FolderLock, Holder, LockError, RunLock, Sharing},
    signals::Signals,
    temporary,
};

use crate::{
    env::Env,
    event::RunEvent,
    instruments::{InstrumentError, Instruments},
    mode::{ModeError, PlaceError, memory::TracerTrouble, walltime::StartError},
    process::{AskError, Ended, Output, SpawnError},
    session::{FifoError, ServeError, Served},
    settings::RunPart,
    ui::Ui,
    upload::{self, Manifest},
    workload::Workload,
};
pub(crate) use step::run_step;

use old_results::OldResults;
use watch::went_well;

/// A run that is over, well or not.
#[derive(Debug)]
pub(crate) struct Completed {
    /// The results of a measurement.
    pub report: Report,
    /// Results files that could not be read.
    pub broken: Vec<ReadError>,
    /// The end of the benchmark.
    pub ended: Ended,
    /// Trouble with the tracer of memory mode.
    pub trouble: Option<TracerTrouble>,
    /// The user ended it.
    pub interrupted: bool,
    /// The place where everything is.
    pub folder: ProfileDir,
    /// That place is ours until all who need it have dropped this.
    pub lock: Rc<FolderLock>,
    /// The outcome of the instruments.
    pub instruments: Result<(), InstrumentError>,
    /// Version of perf, if it has recorded a profile.
    pub perf: Option<String>,
}

/// The reason why a run yielded nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// The profile folder can't be made.
    #[error(
        "could not create the profile folder `{}`: {}",
        shown(path),
        explain(err, Attempt::Write)
    )]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The error of the system.
        err: io::Error,
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
    /// The harness or the tracer does not say whether it could be.
    #[error(transparent)]
    Check(#[from] AskError),
    /// The conversation broke down.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The benchmark can't run where it is wanted.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// Somebody wants an end, and nothing has begun.
    #[error("interrupted; nothing was measured")]
    Interrupted,
    /// An instrument can't be started.
    #[error(transparent)]
    Instrument(#[from] InstrumentError),
    /// The results can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl From<StartError> for RunError {
    fn from(err: StartError) -> Self {
        match err {
            StartError::Mode(err) => err.into(),
            StartError::Spawn(err) => err.into(),
            StartError::Check(err) => err.into(),
            StartError::Place(err) => err.into(),
        }
    }
}

/// Everything that a mode needs for its part of a run.
struct Stage<'a> {
    part: &'a RunPart,
    env: &'a Env,
    /// The profile folder.
    folder: &'a ProfileDir,
    /// Results that lay in it before.
    before: &'a OldResults,
    instruments: &'a Instruments,
    paths: &'a FifoPaths,
    signals: &'a Signals,
    ui: &'a Ui,
}

impl Stage<'_> {
    /// Returns where the benchmark speaks. A suite speaks to us. `exec-harness` says by itself how far it is: where we
    /// would
    /// draw, on a terminal, it does so instead of us.
    fn output(&self) -> Output {
        match &self.part.workload {
            Workload::Commands { .. } if self.ui.draws() => Output::Draws,
            Workload::Commands { .. } | Workload::Suite(_) => Output::Piped,
        }
    }
}

/// The results of a mode.
struct Measured {
    report: Report,
    broken: Vec<ReadError>,
    served: Served,
    trouble: Option<TracerTrouble>,
    /// Version of the profiler, if one has recorded.
    perf: Option<String>,
}

/// The machine, as long as it is ours to measure on.
#[derive(Debug)]
pub(crate) struct Turn {
    paths: FifoPaths,
    _lock: RunLock,
}

impl Turn {
    /// Waits until no other run disturbs one in this mode, or fails at once if `wait` is false.
    pub(crate) fn take(
        mode: Mode,
        wait: bool,
        signals: &Signals,
        ui: &Ui,
    ) -> Result<Self, RunError> {
        let paths = FifoPaths::well_known();
        let waiting = |holder: Holder| ui.event(&RunEvent::Waiting { text: holder.waited_for() });
        let sharing = match mode {
            Mode::Walltime | Mode::Memory => Sharing::Alone,
            Mode::Simulation => Sharing::Together,
        };
        // There is nothing to keep while it waits: a signal ends the program.
        let _ends_at_once = signals.heed(0);
        fail_if_interrupted(signals)?;
        let lock = RunLock::acquire(&paths.lock, sharing, wait, waiting)?;
        Ok(Self { paths, _lock: lock })
    }
}

/// Runs the part as soon as the machine is free.
pub(crate) fn execute(
    part: &RunPart,
    manifest: &Manifest,
    (env, signals): (&Env, &Signals),
    ui: &Ui,
) -> Result<Completed, RunError> {
    let turn = Turn::take(part.mode, part.wait, signals, ui)?;
    execute_in(&turn, part, Some(manifest), (env, signals), ui)
}

/// Runs the part in a turn that was taken for its mode. Without a manifest it is one of many runs, which nobody uploads
/// by itself.
pub(crate) fn execute_in(
    turn: &Turn,
    part: &RunPart,
    manifest: Option<&Manifest>,
    (env, signals): (&Env, &Signals),
    ui: &Ui,
) -> Result<Completed, RunError> {
    let folder = profile_dir(part, env)?;
    for place in [env.temp_dir().as_path(), folder.path()] {
        temporary::tidy(place);
    }
    let lock = Rc::new(FolderLock::acquire(folder.path())?);
    let outcome = run(part, manifest, (env, signals), &turn.paths, (&folder, lock), ui);
    if outcome.is_err() {
        upload::forget(&folder);
        signals.set_last_words(Vec::new());
    }
    let stays = outcome.is_ok() || stays_after_failure(part, &folder, ui);
    if stays && manifest.is_some() {
        ui.save_log(&folder);
    }
    outcome
}

/// Removes the folder of a run that yielded nothing, if it is a fresh one and nothing was measured: otherwise it stays,
/// which is said of a fresh one.
fn stays_after_failure(part: &RunPart, folder: &ProfileDir, ui: &Ui) -> bool {
    if part.profile_folder.is_some() {
        return true;
    }
    let is_wanted = part.keep_profile || OldResults::any(part.mode, folder);
    if !is_wanted && fs::remove_dir_all(folder.path()).is_ok() {
        return false;
    }
    tell_of_folder(folder, ui);
    true
}

/// Says where a profile folder is that stays.
pub(crate) fn tell_of_folder(folder: &ProfileDir, ui: &Ui) {
    let path = shown(folder).into_owned();
    ui.event(&RunEvent::Step(format!("profile folder: {path}")));
    ui.event(&RunEvent::ProfileFolder { path });
}

/// Runs the part, with the machine to itself, in this profile folder.
fn run(
    part: &RunPart,
    manifest: Option<&Manifest>,
    (env, signals): (&Env, &Signals),
    paths: &FifoPaths,
    (folder, lock): (&ProfileDir, Rc<FolderLock>),
    ui: &Ui,
) -> Result<Completed, RunError> {
    upload::forget(folder);
    let before = OldResults::of(part.mode, folder, ui);
    if let Some(manifest) = manifest {
        begin(manifest, folder, signals, ui);
    }
    repeats::begin(part, folder)?;
    let instruments = Instruments::start(&part.instruments, env)?;
    fail_if_interrupted(signals)?;
    let env = &match &part.go_runner_version {
        Some(version) => env.clone().with(env_names::GO_RUNNER_VERSION, version),
        None => env.clone(),
    };
    let stage =
        Stage { part, env, folder, before: &before, instruments: &instruments, paths, signals, ui };
    if part.place.pin.is_some() && part.mode != Mode::Walltime {
        let text =
            format!("`--pin` has no effect in mode `{}`, which doesn't measure time", part.mode);
        ui.event(&RunEvent::warning(text));
    }
    for option in part.workload.unused_options(part.mode) {
        let text =
            format!("`{option}` has no effect in mode `{}`, only in walltime mode", part.mode);
        ui.event(&RunEvent::warning(text));
    }
    ui.event(&RunEvent::PartStarted(part.mode));
    ui.event(&RunEvent::GroupStart { title: part.label.clone(), opened: true });
    let measured = match part.mode {
        Mode::Walltime => stage.walltime(),
        Mode::Simulation => stage.simulation(),
        Mode::Memory => stage.memory(),
    };
    let failed = !measured.as_ref().is_ok_and(|measured| went_well(&measured.served));
    ui.event(&RunEvent::GroupEnd { failed });
    let Measured { report, broken, served, trouble, perf } = measured?;
    if let Some(missing) = report.missing() {
        ui.event(&RunEvent::warning(missing));
    }
    for warning in report.warnings() {
        ui.event(&RunEvent::warning(warning));
    }
    let well = went_well(&served);
    let Served { record: _, preemptions: _, ended, interrupted } = served;
    let instruments = if well { instruments.finish(folder) } else { Ok(()) };
    let folder = folder.clone();
    Ok(Completed { report, broken, ended, trouble, interrupted, folder, lock, instruments, perf })
}

/// Returns an error if somebody wants an end.
fn fail_if_interrupted(signals: &Signals) -> Result<(), RunError> {
    if signals.interrupted() { Err(RunError::Interrupted) } else { Ok(()) }
}

/// Notes that a run goes on in the folder: whoever finds it like that knows that it was cut short.
fn begin(manifest: &Manifest, folder: &ProfileDir, signals: &Signals, ui: &Ui) {
    if let Err(err) = manifest.save(folder) {
        let text = format!("could not save the data for a later upload: {err}");
        ui.event(&RunEvent::warning(text));
    }
    signals.set_last_words(vec![upload::how_to_go_on(folder)]);
}

/// The folder of the part, made if need be, or a fresh one. Absolute and without symbolic links,
/// as integrations change their folder and some want a path that is usable from everywhere.
fn profile_dir(part: &RunPart, env: &Env) -> Result<ProfileDir, RunError> {
    let made = if let Some(path) = &part.profile_folder {
        let create = if part.is_beside_others {
            files::create_private_subfolder
        } else {
            files::create_private_folder
        };
        create(path).map(|()| path.clone())
    } else {
        let parent = env.temp_dir();
        let (prefix, suffix) = ProfileDir::FRESH;
        let mut fresh = tempfile::Builder::new();
        fresh.prefix(prefix).suffix(suffix).rand_bytes(ProfileDir::FRESH_LETTERS);
        #[expect(clippy::disallowed_methods, reason = "it is to stay")]
        fresh.tempdir_in(&parent).map(tempfile::TempDir::keep)
    };
    let path = part.profile_folder.clone().unwrap_or_else(|| env.temp_dir());
    made.and_then(|path| path.canonicalize())
        .map(ProfileDir::new)
        .map_err(|err| RunError::Folder { path, err })
}
