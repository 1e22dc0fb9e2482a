//! The metrics of walltime mode. New columns of CSV get the next number behind the verdicts.

use runner_shared::{
    artifact::{Outcome, RobustSource},
    duration::show_nanos,
    text::bytes,
    walltime::{as_float, as_whole, quantile},
};

use super::{BEHIND_VERDICTS, Figure, Get, MEDIAN, Metric, UNDISTURBED, Unit, WIDE, known, said};
use crate::{
    model::{BenchResult, Faults, Interval, MaxRss, RawRounds, Switches},
    text::{UNKNOWN, grouped, percent},
};

const fn row(key: &'static str, unit: Unit, get: fn(&BenchResult) -> Option<Figure>) -> Metric {
    Metric::new(key, unit, Get::Walltime(get))
}

const fn time(key: &'static str, get: fn(&BenchResult) -> Option<Figure>) -> Metric {
    row(key, Unit::Nanoseconds, get)
}

pub(super) const FACTS: &[Metric] = &[
    row("name", Unit::Word, |of| known(Some(&of.name))).json().csv(1),
    row("uri", Unit::Word, |of| known(Some(&of.uri))).json().csv(2),
    row("integration", Unit::Word, |of| known(Some(of.integration.to_string()))).csv(3),
    row("integration.name", Unit::Word, |of| known(Some(&of.integration.name))).json(),
    row("integration.version", Unit::Word, |of| known(of.integration.version.as_ref())).json(),
    row("pid", Unit::Number, |of| known(Some(of.pid))).neutral().json().csv(4),
    row("outcome", Unit::Word, |of| known(Some(of.outcome.id()))).json().csv(5),
    row("failure", Unit::Word, |of| known(failure(of))).json(),
    row("cold", Unit::Word, |of| known(Some(of.cold))).json().csv(6),
    row("noisy", Unit::Word, |of| known(of.noise.map(|_| of.is_noisy()))).csv(7),
    row("warmup_rounds", Unit::Number, |of| known(of.warmup_rounds)).neutral().json(),
];

