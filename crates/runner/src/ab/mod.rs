//! Two states of a repository against each other: checked out side by side, built, and run in turns until every
//! benchmark of the suite has a verdict.
//!
//! | file | idea |
//! |---|---|
//! | `git.rs` | reads the user's repository |
//! | `checkout.rs` | two folders with the two states, of which the user's repository knows nothing |
//! | `lend.rs` | objects, large files and settings that these have of the user's repository |
//! | `build.rs` | makes both |
//! | `series.rs` | runs them in pairs, and stops when all is known |
//! | `schedule.rs` | how many pairs, in which order; no I/O |
//! | `search.rs` | which commit `bisect` looks at next; no I/O |
//!
//! Verdicts are `results::Suite`'s.

mod build;
mod checkout;
mod git;
mod lend;
mod schedule;
mod search;
mod series;

use std::{io, path::PathBuf};

use results::SuiteSide;
use runner_shared::{
    fault::{Attempt, explain},
    text::shown,
};

use crate::{orchestrator::RunError, process::Ended};

pub(crate) use build::{build, environment};
pub(crate) use checkout::{Sides, State};
pub(crate) use git::{Commit, GitError, Repository};
pub(crate) use schedule::Limits;
pub(crate) use search::{Mark, Search, Step};
pub(crate) use series::{End, Only, Series};

/// A reason for which two states can't be compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AbError {
    /// The repository can't be read.
    #[error(transparent)]
    Git(#[from] GitError),
    /// There is no place for a state.
    #[error("could not use the folder `{}`: {}", shown(path), explain(err, Attempt::Write))]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The refusal of the system, which is in the text of this one.
        err: io::Error,
    },
    /// Files of somebody else are where a state would be.
    #[error("`{}` is there already, and was not made by `codspeed`", shown(.0))]
    Foreign(PathBuf),
    /// A state can't be built.
    #[error("the build of {side} failed: `{command}` {ended}")]
    Build {
        /// `base` or `head`.
        side: &'static str,
        /// As given.
        command: String,
        /// Its end.
        ended: Ended,
    },
    /// There is no shell for the build.
    #[error("neither `bash` nor `sh` was found in PATH to run the build command")]
    NoShell,
    /// The suite fails.
    #[error("the suite of {side} failed: it {ended}")]
    Suite {
        /// `base` or `head`.
        side: &'static str,
        /// Its end.
        ended: Ended,
    },
    /// A benchmark fails.
    #[error("{failed} of {all} benchmarks of {side} failed")]
    Benchmarks {
        /// `base` or `head`.
        side: &'static str,
        /// Those that failed.
        failed: usize,
        /// All of them.
        all: usize,
    },
    /// The tracer of memory mode fails.
    #[error("the run of {side} can't be used: {words}")]
    Trouble {
        /// `base` or `head`.
        side: &'static str,
        /// The reason.
        words: String,
    },
    /// The suite reports nothing.
    #[error("the suite of {0} ran, but no benchmark reported a result")]
    Empty(&'static str),
    /// A command that takes turns fails.
    #[error("not all rounds of both states could be run: exec-harness {0}")]
    Turns(Ended),
    /// Something of a command that takes turns can't be used.
    #[error("the rounds can't be used: {0}")]
    UnusableTurns(String),
    /// The benchmark that is looked at isn't there.
    #[error("{0} does not have the benchmark")]
    Absent(&'static str),
    /// A run can't be made.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// A name for messages.
const fn called(side: SuiteSide) -> &'static str {
    side.name()
}
