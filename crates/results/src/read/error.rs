//! Errors of reading a profile folder.

use std::{io, path::PathBuf};

use runner_shared::{
    bounds::{self, Unit},
    memory::RecordError,
    text::{count, shown},
};

/// The reason why a profile folder could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A folder can't be listed.
    #[error("could not list `{}`", shown(&path))]
    List {
        /// The folder.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// A results file can't be read.
    #[error("could not read `{}`", shown(&path))]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// A results file is larger than any honest one.
    #[error("`{}` is larger than {}", shown(&path), bounds::shown(*most, Unit::Bytes))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        most: u64,
    },
    /// A results file is not JSON or not of the shape that all integrations write.
    #[error("`{}` is not a valid results file{}", shown(&path), place(at))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The place in the JSON, for example `benchmarks[0].stats.rounds`; `.` is the whole text.
        at: String,
        /// The fault there.
        #[source]
        source: serde_json::Error,
    },
    /// A file of simulation mode holds nothing that callgrind would write.
    #[error("`{}` has no results: its process was killed before writing them, or it is not a callgrind file", shown(&path))]
    NoParts {
        /// The file.
        path: PathBuf,
    },
    /// There are benchmarks of memory mode, but no file of events.
    #[error("`{}` contains no events: the tracer was killed before writing them", shown(&path))]
    NoTrace {
        /// The folder.
        path: PathBuf,
    },
    /// A file of events is not whole.
    #[error("`{}` is truncated, and used up to there ({})", shown(&path), count(*events, "event"))]
    Trace {
        /// The file.
        path: PathBuf,
        /// Those that could be read.
        events: u64,
        /// The fault.
        #[source]
        source: TraceError,
    },
    /// A file of simulation mode ends within a benchmark.
    #[error("`{}` is truncated within the results of `{uri}`", shown(&path))]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// The benchmark.
        uri: String,
    },
}

/// Nothing to say about the place if it is the whole text.
fn place(at: &str) -> String {
    if at == "." { String::new() } else { format!(" at `{at}`") }
}

/// The reason why a file of events is not whole.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// Its compression is damaged, it is cut, or the system can't read it.
    #[error("the compressed data is truncated or damaged")]
    Data(#[source] io::Error),
    /// Its contents are no events.
    #[error("its contents are damaged: {0}")]
    Record(RecordError),
    /// It ends in the middle, between two events.
    #[error("it contains {read} of {written} events")]
    Short {
        /// Those that could be read.
        read: u64,
        /// Those that the tracer says it wrote.
        written: u64,
    },
}
