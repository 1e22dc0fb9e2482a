//! Reports in other shapes: files by [`EXPORTERS`] and [`PROFILE_EXPORTERS`], the terminal by
//! [`table`], [`simulation_table`] and [`memory_table`].

mod columns;
mod comparison;
mod counts;
mod csv;
mod environment;
mod free;
mod grid;
mod json;
mod markdown;
mod memory;
mod notes;
mod profile;
mod samples;
mod simulation;
mod suite;
mod table;
mod text;

use std::io;

use crate::{memory::MemoryReport, model::Report, simulation::SimulationReport};

pub(crate) use text::{grouped, quoted};

pub use environment::environment_details;
pub use free::{FreeRow, free_table};
pub use memory::memory_details;
pub use profile::{PROFILE_EXPORTERS, ProfileExporter, profile_exporter};
pub use samples::hottest_samples;
pub use simulation::hottest_functions;
pub use table::{TableStyle, memory_table, simulation_table, table};

/// A format that a report can be written in.
pub trait Exporter {
    /// Name on the command line, in lower case.
    fn id(&self) -> &'static str;

    /// Writes the whole report, with a final line break.
    fn write(&self, report: &Report, out: &mut dyn io::Write) -> io::Result<()>;

    /// Writes the whole report of a simulation, with a final line break.
    fn write_simulation(
        &self,
        report: &SimulationReport,
        out: &mut dyn io::Write,
    ) -> io::Result<()>;

    /// Writes the whole report of memory mode, with a final line break.
    fn write_memory(&self, report: &MemoryReport, out: &mut dyn io::Write) -> io::Result<()>;
}

/// Every format there is, in the order of the help text.
pub const EXPORTERS: &[&dyn Exporter] = &[&json::Json, &csv::Csv, &markdown::Markdown];

/// The format of this name.
pub fn exporter(id: &str) -> Option<&'static dyn Exporter> {
    EXPORTERS.iter().copied().find(|exporter| exporter.id() == id)
}

#[cfg(test)]
mod tests;
