//! The JSON of JMH: a list with an object for each benchmark and its parameters. Scores are times or rates; what it
//! can't tell is the text `"NaN"`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Fault,
    draft::{Draft, Summary, key, short},
    imported::Imported,
    json,
    probe::Probe,
};
use crate::record::{Better, MetricUnit, Tool};

const TOOL: &str = "jmh";

pub(super) const fn is(probe: &Probe<'_>) -> bool {
    probe.is_jmh
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    #[serde(default)]
    jmh_version: String,
    benchmark: String,
    mode: String,
    #[serde(default)]
    threads: i64,
    #[serde(default)]
    jdk_version: String,
    #[serde(default)]
    vm_name: String,
    #[serde(default)]
    params: BTreeMap<String, Value>,
    primary_metric: Figure,
    #[serde(default)]
    secondary_metrics: BTreeMap<String, Figure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Figure {
    score: Number,
    score_unit: String,
    #[serde(default)]
    raw_data: Vec<Vec<Number>>,
}

/// A number, or none.
#[derive(Debug, Default, Clone, Copy)]
struct Number(Option<f64>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Value::deserialize(deserializer)?.as_f64()))
    }
}

/// The meaning of a unit.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Scale {
    /// A time for one of something: so many nanoseconds.
    Time(f64),
    /// Things in a time: so many times a second.
    Rate(f64),
    /// Bytes for one of something.
    Bytes,
    /// Anything else.
    Other,
}

pub(super) fn read(bytes: &[u8]) -> Result<Imported, Fault> {
    let runs: Vec<Run> = json(bytes)?;
    let version = runs.first().map(|run| run.jmh_version.clone()).unwrap_or_default();
    let mut imported = Imported::of(TOOL, &version);
    if let Some(run) = runs.first().filter(|run| !run.jdk_version.is_empty()) {
        let (name, version) = (short(&run.vm_name), short(&run.jdk_version));
        let name = if name.is_empty() { "jdk".to_owned() } else { name };
        imported.environment().toolchain.push(Tool { name, version });
    }
    runs.into_iter().map(draft).for_each(|draft| imported.add(draft));
    Ok(imported)
}

fn draft(run: Run) -> Draft {
    let Run { benchmark, mode, threads, params, primary_metric, secondary_metrics, .. } = run;
    let param = |(name, value): (&String, &Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{name}={value}")
    };
    let mut marks: Vec<String> = params.iter().map(param).collect();
    if threads > 1 {
        marks.push(format!("threads={threads}"));
    }
    let marks = if marks.is_empty() { String::new() } else { format!("[{}]", marks.join(",")) };
    let name = format!("{benchmark}{marks}");
    let mut draft = Draft::new(TOOL, &name, &format!("{benchmark}:{mode}{marks}"));
    let raw = primary_metric.raw_data.iter().flatten().filter_map(|number| number.0);
    match scale(&primary_metric.score_unit) {
        Scale::Time(unit) => {
            let mean = primary_metric.score.0.map(|score| score * unit);
            let times: Vec<f64> = raw.map(|time| time * unit).collect();
            if times.is_empty() {
                draft.summarize(Summary { mean, ..Summary::default() }, None);
            } else {
                draft.rounds(times, Vec::new());
            }
        }
        Scale::Rate(unit) => {
            let value = primary_metric.score.0.map(|score| score * unit);
            let (key, better) = ("operations_per_second", Better::Higher);
            // Its error is that of 99.9 %, and our intervals are of 95 %.
            draft.put(key, value, MetricUnit::PerSecond, better);
            draft.lead(key);
            // The time of an operation says the same, and is what rounds are.
            draft.rounds_alone(raw.map(|rate| 1e9 / (rate * unit)).collect());
        }
        Scale::Bytes | Scale::Other => {
            let score = primary_metric.score.0;
            draft.put("score", score, MetricUnit::Number, Better::Neither);
        }
    }
    for (name, score) in &secondary_metrics {
        secondary(&mut draft, &key(name), score);
    }
    draft
}

/// A value of a profiler of JMH, such as `·gc.alloc.rate.norm`.
fn secondary(draft: &mut Draft, key: &str, of: &Figure) {
    let value = of.score.0;
    match scale(&of.score_unit) {
        Scale::Time(unit) => draft.time(&format!("{key}_ns"), value.map(|it| it * unit)),
        Scale::Rate(unit) => {
            let value = value.map(|it| it * unit);
            let key = format!("{key}_per_second");
            draft.put(&key, value, MetricUnit::PerSecond, Better::Neither);
        }
        Scale::Bytes => {
            draft.put(&format!("{key}_bytes"), value, MetricUnit::Bytes, Better::Lower);
        }
        Scale::Other => draft.put(key, value, MetricUnit::Number, Better::Neither),
    }
}

/// Nanoseconds of the units of time that JMH has.
fn nanoseconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1.0,
        "us" => 1e3,
        "ms" => 1e6,
        "s" | "sec" => 1e9,
        "min" => 60e9,
        "hr" => 3600e9,
        "day" => 86_400e9,
        _ => return None,
    })
}

fn scale(unit: &str) -> Scale {
    let (above, below) = unit.split_once('/').unwrap_or((unit, ""));
    match (nanoseconds(above), nanoseconds(below), above) {
        (Some(unit), None, _) => Scale::Time(unit),
        (_, Some(unit), "ops" | "#" | "counts" | "B") => Scale::Rate(1e9 / unit),
        (_, Some(unit), "MB") => Scale::Rate(1e6 * 1e9 / unit),
        (_, None, "B") => Scale::Bytes,
        _ => Scale::Other,
    }
}
