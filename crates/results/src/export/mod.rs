//! Reports in other shapes: files by [`EXPORTERS`] and [`PROFILE_EXPORTERS`], the terminal by [`table`].

mod asciidoc;
mod bencher;
mod calls;
mod columns;
mod comparison;
mod counts;
mod csv;
mod distinct;
mod environment;
mod fitted;
mod free;
mod functions;
mod github_action;
mod grid;
mod json;
mod junit;
mod lines;
mod markdown;
mod memory;
mod notes;
mod openmetrics;
mod profile;
mod simulation;
mod suite;
mod table;
mod verdicts;

use std::io;

use crate::{measured::Measured, report::Report};

pub use calls::call_tree;
pub use environment::environment_details;
pub use free::{FreeRow, fitted_table, free_table, list_table, sentences};
pub use functions::{Listing, hottest_functions, hottest_samples};
pub use lines::{BenchmarkLine, LINES_SCHEMA};
pub use markdown::code as markdown_code;
pub use profile::{PROFILE_EXPORTERS, ProfileExporter, profile_exporter};
pub use table::{TableStyle, table};
pub use verdicts::{Alarm, VerdictRow, Verdicts, verdict_table};

use grid::Grid;

/// A format that results can be written in, whatever the mode.
#[derive(Debug)]
pub struct Exporter {
    /// Name on the command line, in lower case.
    pub id: &'static str,
    /// The readers of the format, or its form, for the help.
    pub about: &'static str,
    /// Several exports behind one another can be read, too.
    is_stream: bool,
    format: Format,
}

/// A way to write results.
#[derive(Debug)]
enum Format {
    /// Draws the table that people see.
    Table(fn(&Grid, &mut dyn io::Write) -> io::Result<()>),
    /// Writes data of a report, or verdicts.
    Data {
        report: fn(&Report, &mut dyn io::Write) -> io::Result<()>,
        verdicts: fn(&dyn Verdicts, &mut dyn io::Write) -> io::Result<()>,
    },
    /// Writes JSON lines.
    Lines,
    /// Writes the numbers of benchmarks for other programs.
    Measured(fn(&[Measured], &mut dyn io::Write) -> io::Result<()>),
}

/// Every format there is, in the order of the help text.
pub const EXPORTERS: &[Exporter] = &[
    Exporter {
        id: "json",
        about: "everything, single rounds as well",
        is_stream: true,
        format: Format::Data { report: json::write, verdicts: |of, out| of.write_json(out) },
    },
    Exporter {
        id: "jsonl",
        about: "one line per benchmark, as `--message-format json` writes it",
        is_stream: true,
        format: Format::Lines,
    },
    Exporter {
        id: "csv",
        about: "one row per benchmark",
        is_stream: true,
        format: Format::Data { report: csv::write, verdicts: |of, out| of.write_csv(out) },
    },
    Exporter {
        id: "markdown",
        about: "the table",
        is_stream: true,
        format: Format::Table(markdown::draw),
    },
    Exporter {
        id: "asciidoc",
        about: "the table",
        is_stream: true,
        format: Format::Table(asciidoc::draw),
    },
    Exporter {
        id: "junit",
        about: "JUnit XML, a test case per benchmark",
        is_stream: false,
        format: Format::Measured(junit::write),
    },
    Exporter {
        id: "bmf",
        about: "Bencher Metric Format",
        is_stream: false,
        format: Format::Measured(bencher::write),
    },
    Exporter {
        id: "openmetrics",
        about: "OpenMetrics text, for Prometheus",
        is_stream: false,
        format: Format::Measured(openmetrics::write),
    },
    Exporter {
        id: "github-action-benchmark",
        about: "its `customSmallerIsBetter`",
        is_stream: false,
        format: Format::Measured(github_action::write),
    },
];

/// The format of this name.
pub fn exporter(id: &str) -> Option<&'static Exporter> {
    EXPORTERS.iter().find(|exporter| exporter.id == id)
}

/// Returns true if several exports of this format behind one another can be read, so that the parts of a run may share
/// standard output.
pub fn is_stream(id: &str) -> bool {
    let of_profiles = || profile_exporter(id).is_some_and(ProfileExporter::is_stream);
    exporter(id).map_or_else(of_profiles, |exporter| exporter.is_stream)
}

impl Exporter {
    /// Writes the whole report, with a final line break.
    pub fn write(&self, report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
        match self.format {
            Format::Table(draw) => draw(&columns::grid(report, false), out),
            Format::Data { report: write, .. } => write(report, out),
            Format::Lines => lines::write(report, out),
            Format::Measured(write) => write(&report.measured(), out),
        }
    }

    /// Writes verdicts, with a final line break.
    pub fn write_verdicts(&self, of: &dyn Verdicts, out: &mut dyn io::Write) -> io::Result<()> {
        match self.format {
            Format::Table(draw) => draw(&verdicts::grid(of), out),
            Format::Data { verdicts: write, .. } => write(of, out),
            Format::Lines => lines::write_compared(&of.objects()?, out),
            Format::Measured(write) => write(&of.measured(), out),
        }
    }

    /// Returns true if the format takes benchmarks that have nothing but numbers, such as those of other tools.
    pub const fn takes_measured(&self) -> bool {
        matches!(self.format, Format::Lines | Format::Measured(_))
    }

    /// Writes benchmarks of any origin, with a final line break.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a format that [takes](Self::takes_measured) no such benchmarks, and what the writer says.
    pub fn write_measured(&self, all: &[Measured], out: &mut dyn io::Write) -> io::Result<()> {
        match self.format {
            Format::Table(_) | Format::Data { .. } => Err(io::ErrorKind::Unsupported.into()),
            Format::Lines => lines::write_measured(all, out),
            Format::Measured(write) => write(all, out),
        }
    }
}

/// Returns what a table has no room for, in any mode: functions and places that cost most. A paragraph per benchmark,
/// empty if there is nothing.
pub fn details(report: &Report, listing: Listing) -> String {
    match report {
        Report::Walltime(report) => hottest_samples(&report.profiles, listing),
        Report::Simulation(report) => simulation::hottest_functions(report, listing),
        Report::Memory(report) => memory::memory_details(report, listing),
    }
}

#[cfg(test)]
mod exchange_tests;
#[cfg(test)]
mod tests;
