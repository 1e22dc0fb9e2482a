//! `OpenMetrics` text, as Prometheus and its push gateway read it: a gauge for each number, with the benchmark, its mode
//! and its identity as labels. Units are the basic ones of that format: seconds, bytes, ratios.

use std::{collections::BTreeMap, io};

use super::distinct::Distinct;
use crate::{
    measured::{Measured, Quantity},
    metrics::Unit,
    model::Interval,
};

/// All samples of one name.
struct Family {
    unit: &'static str,
    help: String,
    /// Labels and value.
    samples: Vec<(String, f64)>,
}

/// The gauges by their names.
type Families = BTreeMap<String, Family>;

/// Writes the numbers of the benchmarks that came to their end; of the others, that they did not.
pub(super) fn write(all: &[Measured], out: &mut dyn io::Write) -> io::Result<()> {
    let (mut families, mut taken) = (Families::new(), Distinct::default());
    for of in all {
        let labels = labels(of, &mut taken);
        let whole = if of.is_whole() { 1.0 } else { 0.0 };
        let help =
            || "1 if the benchmark came to its end, 0 if it failed or was interrupted".to_owned();
        add(&mut families, "codspeed_benchmark_complete".to_owned(), "", help, (&labels, whole));
        if of.is_whole() {
            of.quantities.iter().for_each(|one| add_quantity(&mut families, one, of, &labels));
        }
    }
    for (name, Family { unit, help, samples }) in &families {
        writeln!(out, "# TYPE {name} gauge")?;
        if !unit.is_empty() {
            writeln!(out, "# UNIT {name} {unit}")?;
        }
        writeln!(out, "# HELP {name} {}", escaped(help))?;
        for (labels, value) in samples {
            writeln!(out, "{name}{{{labels}}} {value}")?;
        }
    }
    writeln!(out, "# EOF")
}

/// A number, and the ends of its interval as numbers of their own.
fn add_quantity(families: &mut Families, one: &Quantity, of: &Measured, labels: &str) {
    let (unit, ending) = units(one.unit);
    let key = plain(&one.key);
    let stem = key.strip_suffix(ending).unwrap_or(&key);
    let title = one.metric(of.mode).and_then(|row| row.head).map(|head| head.title);
    let title = title.unwrap_or(&one.key);
    let interval = one.interval.filter(|it| it.low.is_finite() && it.high.is_finite());
    let mut values = vec![("", title.to_owned(), one.value)];
    if let Some(Interval { low, high }) = interval {
        values.push(("low", format!("{title}: lower end of its interval"), low));
        values.push(("high", format!("{title}: upper end of its interval"), high));
    }
    for (end, help, value) in values {
        let parts = ["codspeed", stem, end, unit].into_iter().filter(|part| !part.is_empty());
        let name = parts.collect::<Vec<_>>().join("_");
        let value = if one.unit == Unit::Nanoseconds { value / 1e9 } else { value };
        add(families, name, unit, || help, (labels, value));
    }
}

/// The unit as the format has it, and the ending of our keys that says the same.
const fn units(unit: Unit) -> (&'static str, &'static str) {
    match unit {
        Unit::Nanoseconds => ("seconds", "_ns"),
        Unit::Bytes => ("bytes", "_bytes"),
        Unit::Cycles => ("cycles", "_cycles"),
        Unit::Share => ("ratio", "_share"),
        Unit::PerSecond => ("per_second", "_per_second"),
        Unit::Number | Unit::Word => ("", ""),
    }
}

fn add(
    families: &mut Families,
    name: String,
    unit: &'static str,
    help: impl FnOnce() -> String,
    (labels, value): (&str, f64),
) {
    let family =
        families.entry(name).or_insert_with(|| Family { unit, help: help(), samples: Vec::new() });
    // Keys that differ in what a name can't hold alone would be the same sample twice.
    let is_new = family.samples.last().is_none_or(|(last, _)| last != labels);
    if is_new && family.unit == unit {
        family.samples.push((labels.to_owned(), value));
    }
}

/// The labels of a benchmark; no two have the same.
fn labels(of: &Measured, taken: &mut Distinct) -> String {
    let labels = |number: u32| {
        let number = if number > 1 { format!(",occurrence=\"{number}\"") } else { String::new() };
        format!(
            "benchmark=\"{}\",uri=\"{}\",mode=\"{}\"{number}",
            escaped(&of.name),
            escaped(&of.uri),
            of.mode.names().cli
        )
    };
    taken.name(&labels(1), of.occurrence, labels)
}

/// A text in a label or a help line. All else is allowed there.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

/// A part of a name: lower case letters, digits and underscores.
fn plain(key: &str) -> String {
    let letter = |letter: char| match letter {
        letter if letter.is_ascii_alphanumeric() => letter.to_ascii_lowercase(),
        _ => '_',
    };
    key.chars().map(letter).collect()
}
