//! Joins the log of `exec-harness` with its results: raw rounds, and the benchmarks that failed.

use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
};

use runner_shared::{
    artifact::{BenchmarkRounds, Counted, Outcome, RobustSource, RoundLog, Rounds, ShellStart},
    duration::show_nanos,
    harness::INTEGRATION,
    text::shown,
    walltime::{
        BenchmarkConfig, BenchmarkStats, Creator, WalltimeBenchmark, as_float, judge_noise,
        quantile, sorted,
    },
};

use super::{
    room::Room,
    walltime::{Source, plain},
};
use crate::{
    bootstrap::intervals_of,
    model::{BenchResult, Faults, Integration, MaxRss, NoInterval, RawRounds, Robust, Switches},
};

/// With fewer ticks the shares of the modes are off by more than eleven points in every third round (binomial).
const TICKS_FOR_A_SPLIT: f64 = 20.0;
/// `CONFIG_HZ=100`, for logs that don't hold it.
const SLOWEST_TICK_NS: u64 = 10_000_000;
/// Medians that are equal but for rounding in the JSON.
const SAME: f64 = 1e-9;

/// The log, or a warning: a newer layout, or columns that don't fit together.
pub(super) fn usable(log: RoundLog, path: &Path, warnings: &mut Vec<String>) -> Option<RoundLog> {
    let mut refuse = |reason: String| {
        warnings.push(format!("`{}` was left out: {reason}", shown(&path)));
        None
    };
    if log.version > RoundLog::VERSION {
        return refuse(format!("its version {} is newer than supported", log.version));
    }
    let is_odd = |of: &&BenchmarkRounds| {
        let is_long = |column: &Counted| column.values.len() == of.rounds.len();
        !is_even(&of.rounds) || !of.counters.iter().all(is_long)
    };
    match log.benchmarks.iter().find(is_odd) {
        Some(odd) => refuse(format!("the columns of `{}` have different lengths", odd.name)),
        None => Some(log),
    }
}

/// All columns are as long as the first.
fn is_even(rounds: &Rounds) -> bool {
    let Rounds {
        start_ns,
        wall_ns,
        user_ns,
        system_ns,
        minor_faults,
        major_faults,
        voluntary_switches,
        involuntary_switches,
        kernel_ns,
        preempted_ns,
        block,
        max_rss_bytes,
    } = rounds;
    let lengths = [
        start_ns.len(),
        user_ns.len(),
        system_ns.len(),
        minor_faults.len(),
        major_faults.len(),
        voluntary_switches.len(),
        involuntary_switches.len(),
        kernel_ns.len(),
        preempted_ns.len(),
        block.len(),
    ];
    // Older logs don't have it.
    let newer = [max_rss_bytes.len()].into_iter().filter(|length| *length > 0);
    lengths.into_iter().chain(newer).all(|length| length == wall_ns.len())
}

/// All benchmarks, file by file. Logs belong to the results of the same process; one without
/// results (everything failed) stands for itself, in the order of the process numbers.
pub(super) fn join(
    sources: Vec<Source>,
    logs: Vec<(u32, RoundLog)>,
    room: &mut Room,
) -> Vec<BenchResult> {
    let mut logs: BTreeMap<u32, RoundLog> = logs.into_iter().collect();
    let mut benchmarks = Vec::new();
    for source in sources {
        if let Some(log) = logs.remove(&source.creator.pid) {
            benchmarks.extend(join_one(source, log, room));
        } else {
            let Source { creator, benchmarks: unlogged, .. } = source;
            benchmarks.extend(unlogged.into_iter().map(|one| plain(&creator, one)));
        }
    }
    for (pid, log) in logs {
        let integration = Integration { name: INTEGRATION.to_owned(), version: None };
        benchmarks.extend(
            log.benchmarks
                .into_iter()
                .filter(|entry| room.takes(&entry.uri))
                .map(|entry| unfinished(integration.clone(), pid, log.tick_ns, entry)),
        );
    }
    benchmarks
}

/// The results of one process in the order of its log, then what the log doesn't know.
fn join_one(source: Source, log: RoundLog, room: &mut Room) -> Vec<BenchResult> {
    let Source { creator, benchmarks, .. } = source;
    let mut by_uri: BTreeMap<String, VecDeque<WalltimeBenchmark>> = BTreeMap::new();
    let mut uris = Vec::new();
    for benchmark in benchmarks {
        uris.push(benchmark.uri.clone());
        by_uri.entry(benchmark.uri.clone()).or_default().push_back(benchmark);
    }
    let mut take = |uri: &str| by_uri.get_mut(uri).and_then(VecDeque::pop_front);

    let mut joined = Vec::new();
    for entry in log.benchmarks {
        // The JSON holds finished benchmarks only, so an unfinished one never takes an entry of it.
        let finished = match entry.outcome {
            Outcome::Complete => take(&entry.uri),
            Outcome::Failed { .. } | Outcome::Interrupted => None,
        };
        joined.push(if let Some(benchmark) = finished {
            enriched(plain(&creator, benchmark), log.tick_ns, entry)
        } else if !room.takes(&entry.uri) {
            continue;
        } else {
            let Creator { name, version, pid } = &creator;
            let integration = Integration { name: name.clone(), version: Some(version.clone()) };
            unfinished(integration, *pid, log.tick_ns, entry)
        });
    }
    joined.extend(uris.iter().filter_map(|uri| take(uri)).map(|left| plain(&creator, left)));
    joined
}

