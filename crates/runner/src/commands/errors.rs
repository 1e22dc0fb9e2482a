//! Every conversion of an error into the one that ends the program: the exit code, and what the user can do.

use std::{error::Error, io};

use nix::sys::signal::Signal;
use runner_shared::{
    env_names,
    run_as::RunAsError,
    text::{count, one_line},
};
use store::{NoPlace, SelectError, SharedError, StoreError, SyncError, import::ImportError};
use system::lock::LockError;

use super::{import::ImportFault, kept};
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
const PROBED: &str = "under Valgrind the usual cause is a tracer's probe in the C library (memory mode, bpftrace): run \
    again after the tracer has ended";

/// An error with its advice, if there is any.
fn hinted(
    kind: ExitKind,
    err: impl Into<Box<dyn Error + Send + Sync>>,
    hint: Option<&str>,
) -> CliError {
    hint.into_iter().fold(CliError::new(kind, err), CliError::hint)
}

impl From<ImportFault> for CliError {
    fn from(err: ImportFault) -> Self {
        let (kind, hint) = match &err {
            ImportFault::Read { err, .. } if err.kind() == io::ErrorKind::InvalidData => (
                ExitKind::Usage,
                Some("results of a pipe are read from standard input: `... | codspeed import -`"),
            ),
            // As of all other files that the user names.
            ImportFault::Read { .. } => (ExitKind::Usage, None),
            ImportFault::Import { path, source: ImportError::Empty { .. } } => {
                let hint = "a folder is read as criterion's, such as `target/criterion`: name the file of another tool";
                (ExitKind::Empty, path.is_dir().then_some(hint))
            }
            ImportFault::Import { source: ImportError::Unknown, .. } => (
                ExitKind::Failed,
                Some("run `codspeed import --help` to see all formats; `--format` names one"),
            ),
            ImportFault::Store { .. } | ImportFault::Output(_) | ImportFault::Import { .. } => {
                (ExitKind::Failed, None)
            }
        };
        hinted(kind, err, hint)
    }
}

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
                Some("correct this file, which holds your profiles, or move it away to start over"),
            ),
        };
        hinted(kind, err, hint)
    }
}

impl From<SessionError> for CliError {
    fn from(err: SessionError) -> Self {
        let hint = match &err {
            SessionError::NoShell => "use `--mode` and `--profile` to choose for a single command",
            SessionError::Foreign { .. } => {
                "set XDG_RUNTIME_DIR to a folder that only you can access"
            }
            SessionError::Io { .. } => "the settings of this shell are stored there",
            SessionError::Corrupt { .. } => "run `codspeed use --clear`, or remove the file",
        };
        Self::new(ExitKind::Failed, err).hint(hint)
    }
}

impl From<RunAsError> for CliError {
    fn from(err: RunAsError) -> Self {
        let (kind, hint) = match &err {
            RunAsError::Unknown(_) => {
                (ExitKind::Usage, "use `--run-as` with a user name, a known user id, or `UID:GID`")
            }
            RunAsError::NotRoot(_) => {
                (ExitKind::Missing, "run it with sudo, or leave out `--run-as`")
            }
            RunAsError::Groups { .. } => {
                (ExitKind::Failed, "use `--run-as UID:GID`, which needs no user database")
            }
            RunAsError::Refused(_) => (
                ExitKind::Missing,
                "use `--run-as root` to run the benchmark with the current permissions",
            ),
        };
        Self::new(kind, err).hint(hint)
    }
}

impl From<NoPlace> for CliError {
    fn from(err: NoPlace) -> Self {
        Self::new(ExitKind::Usage, err)
            .hint(format!("set {} to the folder of the stored runs", env_names::STORE.name))
    }
}

impl From<StoreError> for CliError {
    fn from(err: StoreError) -> Self {
        let hint = match &err {
            StoreError::None { .. } => {
                Some("`codspeed run` and `codspeed exec` make one, and store their runs in it")
            }
            StoreError::Index { source, .. } if source.is_refused() => Some(kept::ELSEWHERE),
            StoreError::Io { .. } => Some(kept::ELSEWHERE),
            StoreError::Damaged { .. } | StoreError::Index { .. } => {
                Some("run `codspeed store check --repair`")
            }
            StoreError::Several => {
                Some("run `codspeed store import` with the file, then name one of its runs")
            }
            StoreError::Missing { .. } => Some("run `codspeed store list` to see the stored runs"),
            StoreError::Unlisted { .. }
            | StoreError::Record(_)
            | StoreError::Archive
            | StoreError::Refused { .. }
            | StoreError::Unread(_)
            | StoreError::Export(_)
            | StoreError::Many { .. } => None,
        };
        let is_asked = matches!(err, StoreError::None { .. } | StoreError::Missing { .. });
        let kind = if is_asked { ExitKind::Usage } else { ExitKind::Failed };
        hinted(kind, err, hint)
    }
}