pub(super) const MEASURED: &[Metric] = &[
    time("median_ns", |of| measured(of, of.stats.median_ns))
        .column(MEDIAN, 0)
        .csv(8)
        .measure("latency"),
    time("median_*_ns", median_interval)
        .column("95 % interval", 1)
        .json_as("median_interval_ns")
        .csv(9),
    time("mean_*_ns", |of| known(of.mean_interval)).json_as("mean_interval_ns").csv(11),
    row("no_interval", Unit::Word, |of| known(of.no_interval.map(|why| why.to_string())))
        .json()
        .csv(30),
    row("robust_source", Unit::Word, |of| known(of.robust.as_ref().map(|it| source(it.source))))
        .json_as("robust.source")
        .csv(27),
    row("robust.missing", Unit::Word, |of| known(of.robust.as_ref().map(|it| &it.missing))).json(),
    time("robust_median_ns", robust_median)
        .column(UNDISTURBED, 3)
        .json_as("robust.median_ns")
        .csv(28)
        .measure("undisturbed-latency"),
    time("robust_*_ns", |of| known(of.robust.as_ref().and_then(|it| it.interval)))
        .json_as("robust.interval_ns")
        .csv(31),
    row("robust.in_stats", Unit::Word, |of| known(of.robust.as_ref().map(|it| it.in_stats))).json(),
    time("min_ns", |of| measured(of, of.stats.min_ns)).column("Min", 4).csv(13),
    time("stdev_ns", deviation).column("Deviation", 2).csv(12),
    time("p99_ns", p99).column("P99", WIDE).json().csv(BEHIND_VERDICTS + 4),
    time("processor_ns", processor)
        .column("Processor", 5)
        .json_as("median_processor_ns")
        .csv(29)
        .measure("processor-time"),
    time("user_ns", |of| part(of, of.user_ns)).column("User", 5).json_as("median_user_ns").csv(21),
    time("system_ns", |of| part(of, of.system_ns))
        .column("System", 5)
        .json_as("median_system_ns")
        .csv(22),
    time("split_step_ns", |of| known(of.split_step_ns)).neutral().json(),
    time("mean_ns", mean).alone("Mean").csv(10),
    time("q1_ns", |of| measured(of, of.stats.q1_ns)).csv(14),
    time("q3_ns", |of| measured(of, of.stats.q3_ns)).csv(15),
    time("max_ns", |of| measured(of, of.stats.max_ns)).alone("Max").csv(16),
    row("iter_per_round", Unit::Number, iterations).neutral().alone("Iterations per round").csv(18),
    row("minor_faults", Unit::Number, faults)
        .alone("Page faults")
        .json_as("median_faults.minor")
        .csv(23),
    row("major_faults", Unit::Number, |of| known(of.faults.map(|it| it.major)))
        .json_as("median_faults.major")
        .csv(24),
    row("voluntary_switches", Unit::Number, switches)
        .alone("Context switches")
        .json_as("median_switches.voluntary")
        .csv(25),
    row("involuntary_switches", Unit::Number, |of| known(of.switches.map(|it| it.involuntary)))
        .json_as("median_switches.involuntary")
        .csv(26),
    time("shell_ns", |of| known(of.shell.map(|it| it.wall_ns)))
        .json_as("shell?.wall_ns")
        .csv(BEHIND_VERDICTS),
    time("shell.undisturbed_ns", |of| known(of.shell.map(|it| it.undisturbed_ns)))
        .json_as("shell?.undisturbed_ns"),
    time("shell.processor_ns", |of| known(of.shell.map(|it| it.processor_ns)))
        .json_as("shell?.processor_ns"),
    row("shell.rounds", Unit::Number, |of| known(of.shell.map(|it| it.rounds)))
        .neutral()
        .json_as("shell?.rounds"),
    row("without_shell", Unit::Word, |of| known(of.shell.map(|it| it.subtracted)))
        .json_as("shell?.subtracted")
        .csv(BEHIND_VERDICTS + 1),
    row("max_rss_bytes", Unit::Bytes, max_rss)
        .column("Max RSS", 5)
        .json_as("median_max_rss.bytes")
        .csv(BEHIND_VERDICTS + 2)
        .measure("peak-resident-memory"),
    row("max_rss_is_bound", Unit::Word, |of| known(of.max_rss.map(|it| it.is_bound)))
        .json_as("median_max_rss.at_most")
        .csv(BEHIND_VERDICTS + 3),
    row("rounds", Unit::Number, |of| said(of.stats.rounds, of.round_count().to_string()))
        .neutral()
        .column("Rounds", 3)
        .csv(17),
    row("iqr_outlier_rounds", Unit::Number, |of| {
        said(of.stats.iqr_outlier_rounds, of.stats.iqr_outlier_rounds.to_string())
    })
    .column("Outliers", 6)
    .csv(19),
    row("preempted_rounds", Unit::Number, preempted),
    row("stdev_outlier_rounds", Unit::Number, |of| known(Some(of.stats.stdev_outlier_rounds)))
        .csv(20),
];

/// Without a round the statistics are zeros that mean nothing.
fn measured(of: &BenchResult, value: f64) -> Option<Figure> {
    known((of.stats.rounds > 0).then_some(value))
}

fn failure(of: &BenchResult) -> Option<&String> {
    match &of.outcome {
        Outcome::Failed { reason } => Some(reason),
        Outcome::Complete | Outcome::Interrupted => None,
    }
}

/// The name of a source in exported files.
const fn source(source: RobustSource) -> &'static str {
    match source {
        RobustSource::KernelStamps => "kernel_stamps",
        RobustSource::ProcessorTime => "processor_time",
        RobustSource::WallClock => "wall_clock",
    }
}

/// One number is read faster than two ends: the larger of the two distances to the median.
fn median_interval(of: &BenchResult) -> Option<Figure> {
    let interval = of.median_interval?;
    let reach = interval.reach(of.stats.median_ns).map(|reach| format!("± {}", percent(reach)));
    let text = reach.unwrap_or_else(|| UNKNOWN.to_owned());
    let full = format!("{text}{}", ends(Some(interval)));
    Some(said(interval, text)?.at_length(full))
}

