//! The order of events: what to measure, one benchmark after the other or in turns, exit code.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Read},
    os::unix::ffi::OsStrExt,
    path::Path,
};

use runner_shared::{
    artifact::Turns,
    bounds::{self, HARNESS_LIST_BYTES, Unit, size},
    env_names::{self, EnvName},
    fault::{Attempt, chain, explain},
    fifo::FifoPaths,
    harness::{CHECKED_FAILED, CHECKED_USAGE, MAX_NAME_BYTES, Target, TargetsError, parse_targets},
    mode::Mode,
    profile_dir::ProfileDir,
    text::shown,
    verdict::DEFAULT_THRESHOLD,
};
use system::{
    guard::Guard,
    lock::{LockError, RunLock},
    signals::{self, EndPolicy, Signals},
    tuning::{self, Tree},
};

use crate::{
    check::faults,
    cli::Args,
    command::Prepared,
    failure::Failure,
    link::{Incompatible, Link},
    memory::{analyse, analyse_repeatedly},
    plan::{Plan, PlanError},
    progress::Progress,
    round::Machine,
    session::{Session, Verdict},
    simulation::{PreloadError, Simulation, below_valgrind},
    store::{Store, StoreError},
    turns::{random_seed, take_turns},
    walltime::Settings,
};

/// All benchmarks were measured.
const OK: u8 = 0;
/// A benchmark failed, or something else went wrong.
const FAILED: u8 = 1;
/// Options that make no sense.
const USAGE: u8 = 2;
/// The user ended the run.
const INTERRUPTED: u8 = 130;

/// The process environment, taken once.
pub type Environment = Vec<(OsString, OsString)>;

/// Posts a guard for what `args` let us start, and gives its mark to all of that. To be called while no other thread works than that of `signals`.
#[must_use]
pub fn post_guard(args: &Args, environment: &mut Environment) -> Option<Guard> {
    // Nothing is started by a check; below Valgrind a copy of us would be counted, too.
    if args.check || below_valgrind() {
        return None;
    }
    let guard = Guard::post(value(environment, env_names::GUARD))?;
    environment.retain(|(name, _)| name != env_names::GUARD.name);
    environment.push((env_names::GUARD.name.into(), guard.mark().into()));
    Some(guard)
}

