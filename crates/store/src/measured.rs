//! A kept run as exports for other programs take it.

use results::{CountUnit, Direction, End, Interval, Measured, MetricUnit as Unit, Quantity};

use crate::record::{Better, Metric, MetricUnit, Outcome, Record, RecordedBenchmark};

impl Record {
    /// Returns all benchmarks with their numbers, in the order of their run.
    pub fn measured(&self) -> Vec<Measured> {
        self.benchmarks.iter().map(|of| self.benchmark(of)).collect()
    }

    fn benchmark(&self, of: &RecordedBenchmark) -> Measured {
        let mode = self.mode_of(of).unwrap_or_default().into();
        let headline = exported(of);
        let quantity = |(key, metric): (&String, &Metric)| {
            let Metric { value, low, high, unit, better } = *metric;
            let unit = Unit::from(unit);
            value.is_finite().then(|| Quantity {
                key: key.clone(),
                measure: Quantity::measure_of(key, mode, unit, *key == headline),
                unit,
                better: better.into(),
                value,
                interval: low.zip(high).map(|(low, high)| Interval { low, high }),
            })
        };
        Measured {
            name: of.name.clone(),
            uri: of.uri.clone(),
            mode,
            occurrence: of.occurrence,
            end: match &of.outcome {
                Outcome::Complete => End::Complete,
                Outcome::Failed(why) => End::Failed(why.clone()),
                Outcome::Interrupted => End::Interrupted,
            },
            headline: headline.to_owned(),
            quantities: of.metrics.iter().filter_map(quantity).collect(),
            stats: serde_json::Map::new(),
            remarks: of.notes.clone(),
        }
    }
}

/// Returns the key of the number that leads in exports. It is the one that the service shows and that an export of the run
/// itself has, rather than the one that runs are compared by.
fn exported(of: &RecordedBenchmark) -> &str {
    let known = match &*of.headline {
        "robust_median_ns" => "median_ns",
        "instructions" => "estimate_ns",
        other => other,
    };
    if of.metrics.contains_key(known) { known } else { &of.headline }
}

impl From<MetricUnit> for Unit {
    fn from(unit: MetricUnit) -> Self {
        match unit {
            MetricUnit::Nanoseconds => Self::Nanoseconds,
            MetricUnit::Bytes => Self::Bytes,
            MetricUnit::Number => Self::Number,
            MetricUnit::Cycles => Self::Cycles,
            MetricUnit::Share => Self::Share,
            MetricUnit::PerSecond => Self::PerSecond,
        }
    }
}

impl From<CountUnit> for MetricUnit {
    fn from(unit: CountUnit) -> Self {
        match unit {
            CountUnit::Number => Self::Number,
            CountUnit::Bytes => Self::Bytes,
            CountUnit::Cycles => Self::Cycles,
        }
    }
}

impl From<Better> for Direction {
    fn from(better: Better) -> Self {
        match better {
            Better::Lower => Self::Lower,
            Better::Higher => Self::Higher,
            Better::Neither => Self::Neither,
        }
    }
}
