//! Stacks for the tools that show them: files by [`PROFILE_EXPORTERS`].

mod firefox;
mod folded;
mod pprof;
mod protobuf;
mod speedscope;

use std::io;

use crate::stacks::Stacks;

/// A format that stacks can be written in.
pub trait ProfileExporter {
    /// Name on the command line, in lower case.
    fn id(&self) -> &'static str;

    /// The readers of the format, for the help.
    fn about(&self) -> &'static str;

    /// Returns true if several exports behind one another can be read, too.
    fn is_stream(&self) -> bool {
        false
    }

    /// Writes all benchmarks into one file.
    fn write(&self, benchmarks: &[&Stacks], out: &mut dyn io::Write) -> io::Result<()>;
}

/// Every format there is, in the order of the help text.
pub const PROFILE_EXPORTERS: &[&dyn ProfileExporter] =
    &[&folded::Folded, &speedscope::Speedscope, &firefox::Firefox, &pprof::Pprof];

/// The format of this name.
pub fn profile_exporter(id: &str) -> Option<&'static dyn ProfileExporter> {
    PROFILE_EXPORTERS.iter().copied().find(|exporter| exporter.id() == id)
}

#[cfg(test)]
mod tests;
