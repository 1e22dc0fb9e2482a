//! Results of criterion.rs: the messages of `cargo criterion`, and the files that the library leaves in a folder for each
//! benchmark. Times are nanoseconds.

use results::Interval;
use serde::Deserialize;

use super::{
    Fault,
    draft::{Draft, Summary},
    imported::Imported,
    json,
    probe::{Probe, Shape},
};
use crate::record::{Better, MetricUnit};

pub(super) const TOOL: &str = "criterion";

pub(super) fn is(probe: &Probe<'_>) -> bool {
    probe.first == Shape::Object && probe.keys.reason == Shape::Plain
}

/// A line of `cargo criterion`.
#[derive(Deserialize)]
struct Message {
    reason: String,
    id: Option<String>,
    #[serde(default)]
    iteration_count: Vec<f64>,
    #[serde(default)]
    measured_values: Vec<f64>,
    unit: Option<String>,
    #[serde(default)]
    throughput: Vec<PerIteration>,
    median: Option<MessageEstimate>,
}

#[derive(Deserialize)]
struct PerIteration {
    per_iteration: f64,
    unit: String,
}

#[derive(Deserialize)]
struct MessageEstimate {
    estimate: f64,
    lower_bound: f64,
    upper_bound: f64,
}

/// Reads messages: an object on each line.
pub(super) fn read(bytes: &[u8]) -> Result<Imported, Fault> {
    let mut imported = Imported::of(TOOL, "");
    for (place, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        // What the benchmark itself prints may stand between them.
        if !line.trim_ascii_start().starts_with(b"{") {
            continue;
        }
        let message: Message =
            json(line).map_err(|err| Fault::Line { number: place + 1, what: err.to_string() })?;
        if message.reason != "benchmark-complete" {
            continue;
        }
        let Some(id) = &message.id else { continue };
        let mut draft = Draft::new(TOOL, id, id);
        if message.unit.as_deref().is_some_and(|unit| unit != "ns") {
            let median = message.median.map(|it| it.estimate);
            draft.put("median", median, MetricUnit::Number, Better::Lower);
            imported.add(draft);
            continue;
        }
        draft.rounds(per_iteration(&message.measured_values, &message.iteration_count), Vec::new());
        if let Some(MessageEstimate { estimate, lower_bound, upper_bound }) = message.median {
            median(&mut draft, estimate, (lower_bound, upper_bound));
        }
        let typical = message.median.as_ref().map(|it| it.estimate);
        for PerIteration { per_iteration, unit } in &message.throughput {
            rate(&mut draft, &unit.to_lowercase(), *per_iteration, typical);
        }
        imported.add(draft);
    }
    Ok(imported)
}

/// The files of a benchmark.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// `benchmark.json`.
    pub benchmark: Vec<u8>,
    /// `estimates.json`.
    pub estimates: Vec<u8>,
    /// `sample.json`; empty if there is none.
    pub sample: Vec<u8>,
}

#[derive(Deserialize)]
struct Benchmark {
    full_id: String,
    throughput: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
    mean: Option<Estimate>,
    std_dev: Option<Estimate>,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
    confidence_interval: Bounds,
}

#[derive(Deserialize)]
struct Bounds {
    confidence_level: f64,
    lower_bound: f64,
    upper_bound: f64,
}

#[derive(Deserialize)]
struct Sample {
    iters: Vec<f64>,
    times: Vec<f64>,
}

/// Reads the files of a benchmark.
pub(super) fn draft(files: &Files) -> Result<Draft, Fault> {
    let Benchmark { full_id, throughput } = json(&files.benchmark)?;
    let Estimates { median: of_median, mean, std_dev } = json(&files.estimates)?;
    let mut draft = Draft::new(TOOL, &full_id, &full_id);
    if files.sample.is_empty() {
        let point = |of: &Option<Estimate>| of.as_ref().map(|it| it.point_estimate);
        let (mean, stdev) = (point(&mean), point(&std_dev));
        draft.summarize(Summary { mean, stdev, ..Summary::default() }, None);
    } else {
        let Sample { iters, times } = json(&files.sample)?;
        draft.rounds(per_iteration(&times, &iters), Vec::new());
    }
    let Estimate { point_estimate, confidence_interval } = of_median;
    let Bounds { confidence_level, lower_bound, upper_bound } = confidence_interval;
    // Our intervals are of 95 %, which is what criterion has unless it is told otherwise.
    let is_ours = (confidence_level - 0.95).abs() < 1e-9;
    let ends = if is_ours { (lower_bound, upper_bound) } else { (f64::NAN, f64::NAN) };
    median(&mut draft, point_estimate, ends);
    for (kind, number) in throughput.into_iter().flatten() {
        if let Some(number) = number.as_f64() {
            rate(&mut draft, &kind.to_lowercase(), number, Some(point_estimate));
        }
    }
    Ok(draft)
}

fn per_iteration(times: &[f64], iterations: &[f64]) -> Vec<f64> {
    times.iter().zip(iterations).map(|(time, count)| time / count).collect()
}

/// The median of criterion itself, with its interval.
fn median(draft: &mut Draft, value: f64, (low, high): (f64, f64)) {
    let interval = Some(Interval { low, high });
    let unit = MetricUnit::Nanoseconds;
    draft.put_within("median_ns", Some(value), interval, unit, Better::Lower);
}

/// The amount of work in an iteration, as a rate.
fn rate(draft: &mut Draft, kind: &str, per_iteration: f64, typical_ns: Option<f64>) {
    let key = match kind {
        "bytes" | "bytesdecimal" => "bytes_per_second",
        "elements" => "elements_per_second",
        "bits" => "bits_per_second",
        _ => return,
    };
    let value = typical_ns.map(|time| per_iteration / (time / 1e9));
    draft.put(key, value, MetricUnit::PerSecond, Better::Higher);
}
