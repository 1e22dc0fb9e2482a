//! Errors that concern a recording as a whole. A problem with one module is a warning.

use std::{io, path::PathBuf};

use runner_shared::{artifact::ArtifactError, text::shown};
use system::signals::Signals;

/// A recording could not be turned into artifacts or stacks.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// A signal asks for an end.
    #[error("interrupted")]
    Interrupted,
    /// A file of the profile folder can't be read.
    #[error("can't read `{}`", shown(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The file was not written by `perf record`.
    #[error("`{}` is not a perf recording", shown(path))]
    NotPerf {
        /// The file.
        path: PathBuf,
    },
    /// A file of the profile folder can't be written.
    #[error("can't write `{}`", shown(path))]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// `ExecutionTimestamps.msgpack` does not hold what it should.
    #[error("`{}` has an invalid format", shown(path))]
    Timestamps {
        /// The file.
        path: PathBuf,
        /// The fault.
        source: ArtifactError,
    },
    /// `walltime.metadata` does not hold what it should.
    #[error("`{}` has an invalid format", shown(path))]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The error of the parser, with the place.
        source: serde_json::Error,
    },
}

/// Returns whether a signal asks for an end. All that takes long asks, and leaves it unfinished then.
pub(crate) fn interrupted() -> bool {
    Signals::current().is_some_and(Signals::interrupted)
}

/// The same as an error.
pub(crate) fn go_on() -> Result<(), ProfileError> {
    if interrupted() { Err(ProfileError::Interrupted) } else { Ok(()) }
}
