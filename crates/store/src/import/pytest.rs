//! The JSON of pytest-benchmark, with machine, commit and the times of all rounds. Times are seconds per iteration.

use serde::Deserialize;
use serde_json::Value;

use super::{
    Fault,
    draft::{Draft, Summary, short},
    imported::{Imported, commit, time},
    json,
    probe::{Probe, Shape},
};
use crate::record::Tool;

const TOOL: &str = "pytest-benchmark";
const NANOSECONDS: f64 = 1e9;

pub(super) fn is(probe: &Probe<'_>) -> bool {
    probe.keys.benchmarks == Shape::List && probe.keys.machine_info != Shape::Missing
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    machine_info: Host,
    commit_info: Option<Commit>,
    benchmarks: Vec<Benchmark>,
    datetime: Option<String>,
    #[serde(default)]
    version: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Host {
    node: String,
    machine: String,
    release: String,
    python_implementation: String,
    python_version: String,
    cpu: Value,
}

#[derive(Deserialize)]
struct Commit {
    #[serde(default)]
    id: String,
    branch: Option<String>,
    dirty: Option<bool>,
}

#[derive(Deserialize)]
struct Benchmark {
    name: String,
    fullname: Option<String>,
    stats: Stats,
}

#[derive(Deserialize)]
struct Stats {
    min: Option<f64>,
    max: Option<f64>,
    mean: Option<f64>,
    stddev: Option<f64>,
    median: Option<f64>,
    rounds: Option<f64>,
    #[serde(default)]
    data: Vec<f64>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Imported, Fault> {
    let File { machine_info, commit_info, benchmarks, datetime, version } = json(bytes)?;
    let mut imported = Imported::of(TOOL, &version);
    imported.time_ms = datetime.as_deref().and_then(time);
    imported.commit = commit_info.and_then(|Commit { id, branch, dirty }| {
        let branch = branch.filter(|name| !name.starts_with('('));
        commit(&id, branch, dirty)
    });
    let environment = imported.environment();
    environment.machine = short(&machine_info.node);
    environment.architecture = short(&machine_info.machine);
    environment.kernel = short(&machine_info.release);
    let model = machine_info.cpu.get("brand_raw").and_then(Value::as_str);
    environment.processor.model = short(model.unwrap_or_default());
    if !machine_info.python_version.is_empty() {
        environment.toolchain.push(Tool {
            name: short(&machine_info.python_implementation).to_lowercase(),
            version: short(&machine_info.python_version),
        });
    }
    benchmarks.into_iter().map(draft).for_each(|draft| imported.add(draft));
    Ok(imported)
}

fn draft(of: Benchmark) -> Draft {
    let Benchmark { name, fullname, stats } = of;
    let mut draft = Draft::new(TOOL, &name, fullname.as_deref().unwrap_or(&name));
    let Stats { min, max, mean, stddev, median, rounds, data } = stats;
    if data.is_empty() {
        let ns = |seconds: Option<f64>| seconds.map(|seconds| seconds * NANOSECONDS);
        let [median, mean, stdev, min, max] = [median, mean, stddev, min, max].map(ns);
        draft.summarize(Summary { median, mean, stdev, min, max, rounds }, None);
    } else {
        draft.rounds(data.into_iter().map(|seconds| seconds * NANOSECONDS).collect(), Vec::new());
    }
    draft
}