/// A benchmark that is in the log only: its summary is that of the rounds that were kept.
fn unfinished(
    integration: Integration,
    pid: u32,
    tick_ns: Option<u64>,
    entry: BenchmarkRounds,
) -> BenchResult {
    let stats = BenchmarkStats::of_rounds(&entry.rounds.wall_ns, entry.warmup_rounds);
    let creator = Creator { name: integration.name.clone(), version: String::new(), pid };
    let benchmark = WalltimeBenchmark {
        name: entry.name.clone(),
        uri: entry.uri.clone(),
        config: BenchmarkConfig::default(),
        stats,
    };
    enriched(BenchResult { integration, ..plain(&creator, benchmark) }, tick_ns, entry)
}

fn enriched(benchmark: BenchResult, tick_ns: Option<u64>, entry: BenchmarkRounds) -> BenchResult {
    let BenchmarkRounds {
        name: _,
        uri: _,
        outcome,
        cold,
        robust_source,
        robust_missing,
        warmup_rounds,
        noise: _,
        mut notes,
        shell,
        least_rss_bytes,
        counters,
        rounds,
    } = entry;
    notes.splice(..0, shell.as_ref().map(about_shell));
    let of_wall = intervals_of(&rounds.wall_ns);
    let robust = robust(&benchmark.stats, robust_source, robust_missing, &rounds);
    // `--robust` puts the robust times into the JSON: the intervals are of the same times.
    let of_stats = match &robust {
        Some(robust) if robust.in_stats => intervals_of(&rounds.robust_ns(robust.source)),
        Some(_) | None => of_wall,
    };
    let stated = benchmark.stats.median_ns;
    let (of_stats, no_interval) = match of_stats {
        Some(of) if of.median.holds(stated) => (Some(of), None),
        Some(_) => (None, Some(NoInterval::Misfit)),
        None => (None, NoInterval::of_rounds(rounds.len())),
    };
    let processor = rounds.robust_ns(RobustSource::ProcessorTime);
    let median = |column: &[u64]| (!column.is_empty()).then(|| quantile(&sorted(column), 0.5));
    let pair = |one: &[u64], other: &[u64]| Some((median(one)?, median(other)?));
    let processor_ns = median(&processor);
    let is_split = processor_ns.is_some_and(|time| is_split(time, tick_ns));
    BenchResult {
        outcome,
        cold,
        warmup_rounds: Some(warmup_rounds),
        median_interval: of_stats.map(|of| of.median),
        mean_interval: of_stats.map(|of| of.mean),
        no_interval,
        robust,
        processor_ns,
        user_ns: median(&rounds.user_ns).filter(|_| is_split),
        system_ns: median(&rounds.system_ns).filter(|_| is_split),
        split_step_ns: tick_ns.filter(|tick| is_split && *tick > 0).map(as_float),
        faults: pair(&rounds.minor_faults, &rounds.major_faults)
            .map(|(minor, major)| Faults { minor, major }),
        switches: pair(&rounds.voluntary_switches, &rounds.involuntary_switches)
            .map(|(voluntary, involuntary)| Switches { voluntary, involuntary }),
        shell,
        max_rss: median(&rounds.max_rss_bytes)
            .map(|bytes| MaxRss { bytes, is_bound: bytes <= as_float(least_rss_bytes) }),
        counters,
        noise: (!rounds.is_empty()).then(|| judge_noise(&rounds.wall_ns, &rounds.preempted_ns)),
        notes,
        rounds: (!rounds.is_empty()).then_some(RawRounds::Logged(Box::new(rounds))),
        ..benchmark
    }
}

/// Describes the time that the shell takes of each round, and says if it is in the numbers.
fn about_shell(shell: &ShellStart) -> String {
    let takes = show_nanos(as_float(shell.wall_ns));
    if shell.subtracted {
        format!(
            "the start-up time of the shell is subtracted from each round: {takes} of wall time, measured with an \
                empty command"
        )
    } else {
        format!(
            "each round includes the start-up time of the shell, about {takes}; use `--subtract-shell` to subtract it"
        )
    }
}

/// Returns true if the kernel has sampled rounds with this much processor time often enough to tell the modes apart.
fn is_split(processor_ns: f64, tick_ns: Option<u64>) -> bool {
    let tick = as_float(tick_ns.unwrap_or(SLOWEST_TICK_NS));
    processor_ns >= tick * TICKS_FOR_A_SPLIT
}

fn robust(
    stats: &BenchmarkStats,
    source: RobustSource,
    missing: String,
    rounds: &Rounds,
) -> Option<Robust> {
    if rounds.is_empty() {
        return None;
    }
    let times = rounds.robust_ns(source);
    let median_ns = quantile(&sorted(&times), 0.5);
    let is_shown = |median: f64| (stats.median_ns - median).abs() <= SAME * median;
    let in_stats = is_shown(median_ns) && !is_shown(quantile(&sorted(&rounds.wall_ns), 0.5));
    let interval = intervals_of(&times).map(|of| of.median);
    Some(Robust { source, missing, median_ns, interval, in_stats })
}
