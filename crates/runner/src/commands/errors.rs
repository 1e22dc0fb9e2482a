//! Every conversion of an error into the one that ends the program: the exit code, and what the user can do.

use std::io;

use nix::sys::signal::Signal;
use runner_shared::run_as::RunAsError;
use system::lock::LockError;

use crate::{
    ab::{AbError, GitError},
    error::{CliError, ExitKind},
    instruments::InstrumentError,
    mode::{ModeError, PlaceError, memory::RIGHTS, simulation::ValgrindError},
    orchestrator::RunError,
    process::{AskError, Ended},
    session::ServeError,
    settings::{
        SettingsError,
        project_file::ConfigError,
        shell_session::SessionError,
        user_config::{UnknownProfile, UserConfigError},
    },
    upload::ManifestError,
};

/// The usual reason of a suite that ends by SIGTRAP.
const PROBED: &str = "below Valgrind that is most often the probe of a tracer in the C library (memory mode, bpftrace): run it again when that has ended";

impl From<ConfigError> for CliError {
    fn from(err: ConfigError) -> Self {
        Self::new(ExitKind::Usage, err)
    }
}

impl From<UnknownProfile> for CliError {
    fn from(err: UnknownProfile) -> Self {
        let hint = err.hint();
        Self::new(ExitKind::Usage, err).hint(hint)
    }
}

impl From<UserConfigError> for CliError {
    fn from(err: UserConfigError) -> Self {
        let (kind, hint) = match &err {
            UserConfigError::NoPlace => (ExitKind::Usage, None),
            UserConfigError::Read { .. } | UserConfigError::Write { .. } => {
                (ExitKind::Failed, None)
            }
            UserConfigError::Wrong { .. } => (
                ExitKind::Usage,
                Some("this file holds your profiles: put it right, or move it away to begin anew"),
            ),
        };
        let err = Self::new(kind, err);
        match hint {
            Some(hint) => err.hint(hint),
            None => err,
        }
    }
}

impl From<SessionError> for CliError {
    fn from(err: SessionError) -> Self {
        let hint = match &err {
            SessionError::NoShell => "`--mode` and `--profile` choose for one command",
            SessionError::Foreign { .. } => {
                "XDG_RUNTIME_DIR names a folder that is yours alone, where such things belong"
            }
            SessionError::Io { .. } => "what a shell uses is kept there",
            SessionError::Corrupt { .. } => "`codspeed use --clear` or removing the file helps",
        };
        Self::new(ExitKind::Failed, err).hint(hint)
    }
}

impl From<RunAsError> for CliError {
    fn from(err: RunAsError) -> Self {
        let (kind, hint) = match &err {
            RunAsError::Unknown(_) => {
                (ExitKind::Usage, "`--run-as` takes a name, a number that is known, or `UID:GID`")
            }
            RunAsError::NotRoot(_) => {
                (ExitKind::Missing, "call it by sudo, or leave out `--run-as`")
            }
            RunAsError::Groups { .. } => {
                (ExitKind::Failed, "`--run-as UID:GID` needs no list of users")
            }
            RunAsError::Refused(_) => (
                ExitKind::Missing,
                "`--run-as root` runs the benchmark with the rights that there are",
            ),
        };
        Self::new(kind, err).hint(hint)
    }
}

impl From<ManifestError> for CliError {
    fn from(err: ManifestError) -> Self {
        Self::new(ExitKind::Failed, err)
            .hint("the folder may be of another version of codspeed, or damaged: measure again")
    }
}

impl From<SettingsError> for CliError {
    fn from(err: SettingsError) -> Self {
        Self::new(ExitKind::Usage, err)
    }
}

/// The exit code and what can be done.
fn instrument_advice(err: &InstrumentError) -> (ExitKind, Option<&'static str>) {
    match err {
        InstrumentError::MissingTracer(_) => (
            ExitKind::Missing,
            Some(
                "`codspeed setup --instruments mongodb` installs the tracer, and CODSPEED_MONGO_TRACER names one that is elsewhere",
            ),
        ),
        InstrumentError::Spawn(_) => (ExitKind::Missing, None),
        InstrumentError::NoVariable(_) | InstrumentError::Uri { .. } => (
            ExitKind::Usage,
            Some(
                "see https://www.mongodb.com/docs/manual/reference/connection-string for the form of an address",
            ),
        ),
        InstrumentError::Prepare(_) | InstrumentError::Silent { .. } => (ExitKind::Failed, None),
    }
}

fn lock_advice(err: &LockError) -> (ExitKind, Option<&'static str>) {
    let (kind, hint) = match err {
        LockError::Held { .. } => {
            (ExitKind::Failed, "without `--no-wait` this run would begin when the other one ends")
        }
        LockError::Folder { .. } => {
            (ExitKind::Failed, "give each run a folder of its own by `--profile-folder`")
        }
        LockError::Nested { .. } => {
            (ExitKind::Usage, "measure the inner command itself, or take the outer `codspeed` away")
        }
        LockError::Io { source, .. } if source.kind() == io::ErrorKind::InvalidData => (
            ExitKind::Failed,
            "every run takes this lock: remove what lies there, or ask its owner",
        ),
        LockError::Io { .. } => {
            (ExitKind::Failed, "every run takes this lock: its folder has to be there and writable")
        }
    };
    (kind, Some(hint))
}

