//! Bencher Metric Format: an object of benchmarks, each an object of measures with a value and perhaps its bounds. Times
//! are nanoseconds and sizes bytes, as Bencher's own measures `latency` and `file-size` have them.

use std::{collections::HashSet, io};

use runner_shared::{
    bounds::NAME_BYTES,
    text::{one_line, within},
};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::distinct::Distinct;
use crate::{
    measured::{Measured, Quantity},
    metrics::Unit,
    text::numbered,
};

/// The only measure of Bencher whose times are seconds.
const IN_SECONDS: &str = "build-time";
/// The most characters of a name of a measure.
const MEASURE_CHARACTERS: usize = 64;

/// A file: names and measures, in the order of the run.
struct File<'a>(Vec<(String, Measures<'a>)>);

/// The measures of a benchmark.
struct Measures<'a>(Vec<(String, &'a Quantity)>);

#[derive(Serialize)]
struct Value {
    #[serde(rename = "value")]
    number: f64,
    #[serde(rename = "lower_value", skip_serializing_if = "Option::is_none")]
    low: Option<f64>,
    #[serde(rename = "upper_value", skip_serializing_if = "Option::is_none")]
    high: Option<f64>,
}

/// Writes the benchmarks that came to their end, on one line.
pub(super) fn write(all: &[Measured], out: &mut dyn io::Write) -> io::Result<()> {
    let mut names = Distinct::default();
    let whole = all.iter().filter(|of| of.is_whole());
    let entry = |of| {
        let name = short(of);
        let of_number = |number: u32| match number {
            1 => name.clone(),
            number => numbered(&within(&name, NAME_BYTES.saturating_sub(20)), number),
        };
        (names.name(&name, 1, of_number), Measures::of(of))
    };
    let file = File(whole.map(entry).filter(|(_, of)| !of.0.is_empty()).collect());
    serde_json::to_writer(&mut *out, &file)?;
    writeln!(out)
}

/// The name of a benchmark, of at most 1024 bytes. A cut one ends with the digest of the whole.
fn short(of: &Measured) -> String {
    let name = one_line(&of.full_name());
    // There is no benchmark without a name there.
    within(if name.is_empty() { "(no name)" } else { &name }, NAME_BYTES)
}

impl<'a> Measures<'a> {
    fn of(of: &'a Measured) -> Self {
        let mut taken = HashSet::new();
        let named = of.quantities.iter().filter_map(|one| {
            let name = one.measure.as_deref()?;
            let name = one_line(name).chars().take(MEASURE_CHARACTERS).collect::<String>();
            let is_new = !name.is_empty() && taken.insert(name.clone());
            is_new.then_some((name, one))
        });
        Self(named.collect())
    }
}

impl Serialize for File<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, of)| (name, of)))
    }
}

impl Serialize for Measures<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, one) in &self.0 {
            let is_seconds = name == IN_SECONDS && one.unit == Unit::Nanoseconds;
            let number = |number: f64| if is_seconds { number / 1e9 } else { number };
            let end = |end: f64| Some(number(end)).filter(|end| end.is_finite());
            let value = Value {
                number: number(one.value),
                low: one.interval.and_then(|it| end(it.low)),
                high: one.interval.and_then(|it| end(it.high)),
            };
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}