/// A failure before anything was measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    /// Standard input can't be read.
    #[error("could not read the list of benchmarks from {name}: {}", explain(err, Attempt::Read))]
    Stdin {
        /// The file, if it is one.
        name: String,
        /// The refusal of the system.
        err: io::Error,
    },
    /// The list is wrong.
    #[error(transparent)]
    Targets(#[from] TargetsError),
    /// Options that make no sense.
    #[error("benchmark `{name}`")]
    Plan {
        /// The benchmark.
        name: String,
        /// The fault.
        #[source]
        source: PlanError,
    },
    /// A benchmark that can't be run.
    #[error("benchmark `{name}`")]
    Unrunnable {
        /// The benchmark.
        name: String,
        /// The reason.
        #[source]
        source: Failure,
    },
    /// Nobody counts.
    #[error(
        "mode `simulation` needs exec-harness to run under Valgrind: use `codspeed exec -m simulation`"
    )]
    NotBelowValgrind,
    /// The library has no place.
    #[error(transparent)]
    Preload(#[from] PreloadError),
    /// A runner of another time.
    #[error(transparent)]
    Incompatible(#[from] Incompatible),
    /// Somebody else measures.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Results can't be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Signals can't be watched.
    #[error("could not set up signal handling")]
    Signals(#[source] io::Error),
}

/// All that is wrong.
struct Refused(Vec<AppError>);

impl<E: Into<AppError>> From<E> for Refused {
    fn from(err: E) -> Self {
        Self(vec![err.into()])
    }
}

impl AppError {
    fn code(&self) -> u8 {
        match self {
            Self::Plan { .. } => USAGE,
            Self::Stdin { .. }
            | Self::Targets(_)
            | Self::Unrunnable { .. }
            | Self::NotBelowValgrind
            | Self::Preload(_)
            | Self::Incompatible(_)
            | Self::Lock(_)
            | Self::Store(_)
            | Self::Signals(_) => FAILED,
        }
    }
}

/// Takes over signals: what `main` has to do first.
///
/// # Errors
///
/// If the system has no descriptor or no thread to spare.
pub fn take_signals() -> io::Result<Signals> {
    Signals::take(EndPolicy { farewell: |_| "interrupted\n".to_owned(), code: |_| INTERRUPTED })
}

/// Runs the program: measures what `args` say, tells the runner at `fifos` if there is one, and
/// returns the exit code.
pub fn run(
    args: &Args,
    environment: &Environment,
    fifos: &FifoPaths,
    signals: io::Result<Signals>,
) -> u8 {
    let dumb = value(environment, env_names::TERM).is_some_and(|term| term == "dumb");
    let mut progress = Progress::new(args.quiet, dumb);
    if !below_valgrind()
        && let Some(recovered) = tuning::recover(&Tree::at("/"))
    {
        for line in tuning::told(&recovered) {
            progress.always(&line);
        }
    }
    let outcome = match &signals {
        Ok(signals) => measure(args, environment, fifos, (signals, &mut progress)),
        Err(err) => Err(AppError::Signals(io::Error::new(err.kind(), err.to_string())).into()),
    };
    let code = match outcome {
        Ok(code) => code,
        Err(Refused(errs)) => {
            for err in &errs {
                progress.always(&format!("error: {}", chain(err)));
            }
            let code = errs.iter().map(AppError::code).max().unwrap_or(FAILED);
            match (args.check, code) {
                (false, code) => code,
                (true, USAGE) => CHECKED_USAGE,
                (true, _) => CHECKED_FAILED,
            }
        }
    };
    // Whatever else has happened.
    if signals.is_ok_and(|signals| signals.interrupted()) { INTERRUPTED } else { code }
}

fn measure(
    args: &Args,
    environment: &Environment,
    fifos: &FifoPaths,
    (signals, progress): (&Signals, &mut Progress),
) -> Result<u8, Refused> {
    let targets = targets(args, progress)?;
    warn_of_odd_names(&targets, progress);
    let mode = args.measurement_mode.unwrap_or(Mode::Walltime);
    let is_counted = !args.launcher.is_empty() || below_valgrind();
    if mode == Mode::Simulation && !is_counted && !args.check {
        return Err(AppError::NotBelowValgrind.into());
    }
    let plans = plans(targets, mode, value(environment, env_names::PATH))?;
    if args.check {
        return Ok(OK);
    }
    let _lock = lock(args, environment, fifos, progress)?;
    // Below Valgrind, nobody answers at the FIFOs.
    let (mut machine, link) = match mode {
        Mode::Simulation => (Machine::without_stamps(signals), Ok(Link::none())),
        Mode::Walltime | Mode::Memory => (Machine::start(signals), Link::connect(fifos)),
    };
    let mut link = link?;
    // From here on there is something to keep, also after the clean-up that the second one ends.
    let _heeding = signals.heed(2);
    let with = Prepared {
        environment: environment.iter().map(|(name, value)| variable(name, value)).collect(),
        path: value(environment, env_names::PATH).map(Into::into),
        mask: signals::mask_of_programs(),
        launcher: Vec::new(),
    };
    let settings = Settings { compat_rounds: args.compat_rounds, robust: args.robust };
    let mut session = Session::new(settings, with, &mut machine, &mut link, progress);
    let folder = folder(environment, env_names::PROFILE_FOLDER).map(ProfileDir::new);
    let is_comparison = args.interleave && plans.len() > 1;
    match mode {
        Mode::Memory if is_comparison => analyse_repeatedly(&mut session, &plans),
        Mode::Memory => analyse(&mut session, &plans),
        Mode::Simulation => {
            let temporary = self::folder(environment, env_names::TMPDIR);
            let temporary = temporary.unwrap_or(Path::new("/tmp"));
            // Whoever started us below Valgrind has the command there already.
            let launcher = if below_valgrind() { &[] } else { &args.launcher[..] };
            let mut simulation = Simulation::start(folder.as_ref(), temporary, launcher)?;
            if is_comparison {
                simulation.run_repeatedly(&mut session, &plans);
            } else {
                simulation.run(&mut session, &plans);
            }
        }
        Mode::Walltime => measure_times(&mut session, &plans, args, folder)?,
    }
    let code = match session.verdict() {
        Verdict::Interrupted => INTERRUPTED,
        Verdict::Failed => FAILED,
        Verdict::Ok => OK,
    };
    if let Some(warning) = link.warning {
        progress.always(&format!("warning: {warning}"));
    }
    Ok(code)
}

/// Measures the times of all, in turns or one after the other, and keeps them.
fn measure_times(
    session: &mut Session<'_>,
    plans: &[Plan],
    args: &Args,
    folder: Option<ProfileDir>,
) -> Result<(), StoreError> {
    let turns = plans.first().filter(|_| args.interleave && plans.len() > 1);
    let turns = turns.map(|base| Turns {
        base_uri: base.target.uri(),
        seed: args.seed.unwrap_or_else(random_seed),
        threshold: args.threshold.unwrap_or(DEFAULT_THRESHOLD).value(),
    });
    let mut store = Store::open(folder.unwrap_or_else(ProfileDir::of_project), turns.clone())?;
    match turns {
        Some(turns) => take_turns(session, plans, &turns, &mut store)?,
        None => session.one_after_the_other(plans, &mut store)?,
    }
    store.flush()
}

/// Takes the lock of the machine, unless whoever has started us has it. Whoever waits for another one heeds no signal, and is
/// ended at once.
fn lock(
    args: &Args,
    environment: &Environment,
    fifos: &FifoPaths,
    progress: &mut Progress,
) -> Result<Option<RunLock>, LockError> {
    if below_valgrind() {
        return Ok(None);
    }
    let place = folder(environment, env_names::LOCK_FILE).unwrap_or(&fifos.lock);
    RunLock::acquire_alone(place, !args.no_wait, &mut |text| progress.always(text))
}

/// The checked plan of each target, or all that keeps one of them from being run: better than to say it when the others
/// have been measured.
fn plans(targets: Vec<Target>, mode: Mode, path: Option<&OsStr>) -> Result<Vec<Plan>, Refused> {
    let (mut plans, mut errs) = (Vec::with_capacity(targets.len()), Vec::new());
    for target in targets {
        let name = target.shown_name();
        match Plan::resolve(target, mode) {
            Ok(plan) => {
                let faults = faults(&plan, mode, path).into_iter();
                errs.extend(
                    faults.map(|source| AppError::Unrunnable { name: name.clone(), source }),
                );
                plans.push(plan);
            }
            Err(source) => errs.push(AppError::Plan { name, source }),
        }
    }
    if errs.is_empty() { Ok(plans) } else { Err(Refused(errs)) }
}

fn targets(args: &Args, progress: &mut Progress) -> Result<Vec<Target>, AppError> {
    if !args.reads_stdin() {
        return Ok(vec![args.target()]);
    }
    let text = list().map_err(|err| AppError::Stdin { name: standard_input(), err })?;
    let (targets, unknown) = parse_targets(&text)?;
    for key in unknown {
        progress.always(&format!(
            "warning: ignoring the unknown key `{key}` in the list of benchmarks"
        ));
    }
    Ok(targets)
}

/// The text on standard input, which may be a pipe that never ends.
fn list() -> io::Result<String> {
    let mut text = String::new();
    io::stdin().take(size(HARNESS_LIST_BYTES) + 1).read_to_string(&mut text)?;
    if text.len() > HARNESS_LIST_BYTES {
        let most = bounds::shown(size(HARNESS_LIST_BYTES), Unit::Bytes);
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it has more than {most}")));
    }
    Ok(text)
}

/// Names our standard input: by its path if it has one.
fn standard_input() -> String {
    let target = std::fs::read_link("/proc/self/fd/0");
    target.map_or_else(|_| "standard input".to_owned(), |path| format!("`{}`", shown(&path)))
}

fn warn_of_odd_names(targets: &[Target], progress: &mut Progress) {
    let mut seen = std::collections::BTreeSet::new();
    for target in targets {
        let name = target.full_name();
        if name.len() > MAX_NAME_BYTES {
            progress.always(&format!(
                "warning: the name of a benchmark has {} bytes and is truncated to \
                {MAX_NAME_BYTES}; use `--name` to give it a shorter one",
                name.len()
            ));
        }
        if !seen.insert(target.uri()) {
            progress.always(&format!(
                "warning: two benchmarks have the name `{}`, so their histories can't be told \
                apart; use `--name` or `\"name\"` to rename one",
                target.shown_name()
            ));
        }
    }
}

fn value(environment: &Environment, wanted: EnvName) -> Option<&OsStr> {
    environment.iter().find(|(name, _)| name == wanted.name).map(|(_, value)| value.as_os_str())
}

/// The folder that a variable names, if it names one.
fn folder(environment: &Environment, name: EnvName) -> Option<&Path> {
    value(environment, name).filter(|folder| !folder.is_empty()).map(Path::new)
}

fn variable(name: &OsString, value: &OsString) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.push(b'=');
    bytes.extend_from_slice(value.as_bytes());
    bytes
}
