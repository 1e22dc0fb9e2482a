//! Bencher Metric Format: an object of benchmarks, each an object of measures with a value and perhaps its bounds.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use results::Interval;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

use super::{
    Fault,
    draft::{Draft, key},
    imported::Imported,
    json,
    probe::{Probe, Shape},
};
use crate::record::{Better, MetricUnit};

const TOOL: &str = "bmf";

pub(super) fn is(probe: &Probe<'_>) -> bool {
    let is_measures = |file: &File| !file.0.is_empty();
    probe.first == Shape::Object && json(probe.bytes).is_ok_and(|file| is_measures(&file))
}

type File = Entries<BTreeMap<String, Measure>>;

#[derive(Deserialize)]
struct Measure {
    value: f64,
    lower_value: Option<f64>,
    upper_value: Option<f64>,
}

/// The entries of an object in their order, those of equal names as well.
struct Entries<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder(PhantomData))
    }
}

struct InOrder<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for InOrder<T> {
    type Value = Entries<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of benchmarks")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}

/// Measures that Bencher or its adapters have, with the unit of their values and a factor to ours. All others are
/// numbers.
const MEASURES: &[(&str, MetricUnit, Better, f64)] = &[
    ("latency", MetricUnit::Nanoseconds, Better::Lower, 1.0),
    ("undisturbed-latency", MetricUnit::Nanoseconds, Better::Lower, 1.0),
    ("estimated-latency", MetricUnit::Nanoseconds, Better::Lower, 1.0),
    ("processor-time", MetricUnit::Nanoseconds, Better::Lower, 1.0),
    ("throughput", MetricUnit::PerSecond, Better::Higher, 1.0),
    // Seconds.
    ("build-time", MetricUnit::Nanoseconds, Better::Lower, 1e9),
    ("file-size", MetricUnit::Bytes, Better::Lower, 1.0),
    ("peak-resident-memory", MetricUnit::Bytes, Better::Lower, 1.0),
    ("peak-memory", MetricUnit::Bytes, Better::Lower, 1.0),
    ("allocated-memory", MetricUnit::Bytes, Better::Lower, 1.0),
    ("live-at-end", MetricUnit::Bytes, Better::Lower, 1.0),
    ("estimated-cycles", MetricUnit::Cycles, Better::Lower, 1.0),
];

pub(super) fn read(bytes: &[u8]) -> Result<Imported, Fault> {
    let Entries(benchmarks) = json::<File>(bytes)?;
    let mut imported = Imported::of(TOOL, "");
    for (name, measures) in benchmarks {
        let mut draft = Draft::new(TOOL, &name, &name);
        for (measure, Measure { value, lower_value, upper_value }) in measures {
            let known = MEASURES.iter().find(|(name, ..)| *name == measure);
            let (unit, better, factor) = known
                .map_or((MetricUnit::Number, Better::Lower, 1.0), |(_, unit, better, factor)| {
                    (*unit, *better, *factor)
                });
            let ends = lower_value.zip(upper_value);
            let interval =
                ends.map(|(low, high)| Interval { low: low * factor, high: high * factor });
            draft.put_within(&key(&measure), Some(value * factor), interval, unit, better);
        }
        draft.lead("latency");
        imported.add(draft);
    }
    Ok(imported)
}