impl From<SharedError> for CliError {
    fn from(err: SharedError) -> Self {
        match &err {
            SharedError::Address { .. } => Self::new(ExitKind::Usage, err),
            SharedError::OpenLine { .. } => Self::new(ExitKind::Usage, err)
                .hint("use `https://`; without encryption only this machine itself is allowed"),
            SharedError::Objects(_) => Self::new(ExitKind::Failed, err).hint(
                "check the address and the credentials in the environment (AWS_*, GOOGLE_*, AZURE_*)",
            ),
            SharedError::NoFolder { .. } => Self::new(ExitKind::Usage, err)
                .hint("check the address; `codspeed store push` makes its last folder"),
            SharedError::Folder { .. }
            | SharedError::Late { .. }
            | SharedError::Many { .. }
            | SharedError::Long { .. }
            | SharedError::Runtime(_) => Self::new(ExitKind::Failed, err),
        }
    }
}

impl From<SyncError> for CliError {
    fn from(err: SyncError) -> Self {
        match err {
            SyncError::Shared(err) => err.into(),
            SyncError::Store(err) => err.into(),
        }
    }
}

impl From<SelectError> for CliError {
    fn from(err: SelectError) -> Self {
        const LIST: &str = "run `codspeed store list` to see the stored runs";
        let hint = match err {
            SelectError::Store(err) => return err.into(),
            SelectError::Empty { others: 0, .. } => {
                "`codspeed run` and `codspeed exec` store their runs".to_owned()
            }
            SelectError::Empty { others, .. } => {
                let others = count(u64::try_from(others).unwrap_or(u64::MAX), "run");
                format!("`codspeed store list --all-projects` lists {others} of other projects")
            }
            SelectError::Unknown { ref names, .. } if !names.is_empty() => {
                let names: Vec<String> =
                    names.iter().map(|name| format!("`{}`", one_line(name))).collect();
                format!("there are {}; {LIST}", names.join(", "))
            }
            SelectError::Ambiguous { ref candidates, .. } => {
                let ids: Vec<String> = candidates.iter().map(|entry| entry.id.short()).collect();
                format!("use more digits: {}", ids.join(", "))
            }
            SelectError::AmbiguousCommit { ref hashes, .. } => {
                let hashes: Vec<&str> = hashes.iter().map(String::as_str).take(10).collect();
                format!("use more digits: {}", one_line(&hashes.join(", ")))
            }
            SelectError::Few { .. } | SelectError::Unknown { .. } => LIST.to_owned(),
        };
        Self::new(ExitKind::Usage, err).hint(hint)
    }
}

impl From<ManifestError> for CliError {
    fn from(err: ManifestError) -> Self {
        Self::new(ExitKind::Failed, err).hint(
            "measure again: the folder may be damaged, or written by another version of codspeed",
        )
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
                "run `codspeed setup --instruments mongodb` to install the tracer, or set CODSPEED_MONGO_TRACER to its \
                    path",
            ),
        ),
        InstrumentError::Spawn(_) => (ExitKind::Missing, None),
        InstrumentError::NoVariable(_) | InstrumentError::Uri { .. } => (
            ExitKind::Usage,
            Some(
                "see https://www.mongodb.com/docs/manual/reference/connection-string for the address format",
            ),
        ),
        InstrumentError::Prepare(_) | InstrumentError::Silent { .. } => (ExitKind::Failed, None),
    }
}

