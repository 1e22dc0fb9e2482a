//! One row per benchmark, for spreadsheets and data frames. Times are nanoseconds.

use std::io;

use runner_shared::artifact::{Outcome, RobustSource};

use super::{
    Exporter,
    columns::counted,
    comparison::{time_word, verdict_word},
    memory, simulation,
};
use crate::{
    comparison::Comparison,
    memory::MemoryReport,
    model::{BenchResult, Integration, Interval, Report},
    simulation::SimulationReport,
};

/// Comma-separated values with a head; an unknown value is an empty field.
pub(super) struct Csv;

impl Exporter for Csv {
    fn id(&self) -> &'static str {
        "csv"
    }

    fn write(&self, report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(out);
        let heads = FIELDS.iter().map(|(head, _)| head);
        let heads = heads.chain(VERDICT_FIELDS.iter().map(|(head, _)| head));
        let heads = heads.chain(LATER_FIELDS.iter().map(|(head, _)| head));
        // Only those that were asked for.
        let counters: Vec<&str> = counted(report).map(|event| event.name).collect();
        csv.write_record(heads.chain(&counters))?;
        for benchmark in &report.benchmarks {
            let compared = report.comparisons.iter().find(|it| it.head_uri == benchmark.uri);
            let verdict = |(_, field): &(_, VerdictField)| compared.map(field).unwrap_or_default();
            let fields = FIELDS.iter().map(|(_, field)| field(benchmark));
            let counts = counters.iter().map(|name| optional(benchmark.counted(name)));
            let fields = fields.chain(VERDICT_FIELDS.iter().map(verdict));
            let fields = fields.chain(LATER_FIELDS.iter().map(|(_, field)| field(benchmark)));
            csv.write_record(fields.chain(counts))?;
        }
        csv.flush()
    }

    fn write_simulation(
        &self,
        report: &SimulationReport,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        simulation::csv(report, out)
    }

    fn write_memory(&self, report: &MemoryReport, out: &mut dyn io::Write) -> io::Result<()> {
        memory::csv(report, out)
    }
}

/// The content of a column for a benchmark.
type Field = fn(&BenchResult) -> String;

/// Head and content of each column. New ones go to [`LATER_FIELDS`]: scripts count.
const FIELDS: &[(&str, Field)] = &[
    ("name", |of| of.name.clone()),
    ("uri", |of| of.uri.clone()),
    ("integration", |of| {
        let Integration { name, version } = &of.integration;
        version.as_ref().map_or_else(|| name.clone(), |version| format!("{name} {version}"))
    }),
    ("pid", |of| of.pid.to_string()),
    ("outcome", |of| outcome(&of.outcome).to_owned()),
    ("cold", |of| of.cold.to_string()),
    ("noisy", |of| optional(of.noise.map(|_| of.is_noisy()))),
    ("median_ns", |of| measured(of, of.stats.median_ns)),
    ("median_low_ns", |of| optional(of.median_interval.map(low))),
    ("median_high_ns", |of| optional(of.median_interval.map(high))),
    ("mean_ns", |of| measured(of, of.stats.mean_ns)),
    ("mean_low_ns", |of| optional(of.mean_interval.map(low))),
    ("mean_high_ns", |of| optional(of.mean_interval.map(high))),
    ("stdev_ns", |of| measured(of, of.stats.stdev_ns)),
    ("min_ns", |of| measured(of, of.stats.min_ns)),
    ("q1_ns", |of| measured(of, of.stats.q1_ns)),
    ("q3_ns", |of| measured(of, of.stats.q3_ns)),
    ("max_ns", |of| measured(of, of.stats.max_ns)),
    ("rounds", |of| of.stats.rounds.to_string()),
    ("iter_per_round", |of| of.stats.iter_per_round.to_string()),
    ("iqr_outlier_rounds", |of| of.stats.iqr_outlier_rounds.to_string()),
    ("stdev_outlier_rounds", |of| of.stats.stdev_outlier_rounds.to_string()),
    ("user_ns", |of| optional(of.user_ns)),
    ("system_ns", |of| optional(of.system_ns)),
    ("minor_faults", |of| optional(of.faults.map(|faults| faults.minor))),
    ("major_faults", |of| optional(of.faults.map(|faults| faults.major))),
    ("voluntary_switches", |of| optional(of.switches.map(|switches| switches.voluntary))),
    ("involuntary_switches", |of| optional(of.switches.map(|switches| switches.involuntary))),
    ("robust_source", |of| {
        of.robust.as_ref().map(|robust| source(robust.source).to_owned()).unwrap_or_default()
    }),
    ("robust_median_ns", |of| optional(of.robust.as_ref().map(|robust| robust.median_ns))),
    ("processor_ns", |of| optional(of.processor_ns)),
    ("no_interval", |of| of.no_interval.map(|why| why.to_string()).unwrap_or_default()),
    ("robust_low_ns", |of| {
        optional(of.robust.as_ref().and_then(|robust| robust.interval.map(low)))
    }),
    ("robust_high_ns", |of| {
        optional(of.robust.as_ref().and_then(|robust| robust.interval.map(high)))
    }),
];

/// The same, behind the columns of verdicts: new ones come last.
const LATER_FIELDS: &[(&str, Field)] = &[
    ("shell_ns", |of| optional(of.shell.map(|shell| shell.wall_ns))),
    ("without_shell", |of| optional(of.shell.map(|shell| shell.subtracted))),
    ("max_rss_bytes", |of| optional(of.max_rss.map(|rss| rss.bytes))),
    ("max_rss_is_bound", |of| optional(of.max_rss.map(|rss| rss.is_bound))),
];

/// The content of a column for a benchmark that was compared with another one.
type VerdictField = fn(&Comparison) -> String;

/// Behind [`FIELDS`]; empty for a benchmark that was compared with nothing.
const VERDICT_FIELDS: &[(&str, VerdictField)] = &[
    ("base_uri", |of| of.base_uri.clone()),
    ("verdict", |of| verdict_word(of.found.judged.verdict).to_owned()),
    ("judged_time", |of| time_word(of.found.time).to_owned()),
    ("ratio", |of| optional(of.found.judged.ratio)),
    ("ratio_low", |of| optional(of.found.judged.interval.map(low))),
    ("ratio_high", |of| optional(of.found.judged.interval.map(high))),
    ("pairs", |of| of.found.judged.pairs.to_string()),
    ("threshold", |of| of.found.judged.threshold.to_string()),
    ("seed", |of| of.seed.to_string()),
];

/// The name of an outcome in exported files.
pub(super) fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Complete => "complete",
        Outcome::Failed { .. } => "failed",
        Outcome::Interrupted => "interrupted",
    }
}

/// The name of a source in exported files.
pub(super) fn source(source: RobustSource) -> &'static str {
    match source {
        RobustSource::KernelStamps => "kernel_stamps",
        RobustSource::ProcessorTime => "processor_time",
        RobustSource::WallClock => "wall_clock",
    }
}

/// Without a round the statistics are zeros that mean nothing.
fn measured(of: &BenchResult, value: f64) -> String {
    optional((of.stats.rounds > 0).then_some(value))
}

fn optional(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn low(interval: Interval) -> f64 {
    interval.low
}

fn high(interval: Interval) -> f64 {
    interval.high
}
