//! `codspeed.yml`: what a project says about its benchmarks. Runs nothing.
//!
//! `discover` finds the file, `keys` is the table of what it may hold, `check` compares it with the file, `build` makes
//! the configuration of it (`gate` that of the gate), `rounds` decides which level of options wins.

mod build;
mod check;
mod discover;
mod gate;
mod keys;
mod rounds;
mod schema;
#[cfg(test)]
mod tests;

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use runner_shared::{bounds::SETTINGS_BYTES, fault::Attempt, harness::WalltimeArgs, text::shown};
use system::files::{self, Links};

pub(crate) use gate::GateConfig;
pub(crate) use rounds::RoundOptions;
pub(crate) use schema::schema;

use super::yaml::{Flaw, Position};
use crate::error::explained;

/// A project's description of its benchmarks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ProjectConfig {
    /// The file; absolute. Paths in it are relative to its folder.
    pub path: PathBuf,
    /// For all benchmarks.
    pub options: ProjectOptions,
    /// Targets that are run without a command, in the order of the file.
    pub targets: Vec<ConfigTarget>,
    /// Limits for the gate.
    pub gate: GateConfig,
    /// Runs are stored in the project (true) or among the user's data (false), if the file says so.
    pub store: Option<bool>,
    /// The way in which messages call the file.
    shown: PathBuf,
}

/// Options for all benchmarks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ProjectOptions {
    /// The place where targets are run, as it is written in the file.
    pub working_directory: Option<PathBuf>,
    /// Patterns for the names of variables that no benchmark shall see.
    pub hide_env: Vec<String>,
    /// Options of the rounds.
    pub rounds: RoundOptions,
}

/// One entry of `benchmarks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigTarget {
    /// The place where it begins.
    pub at: Position,
    /// The id for `--bench`.
    pub id: Option<String>,
    /// As the user calls it.
    pub name: Option<String>,
    /// The workload.
    pub command: TargetCommand,
    /// The time that and how often, as far as it differs from the others.
    pub rounds: RoundOptions,
}

/// The command of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TargetCommand {
    /// A command to benchmark: its words, at least one.
    Exec(Vec<String>),
    /// Shell text that runs a suite with an integration; not blank.
    Entrypoint(String),
}

/// A project file can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// It can't be read.
    #[error("could not read the project file `{}`", shown(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// It holds something wrong.
    #[error("{}:{flaw}", shown(path))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The problem and its position.
        flaw: Flaw,
    },
}

/// Something odd in a project file that can be used all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigWarning {
    path: PathBuf,
    flaw: Flaw,
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", shown(&self.path), self.flaw)
    }
}

impl ProjectConfig {
    /// Reads the file that the user names, or else the nearest one, if there is any. `here` is the current folder.
    pub(crate) fn load(
        told: Option<&Path>,
        here: &Path,
    ) -> Result<Option<(Self, Vec<ConfigWarning>)>, ConfigError> {
        let Some(path) = told.map(|path| here.join(path)).or_else(|| discover::discover(here))
        else {
            return Ok(None);
        };
        let shown = path.strip_prefix(here).unwrap_or(&path).to_owned();
        let bytes = files::read(&path, Links::Follow, SETTINGS_BYTES).map_err(|err| {
            ConfigError::Io { path: shown.clone(), source: explained(&err, Attempt::Read) }
        })?;
        Self::parse(path, shown, &bytes).map(Some)
    }

    fn parse(
        path: PathBuf,
        shown: PathBuf,
        bytes: &[u8],
    ) -> Result<(Self, Vec<ConfigWarning>), ConfigError> {
        let wrong = |flaw| ConfigError::Wrong { path: shown.clone(), flaw };
        let build::Contents { options, targets, gate, store, warnings } =
            build::parse(bytes).map_err(wrong)?;
        let warn = |flaw| ConfigWarning { path: shown.clone(), flaw };
        let warnings = warnings.into_iter().map(warn).collect();
        Ok((Self { path, options, targets, gate, store, shown }, warnings))
    }

    /// Options of the command line for `exec`, completed by those of the file.
    pub(crate) fn complete(&self, told: WalltimeArgs) -> Result<WalltimeArgs, ConfigError> {
        let rounds = &self.options.rounds;
        rounds
            .check_beside(&told)
            .map_err(|flaw| ConfigError::Wrong { path: self.shown.clone(), flaw })?;
        Ok(rounds.below(told))
    }

    /// Returns where the targets of the file are run.
    pub(crate) fn working_directory(&self) -> PathBuf {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        match &self.options.working_directory {
            Some(told) => folder.join(told),
            None => folder.to_owned(),
        }
    }

    /// Returns how messages call the file.
    pub(crate) fn shown(&self) -> impl fmt::Display {
        shown(&self.shown)
    }
}
