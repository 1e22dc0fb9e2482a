//! Rebuilds the rounds of other integrations from the markers that they sent while measuring.
//!
//! A guess by time, so it is only believed if it fits the summary that the integration wrote.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use runner_shared::{
    artifact::{ExecutionTimestamps, RobustSource, WatchedWindow},
    fifo::MarkerType,
    walltime::{BenchmarkStats, as_float, judge_times, quantile},
};

use super::{
    marked::{Pair, Recovered, recover},
    preempted::{Off, Watched, off},
};
use crate::{
    bootstrap::intervals,
    model::{BenchResult, NoInterval, RawRounds, Robust},
};

/// Marks of equal rounds lie so many nanoseconds apart, more or less: two reads of a clock.
const MARK_JITTER: f64 = 100.0;

/// Of fewer rounds the records of the kernel must not be whole.
const MOSTLY_KNOWN: f64 = 0.9;
/// Other threads that do more than this share of the work of the one that measures take part in the benchmark.
const COMPANY: f64 = 0.5;
/// A thread that waits for less than this share of its rounds, or beside which less than this is done, is on its own.
const ALONE: f64 = 0.02;

/// Time in which the profiler was on.
struct Window {
    start: u64,
    rounds: Vec<Pair>,
}

/// Adds raw rounds, intervals and a verdict on noise to benchmarks that have none, and undisturbed times if the threads
/// were watched that measured.
pub(super) fn enrich(
    benchmarks: &mut [BenchResult],
    timestamps: &ExecutionTimestamps,
    watched: &Watched,
) {
    let windows = windows(&timestamps.markers, watched);
    let mut by_uri: BTreeMap<&str, VecDeque<Vec<&Window>>> = BTreeMap::new();
    for (uri, owned) in owners(&timestamps.uri_by_ts, &windows) {
        by_uri.entry(uri).or_default().push_back(owned);
    }
    // Repeated benchmarks take their announcements in order. Announcements don't name the file of
    // their results: with one too many or one too few there is no telling which is which.
    let announced: BTreeSet<&str> = by_uri.keys().copied().collect();
    by_uri.retain(|uri, owned| {
        benchmarks.iter().filter(|benchmark| benchmark.uri == *uri).count() == owned.len()
    });
    for benchmark in benchmarks {
        if benchmark.rounds.is_some() || benchmark.stats.rounds < 2 {
            continue;
        }
        let Some(owned) = by_uri.get_mut(benchmark.uri.as_str()).and_then(VecDeque::pop_front)
        else {
            if announced.contains(benchmark.uri.as_str()) {
                benchmark.no_interval = Some(NoInterval::Ambiguous);
            }
            continue;
        };
        match rounds_of(&owned, &benchmark.stats) {
            Ok(rounds) => add(benchmark, rounds, watched),
            Err(why) => benchmark.no_interval = Some(why),
        }
    }
}

fn add(benchmark: &mut BenchResult, recovered: Recovered, watched: &Watched) {
    let Recovered { start_ns, wall_ns, iterations, off, is_finer } = recovered;
    let window = match (start_ns.first(), start_ns.last()) {
        (Some(first), Some(last)) => {
            watched.window(*first, *first).into_iter().chain(watched.window(*last, *last)).next()
        }
        _ => None,
    };
    // The integration leaves out what happens while it sets a mark: then the round holds less than was lost.
    let preempted = off
        .iter()
        .zip(&wall_ns)
        .map(|(off, wall)| off.map(|off| off.preempted).filter(|preempted| preempted < wall));
    let preempted_ns: Vec<Option<u64>> = preempted.collect();
    let rounds = RawRounds::Marked { start_ns, wall_ns, iterations, preempted_ns };
    let times = rounds.per_iteration_ns();
    if is_finer {
        refine(&mut benchmark.stats, &times);
    }
    let of = intervals(&times);
    benchmark.robust = window.map(|window| robust(benchmark, &rounds, &off, window));
    let least = MARK_JITTER / as_float(benchmark.stats.iter_per_round.max(1));
    // Rounds are kept in whole nanoseconds: the median is the same but for that.
    benchmark.median_interval = of.map(|of| of.median.with(benchmark.stats.median_ns));
    benchmark.mean_interval = of.map(|of| of.mean.with(benchmark.stats.mean_ns));
    benchmark.no_interval = NoInterval::of_rounds(times.len());
    benchmark.noise = Some(judge_times(&times, &rounds.preempted_per_iteration_ns(), least));
    benchmark.rounds = Some(rounds);
}

/// The undisturbed times of the rounds, or why there are none.
fn robust(
    benchmark: &BenchResult,
    rounds: &RawRounds,
    off: &[Option<Off>],
    window: &WatchedWindow,
) -> Robust {
    let times = rounds.undisturbed_ns();
    if let Some(missing) = doubt(rounds, &times, off, window) {
        return Robust {
            source: RobustSource::WallClock,
            missing,
            median_ns: benchmark.stats.median_ns,
            interval: benchmark.median_interval,
            in_stats: false,
        };
    }
    let mut ascending = times.clone();
    ascending.sort_by(f64::total_cmp);
    Robust {
        source: RobustSource::KernelStamps,
        missing: String::new(),
        median_ns: quantile(&ascending, 0.5),
        interval: intervals(&times).map(|of| of.median),
        in_stats: false,
    }
}

