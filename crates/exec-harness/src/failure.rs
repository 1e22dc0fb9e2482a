//! Reasons why a benchmark did not finish, in words for the user and for the log.

use std::error::Error;

use runner_shared::{artifact::Outcome, fault::chain};

use crate::process::{ExecutableError, NulError, StdioError};

/// The reason why a benchmark did not finish.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The program can't be run.
    #[error("the command cannot be run")]
    Executable(#[from] ExecutableError),
    /// The program of a hook can't be run.
    #[error("the command of `{name}` cannot be run")]
    Hook {
        /// The option that gave it.
        name: &'static str,
        /// The reason.
        #[source]
        source: ExecutableError,
    },
    /// A stream can't be opened.
    #[error(transparent)]
    Stdio(#[from] StdioError),
    /// A NUL in a word.
    #[error("the command cannot be run")]
    Nul(#[from] NulError),
    /// A round or a hook did not end well.
    #[error("{what}: {words}")]
    Ended {
        /// Which run, such as `round 3` or `the prepare command before round 3`.
        what: String,
        /// Its exit code or signal, in words.
        words: String,
        /// The end of what it said on its standard error.
        tail: String,
    },
    /// A round or a hook could not be started.
    #[error("{what} could not be started")]
    Start {
        /// Which run.
        what: String,
        /// The error of the system.
        #[source]
        source: std::io::Error,
    },
    /// The mode can't measure the command.
    #[error(transparent)]
    Unfit(Box<dyn Error + Send + Sync>),
    /// The command ran, and there is no count of all that it did.
    #[error("it ran, but was not counted")]
    NotCounted {
        /// The reason.
        #[source]
        source: Box<dyn Error + Send + Sync>,
        /// The end of what it said on its standard error.
        tail: String,
    },
    /// The files of a count can't be read or changed.
    #[error("could not search the profile folder for its counts")]
    Profile(#[source] std::io::Error),
    /// The user ended the run.
    #[error("interrupted")]
    Interrupted,
}

impl Failure {
    /// Returns the outcome of the benchmark, for the log.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Interrupted => Outcome::Interrupted,
            Self::Executable(_)
            | Self::Hook { .. }
            | Self::Stdio(_)
            | Self::Nul(_)
            | Self::Ended { .. }
            | Self::Unfit(_)
            | Self::NotCounted { .. }
            | Self::Profile(_)
            | Self::Start { .. } => Outcome::Failed { reason: chain(self) },
        }
    }

    /// The end of what the program said on its standard error.
    pub(crate) fn tail(&self) -> &str {
        match self {
            Self::Ended { tail, .. } | Self::NotCounted { tail, .. } => tail,
            Self::Interrupted
            | Self::Unfit(_)
            | Self::Profile(_)
            | Self::Executable(_)
            | Self::Hook { .. }
            | Self::Stdio(_)
            | Self::Nul(_)
            | Self::Start { .. } => "",
        }
    }
}
