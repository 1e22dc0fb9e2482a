//! One row per benchmark of a comparison of suites, for spreadsheets and data frames.

use std::io;

use runner_shared::conditions::Conditions;

use super::json::doubt;
use crate::{
    export::comparison::{optional, time_word},
    model::Interval,
    suite::{CounterFinding, Evidence, SuiteBenchmark, SuiteComparison},
};

/// The content of a column.
type Field = fn(&SuiteBenchmark, &SuiteComparison) -> String;

/// Head and content of each column. New ones come last: scripts count.
const FIELDS: &[(&str, Field)] = &[
    ("name", |of, _| of.name.clone()),
    ("uri", |of, _| of.uri.clone()),
    ("mode", |_, suite| suite.mode.names().cli.to_owned()),
    ("verdict", |of, _| of.found.verdict.word().to_owned()),
    ("doubt", |of, _| doubt(of.found.verdict).unwrap_or_default().to_owned()),
    ("base", |of, _| of.found.base.to_string()),
    ("head", |of, _| of.found.head.to_string()),
    ("unit", |of, _| of.found.unit.id().to_owned()),
    ("ratio", |of, _| optional(of.found.ratio)),
    ("ratio_low", |of, _| optional(of.found.interval.map(|Interval { low, .. }| low))),
    ("ratio_high", |of, _| optional(of.found.interval.map(|Interval { high, .. }| high))),
    ("judged", |of, _| judged(&of.found.evidence)),
    ("pairs", |_, suite| suite.pairs[0].to_string()),
    ("pairs_again", |_, suite| suite.pairs[1].to_string()),
    ("threshold", |_, suite| suite.threshold.to_string()),
    ("seed", |_, suite| suite.seed.to_string()),
    ("processors", |_, suite| processors(&suite.conditions)),
    ("fixed_addresses", |_, suite| suite.conditions.fixed_addresses.to_string()),
];

/// Writes a comparison as CSV, with a head.
pub(super) fn write(of: &SuiteComparison, out: &mut dyn io::Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(FIELDS.iter().map(|(head, _)| head))?;
    for benchmark in &of.benchmarks {
        csv.write_record(FIELDS.iter().map(|(_, field)| field(benchmark, of)))?;
    }
    csv.flush()
}

/// The time that is judged, or the quantities that have moved.
fn judged(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Times { time, .. } => time_word(*time).to_owned(),
        Evidence::Counts(findings) => {
            let moved = findings.iter().filter(|finding| finding.has_moved());
            let ids = moved.map(|CounterFinding { counter, .. }| counter.id);
            ids.collect::<Vec<_>>().join(" ")
        }
    }
}

/// The processors that `--pin` has chosen; empty if the system has.
fn processors(of: &Conditions) -> String {
    of.processors.iter().map(usize::to_string).collect::<Vec<_>>().join(" ")
}
