//! The JSON of hyperfine: version 1 has the times of each command in a list, version 2 has an object for each run. Times
//! are seconds.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    Fault,
    draft::{Draft, Summary, key},
    imported::Imported,
    json,
    probe::{Probe, Shape},
};
use crate::record::{Better, MetricUnit};

const TOOL: &str = "hyperfine";
const NANOSECONDS: f64 = 1e9;

pub(super) fn is(probe: &Probe<'_>) -> bool {
    probe.keys.results == Shape::List
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    metadata: Metadata,
    results: Vec<Entry>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    hyperfine_version: String,
    start_time: Option<String>,
    platform: Platform,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Platform {
    architecture: String,
}

/// A command of either version.
#[derive(Deserialize)]
struct Entry {
    command: String,
    name: Option<String>,
    // Version 1.
    mean: Option<f64>,
    stddev: Option<f64>,
    median: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    user: Option<f64>,
    system: Option<f64>,
    #[serde(default)]
    times: Vec<f64>,
    #[serde(default)]
    memory_usage_byte: Vec<f64>,
    #[serde(default)]
    exit_codes: Vec<Option<i64>>,
    // Version 2.
    #[serde(default)]
    measurements: Vec<Run>,
    #[serde(default)]
    summary: BTreeMap<String, Statistics>,
}

/// A run of version 2.
#[derive(Deserialize)]
struct Run {
    time_wall_clock: Quantity,
    time_cpu: Option<Quantity>,
    exit_code: Option<i64>,
}

#[derive(Deserialize)]
struct Quantity {
    value: f64,
}

#[derive(Deserialize)]
struct Statistics {
    unit: Option<String>,
    median: Option<f64>,
    mean: Option<f64>,
    stddev: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Imported, Fault> {
    let File { metadata, results } = json(bytes)?;
    let Metadata { hyperfine_version, start_time, platform } = metadata;
    let mut imported = Imported::of(TOOL, &hyperfine_version);
    imported.time_ms = start_time.as_deref().and_then(super::imported::time);
    imported.environment().architecture = super::draft::short(&platform.architecture);
    results.iter().map(draft).for_each(|draft| imported.add(draft));
    Ok(imported)
}

fn draft(of: &Entry) -> Draft {
    let name = of.name.as_deref().unwrap_or(&of.command);
    let mut draft = Draft::new(TOOL, name, name);
    let ns = |seconds: Option<f64>| seconds.map(|seconds| seconds * NANOSECONDS);
    let codes: Vec<Option<i64>> = if of.measurements.is_empty() {
        of.exit_codes.clone()
    } else {
        of.measurements.iter().map(|run| run.exit_code).collect()
    };
    if !of.measurements.is_empty() {
        let wall = of.measurements.iter().map(|run| run.time_wall_clock.value * NANOSECONDS);
        let cpu = of.measurements.iter().filter_map(|run| run.time_cpu.as_ref());
        let cpu = cpu.map(|cpu| cpu.value * NANOSECONDS).collect();
        draft.rounds(wall.collect(), cpu);
    } else if !of.times.is_empty() {
        let wall = of.times.iter().map(|seconds| seconds * NANOSECONDS);
        draft.rounds(wall.collect(), Vec::new());
    } else {
        let wall = of.summary.get("time_wall_clock");
        let [median, mean, stdev, min, max] = match wall {
            Some(of) => [of.median, of.mean, of.stddev, of.min, of.max],
            None => [of.median, of.mean, of.stddev, of.min, of.max],
        }
        .map(ns);
        draft.summarize(Summary { median, mean, stdev, min, max, rounds: None }, None);
    }
    draft.time("user_ns", ns(of.user));
    draft.time("system_ns", ns(of.system));
    let memory = Summary::of(&of.memory_usage_byte).median;
    draft.put("max_rss_bytes", memory, MetricUnit::Bytes, Better::Lower);
    of.summary.iter().for_each(|(name, of)| further(&mut draft, name, of));
    let failed = codes.iter().filter(|code| **code != Some(0)).count();
    if failed > 0 {
        let rounds = runner_shared::text::count_of(&codes, "round");
        draft.note(format!("{failed} of {rounds} did not end with exit status 0"));
    }
    draft
}

/// A quantity of version 2 besides the times of runs.
fn further(draft: &mut Draft, name: &str, of: &Statistics) {
    let value = of.median.or(of.mean);
    match (name, of.unit.as_deref()) {
        ("time_wall_clock" | "time_cpu", _) => {}
        ("time_user", _) => draft.time("user_ns", value.map(|it| it * NANOSECONDS)),
        ("time_system", _) => draft.time("system_ns", value.map(|it| it * NANOSECONDS)),
        ("memory_peak_resident", _) => {
            draft.put("max_rss_bytes", value, MetricUnit::Bytes, Better::Lower);
        }
        (_, Some("second" | "s")) => {
            draft.time(&format!("{}_ns", key(name)), value.map(|it| it * NANOSECONDS));
        }
        (_, Some("byte" | "B")) => {
            draft.put(&format!("{}_bytes", key(name)), value, MetricUnit::Bytes, Better::Lower);
        }
        // Counters of the kernel and the processor.
        _ => draft.put(&key(name), value, MetricUnit::Number, Better::Lower),
    }
}
