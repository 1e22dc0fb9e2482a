//! One row per simulated benchmark. Shares are between 0 and 1.

use std::io;

use crate::{
    counts::SIMULATION_COUNTERS,
    export::counts::{csv_fields, csv_heads},
    model::Integration,
    simulation::{Estimate, SimulationReport, SimulationResult, View},
};

/// Writes the report with a head; an unknown value is an empty field.
pub(in crate::export) fn csv(report: &SimulationReport, out: &mut dyn io::Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let heads = FIELDS.iter().map(|(head, _)| *head).chain(EVENTS.iter().copied());
    csv.write_record(heads.map(str::to_owned).chain(csv_heads(SIMULATION_COUNTERS)))?;
    let comparisons = report.comparisons();
    for benchmark in &report.benchmarks {
        let compared = comparisons.iter().find(|it| it.head_uri == benchmark.uri);
        let fields = FIELDS.iter().map(|(_, field)| field(benchmark, &report.view));
        let counted = benchmark.counted(&report.view);
        let fields = fields.chain(EVENTS.iter().map(|name| optional(counted.get(name))));
        csv.write_record(fields.chain(csv_fields(SIMULATION_COUNTERS, compared)))?;
    }
    csv.flush()
}

/// The content of a column for a benchmark.
type Field = fn(&SimulationResult, &View) -> String;

/// Head and content of each column.
const FIELDS: &[(&str, Field)] = &[
    ("name", |of, _| of.name.clone()),
    ("uri", |of, _| of.uri.clone()),
    ("occurrence", |of, _| of.occurrence.to_string()),
    ("integration", |of, _| integration(of)),
    ("pid", |of, _| of.pid.to_string()),
    ("thread", |of, _| optional(of.thread)),
    ("model", |_, view| view.model.id.to_owned()),
    ("estimate_ns", |of, view| estimated(of, view, |estimate| estimate.nanos)),
    ("estimate_cycles", |of, view| estimated(of, view, |estimate| estimate.cycles)),
    ("instructions_share", |of, view| estimated(of, view, |estimate| estimate.instructions)),
    ("cache_share", |of, view| estimated(of, view, |estimate| estimate.cache)),
    ("memory_share", |of, view| estimated(of, view, |estimate| estimate.memory)),
    ("allocations_share", |of, _| optional(of.allocations_share())),
    ("syscalls", |of, _| optional(of.syscalls())),
    ("syscall_ns", |of, _| optional(of.syscall_ns())),
];

/// Counts, each with a column of its own behind the others.
const EVENTS: &[&str] =
    &["Ir", "Dr", "Dw", "I1mr", "D1mr", "D1mw", "ILmr", "DLmr", "DLmw", "Ct", "Cl"];

fn integration(of: &SimulationResult) -> String {
    match &of.integration {
        Some(Integration { name, version: Some(version) }) => format!("{name} {version}"),
        Some(Integration { name, version: None }) => name.clone(),
        None => String::new(),
    }
}

fn estimated(of: &SimulationResult, view: &View, part: fn(&Estimate) -> f64) -> String {
    optional(of.estimate(view).map(|estimate| part(&estimate)))
}

fn optional(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