/// Returns the reason why the rounds can't be freed of what others did to them.
fn doubt(
    rounds: &RawRounds,
    known: &[f64],
    off: &[Option<Off>],
    window: &WatchedWindow,
) -> Option<String> {
    let WatchedWindow { missing, thread_ns, others_ns, forked, .. } = window;
    if !missing.is_empty() {
        return Some(missing.clone());
    }
    let (all, known) = (count(rounds.wall_ns().len()), count(known.len()));
    if known < MOSTLY_KNOWN * all || known < 1.0 {
        return Some("kernel records were lost".to_owned());
    }
    let (thread, others) = (as_float(*thread_ns), as_float(*others_ns));
    if others > COMPANY * thread {
        return Some("several threads or processes ran at the same time".to_owned());
    }
    let wall: u64 = rounds.wall_ns().iter().fold(0, |sum, wall| sum.saturating_add(*wall));
    let waited = off.iter().flatten().fold(0_u64, |sum, off| sum.saturating_add(off.waited));
    let waits = as_float(waited) > ALONE * as_float(wall);
    (waits && (*forked || others > ALONE * thread)).then(|| {
        "it waits for other threads or processes, which may themselves have been disturbed"
            .to_owned()
    })
}

fn count(length: usize) -> f64 {
    as_float(u64::try_from(length).unwrap_or(u64::MAX))
}

/// Gives the figures of a summary that was cut to whole nanoseconds their fractions back, so that they are those of
/// the rounds. None moves by more than a nanosecond.
fn refine(stats: &mut BenchmarkStats, times: &[f64]) {
    let mut ascending = times.to_vec();
    ascending.sort_by(f64::total_cmp);
    let (Some(min), Some(max)) = (ascending.first(), ascending.last()) else { return };
    let BenchmarkStats { mean_ns, stdev_ns, .. } = BenchmarkStats::of_times(times);
    let finer = |stated: f64, ours: f64| ours.clamp(stated, stated + 1.0);
    *stats = BenchmarkStats {
        min_ns: finer(stats.min_ns, *min),
        q1_ns: finer(stats.q1_ns, quantile(&ascending, 0.25)),
        median_ns: finer(stats.median_ns, quantile(&ascending, 0.5)),
        q3_ns: finer(stats.q3_ns, quantile(&ascending, 0.75)),
        max_ns: finer(stats.max_ns, *max),
        mean_ns: finer(stats.mean_ns, mean_ns),
        stdev_ns: stdev_ns.clamp((stats.stdev_ns - 1.0).max(0.0), stats.stdev_ns + 1.0),
        ..*stats
    };
}

/// The rounds of the last window, or of all windows (one per round), whichever fits the summary.
fn rounds_of(owned: &[&Window], stats: &BenchmarkStats) -> Result<Recovered, NoInterval> {
    let last: &[Pair] = owned.last().map_or(&[], |window| &window.rounds);
    let all: Vec<Pair> = owned.iter().flat_map(|window| window.rounds.iter().copied()).collect();
    let found = [last, &all].into_iter().find_map(|pairs| recover(pairs, stats));
    found.ok_or(match all.len() {
        0 => NoInterval::Unmarked,
        1 => NoInterval::OneMark,
        _ => NoInterval::Misfit,
    })
}

/// Windows in time order with the rounds inside them. Rounds outside of all windows (warm-up) and
/// halves of rounds are left out.
fn windows(markers: &[MarkerType], watched: &Watched) -> Vec<Window> {
    let mut markers = markers.to_vec();
    markers.sort_by_key(|marker| time_and_nesting(*marker));
    let mut windows: Vec<Window> = Vec::new();
    let mut is_open = false;
    let mut round = None;
    for marker in markers {
        match marker {
            MarkerType::SampleStart(start) => {
                windows.push(Window { start, rounds: Vec::new() });
                is_open = true;
                round = None;
            }
            MarkerType::SampleEnd(_) => is_open = false,
            MarkerType::RoundStart(start) => round = is_open.then_some(start),
            MarkerType::RoundEnd(end) => {
                let window = windows.last_mut().filter(|_| is_open);
                if let (Some(start), Some(window)) = (round.take(), window) {
                    let off = watched.window(start, end).and_then(|window| off(window, start, end));
                    window.rounds.push(Pair { start, end, off });
                }
            }
        }
    }
    windows
}

/// At the same nanosecond a window opens first and closes last; rounds keep their order.
fn time_and_nesting(marker: MarkerType) -> (u64, u8) {
    match marker {
        MarkerType::SampleStart(time) => (time, 0),
        MarkerType::RoundStart(time) | MarkerType::RoundEnd(time) => (time, 1),
        MarkerType::SampleEnd(time) => (time, 2),
    }
}

/// For each announcement in time order the windows that started since the one before it.
///
/// An announcement without a window of its own shares one with its predecessor: whose rounds
/// these are can't be told, so both own nothing.
fn owners<'a>(
    uri_by_ts: &'a [(u64, String)],
    windows: &'a [Window],
) -> Vec<(&'a str, Vec<&'a Window>)> {
    let mut announced: Vec<(u64, &str)> =
        uri_by_ts.iter().map(|(time, uri)| (*time, uri.as_str())).collect();
    announced.sort_by_key(|(time, _)| *time);
    let mut owners: Vec<(&str, Vec<&Window>)> = Vec::new();
    let mut windows = windows.iter().peekable();
    for (time, uri) in announced {
        let mut owned = Vec::new();
        while let Some(window) = windows.next_if(|window| window.start < time) {
            owned.push(window);
        }
        if owned.is_empty()
            && let Some((_, shared)) = owners.last_mut()
        {
            shared.clear();
        }
        owners.push((uri, owned));
    }
    owners
}