fn lock_advice(err: &LockError) -> (ExitKind, Option<&'static str>) {
    let (kind, hint) = match err {
        LockError::Held { .. } => {
            (ExitKind::Failed, "leave out `--no-wait` to start when the other run ends")
        }
        LockError::Folder { .. } => {
            (ExitKind::Failed, "use `--profile-folder` to give each run its own folder")
        }
        LockError::Nested { .. } => {
            (ExitKind::Usage, "measure the inner command directly, or remove the outer `codspeed`")
        }
        LockError::Io { source, .. } if source.kind() == io::ErrorKind::InvalidData => {
            (ExitKind::Failed, "every run needs this lock: remove the file, or ask its owner")
        }
        LockError::Io { .. } => (
            ExitKind::Failed,
            "every run needs this lock: make sure that its folder exists and is writable",
        ),
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
                    "run `codspeed setup -m simulation` to install one for your user, install the package `valgrind` \
                        (3.19 or newer), or use `--valgrind PATH`",
                ),
            ),
            RunError::Serve(ServeError::Refused(refusal)) => {
                let hint = refusal.hint();
                return Self::new(ExitKind::Failed, err).hint(hint);
            }
            RunError::Serve(ServeError::WantsTerminal(_)) => {
                (ExitKind::Failed, Some("give the command its input as an option or in a file"))
            }
            RunError::Place(PlaceError::NotAllowed { .. } | PlaceError::TooMany { .. }) => (
                ExitKind::Usage,
                Some(
                    "run `taskset -p $$` and `nproc` to see which processors this shell may use, or use `--pin` alone \
                        for the idlest",
                ),
            ),
            RunError::Place(PlaceError::System(_)) => {
                (ExitKind::Failed, Some("leave out `--pin` to let the system choose"))
            }
            RunError::Interrupted => (ExitKind::Interrupted, None),
            RunError::Folder { .. }
            | RunError::Mode(ModeError::Write { .. } | ModeError::Remove { .. })
            | RunError::Serve(ServeError::Watch(_))
            | RunError::Read(_) => (ExitKind::Failed, None),
        };
        hinted(kind, err, hint)
    }
}

impl From<GitError> for CliError {
    fn from(err: GitError) -> Self {
        let (kind, hint) = match &err {
            GitError::Missing => {
                (ExitKind::Missing, Some("install `git`, which is needed to read the states"))
            }
            GitError::NoRepository { .. } => (
                ExitKind::Usage,
                Some("run the command in a Git repository, or name one with `--working-directory`"),
            ),
            GitError::NoCommit { shallow: true, .. } => (
                ExitKind::Usage,
                Some(
                    "this clone has only the latest commits: run `git fetch --unshallow` to get the others (in CI: \
                        `fetch-depth: 0`)",
                ),
            ),
            GitError::NoCommit { shallow: false, .. } => (
                ExitKind::Usage,
                Some(
                    "run `git fetch` to get revisions from the remote; its branches have names such as `origin/main`",
                ),
            ),
            GitError::Submodule { .. } => (
                ExitKind::Failed,
                Some("check out that commit and run `git submodule update --init --recursive`"),
            ),
            GitError::LargeFiles { .. } => (
                ExitKind::Failed,
                Some(
                    "run `git lfs fetch --all` to get what this clone lacks, or `git config lfs.skipDownloadErrors true` to \
                        continue without it",
                ),
            ),
            GitError::Far { .. } => (
                ExitKind::Usage,
                Some("use a later `--good`, such as a tag, to shorten the search"),
            ),
            GitError::Ask(AskError::Interrupted { .. }) => (ExitKind::Interrupted, None),
            GitError::Ask(_) | GitError::Failed { .. } => (ExitKind::Failed, None),
        };
        hinted(kind, err, hint)
    }
}

impl From<AbError> for CliError {
    fn from(err: AbError) -> Self {
        match err {
            AbError::Git(err) => err.into(),
            AbError::Run(err) => err.into(),
            AbError::Empty(_) => Self::new(ExitKind::Empty, err)
                .hint("use a suite with a CodSpeed integration (pytest-codspeed, cargo codspeed, \
                    @codspeed/vitest-plugin, ...)")
                .hint("use `--exec` to measure any command"),
            AbError::Foreign(_) => Self::new(ExitKind::Usage, err)
                .hint("use `--build-dir` to name another folder, where two folders `base` and `head` are created"),
            AbError::NoShell => Self::new(ExitKind::Missing, err),
            AbError::Build { .. } => Self::new(ExitKind::Failed, err).hint(
                "it was built in a separate folder without the files that git ignores: add a `--build` that creates \
                    them",
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
