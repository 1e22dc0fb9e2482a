//! `cargo xtask bench`: builds the example binaries that measure our own code, runs them, and shows one table.
//!
//! A bench is an example of its crate. It prints one line per figure: name, value, unit and note, separated by tabs.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::say;
use crate::setup::{self, MISSING};
use crate::shell::Cmd;
use crate::tools::Task;
use crate::workspace::Workspace;

/// An example binary of one of our crates.
#[derive(Debug)]
struct Bench {
    package: &'static str,
    example: &'static str,
    /// It takes minutes, and is run only by those who name it.
    is_long: bool,
}

const fn bench(package: &'static str, example: &'static str) -> Bench {
    Bench { package, example, is_long: false }
}

const BENCHES: &[Bench] = &[
    bench("runner-shared", "bench_frames"),
    bench("exec-harness", "bench_round"),
    bench("runner", "bench_noop"),
    bench("runner", "bench_start"),
    bench("results", "bench_results"),
    bench("results", "bench_callgrind"),
    bench("results", "bench_memory"),
    bench("memtrack", "bench_pair"),
    bench("memtrack", "bench_trace"),
    bench("runner", "bench_simulation"),
    bench("profile", "bench_profile"),
    bench("api", "bench_archive"),
    bench("report", "bench_report"),
    Bench { is_long: true, ..bench("store", "bench_store") },
    Bench { is_long: true, ..bench("store", "bench_shared") },
    Bench { is_long: true, ..bench("runner", "bench_verdicts") },
    Bench { is_long: true, ..bench("runner", "bench_ab") },
    Bench { is_long: true, ..bench("runner", "bench_stored") },
    Bench { is_long: true, ..bench("runner", "bench_scans") },
];

/// The command.
pub(crate) fn run(filter: &str) -> Result<ExitCode> {
    let chosen: Vec<&Bench> = BENCHES.iter().filter(|bench| bench.is_chosen(filter)).collect();
    if chosen.is_empty() {
        bail!("no bench has `{filter}` in its name; use one of {}", titles(BENCHES));
    }
    let left_out = BENCHES.iter().filter(|bench| filter.is_empty() && bench.is_long);
    for bench in left_out {
        say::note(&format!(
            "skipped, because it takes minutes: run `cargo xtask bench {}`",
            bench.example
        ));
    }
    if !setup::ensure(Some(Task::Bench)) {
        return Ok(ExitCode::from(MISSING));
    }
    let workspace = Workspace::load()?;
    let lost: Vec<&Bench> = chosen
        .iter()
        .copied()
        .filter(|bench| !workspace.has_example(bench.package, bench.example))
        .collect();
    if !lost.is_empty() {
        bail!(
            "these benches are registered, but their crates have no such example: {}",
            titles(lost)
        );
    }
    workspace.cargo(&["build", "--release", "--workspace", "--bins", "--examples"]).run()?;

    let mut rows = vec![["bench", "value", "unit", "note"].map(str::to_owned)];
    let mut failed = Vec::new();
    for bench in &chosen {
        let cmd = Cmd::new(workspace.release("examples").join(bench.example)).cwd(&workspace.root);
        say::note(&format!("$ {}", cmd.shown()));
        match cmd.capture() {
            Ok(text) => read(&text, &mut rows),
            Err(err) => {
                say::note(&format!("bench: {err:#}"));
                failed.push(bench.title());
            }
        }
    }
    for line in aligned(&rows) {
        say::data(&line);
    }
    let failures = if failed.is_empty() { "none".to_owned() } else { failed.join(", ") };
    say::note(&format!(
        "bench: run: {}, figures: {}, failed: {failures}",
        chosen.len(),
        rows.len().saturating_sub(1)
    ));
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Bench {
    fn is_chosen(&self, filter: &str) -> bool {
        self.title().contains(filter) && !(self.is_long && filter.is_empty())
    }

    fn title(&self) -> String {
        format!("{}/{}", self.package, self.example)
    }
}

fn titles<'a>(benches: impl IntoIterator<Item = &'a Bench>) -> String {
    benches.into_iter().map(Bench::title).collect::<Vec<_>>().join(", ")
}

/// Takes the figures out of a bench's output and passes on all other lines.
fn read(text: &str, rows: &mut Vec<[String; 4]>) {
    for line in text.lines() {
        let cells: Vec<String> = line.split('\t').map(str::to_owned).collect();
        match <[String; 4]>::try_from(cells) {
            Ok(row) => rows.push(row),
            Err(_) => say::data(line),
        }
    }
}

/// Columns as wide as their widest cell; values stand at the right.
fn aligned(rows: &[[String; 4]]) -> Vec<String> {
    let widths = [0, 1, 2].map(|column| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    });
    let [name_width, value_width, unit_width] = widths;
    let line = |[name, value, unit, note]: &[String; 4]| {
        format!("{name:<name_width$}  {value:>value_width$} {unit:<unit_width$}  {note}")
            .trim_end()
            .to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_become_an_aligned_table() {
        let mut rows = Vec::new();
        read("decode\t3.5\tns\tper frame\nround trip\t12\tµs\t\n", &mut rows);
        assert_eq!(aligned(&rows), ["decode      3.5 ns  per frame", "round trip   12 µs"]);
    }

    #[test]
    fn other_lines_are_not_figures() {
        let mut rows = Vec::new();
        read("warming up\na\tb\n", &mut rows);
        assert!(rows.is_empty());
    }
}
