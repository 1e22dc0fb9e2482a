//! Rebuilds the rounds of other integrations from the markers that they sent while measuring.
//!
//! A guess by time, so it is only believed if it fits the summary that the integration wrote.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::RangeInclusive,
};

use runner_shared::{
    artifact::ExecutionTimestamps,
    fifo::MarkerType,
    walltime::{BenchmarkStats, judge_noise, quantile},
};

use crate::{
    bootstrap::intervals,
    model::{BenchResult, RawRounds},
};

/// How far outside the range of the summary the median of rebuilt rounds may lie: markers enclose a
/// little more than what the integration timed itself.
const SLACK: f64 = 0.1;

/// A round as it was marked.
#[derive(Clone, Copy)]
struct Pair {
    start: u64,
    end: u64,
}

/// Time in which the profiler was on.
struct Window {
    start: u64,
    rounds: Vec<Pair>,
}

/// Adds raw rounds, intervals and a verdict on noise to benchmarks that have none.
pub(super) fn enrich(benchmarks: &mut [BenchResult], timestamps: &ExecutionTimestamps) {
    let windows = windows(&timestamps.markers);
    let mut by_uri: BTreeMap<&str, VecDeque<Vec<&Window>>> = BTreeMap::new();
    for (uri, owned) in owners(&timestamps.uri_by_ts, &windows) {
        by_uri.entry(uri).or_default().push_back(owned);
    }
    // Repeated benchmarks take their announcements in order. Announcements don't name the file of
    // their results: with one too many or one too few there is no telling which is which.
    by_uri.retain(|uri, owned| {
        benchmarks.iter().filter(|benchmark| benchmark.uri == *uri).count() == owned.len()
    });
    for benchmark in benchmarks {
        let owned = by_uri.get_mut(benchmark.uri.as_str()).and_then(VecDeque::pop_front);
        if benchmark.rounds.is_none()
            && let Some(rounds) = owned.and_then(|owned| rounds_of(&owned, &benchmark.stats))
        {
            add(benchmark, rounds);
        }
    }
}

fn add(benchmark: &mut BenchResult, rounds: RawRounds) {
    let of = intervals(&rounds.per_iteration_ns());
    benchmark.median_interval = of.map(|of| of.median);
    benchmark.mean_interval = of.map(|of| of.mean);
    benchmark.noise = Some(judge_noise(rounds.wall_ns(), &[]));
    benchmark.rounds = Some(rounds);
}

/// The rounds of the last window, or of all windows (one per round), whichever fits the summary.
///
/// pytest states the number of rounds that it planned and often stops before it has run them:
/// fewer rounds are believed as well, if their median is the one of the summary.
fn rounds_of(owned: &[&Window], stats: &BenchmarkStats) -> Option<RawRounds> {
    let last: Vec<Pair> = owned.last()?.rounds.clone();
    let all: Vec<Pair> = owned.iter().flat_map(|window| window.rounds.iter().copied()).collect();
    let whole = stats.min_ns..=stats.max_ns;
    let mut planned = [&last, &all].into_iter().filter(|pairs| as_count(pairs) == stats.rounds);
    if let Some(rounds) = planned.find_map(|pairs| fitting(pairs, &whole, stats)) {
        return Some(rounds);
    }
    let fewer = (2..stats.rounds).contains(&as_count(&last));
    fewer.then(|| fitting(&last, &(stats.median_ns..=stats.median_ns), stats)).flatten()
}

fn as_count(pairs: &[Pair]) -> u64 {
    u64::try_from(pairs.len()).unwrap_or(u64::MAX)
}

/// The rounds, if their median lies where it should.
fn fitting(
    pairs: &[Pair],
    median: &RangeInclusive<f64>,
    stats: &BenchmarkStats,
) -> Option<RawRounds> {
    if pairs.is_empty() {
        return None;
    }
    let rounds = RawRounds::Marked {
        start_ns: pairs.iter().map(|pair| pair.start).collect(),
        wall_ns: pairs.iter().map(|pair| pair.end.saturating_sub(pair.start)).collect(),
        iter_per_round: stats.iter_per_round.max(1),
    };
    let mut times = rounds.per_iteration_ns();
    times.sort_by(f64::total_cmp);
    let plausible = median.start() * (1.0 - SLACK)..=median.end() * (1.0 + SLACK);
    plausible.contains(&quantile(&times, 0.5)).then_some(rounds)
}

/// Windows in time order with the rounds inside them. Rounds outside of all windows (warm-up) and
/// halves of rounds are left out.
fn windows(markers: &[MarkerType]) -> Vec<Window> {
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
                    window.rounds.push(Pair { start, end });
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
