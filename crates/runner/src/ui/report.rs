//! Reports in the shapes that sinks show, and as files.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::Path,
};

use results::{
    BenchResult, Comparison, CountComparison, Events, MemoryReport, MemoryResult, Report,
    SimulationReport, SimulationResult, SuiteComparison, TableStyle, exporter, memory_table,
    profile_exporter, simulation_table, table,
};
use runner_shared::{
    artifact::Outcome,
    fault::{Attempt, explain},
    mode::Mode,
    text::lines,
    walltime::as_float,
};
use serde_json::{Map, Value};
use system::files;

use super::Ui;
use crate::{
    event::{Benchmark, Finished},
    report::AnyReport,
    settings::options::Export,
};

/// The report for all sinks.
pub(super) fn finished(report: &AnyReport, style: TableStyle) -> io::Result<Finished> {
    let table = match report {
        AnyReport::Walltime(report) => table(report, &style),
        AnyReport::Simulation(report) => simulation_table(report, &style),
        AnyReport::Memory(report) => memory_table(report, &style),
    };
    let mut markdown = Vec::new();
    if let Some(exporter) = exporter("markdown") {
        match report {
            AnyReport::Walltime(report) => exporter.write(report, &mut markdown)?,
            AnyReport::Simulation(report) => exporter.write_simulation(report, &mut markdown)?,
            AnyReport::Memory(report) => exporter.write_memory(report, &mut markdown)?,
        }
    }
    let benchmarks = match report {
        AnyReport::Walltime(Report { benchmarks, .. }) => benchmarks.iter().map(timed).collect(),
        AnyReport::Simulation(report) => {
            report.benchmarks.iter().map(|bench| counted(bench, report)).collect()
        }
        AnyReport::Memory(MemoryReport { benchmarks, .. }) => {
            benchmarks.iter().map(traced).collect()
        }
    };
    let shown = if report.is_worth_showing() { table } else { String::new() };
    let markdown = String::from_utf8_lossy(&markdown).into_owned();
    let comparisons = match report {
        AnyReport::Walltime(report) => {
            report.comparisons.iter().map(Comparison::to_json).collect::<Result<_, _>>()?
        }
        AnyReport::Simulation(_) | AnyReport::Memory(_) => {
            let counts = report.count_comparisons();
            counts.iter().map(CountComparison::to_json).collect::<Result<_, _>>()?
        }
    };
    Ok(Finished { table: shown, markdown, benchmarks, comparisons })
}

/// The same of a suite that was run in two states.
pub(super) fn judged(found: &SuiteComparison, style: TableStyle) -> io::Result<Finished> {
    let mut markdown = Vec::new();
    found.write("markdown", &mut markdown)?;
    Ok(Finished {
        table: found.table(&style),
        markdown: String::from_utf8_lossy(&markdown).into_owned(),
        benchmarks: Vec::new(),
        comparisons: found.to_json()?,
    })
}

fn timed(bench: &BenchResult) -> Benchmark {
    let stats = match serde_json::to_value(bench.stats) {
        Ok(Value::Object(stats)) => stats,
        Ok(_) | Err(_) => Map::new(),
    };
    Benchmark {
        name: bench.name.clone(),
        uri: bench.uri.clone(),
        mode: Mode::Walltime,
        outcome: match bench.outcome {
            Outcome::Complete => "complete",
            Outcome::Failed { .. } => "failed",
            Outcome::Interrupted => "interrupted",
        },
        value: (bench.stats.rounds > 0).then_some(bench.stats.median_ns / 1e9),
        unit: "s",
        stats,
    }
}

fn counted(bench: &SimulationResult, report: &SimulationReport) -> Benchmark {
    let counts = bench.counted(&report.view);
    let names = [Events::INSTRUCTIONS, "Dr", "Dw", "I1mr", "D1mr", "D1mw", "ILmr", "DLmr", "DLmw"];
    let stats =
        names.iter().filter_map(|name| Some(((*name).to_owned(), counts.get(name)?.into())));
    Benchmark {
        name: bench.name.clone(),
        uri: bench.uri.clone(),
        mode: Mode::Simulation,
        outcome: "complete",
        value: bench.estimate(&report.view).map(|estimate| estimate.nanos / 1e9),
        unit: "s",
        stats: stats.collect(),
    }
}

fn traced(bench: &MemoryResult) -> Benchmark {
    let usage = &bench.usage;
    let stats = [
        ("peak_memory", usage.peak_memory),
        ("total_allocated", usage.total_allocated),
        ("alloc_calls", usage.alloc_calls),
    ];
    Benchmark {
        name: bench.name.clone(),
        uri: bench.uri.clone(),
        mode: Mode::Memory,
        outcome: "complete",
        value: Some(as_float(usage.peak_memory)),
        unit: "B",
        stats: stats.map(|(name, value)| (name.to_owned(), value.into())).into_iter().collect(),
    }
}

/// The results for another program: whole files or none; `-` is standard output.
pub(crate) fn export(report: &AnyReport, export: &Export, ui: &Ui) -> io::Result<()> {
    let Export { format, path } = export;
    let mut bytes = Vec::new();
    // The command line takes only formats that there are.
    match (report, exporter(format), profile_exporter(format)) {
        (AnyReport::Walltime(report), Some(exporter), _) => exporter.write(report, &mut bytes)?,
        (AnyReport::Simulation(report), Some(exporter), _) => {
            exporter.write_simulation(report, &mut bytes)?;
        }
        (AnyReport::Simulation(report), None, Some(exporter)) => {
            let stacks: Vec<_> = report.benchmarks.iter().map(|bench| &bench.stacks).collect();
            exporter.write(&stacks, &mut bytes)?;
        }
        (AnyReport::Memory(report), Some(exporter), _) => {
            exporter.write_memory(report, &mut bytes)?;
        }
        (AnyReport::Memory(report), None, Some(exporter)) => {
            let stacks: Vec<_> =
                report.benchmarks.iter().filter_map(|bench| bench.stacks.as_ref()).collect();
            if stacks.is_empty() && !report.benchmarks.is_empty() {
                return Err(io::Error::other("no stacks were recorded"));
            }
            exporter.write(&stacks, &mut bytes)?;
        }
        (AnyReport::Walltime(report), None, Some(exporter)) if !report.profiles.is_empty() => {
            let stacks: Vec<_> = report.profiles.iter().map(|profile| &profile.stacks).collect();
            exporter.write(&stacks, &mut bytes)?;
        }
        (AnyReport::Walltime(_), None, Some(_)) => {
            return Err(io::Error::other("no profile was recorded"));
        }
        (_, None, None) => {
            return Err(io::ErrorKind::Unsupported.into());
        }
    }
    // Stacks name functions and not words of a command; one of their formats is no text.
    if exporter(format).is_some() {
        bytes = ui.masked(bytes);
    }
    write_to(path, &bytes)
}

/// The verdicts of a suite for another program.
pub(crate) fn export_verdicts(found: &SuiteComparison, export: &Export, ui: &Ui) -> io::Result<()> {
    let mut bytes = Vec::new();
    found.write(&export.format, &mut bytes)?;
    write_to(&export.path, &ui.masked(bytes))
}

fn write_to(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path == Path::new("-") {
        let mut stdout = io::stdout().lock();
        match str::from_utf8(bytes) {
            // Programs get the names as they are; a terminal would be steered by them.
            Ok(text) if stdout.is_terminal() => stdout.write_all(lines(text).as_bytes())?,
            _ => stdout.write_all(bytes)?,
        }
        return stdout.flush();
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
