//! The JSON that the GitHub Action `github-action-benchmark` reads as `customSmallerIsBetter`: an array of values with
//! names of their own. Values of which more is better have no place in it.

use std::io;

use runner_shared::text::one_line;
use serde::Serialize;

use super::{distinct::Distinct, lines::symbol};
use crate::{
    measured::{Measured, Quantity},
    metrics::{Direction, Unit},
    text::numbered,
};

#[derive(Serialize)]
struct Entry {
    name: String,
    unit: &'static str,
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<String>,
    extra: String,
}

/// Writes the benchmarks that came to their end, a line each.
pub(super) fn write(all: &[Measured], out: &mut dyn io::Write) -> io::Result<()> {
    let mut entries: Vec<Entry> =
        all.iter().filter(|of| of.is_whole()).flat_map(entries_of).collect();
    let mut names = Distinct::default();
    for entry in &mut entries {
        entry.name = names.name(&entry.name, 1, |number| numbered(&entry.name, number));
    }
    write!(out, "[")?;
    for (place, entry) in entries.iter().enumerate() {
        out.write_all(if place == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, entry)?;
    }
    writeln!(out, "\n]")
}

/// The values of a benchmark: what leads comes first and has its name, all else the name with the measure behind it.
fn entries_of(of: &Measured) -> impl Iterator<Item = Entry> {
    let name = one_line(&of.full_name());
    let wanted = |one: &&Quantity| one.measure.is_some() && one.better == Direction::Lower;
    let mut quantities: Vec<&Quantity> = of.quantities.iter().filter(wanted).collect();
    quantities.sort_by_key(|one| one.key != of.headline);
    quantities.into_iter().map(move |one| {
        let measure = one_line(one.measure.as_deref().unwrap_or_default());
        let is_headline = one.key == of.headline;
        let mut extra = vec![format!("{measure}, {} mode", of.mode.names().cli), one_line(&of.uri)];
        if is_headline {
            extra.extend(of.remarks.iter().map(|remark| one_line(remark)));
        }
        Entry {
            name: if is_headline { name.clone() } else { format!("{name} ({measure})") },
            unit: if one.unit == Unit::Number { "count" } else { symbol(one.unit) },
            value: one.value,
            range: one.interval.map(|it| {
                let reach = (it.high - one.value).max(one.value - it.low).max(0.0);
                format!("± {reach}")
            }),
            extra: extra.join("\n"),
        }
    })
}
