//! The order of events: what to measure, one benchmark after the other or in turns, exit code.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Read},
    os::unix::ffi::OsStrExt,
    path::Path,
};

use runner_shared::{
    env_names::{self, EnvName},
    fault::{Attempt, explain},
    fifo::FifoPaths,
    harness::{CHECKED_FAILED, CHECKED_USAGE, MAX_NAME_BYTES, Target, TargetsError, parse_targets},
    mode::Mode,
    text::shown,
};

use crate::{
    check::faults,
    cli::Args,
    command::Prepared,
    failure::{Failure, chain},
    link::{Incompatible, Link},
    plan::{Plan, PlanError},
    progress::Progress,
    session::{Session, Verdict},
    simulation::{PreloadError, Simulation, below_valgrind},
    store::{Store, StoreError},
    walltime::{Machine, Settings, analyse, interleave},
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

/// Why nothing was measured.
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
    #[error("benchmark `{name}` can't be planned")]
    Plan {
        /// The benchmark.
        name: String,
        /// What is wrong.
        #[source]
        source: PlanError,
    },
    /// A benchmark that can't be run.
    #[error("benchmark `{name}`")]
    Unrunnable {
        /// The benchmark.
        name: String,
        /// Why.
        #[source]
        source: Failure,
    },
    /// Nobody counts.
    #[error(
        "mode `simulation` counts instructions below Valgrind, and exec-harness was not started below it; `codspeed exec -m simulation` does that"
    )]
    NotBelowValgrind,
    /// The library has no place.
    #[error(transparent)]
    Preload(#[from] PreloadError),
    /// A runner of another time.
    #[error(transparent)]
    Incompatible(#[from] Incompatible),
    /// Results can't be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Signals can't be watched.
    #[error("could not take over signals")]
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
            | Self::Store(_)
            | Self::Signals(_) => FAILED,
        }
    }
}

/// Runs the program: measures what `args` say, tells the runner at `fifos` if there is one, and
/// returns the exit code.
pub fn run(args: &Args, environment: &Environment, fifos: &FifoPaths) -> u8 {
    let dumb = value(environment, env_names::TERM).is_some_and(|term| term == "dumb");
    let mut progress = Progress::new(args.quiet, dumb);
    match measure(args, environment, fifos, &mut progress) {
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
    }
}

fn measure(
    args: &Args,
    environment: &Environment,
    fifos: &FifoPaths,
    progress: &mut Progress,
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
    // Below Valgrind, nobody answers at the FIFOs.
    let (machine, link) = match mode {
        Mode::Simulation => (Machine::without_stamps(), Ok(Link::none())),
        Mode::Walltime | Mode::Memory => (Machine::start(), Link::connect(fifos)),
    };
    let (mut machine, mut link) = (machine.map_err(AppError::Signals)?, link?);
    let with = Prepared {
        environment: environment.iter().map(|(name, value)| variable(name, value)).collect(),
        path: value(environment, env_names::PATH).map(Into::into),
        mask: machine.watch.original_mask(),
        launcher: Vec::new(),
    };
    let settings = Settings { compat_rounds: args.compat_rounds, robust: args.robust };
    let mut session = Session::new(settings, with, &mut machine, &mut link, progress);
    let folder = folder(environment, env_names::PROFILE_FOLDER);
    match mode {
        Mode::Memory => analyse(&mut session, &plans),
        Mode::Simulation => {
            let temporary = self::folder(environment, env_names::TMPDIR);
            let temporary = temporary.unwrap_or(Path::new("/tmp"));
            // Whoever started us below Valgrind has the command there already.
            let launcher = if below_valgrind() { &[] } else { &args.launcher[..] };
            Simulation::start(folder, temporary, launcher)?.run(&mut session, &plans);
        }
        Mode::Walltime => {
            let mut store = Store::open(folder.unwrap_or(Path::new(".codspeed")))?;
            if args.interleave && plans.len() > 1 {
                interleave(&mut session, &plans, &mut store)?;
            } else {
                session.one_after_the_other(&plans, &mut store)?;
            }
            store.flush()?;
        }
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

/// More bytes are no list of benchmarks.
const MOST_LIST_BYTES: u64 = 16 << 20;

fn targets(args: &Args, progress: &mut Progress) -> Result<Vec<Target>, AppError> {
    if !args.reads_stdin() {
        return Ok(vec![args.target()]);
    }
    let mut text = String::new();
    let read = io::stdin().take(MOST_LIST_BYTES + 1).read_to_string(&mut text);
    let failed = |err| AppError::Stdin { name: standard_input(), err };
    if u64::try_from(read.map_err(failed)?).is_ok_and(|length| length > MOST_LIST_BYTES) {
        let what = format!("it has more than {} MiB", MOST_LIST_BYTES >> 20);
        return Err(failed(io::Error::new(io::ErrorKind::InvalidData, what)));
    }
    let (targets, unknown) = parse_targets(&text)?;
    for key in unknown {
        progress.always(&format!(
            "warning: the key `{key}` in the list of benchmarks means nothing here and is ignored"
        ));
    }
    Ok(targets)
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
            progress.always(&format!("warning: the name of a benchmark is {} bytes long and is shown cut to {MAX_NAME_BYTES}; `--name` gives it a shorter one", name.len()));
        }
        if !seen.insert(target.uri()) {
            progress.always(&format!("warning: two benchmarks are called `{}`; their histories can't be told apart, `--name` or `\"name\"` can", target.shown_name()));
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
