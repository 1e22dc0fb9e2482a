//! The service's report of a run: waited for, shown, and judged where the user wants that.

use api::{
    ApiError, BenchmarkComparison, BenchmarkResult, Code, Comparison, ComparisonStatus, Conclusion,
    Executor, RunReport, Service,
};
use results::{FreeRow, free_table};
use runner_shared::{duration::show_nanos, text::bytes};

use super::{Outlook, Sent, Upload, refused};
use crate::{
    error::{CliError, ExitKind, chain},
    event::RunEvent,
    ui::Ui,
};

/// The decision whether the run may be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Nothing speaks against it.
    Open,
    /// Something got slower than is allowed.
    Regression,
}

impl Upload {
    /// Waits for the service and shows what it found. In CI only if that is wanted: there others look at it.
    pub(crate) fn judge(
        &self,
        service: &Service<'_>,
        sent: &Sent,
        ui: &Ui,
    ) -> Result<Gate, CliError> {
        let Outlook { wait, base } = &self.outlook;
        if self.job.provider.uploads && !wait && base.is_none() {
            return Ok(Gate::Open);
        }
        let Sent { run_id, owner, name } = sent;
        ui.event(&RunEvent::Step("waiting for the service to process the results".to_owned()));
        let report = match service.wait_for_report(owner, name, run_id, &mut api::unwatched) {
            Ok(report) => report,
            Err(err) => return unjudged(err, self, sent, ui).map(|()| Gate::Open),
        };
        let compared = base.as_ref().and_then(|base| {
            compared(service.compare_runs(owner, name, base, run_id), base, ui).transpose()
        });
        let text = match compared.transpose()? {
            Some(comparison) => comparison_text(&comparison),
            None => report_text(&report),
        };
        ui.details(&format!("\n{text}")).map_err(|err| CliError::new(ExitKind::Failed, err))?;
        for lost in report.results.iter().filter(|result| result.has_no_profile) {
            let text = format!("the service could not create a profile of `{}`", lost.name);
            ui.event(&RunEvent::warning(text));
        }
        ui.event(&RunEvent::Uploaded { run_id: run_id.clone(), url: report.url.clone() });
        if *wait && matches!(report.conclusion, None | Some(Conclusion::Unknown)) {
            ui.event(&RunEvent::warning(UNKNOWN_GATE));
        }
        let is_worse = report.conclusion == Some(Conclusion::Failure);
        Ok(if *wait && is_worse { Gate::Regression } else { Gate::Open })
    }
}

/// The warning that `--wait` can't judge.
const UNKNOWN_GATE: &str = "the service didn't report whether anything got slower than allowed: `--wait` can't detect a regression";

/// Says why there is no judgement. The upload has arrived all the same: that is no failure of it, whatever the service
/// makes of the run. Only an interruption is an error.
fn unjudged(err: ApiError, upload: &Upload, sent: &Sent, ui: &Ui) -> Result<(), CliError> {
    let refused = refused(err);
    if refused.kind == ExitKind::Interrupted {
        return Err(refused);
    }
    let Sent { run_id, .. } = sent;
    let why = chain(refused.source.as_ref());
    let text = format!("the results were uploaded as run {run_id}, but can't be shown: {why}");
    let hint = (!refused.hints.is_empty()).then(|| refused.hints.join("; "));
    ui.event(&RunEvent::Warning { text, hint });
    if upload.outlook.wait {
        ui.event(&RunEvent::warning(UNKNOWN_GATE));
    }
    Ok(())
}

/// A comparison that can't be had costs a warning: the run itself can be shown.
fn compared(
    comparison: Result<Comparison, ApiError>,
    base: &str,
    ui: &Ui,
) -> Result<Option<Comparison>, CliError> {
    let err = match comparison {
        Ok(comparison) => return Ok(Some(comparison)),
        Err(ApiError::Cancelled) => return Err(refused(ApiError::Cancelled)),
        Err(err) => err,
    };
    let why = match err.code() {
        Some(Code::RunNotFound) => "run not found".to_owned(),
        Some(Code::NotFound) => "it was measured in a different mode or environment".to_owned(),
        _ => chain(&err),
    };
    ui.event(&RunEvent::warning(format!("can't compare with run {base}: {why}")));
    Ok(None)
}