impl From<RunError> for CliError {
    fn from(err: RunError) -> Self {
        let (kind, hint) = match &err {
            RunError::Lock(err) => lock_advice(err),
            RunError::Fifo(fifo) => {
                let hint = fifo.hint();
                return Self::new(ExitKind::Missing, err).hint(hint);
            }
            RunError::Mode(ModeError::MissingSibling(missing)) => {
                let hint = missing.hint();
                return Self::new(ExitKind::Missing, err).hint(hint);
            }
            RunError::Mode(ModeError::Rights(_)) => (ExitKind::Missing, Some(RIGHTS)),
            RunError::Mode(
                ModeError::NoShell
                | ModeError::Channel(_)
                | ModeError::Valgrind(ValgrindError::Unusable { .. } | ValgrindError::Mute(_)),
            )
            | RunError::Spawn(_)
            | RunError::Check(_) => (ExitKind::Missing, None),
            RunError::Instrument(err) => instrument_advice(err),
            RunError::Mode(ModeError::Valgrind(
                ValgrindError::Missing
                | ValgrindError::NoFork { .. }
                | ValgrindError::NoTracegrind { .. },
            )) => (
                ExitKind::Missing,
                Some(
                    "`codspeed setup -m simulation` installs one for you alone; any package `valgrind` from 3.19 on will do as well, and `--valgrind PATH` names one that is elsewhere",
                ),
            ),
            RunError::Serve(ServeError::Refused(refusal)) => {
                let hint = refusal.hint();
                return Self::new(ExitKind::Failed, err).hint(hint);
            }
            RunError::Serve(ServeError::WantsTerminal(_)) => (
                ExitKind::Failed,
                Some(
                    "a command that asks for input can't be a benchmark; give it the answer as an option or by a file",
                ),
            ),
            RunError::Place(PlaceError::NotAllowed { .. } | PlaceError::TooMany { .. }) => (
                ExitKind::Usage,
                Some(
                    "`taskset -p $$` and `nproc` say what this shell may use; `--pin` alone takes the idlest",
                ),
            ),
            RunError::Place(PlaceError::System(_)) => {
                (ExitKind::Failed, Some("without `--pin` the system chooses"))
            }
            RunError::Interrupted => (ExitKind::Interrupted, None),
            RunError::Folder { .. }
            | RunError::Mode(ModeError::Write { .. } | ModeError::Remove { .. })
            | RunError::Serve(ServeError::Watch(_))
            | RunError::Read(_) => (ExitKind::Failed, None),
        };
        let err = Self::new(kind, err);
        match hint {
            Some(hint) => err.hint(hint),
            None => err,
        }
    }
}

impl From<GitError> for CliError {
    fn from(err: GitError) -> Self {
        let (kind, hint) = match &err {
            GitError::Missing => (ExitKind::Missing, Some("states are read by `git`: install it")),
            GitError::NoRepository { .. } => (
                ExitKind::Usage,
                Some(
                    "states are commits: call it in a repository, or name one by `--working-directory`",
                ),
            ),
            GitError::NoCommit { shallow: true, .. } => (
                ExitKind::Usage,
                Some(
                    "this clone has only the last commits: `git fetch --unshallow` gets the others (in CI: `fetch-depth: 0`)",
                ),
            ),
            GitError::NoCommit { shallow: false, .. } => (
                ExitKind::Usage,
                Some(
                    "`git fetch` gets what is only at the remote; branches of it are called as in `origin/main`",
                ),
            ),
            GitError::Submodule { .. } => (
                ExitKind::Failed,
                Some("`git submodule update --init --recursive` at that commit gets it"),
            ),
            GitError::Ask(AskError::Interrupted { .. }) => (ExitKind::Interrupted, None),
            GitError::Ask(_) | GitError::Failed { .. } => (ExitKind::Failed, None),
        };
        let err = Self::new(kind, err);
        match hint {
            Some(hint) => err.hint(hint),
            None => err,
        }
    }
}

impl From<AbError> for CliError {
    fn from(err: AbError) -> Self {
        match err {
            AbError::Git(err) => err.into(),
            AbError::Run(err) => err.into(),
            AbError::Empty(_) => Self::new(ExitKind::Empty, err)
                .hint("a suite with a CodSpeed integration reports its benchmarks (pytest-codspeed, cargo codspeed, @codspeed/vitest-plugin, ...)")
                .hint("`--exec` measures any command"),
            AbError::Foreign(_) => Self::new(ExitKind::Usage, err)
                .hint("name another folder by `--build-dir`: it gets two folders, `base` and `head`"),
            AbError::NoShell => Self::new(ExitKind::Missing, err),
            AbError::Build { .. } => Self::new(ExitKind::Failed, err).hint(
                "it was built in a folder of its own, where files that git ignores are missing: a further `--build` makes them",
            ),
            AbError::Suite { ended: Ended::Signal(Signal::SIGTRAP), .. } => {
                Self::new(ExitKind::Failed, err).hint(PROBED)
            }
            AbError::Folder { .. }
            | AbError::Suite { .. }
            | AbError::Benchmarks { .. }
            | AbError::Absent(_)
            | AbError::Turns(_)
            | AbError::UnusableTurns(_)
            | AbError::Trouble { .. } => Self::new(ExitKind::Failed, err),
        }
    }
}
