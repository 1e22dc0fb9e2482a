//! Chooses a backend, lets the trace run, says what it amounts to, and with which code to end.

use std::{
    env,
    error::Error,
    ffi::{OsStr, OsString},
    fs, io,
    path::Path,
    process::ExitCode,
};

use nix::sys::signal::Signal;
use runner_shared::{
    env_names::{self, EnvName, is_secret},
    fault::{self, Attempt, Fault, explain},
    fifo::FifoPaths,
    memory::TracerStats,
    profile_dir::EVENTS,
    reach,
    run_as::{RunAs, RunAsError},
    text::{self, count},
};
use system::{
    exposure::wipe_start,
    guard::Guard,
    lock::{LockError, RunLock},
    signals::{EndPolicy, Signals},
    threads::with_room,
    tuning::{self, Tree},
};

use crate::{
    backend::{
        Backend, Stacks, Wanted,
        ebpf::{Ebpf, HOW_TO_PERMIT, Missing, run_self_test},
        preload::{Options as PreloadOptions, Preload, PreloadError},
    },
    cli::{BackendChoice, Cli, Command, StacksChoice, Track},
    command,
    console::{print, say},
    doctor, summary,
    track::{Plan, Trace, TrackError, for_user, track},
    writer::{Options, Usages},
};

/// Tracing failed, or events were lost.
const FAILED: u8 = 1;
/// Bytes of a ring in which some copies of stacks find room.
const LEAST_FOR_COPIES: u32 = 256 << 10;
/// A right is missing.
const NOT_PERMITTED: u8 = 3;

