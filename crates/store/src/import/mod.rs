//! Results of other tools as records, so that any project can keep, compare and gate what it measures already.
//!
//! The bytes of a file become [`Imported`] by a reader of [`IMPORTERS`], which knows its format by its shape or is named
//! by the user; [`Imported::into_record`] makes a record of it. All but [`read_folder`] is without I/O. What a file says
//! is foreign: sizes are bounded, numbers that are none are left out, and that is said.
//!
//! | to add | edit |
//! |---|---|
//! | a format | a file here and its entry in [`IMPORTERS`], a golden file of the tool in `fixtures/import/`, a seed of the fuzz target |

mod bencher;
mod criterion;
mod draft;
mod folder;
mod golang;
mod google;
mod hyperfine;
mod imported;
mod jmh;
mod probe;
mod pytest;

use std::{io, path::PathBuf};

use runner_shared::{
    artifact::read_json,
    bounds::{IMPORT_BYTES, IMPORT_VALUES_BYTES},
    text::shown,
};
use serde::de::DeserializeOwned;

pub use folder::read_folder;
pub use imported::{Imported, Origin};
use probe::Probe;

/// A format of another tool.
#[derive(Debug)]
pub struct Importer {
    /// Name on the command line, and the beginning of the identities of its benchmarks.
    pub id: &'static str,
    /// The files that it reads, for the help.
    pub about: &'static str,
    is: fn(&Probe<'_>) -> bool,
    read: fn(&[u8]) -> Result<Imported, Fault>,
}

/// Every format there is. Those with a shape of their own come first: they are looked for in this order.
pub const IMPORTERS: &[Importer] = &[
    Importer {
        id: "hyperfine",
        about: "`hyperfine --export-json`, versions 1 and 2",
        is: hyperfine::is,
        read: hyperfine::read,
    },
    Importer {
        id: "pytest-benchmark",
        about: "`pytest --benchmark-json`",
        is: pytest::is,
        read: pytest::read,
    },
    Importer {
        id: "google-benchmark",
        about: "`--benchmark_format=json`",
        is: google::is,
        read: google::read,
    },
    Importer {
        id: "criterion",
        about: "the folder `target/criterion`, or `cargo criterion --message-format=json`",
        is: criterion::is,
        read: criterion::read,
    },
    Importer { id: "jmh", about: "`-rf json`", is: jmh::is, read: jmh::read },
    Importer {
        id: "go",
        about: "the text of `go test -bench`",
        is: golang::is,
        read: golang::read,
    },
    Importer { id: "bmf", about: "Bencher Metric Format", is: bencher::is, read: bencher::read },
];

/// The reason why a file is no results.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// No format fits.
    #[error("none of the known formats")]
    Unknown,
    /// The file is not what its format says.
    #[error("not as {format} writes it")]
    Wrong {
        /// Name of the format.
        format: &'static str,
        /// The reason.
        #[source]
        source: Fault,
    },
    /// There is no benchmark in it.
    #[error("it has no benchmark in the format of {format}")]
    Empty {
        /// Name of the format.
        format: &'static str,
    },
    /// More than is read.
    #[error("it has more than {}", runner_shared::bounds::shown(*most, runner_shared::bounds::Unit::Bytes))]
    Long {
        /// The bound in bytes.
        most: u64,
    },
    /// The tool leaves no folder.
    #[error("it is a folder, and {format} writes a file")]
    Folder {
        /// Name of the format.
        format: &'static str,
    },
    /// A file of a folder can't be read.
    #[error("could not read `{}`", shown(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
}

/// The fault of a file.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It is no JSON, or JSON of another shape.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A line is not what it should be.
    #[error("line {number}: {what}")]
    Line {
        /// Its number, from 1.
        number: usize,
        /// The fault.
        what: String,
    },
    /// It is no text.
    #[error("it is no UTF-8 text")]
    Text,
}

/// Returns the format of this name.
pub fn importer(id: &str) -> Option<&'static Importer> {
    IMPORTERS.iter().find(|importer| importer.id == id)
}

/// Reads the bytes of a file of another tool, by the format that is named, else by the one that fits.
///
/// # Errors
///
/// The reason why they are no results.
pub fn read(bytes: &[u8], named: Option<&'static Importer>) -> Result<Imported, ImportError> {
    if u64::try_from(bytes.len()).map_or(true, |length| length > IMPORT_BYTES) {
        return Err(ImportError::Long { most: IMPORT_BYTES });
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let found = || {
        let probe = Probe::of(bytes);
        IMPORTERS.iter().find(|importer| (importer.is)(&probe))
    };
    let importer = named.or_else(found).ok_or(ImportError::Unknown)?;
    let results = (importer.read)(bytes)
        .map_err(|source| ImportError::Wrong { format: importer.id, source })?;
    if results.is_empty() {
        return Err(ImportError::Empty { format: importer.id });
    }
    Ok(results)
}

/// Reads JSON within the bounds of an import.
fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    Ok(read_json(bytes, IMPORT_VALUES_BYTES)?)
}

#[cfg(test)]
mod tests;