/// The median and how sure it is, where the kernel's stamps tell it and the other figures are of the wall clock.
fn robust_median(of: &BenchResult) -> Option<Figure> {
    let robust = of.robust.as_ref()?;
    if of.undisturbed().is_none() {
        return said(robust.median_ns, UNKNOWN);
    }
    let reach = robust.interval.and_then(|interval| interval.reach(robust.median_ns));
    let reach = reach.map(|reach| format!(" ± {}", percent(reach))).unwrap_or_default();
    let text = format!("{}{reach}", show_nanos(robust.median_ns));
    let full = format!("{text}{}", ends(robust.interval));
    Some(said(robust.median_ns, text)?.at_length(full))
}

fn deviation(of: &BenchResult) -> Option<Figure> {
    let stdev = measured(of, of.stats.stdev_ns)?;
    let is_known = of.stats.rounds >= 2 && of.stats.mean_ns > 0.0;
    let share = is_known.then(|| percent(of.stats.stdev_ns / of.stats.mean_ns));
    Some(stdev.said(share.unwrap_or_else(|| UNKNOWN.to_owned())))
}

fn mean(of: &BenchResult) -> Option<Figure> {
    let text = format!("{}{}", show_nanos(of.stats.mean_ns), ends(of.mean_interval));
    Some(measured(of, of.stats.mean_ns)?.said(text))
}

/// Of fewer rounds it would be next to the slowest one, whatever that was.
const ROUNDS_FOR_P99: usize = 100;

/// The 99th percentile of the single rounds, of the same times as the other figures.
fn p99(of: &BenchResult) -> Option<Figure> {
    let mut times = match (of.rounds.as_ref()?, &of.robust) {
        (RawRounds::Logged(rounds), Some(robust)) if robust.in_stats => {
            rounds.robust_ns(robust.source).into_iter().map(as_float).collect()
        }
        (rounds, _) => rounds.per_iteration_ns(),
    };
    times.sort_by(f64::total_cmp);
    known((times.len() >= ROUNDS_FOR_P99).then(|| quantile(&times, 0.99)))
}

/// The sum, shown only if its parts are not known: they say more.
fn processor(of: &BenchResult) -> Option<Figure> {
    let time = known(of.processor_ns)?;
    Some(if of.user_ns.is_some() { time.said(UNKNOWN) } else { time })
}

/// A part of the processor time, as far as the kernel tells it.
fn part(of: &BenchResult, nanos: Option<f64>) -> Option<Figure> {
    let nanos = nanos?;
    match of.split_step_ns.filter(|step| nanos < *step) {
        Some(step) => said(nanos, format!("< {}", show_nanos(step))),
        None => known(Some(nanos)),
    }
}

fn iterations(of: &BenchResult) -> Option<Figure> {
    let count = of.stats.iter_per_round;
    said(count, if count > 1 { grouped(count) } else { UNKNOWN.to_owned() })
}

fn faults(of: &BenchResult) -> Option<Figure> {
    let Faults { minor, major } = of.faults?;
    said(minor, format!("{minor:.0} minor, {major:.0} major (from disk)"))
}

fn switches(of: &BenchResult) -> Option<Figure> {
    let Switches { voluntary, involuntary } = of.switches?;
    said(voluntary, format!("{voluntary:.0} voluntary, {involuntary:.0} involuntary"))
}

/// Rounds from which other programs took the processor, where that is known of each.
fn preempted(of: &BenchResult) -> Option<Figure> {
    let times = of.rounds.as_ref()?.preempted_per_iteration_ns();
    let is_known = !times.is_empty() && times.iter().all(Option::is_some);
    known(of.noise.filter(|_| is_known).map(|noise| noise.preempted))
}

fn max_rss(of: &BenchResult) -> Option<Figure> {
    let MaxRss { bytes: size, is_bound } = of.max_rss?;
    let sign = if is_bound { "≤ " } else { "" };
    said(size, format!("{sign}{}", bytes(as_whole(size))))
}

/// Both ends of an interval, in brackets behind what lies between them.
fn ends(interval: Option<Interval>) -> String {
    let shown = |Interval { low, high }| format!(" ({} to {})", show_nanos(low), show_nanos(high));
    interval.map(shown).unwrap_or_default()
}