/// The reason for which there is no trace, or only a part of one.
#[derive(Debug, thiserror::Error)]
enum AppError {
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error(transparent)]
    Preload(#[from] PreloadError),
    #[error(transparent)]
    Track(#[from] TrackError),
    #[error(transparent)]
    RunAs(#[from] RunAsError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error("the program of the self-test failed")]
    SelfTest(#[source] io::Error),
    #[error("could not set up signal handling")]
    Signals(#[source] io::Error),
    #[error("could not write `{place}`")]
    Write {
        place: String,
        #[source]
        source: io::Error,
    },
    #[error("can't write to `{place}`: {why}")]
    Unwritable { place: String, why: Fault },
    #[error(
        "{} lost: the numbers are too small; use a larger `--ring-size`, unless a note says otherwise", count(*lost, "event")
    )]
    Lost { lost: u64 },
    #[error("{} could not be followed: the numbers are too small", count(*untracked, "process"))]
    Untracked { untracked: u64 },
}

impl AppError {
    fn code(&self) -> u8 {
        match self {
            Self::Missing(missing) if missing.rights => NOT_PERMITTED,
            Self::Track(TrackError::Start(err)) => err.code(),
            Self::RunAs(RunAsError::NotRoot(_) | RunAsError::Refused(_)) => NOT_PERMITTED,
            Self::Missing(_)
            | Self::Preload(_)
            | Self::RunAs(_)
            | Self::Track(_)
            | Self::Lock(_)
            | Self::SelfTest(_)
            | Self::Signals(_)
            | Self::Write { .. }
            | Self::Unwritable { .. }
            | Self::Lost { .. }
            | Self::Untracked { .. } => FAILED,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Missing(_) => Some(HOW_TO_PERMIT),
            Self::Preload(_)
            | Self::RunAs(_)
            | Self::Track(_)
            | Self::Lock(_)
            | Self::SelfTest(_)
            | Self::Signals(_)
            | Self::Write { .. }
            | Self::Unwritable { .. }
            | Self::Lost { .. }
            | Self::Untracked { .. } => None,
        }
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let signals =
        Signals::take(EndPolicy { farewell: |_| "interrupted\n".to_owned(), code: code_of });
    ExitCode::from(with_room(|| run(signals)))
}

fn run(signals: io::Result<Signals>) -> u8 {
    let cli = Cli::read();
    // What is one of these is handed on to no program.
    wipe_start(&[]);
    if let Some(recovered) = tuning::recover(&Tree::at("/")) {
        for line in tuning::told(&recovered) {
            say(&line);
        }
    }
    let outcome = match &cli.command {
        Command::Track(options) => {
            signals.map_err(AppError::Signals).and_then(|signals| traced(options, &signals))
        }
        Command::Doctor => {
            let report = doctor::report(Wanted::default(), &env::temp_dir());
            print(&report).map(|()| 0).map_err(no_output)
        }
        Command::Rights => Missing::rights().map_or(Ok(0), |missing| Err(missing.into())),
        Command::SelfTest { child } => {
            run_self_test(*child).map(|()| 0).map_err(AppError::SelfTest)
        }
    };
    outcome.unwrap_or_else(|err| {
        let mut text = format!("error: {err}");
        let mut cause = err.source();
        while let Some(err) = cause {
            text = format!("{text}: {}", fault::words(err));
            cause = err.source();
        }
        say(&text);
        if let Some(hint) = err.hint() {
            say(hint);
        }
        err.code()
    })
}

fn traced(options: &Track, signals: &Signals) -> Result<u8, AppError> {
    #[expect(clippy::disallowed_methods, reason = "the one place that takes the environment")]
    let variables = env::vars_os();
    // Started by hand in a CI job, we are the first of ours to see its secrets.
    let mut environment: Vec<(OsString, OsString)> =
        variables.filter(|(name, _)| !is_secret(name)).collect();
    // While no other thread works than that of `signals`.
    let guard = Guard::post(value(&environment, env_names::GUARD));
    if let Some(guard) = &guard {
        environment.push((env_names::GUARD.name.into(), guard.mark().into()));
    }
    // Whoever waits for another one heeds nothing, and is ended at once.
    let place =
        value(&environment, env_names::LOCK_FILE).map_or(FifoPaths::well_known().lock, Into::into);
    let _lock = RunLock::acquire_alone(&place, !options.no_wait, &mut say)?;
    let user = RunAs::choose(options.run_as.as_deref(), |name| value(&environment, name))?;
    let shown = options.control.is_none() && !options.quiet;
    if let Some(user) = &user {
        let changed = user.environment(|name| value(&environment, name));
        environment.extend(changed.into_iter().map(|(name, value)| (name.name.into(), value)));
        if shown {
            say(&format!(
                "the command runs as {}; use `--run-as root` to run it as root",
                user.shown()
            ));
        }
    }
    check(options, &environment, user.as_ref())?;
    let mut backend = backend(options, user.as_ref())?;
    let plan = Plan {
        command: &options.command,
        environment: &environment,
        user: user.as_ref(),
        folder: &options.output,
        control: options.control.as_ref(),
        progress: options.progress.as_deref(),
        options: Options {
            stacks: options.stacks.is_some(),
            usage: usages(options, shown),
            release_on_exit: !options.no_release_on_exit,
        },
    };
    let trace = track(&plan, backend.as_mut(), signals)?;
    if let Some(guard) = guard {
        // What goes on does so because it was left running.
        guard.release();
    }
    report(&trace, options, shown, user.as_ref())?;
    let Trace { ended, stats, .. } = trace;
    complete(&stats, options.lossy)?;
    if let command::Ended::Signal(number) = ended {
        say(&format!("the command was ended by signal {number}"));
    }
    // A command may make nothing of it; whoever wanted an end has had it.
    Ok(match (ended.code(), signals.last()) {
        (0, Some(signal)) => code_of(signal),
        (code, _) => code,
    })
}

/// Returns the exit code that a shell has for a program that was ended by a signal.
fn code_of(signal: Signal) -> u8 {
    #[expect(clippy::as_conversions, reason = "the numbers of the enum are those of the kernel")]
    let number = signal as i32;
    command::Ended::Signal(number).code()
}

fn no_output(source: io::Error) -> AppError {
    AppError::Write { place: "standard output".to_owned(), source }
}

/// Says what is known to go wrong, before anything is loaded, made or run.
fn check(
    options: &Track,
    environment: &[(OsString, OsString)],
    user: Option<&RunAs>,
) -> Result<(), AppError> {
    let program = {
        let _theirs = user.map(RunAs::own_files);
        command::check(&options.command, value(environment, env_names::PATH))
    };
    program.map_err(TrackError::Start)?;
    let unwritable = |path: &Path, err: &io::Error| AppError::Unwritable {
        place: text::shown(path).into_owned(),
        why: explain(err, Attempt::Write),
    };
    for_user(user, || reach::can_make_folder(&options.output))
        .map_err(|err| unwritable(&options.output, &err))?;
    let json = options.json.as_deref().filter(|path| path.as_os_str() != "-");
    let json = json.filter(|path| !reach::is_made_with(path, &options.output));
    let Some(path) = json else { return Ok(()) };
    for_user(user, || reach::can_write(path)).map_err(|err| unwritable(path, &err))
}

/// Whose events are counted, if somebody wants to know.
fn usages(options: &Track, shown: bool) -> Usages {
    if options.root_is_harness {
        Usages::WithoutRoot
    } else if shown || options.control.is_some() || options.json.is_some() {
        Usages::All
    } else {
        Usages::None
    }
}

/// Fails if not everything was seen that should have been.
fn complete(stats: &TracerStats, lossy: bool) -> Result<(), AppError> {
    let TracerStats { lost_events: lost, failed_tracks: untracked, .. } = *stats;
    if lost > 0 && !lossy {
        return Err(AppError::Lost { lost });
    }
    if untracked > 0 {
        return Err(AppError::Untracked { untracked });
    }
    Ok(())
}

fn report(
    trace: &Trace,
    options: &Track,
    shown: bool,
    user: Option<&RunAs>,
) -> Result<(), AppError> {
    let Some(usage) = &trace.usage else { return Ok(()) };
    if shown {
        let place = options.output.join(EVENTS.named(trace.root));
        say(&format!("{}: {}", text::shown(&place), count(trace.stats.events.total(), "event")));
        say(summary::text(usage, &trace.stats).trim_end());
    }
    let Some(path) = &options.json else { return Ok(()) };
    let text = format!("{:#}\n", summary::json(usage, &trace.stats));
    if path.as_os_str() == "-" {
        return print(&text).map_err(no_output);
    }
    #[expect(clippy::disallowed_methods, reason = "the user has named it, and may want a device")]
    let written = for_user(user, || fs::write(path, &text));
    written.map_err(|source| AppError::Write { place: text::shown(path).into_owned(), source })
}

fn wanted(options: &Track) -> Wanted {
    let Track { ring_size, lossy, mappings, .. } = *options;
    let stacks = match options.stacks {
        None => Stacks::None,
        Some(StacksChoice::Fp) => Stacks::FramePointers,
        Some(StacksChoice::Auto | StacksChoice::Dwarf) => Stacks::Copies,
    };
    let least = if stacks == Stacks::Copies { LEAST_FOR_COPIES } else { 0 };
    Wanted { ring_size: ring_size.max(least), lossy, stacks, mappings }
}

/// The value of a variable.
fn value(environment: &[(OsString, OsString)], name: EnvName) -> Option<&OsStr> {
    let found = environment.iter().rev().find(|(other, _)| other == name.name);
    found.map(|(_, value)| value.as_os_str()).filter(|value| !value.is_empty())
}

fn backend(options: &Track, user: Option<&RunAs>) -> Result<Box<dyn Backend>, AppError> {
    let wanted = wanted(options);
    match options.backend {
        BackendChoice::Ebpf => Ok(Box::new(Ebpf::new(wanted, options.attach)?)),
        BackendChoice::Preload => library(wanted, user),
        BackendChoice::Auto => match Ebpf::new(wanted, options.attach) {
            Ok(backend) => Ok(Box::new(backend)),
            Err(missing) => {
                say(&format!(
                    "{missing}; tracing with a preloaded library instead, which can't see static and set-user-ID programs"
                ));
                library(wanted, user)
            }
        },
    }
}

fn library(wanted: Wanted, user: Option<&RunAs>) -> Result<Box<dyn Backend>, AppError> {
    for (option, given) in [("--mappings", wanted.mappings), ("--lossy", wanted.lossy)] {
        if given {
            say(&format!("`{option}` has no effect: only the `ebpf` backend supports it"));
        }
    }
    let owner = user.map(RunAs::ids);
    let options = PreloadOptions { stacks: wanted.stacks, owner, ..PreloadOptions::default() };
    // Not all folders for temporary files are for everybody.
    let given = env::temp_dir();
    let reached = user.is_none_or(|user| {
        let _theirs = user.own_files();
        tempfile::tempfile_in(&given).is_ok()
    });
    let place = if reached { &given } else { Path::new("/tmp") };
    Ok(Box::new(Preload::start(place, &options)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lost_is_an_error_unless_it_is_permitted() {
        let stats = |lost_events, failed_tracks| TracerStats {
            lost_events,
            failed_tracks,
            ..TracerStats::default()
        };
        let code = |stats, lossy| complete(&stats, lossy).map_err(|err| err.code());
        assert_eq!(code(stats(0, 0), false), Ok(()));
        assert_eq!(code(stats(7, 0), false), Err(FAILED));
        assert_eq!(code(stats(7, 0), true), Ok(()));
        assert_eq!(code(stats(0, 1), true), Err(FAILED));
    }
}
