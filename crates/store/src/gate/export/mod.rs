//! Reports of the gate in the formats of others. Names and reasons may come from strangers: each format makes them
//! harmless in its own way, and cuts them at a length.

mod annotations;
mod badge;
mod escape;
mod gitlab;
mod junit;
mod markdown;
mod table;
mod words;

use std::io;

use super::report::GateReport;

pub use annotations::{Annotation, annotations};
pub use badge::badge;
pub use markdown::markdown;
pub use table::table;

/// A format of files.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// Its name on the command line.
    pub id: &'static str,
    write: fn(&GateReport) -> io::Result<Vec<u8>>,
}

/// All formats, in the order of the help text.
pub const FORMATS: &[Format] = &[
    Format { id: "json", write: json },
    Format { id: "markdown", write: |report| Ok(markdown(report).into_bytes()) },
    Format { id: "junit", write: junit::write },
    Format { id: "gitlab-metrics", write: |report| Ok(gitlab::metrics(report).into_bytes()) },
    Format { id: "gitlab-codequality", write: gitlab::code_quality },
    Format { id: "badge", write: |report| Ok(badge(report).into_bytes()) },
];

/// Returns the format of this name.
pub fn format(id: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.id == id)
}

impl Format {
    /// Returns the whole file.
    ///
    /// # Errors
    ///
    /// Those of the libraries that write the format; none of them has a reason for one here.
    pub fn write(&self, report: &GateReport) -> io::Result<Vec<u8>> {
        (self.write)(report)
    }
}

fn json(report: &GateReport) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(report)?;
    bytes.push(b'\n');
    Ok(bytes)
}
