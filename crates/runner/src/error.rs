//! The end of a command: an exit code, and for a failure the chain of causes and hints.

use std::{error::Error, io};

pub(crate) use runner_shared::fault::chain;
use runner_shared::fault::{Attempt, explain};

/// The end of the program. The numbers are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitKind {
    /// All is well.
    Ok,
    /// The benchmark failed, or something that has no number of its own.
    Failed,
    /// The command line or a setting is wrong.
    Usage,
    /// A tool or a right is missing.
    Missing,
    /// The run yielded no benchmark.
    Empty,
    /// The results could not be uploaded, or the service not be asked.
    Service,
    /// A benchmark got slower than is allowed.
    Regression,
    /// The program is wrong.
    Bug,
    /// The user ended the run.
    Interrupted,
}

impl ExitKind {
    /// The exit code.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Missing => 3,
            Self::Empty => 4,
            Self::Service => 5,
            Self::Regression => 6,
            Self::Bug => 70,
            Self::Interrupted => 130,
        }
    }
}

/// A failed command: what happened, and what the user can do about it.
#[derive(Debug)]
pub(crate) struct CliError {
    /// Decides the exit code.
    pub kind: ExitKind,
    /// The error with its causes.
    pub source: Box<dyn Error + Send + Sync>,
    /// Sentences that begin with what to do.
    pub hints: Vec<String>,
}

impl CliError {
    /// An error without a hint.
    pub(crate) fn new(kind: ExitKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: source.into(), hints: Vec::new() }
    }

    /// The same error with one more hint.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// A refusal of the system as the cause of an error: in words that say what it means for the file, and what helps.
pub(crate) fn explained(err: &io::Error, attempt: Attempt) -> io::Error {
    io::Error::new(err.kind(), explain(err, attempt).to_string())
}