/// Impact, and a table for each way of measuring.
fn report_text(report: &RunReport) -> String {
    let mut blocks = Vec::new();
    blocks.extend(impact(report));
    for kind in KINDS {
        let of_kind = |result: &&BenchmarkResult| result.executor == Some(kind.executor);
        let row = |result: &BenchmarkResult| FreeRow {
            name: result.name.clone(),
            cells: kind.columns.iter().map(|(_, cell)| cell(result)).collect(),
        };
        let rows: Vec<FreeRow> = report.results.iter().filter(of_kind).map(row).collect();
        let heads: Vec<&'static str> = kind.columns.iter().map(|(head, _)| *head).collect();
        if !rows.is_empty() {
            blocks.push(format!("{}\n{}", kind.title, free_table(&heads, rows)));
        }
    }
    if report.results.is_empty() {
        blocks.push("the service found no results".to_owned());
    }
    blocks.join("\n")
}

fn impact(report: &RunReport) -> Option<String> {
    let allowed = report
        .allowed_regression
        .map(|allowed| format!(" (allowed: -{:.0} %)", allowed * 100.0))
        .unwrap_or_default();
    if let Some(impact) = report.impact {
        return Some(format!("Impact: {}{allowed}\n", signed(impact)));
    }
    let word = match report.conclusion? {
        Conclusion::Success => "as fast as before, or faster",
        Conclusion::Failure => "slower than allowed",
        Conclusion::AcknowledgedFailure => "slower (acknowledged)",
        Conclusion::MissingBaseRun => "no earlier run to compare with",
        Conclusion::Unknown => return None,
    };
    Some(format!("Impact: {word}\n"))
}

/// A change in percent; one that rounds to nothing has no sign.
fn signed(change: f64) -> String {
    let percent = (change * 100.0).round();
    if percent == 0.0 { "0 %".to_owned() } else { format!("{percent:+.0} %") }
}

