//! Reports in other shapes: files by [`EXPORTERS`] and [`PROFILE_EXPORTERS`], the terminal by [`table`].

mod asciidoc;
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

use std::io;

use crate::{report::Report, suite::SuiteComparison};

pub use environment::environment_details;
pub use free::{FreeRow, free_table};
pub use profile::{PROFILE_EXPORTERS, ProfileExporter, profile_exporter};
pub use samples::hottest_samples;
pub use table::{TableStyle, table};

use grid::Grid;

/// A format that results can be written in, whatever the mode.
#[derive(Debug)]
pub struct Exporter {
    /// Name on the command line, in lower case.
    pub id: &'static str,
    format: Format,
}

/// A way to write results.
#[derive(Debug)]
enum Format {
    /// Draws the table that people see.
    Table(fn(&Grid, &mut dyn io::Write) -> io::Result<()>),
    /// Writes data of a report, or of a comparison of suites.
    Data {
        report: fn(&Report, &mut dyn io::Write) -> io::Result<()>,
        suite: fn(&SuiteComparison, &mut dyn io::Write) -> io::Result<()>,
    },
}

/// Every format there is, in the order of the help text.
pub const EXPORTERS: &[Exporter] = &[
    Exporter { id: "json", format: Format::Data { report: json::write, suite: suite::json } },
    Exporter { id: "csv", format: Format::Data { report: csv::write, suite: suite::csv } },
    Exporter { id: "markdown", format: Format::Table(markdown::draw) },
    Exporter { id: "asciidoc", format: Format::Table(asciidoc::draw) },
];

/// The format of this name.
pub fn exporter(id: &str) -> Option<&'static Exporter> {
    EXPORTERS.iter().find(|exporter| exporter.id == id)
}

impl Exporter {
    /// Writes the whole report, with a final line break.
    pub fn write(&self, report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
        match self.format {
            Format::Table(draw) => draw(&columns::grid(report, false), out),
            Format::Data { report: write, .. } => write(report, out),
        }
    }

    /// Writes the verdicts about a suite, with a final line break.
    pub fn write_suite(&self, found: &SuiteComparison, out: &mut dyn io::Write) -> io::Result<()> {
        match self.format {
            Format::Table(draw) => draw(&found.grid(), out),
            Format::Data { suite: write, .. } => write(found, out),
        }
    }
}

/// Returns what a table has no room for, in any mode: functions and places that cost most, at most so many of each
/// benchmark. A paragraph per benchmark, empty if there is nothing.
pub fn details(report: &Report, most: usize) -> String {
    match report {
        Report::Walltime(report) => hottest_samples(&report.profiles, most),
        Report::Simulation(report) => simulation::hottest_functions(report, most),
        Report::Memory(report) => memory::memory_details(report, most),
    }
}

#[cfg(test)]
mod tests;
