//! The text of `go test -bench`: a line for each run of a benchmark, with numbers and their units. Several runs
//! (`-count`) are its rounds.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    Fault,
    draft::{Draft, Summary, key, short},
    imported::Imported,
    probe::{Probe, Shape},
};
use crate::record::{Better, MetricUnit, Tool};

const TOOL: &str = "go";

pub(super) fn is(probe: &Probe<'_>) -> bool {
    let has_result = |text: &str| text.lines().any(|line| parse(line).is_some());
    probe.first == Shape::Missing && str::from_utf8(probe.bytes).is_ok_and(has_result)
}

/// A result: `BenchmarkSort/n=10-8  2000  384.5 ns/op  104 B/op`.
struct Line<'a> {
    name: &'a str,
    /// Values with their units.
    values: Vec<(f64, &'a str)>,
}

fn parse(line: &str) -> Option<Line<'_>> {
    let mut words = line.split_ascii_whitespace();
    let name = words.next()?.strip_prefix("Benchmark")?;
    words.next()?.parse::<u64>().ok()?;
    let mut values = Vec::new();
    while let (Some(value), Some(unit)) = (words.next(), words.next()) {
        values.push((value.parse::<f64>().ok()?, unit));
    }
    (!values.is_empty()).then_some(Line { name, values })
}

/// A benchmark of a package.
#[derive(Debug, Default)]
struct Found {
    package: String,
    name: String,
    /// Values by their units.
    values: BTreeMap<String, Vec<f64>>,
    failure: Option<String>,
}

/// The benchmarks so far, in the order in which they came.
#[derive(Debug, Default)]
struct Reader {
    package: String,
    places: HashMap<(String, String), usize>,
    found: Vec<Found>,
    /// The one whose failure is being told.
    failing: Option<usize>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Imported, Fault> {
    let text = str::from_utf8(bytes).map_err(|_not_text| Fault::Text)?;
    let mut imported = Imported::of(TOOL, "");
    let mut reader = Reader::default();
    for line in text.lines() {
        if let Some((key, value)) = line.split_once(": ") {
            let value = value.trim();
            match key {
                "pkg" => value.clone_into(&mut reader.package),
                "goarch" => imported.environment().architecture = architecture(value),
                "cpu" => imported.environment().processor.model = short(value),
                _ => {}
            }
        }
        reader.line(line);
    }
    imported.environment().toolchain.push(Tool { name: TOOL.to_owned(), version: String::new() });
    let suffixed = reader.with_several_widths();
    reader.found.into_iter().for_each(|found| imported.add(draft(found, &suffixed)));
    Ok(imported)
}

/// The name that other tools have for it.
fn architecture(goarch: &str) -> String {
    match goarch {
        "amd64" => "x86_64".to_owned(),
        "arm64" => "aarch64".to_owned(),
        other => short(other),
    }
}

impl Reader {
    fn line(&mut self, line: &str) {
        if let Some(Line { name, values }) = parse(line) {
            let place = self.place_of(name);
            let Some(found) = self.found.get_mut(place) else { return };
            for (value, unit) in values {
                // As many units as a line may have, not as all lines together do.
                if found.values.len() < 100 || found.values.contains_key(unit) {
                    found.values.entry(unit.to_owned()).or_default().push(value);
                }
            }
            return;
        }
        if let Some(rest) = line.trim_start().strip_prefix("--- FAIL: Benchmark") {
            let name = rest.split_ascii_whitespace().next().unwrap_or_default();
            let place = self.place_of(name);
            if let Some(found) = self.found.get_mut(place) {
                found.failure = Some("it failed".to_owned());
            }
            self.failing = Some(place);
            return;
        }
        // What follows is indented.
        let told = line.starts_with(' ') && !line.trim().is_empty();
        let failing = self.failing.take().filter(|_| told);
        if let Some(found) = failing.and_then(|place| self.found.get_mut(place)) {
            found.failure = Some(short(line.trim()));
        }
    }

    fn place_of(&mut self, name: &str) -> usize {
        let new = self.found.len();
        let place = *self.places.entry((self.package.clone(), name.to_owned())).or_insert(new);
        if place == new {
            let (package, name) = (self.package.clone(), name.to_owned());
            self.found.push(Found { package, name, ..Found::default() });
        }
        place
    }

    /// Returns the names that were run with several numbers of processors (`-cpu 1,2`): only these need the number.
    fn with_several_widths(&self) -> BTreeSet<(String, String)> {
        let mut seen = BTreeMap::<(String, String), BTreeSet<&str>>::new();
        for Found { package, name, .. } in &self.found {
            let (bare, width) = split_width(name);
            seen.entry((package.clone(), bare.to_owned())).or_default().insert(width);
        }
        seen.into_iter().filter(|(_, widths)| widths.len() > 1).map(|(name, _)| name).collect()
    }
}

/// The name without the number of processors at its end, and that number.
fn split_width(name: &str) -> (&str, &str) {
    match name.rsplit_once('-') {
        Some((bare, width)) if !width.is_empty() && width.bytes().all(|it| it.is_ascii_digit()) => {
            (bare, width)
        }
        _ => (name, ""),
    }
}

fn draft(of: Found, suffixed: &BTreeSet<(String, String)>) -> Draft {
    let Found { package, name, mut values, failure } = of;
    let (bare, _) = split_width(&name);
    let is_suffixed = suffixed.contains(&(package.clone(), bare.to_owned()));
    let shown = if is_suffixed { name.as_str() } else { bare };
    let mut draft = Draft::new(TOOL, shown, &format!("{package}::{shown}"));
    if let Some(why) = &failure {
        draft.fail(why);
    }
    if let Some(times) = values.remove("ns/op") {
        draft.rounds(times, Vec::new());
    }
    for (unit, values) in values {
        let value = Summary::of(&values).median;
        match unit.as_str() {
            "B/op" => draft.put("bytes_per_op", value, MetricUnit::Bytes, Better::Lower),
            "allocs/op" => draft.put("allocs_per_op", value, MetricUnit::Number, Better::Lower),
            "MB/s" => {
                let bytes = value.map(|value| value * 1e6);
                draft.put("bytes_per_second", bytes, MetricUnit::PerSecond, Better::Higher);
            }
            unit => other(&mut draft, unit, value),
        }
    }
    draft
}

/// A value of `b.ReportMetric`, whose unit the author has chosen.
fn other(draft: &mut Draft, unit: &str, value: Option<f64>) {
    if let Some(things) = unit.strip_suffix("/s") {
        let key = format!("{}_per_second", key(things));
        draft.put_other(&key, value, MetricUnit::PerSecond, Better::Higher);
    } else if let Some(what) = unit.strip_suffix("ns/op") {
        let key = format!("{}_ns", key(what));
        draft.put_other(&key, value, MetricUnit::Nanoseconds, Better::Lower);
    } else {
        draft.put_other(&key(unit), value, MetricUnit::Number, Better::Neither);
    }
}
