//! The JSON of Google Benchmark. Repetitions of a benchmark are its rounds; of one that has nothing but aggregates, these
//! are its statistics.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::Value;

use super::{
    Fault,
    draft::{Draft, Summary, key, short},
    imported::{Imported, time},
    json,
    probe::{Probe, Shape},
};
use crate::record::{Better, MetricUnit};

const TOOL: &str = "google-benchmark";

pub(super) fn is(probe: &Probe<'_>) -> bool {
    probe.keys.benchmarks == Shape::List && probe.keys.context != Shape::Missing
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    context: Context,
    benchmarks: Vec<Entry>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Context {
    date: Option<String>,
    host_name: String,
    library_version: String,
    library_build_type: String,
}

/// A repetition, or an aggregate of several.
#[derive(Deserialize)]
struct Entry {
    name: String,
    run_name: Option<String>,
    aggregate_name: Option<String>,
    real_time: Option<f64>,
    cpu_time: Option<f64>,
    time_unit: Option<String>,
    #[serde(default)]
    error_occurred: bool,
    error_message: Option<String>,
    #[serde(default)]
    skipped: bool,
    skip_message: Option<String>,
    /// Counters, among other things.
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// Aggregates that are statistics of times.
const STATISTICS: &[&str] = &["mean", "median", "stddev"];

impl Entry {
    /// Returns true of what says something about one benchmark. The complexity is about all of a family, and others are
    /// statistics of the user.
    fn is_result(&self) -> bool {
        let is_known = |name: &str| STATISTICS.contains(&name);
        self.error_occurred || self.skipped || self.aggregate_name.as_deref().is_none_or(is_known)
    }
}

/// Numbers that are no results.
const SETTINGS: &[&str] = &[
    "family_index",
    "per_family_instance_index",
    "repetitions",
    "repetition_index",
    "threads",
    "iterations",
];

/// All entries of a benchmark.
#[derive(Default)]
struct Group {
    wall_ns: Vec<f64>,
    cpu_ns: Vec<f64>,
    aggregates: Summary,
    counters: BTreeMap<String, Vec<f64>>,
    failure: Option<String>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Imported, Fault> {
    let File { context, benchmarks } = json(bytes)?;
    let mut imported = Imported::of(TOOL, context.library_version.trim_start_matches('v'));
    imported.time_ms = context.date.as_deref().and_then(time);
    imported.environment().machine = short(&context.host_name);
    if context.library_build_type == "debug" {
        imported.warn("the library of the benchmark was built without optimisation".to_owned());
    }
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut groups: Vec<(String, Group)> = Vec::new();
    for entry in benchmarks.into_iter().filter(Entry::is_result) {
        let name = entry.run_name.clone().unwrap_or_else(|| entry.name.clone());
        let place = *places.entry(name.clone()).or_insert(groups.len());
        if place == groups.len() {
            groups.push((name, Group::default()));
        }
        if let Some((_, group)) = groups.get_mut(place) {
            group.add(entry);
        }
    }
    groups.into_iter().map(|(name, group)| group.draft(&name)).for_each(|it| imported.add(it));
    Ok(imported)
}

impl Group {
    fn add(&mut self, entry: Entry) {
        let unit = match entry.time_unit.as_deref() {
            Some("us") => 1e3,
            Some("ms") => 1e6,
            Some("s") => 1e9,
            _ => 1.0,
        };
        if entry.error_occurred || entry.skipped {
            let why = entry.error_message.or(entry.skip_message).unwrap_or_default();
            self.failure = Some(if why.is_empty() { "skipped".to_owned() } else { why });
            return;
        }
        let real = entry.real_time.map(|time| time * unit);
        match entry.aggregate_name.as_deref() {
            None => {
                self.wall_ns.extend(real);
                self.cpu_ns.extend(entry.cpu_time.map(|time| time * unit));
                for (name, value) in entry.others {
                    let value = value.as_f64().filter(|_| !SETTINGS.contains(&name.as_str()));
                    let values = value.map(|value| (self.counters.entry(name).or_default(), value));
                    if let Some((values, value)) = values {
                        values.push(value);
                    }
                }
            }
            Some("mean") => self.aggregates.mean = real,
            Some("median") => self.aggregates.median = real,
            Some("stddev") => self.aggregates.stdev = real,
            Some(_) => {}
        }
    }

    fn draft(self, name: &str) -> Draft {
        let mut draft = Draft::new(TOOL, name, name);
        if let Some(why) = &self.failure {
            draft.fail(why);
        }
        if self.wall_ns.is_empty() {
            draft.summarize(self.aggregates, None);
        } else {
            draft.rounds(self.wall_ns, self.cpu_ns);
        }
        for (name, values) in self.counters {
            let value = Summary::of(&values).median;
            if name.ends_with("_per_second") {
                draft.put_other(&key(&name), value, MetricUnit::PerSecond, Better::Higher);
            } else {
                draft.put_other(&key(&name), value, MetricUnit::Number, Better::Neither);
            }
        }
        draft
    }
}