/// A column: its head, and what it says of a result.
type Column = (&'static str, fn(&BenchmarkResult) -> String);

/// A way of measuring, as a table.
struct Kind {
    executor: Executor,
    title: &'static str,
    columns: &'static [Column],
}

/// In the order in which they are shown.
const KINDS: &[Kind] = &[
    Kind {
        executor: Executor::Valgrind,
        title: "Simulation",
        columns: &[
            ("Time", |result| seconds(result.value)),
            ("Instr.", |result| share(result, |time| time.ir)),
            ("Cache", |result| share(result, |time| time.l1m)),
            ("Memory", |result| share(result, |time| time.llm)),
            ("System", |result| result.valgrind.map_or_else(unknown, |time| seconds(time.sys))),
        ],
    },
    Kind {
        executor: Executor::Walltime,
        title: "Walltime",
        columns: &[
            ("Time (best)", |result| seconds(result.value)),
            ("Iterations", |result| {
                result.walltime.map_or_else(unknown, |times| format!("{:.0}", times.iterations))
            }),
            ("Deviation", deviation),
            ("Total time", |result| {
                result.walltime.map_or_else(unknown, |times| seconds(times.total_time))
            }),
        ],
    },
    Kind {
        executor: Executor::Memory,
        title: "Memory",
        columns: &[
            ("Peak", |result| bytes(whole(result.value))),
            ("Total allocated", |result| {
                result.memory.map_or_else(unknown, |memory| bytes(memory.total_allocated))
            }),
            ("Allocations", |result| {
                result.memory.map_or_else(unknown, |memory| memory.alloc_calls.to_string())
            }),
        ],
    },
];

fn unknown() -> String {
    "-".to_owned()
}

fn seconds(value: f64) -> String {
    show_nanos(value * 1e9)
}

/// Bytes as a number of them; the service sends all values as floats.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "floats end at the largest integer, and nothing is less than no bytes"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

fn share(result: &BenchmarkResult, part: fn(&api::TimeDistribution) -> f64) -> String {
    let of_all = result.valgrind.map(|time| part(&time) / result.value);
    let shown = of_all.filter(|share| share.is_finite());
    shown.map_or_else(unknown, |share| format!("{:.1} %", share * 100.0))
}

fn deviation(result: &BenchmarkResult) -> String {
    let relative = result.walltime.map(|times| times.stdev / result.value);
    let shown = relative.filter(|share| share.is_finite());
    shown.map_or_else(unknown, |share| format!("{:.2} %", share * 100.0))
}

/// The differences between two runs.
fn comparison_text(comparison: &Comparison) -> String {
    let rows = comparison.benchmarks.iter().map(|one| FreeRow {
        name: one.name.clone(),
        cells: vec![
            side(one, one.base_value),
            side(one, one.value),
            one.change.map_or_else(unknown, signed),
            status(one.status).to_owned(),
        ],
    });
    let table = free_table(&["Base", "Now", "Change", "Status"], rows.collect());
    let impact = comparison.impact.map(|impact| format!("Impact: {}\n\n", signed(impact)));
    format!("{}{table}", impact.unwrap_or_default())
}

fn side(one: &BenchmarkComparison, value: Option<f64>) -> String {
    let Some(value) = value else { return unknown() };
    match one.executor {
        Some(Executor::Memory) => bytes(whole(value)),
        Some(Executor::Valgrind | Executor::Walltime) | None => seconds(value),
    }
}

const fn status(status: ComparisonStatus) -> &'static str {
    match status {
        ComparisonStatus::Improvement => "faster",
        ComparisonStatus::Regression => "slower",
        ComparisonStatus::NoChange => "same",
        ComparisonStatus::New => "new",
        ComparisonStatus::Missing => "missing",
        ComparisonStatus::Unknown => "-",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(name: &str, executor: Executor, value: f64) -> BenchmarkResult {
        BenchmarkResult {
            name: name.to_owned(),
            executor: Some(executor),
            value,
            valgrind: None,
            walltime: None,
            memory: None,
            has_no_profile: false,
        }
    }

    #[test]
    fn results_of_each_way_have_a_table_of_their_own() {
        let simulated = BenchmarkResult {
            valgrind: Some(api::TimeDistribution {
                ir: 0.0012,
                l1m: 0.0002,
                llm: 0.0006,
                sys: 0.0,
            }),
            ..result("parse", Executor::Valgrind, 0.002)
        };
        let timed = BenchmarkResult {
            walltime: Some(api::WalltimeDetails {
                iterations: 1200.0,
                stdev: 2e-7,
                total_time: 1.5,
            }),
            ..result("sort", Executor::Walltime, 12.34e-6)
        };
        let traced = BenchmarkResult {
            memory: Some(api::MemoryDetails {
                peak_memory: 123_456,
                total_allocated: 99_999_999,
                alloc_calls: 7,
            }),
            ..result("load", Executor::Memory, 123_456.0)
        };
        let report = RunReport {
            run_id: "r".to_owned(),
            status: api::RunStatus::Completed,
            url: "https://example.test".to_owned(),
            impact: Some(-0.123),
            conclusion: Some(Conclusion::Failure),
            allowed_regression: Some(0.1),
            results: vec![traced, timed, simulated, result("odd", Executor::Walltime, 0.0)],
        };
        insta::assert_snapshot!(report_text(&report));
    }

    #[test]
    fn a_comparison_shows_both_sides() {
        let one =
            |name: &str, base: Option<f64>, now: Option<f64>, change, status| BenchmarkComparison {
                name: name.to_owned(),
                executor: Some(Executor::Walltime),
                value: now,
                base_value: base,
                change,
                category: api::ComparisonCategory::Unknown,
                status,
                has_no_profile: false,
            };
        let comparison = Comparison {
            url: String::new(),
            impact: Some(0.001),
            head_run_id: String::new(),
            head_status: api::RunStatus::Completed,
            benchmarks: vec![
                one("a", Some(1e-3), Some(2e-3), Some(-0.5), ComparisonStatus::Regression),
                one("b", None, Some(2e-3), None, ComparisonStatus::New),
            ],
        };
        insta::assert_snapshot!(comparison_text(&comparison));
    }
}
