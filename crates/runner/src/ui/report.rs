//! Reports in the shapes that sinks show, and as files.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::Path,
};

use results::{
    BenchmarkLine, Compared, Measured, Report, Stacks, TableStyle, Verdicts, exporter,
    profile_exporter, table, verdict_table,
};
use runner_shared::{
    fault::{Attempt, explain},
    text::lines,
};
use store::gate::{self, GateReport};
use system::files;

use super::Ui;
use crate::{error::explained, event::Finished, settings::options::Export};

/// The report for all sinks.
pub(super) fn finished(report: &Report, style: TableStyle) -> io::Result<Finished> {
    let mut markdown = Vec::new();
    if let Some(exporter) = exporter("markdown") {
        exporter.write(report, &mut markdown)?;
    }
    let table = if report.is_worth_showing() { table(report, &style) } else { String::new() };
    Ok(Finished {
        table,
        markdown: String::from_utf8_lossy(&markdown).into_owned(),
        benchmarks: report.measured().iter().map(BenchmarkLine::of).collect(),
        comparisons: report
            .comparisons()
            .iter()
            .map(Compared::to_json)
            .collect::<Result<_, _>>()?,
    })
}

/// The same of verdicts.
pub(super) fn judged(found: &dyn Verdicts, style: TableStyle) -> io::Result<Finished> {
    let mut markdown = Vec::new();
    if let Some(exporter) = exporter("markdown") {
        exporter.write_verdicts(found, &mut markdown)?;
    }
    Ok(Finished {
        table: verdict_table(found, &style),
        markdown: String::from_utf8_lossy(&markdown).into_owned(),
        benchmarks: Vec::new(),
        comparisons: found.objects()?,
    })
}

/// The same of a gate. Programs get its report as an export.
pub(super) fn gated(report: &GateReport, style: TableStyle) -> Finished {
    Finished {
        table: gate::table(report, &style),
        markdown: gate::markdown(report),
        benchmarks: Vec::new(),
        comparisons: Vec::new(),
    }
}

/// The results for another program: whole files or none; `-` is standard output.
pub(crate) fn export(report: &Report, export: &Export, ui: &Ui) -> io::Result<()> {
    let Export { format, path } = export;
    let mut bytes = Vec::new();
    if let Some(exporter) = exporter(format) {
        exporter.write(report, &mut bytes)?;
        bytes = ui.masked(&bytes);
    } else if let Some(exporter) = profile_exporter(format) {
        // Stacks name functions and not words of a command; one of their formats is no text.
        exporter.write(&report.stacks().map_err(io::Error::other)?, &mut bytes)?;
    } else {
        // The command line takes only formats that there are.
        return Err(io::ErrorKind::Unsupported.into());
    }
    write_to(path, &bytes)
}

/// Benchmarks of other tools for another program.
pub(crate) fn export_measured(all: &[Measured], export: &Export, ui: &Ui) -> io::Result<()> {
    let mut bytes = Vec::new();
    let exporter = exporter(&export.format).ok_or(io::ErrorKind::Unsupported)?;
    exporter.write_measured(all, &mut bytes)?;
    write_to(&export.path, &ui.masked(&bytes))
}

/// The stacks of benchmarks for another program.
pub(crate) fn export_stacks(stacks: &[&Stacks], export: &Export) -> io::Result<()> {
    let mut bytes = Vec::new();
    let exporter = profile_exporter(&export.format).ok_or(io::ErrorKind::Unsupported)?;
    exporter.write(stacks, &mut bytes)?;
    write_to(&export.path, &bytes)
}

/// Verdicts for another program.
pub(crate) fn export_verdicts(found: &dyn Verdicts, export: &Export, ui: &Ui) -> io::Result<()> {
    let mut bytes = Vec::new();
    let exporter = exporter(&export.format).ok_or(io::ErrorKind::Unsupported)?;
    exporter.write_verdicts(found, &mut bytes)?;
    write_to(&export.path, &ui.masked(&bytes))
}

/// Writes bytes that are ready, for another program.
pub(crate) fn export_bytes(bytes: &[u8], export: &Export, ui: &Ui) -> io::Result<()> {
    write_to(&export.path, &ui.masked(bytes))
}

fn write_to(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path == Path::new("-") {
        let mut stdout = io::stdout().lock();
        let written = match str::from_utf8(bytes) {
            // Programs get the names as they are; a terminal would be steered by them.
            Ok(text) if stdout.is_terminal() => stdout.write_all(lines(text).as_bytes()),
            _ => stdout.write_all(bytes),
        };
        return written
            .and_then(|()| stdout.flush())
            .map_err(|err| explained(&err, Attempt::Write));
    }
    // A device or a pipe can't be replaced by a file, it has to be written to.
    #[expect(clippy::disallowed_methods, reason = "a device that the user has named")]
    let written = if path.metadata().is_ok_and(|data| !data.is_file()) {
        fs::write(path, bytes)
    } else {
        files::replace(path, bytes)
    };
    // The text of the error would name the temporary file.
    written.map_err(|err| {
        // Kinds of our own say that there is nothing to write.
        let kind = Some(err.kind()).filter(|kind| *kind != io::ErrorKind::Other);
        let kind = kind.unwrap_or(io::ErrorKind::InvalidInput);
        io::Error::new(kind, explain(&err, Attempt::Write).to_string())
    })
}
