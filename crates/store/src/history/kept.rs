//! Histories of what the store has.

use super::{Origin, Origins, Point, Series};
use crate::{Entry, History as Kept, Series as KeptSeries};

/// Returns the values that the store has found, with the runs that they come from. Values of another metric than the
/// newest one are left out: they can't be compared with it.
pub fn of_kept(kept: Kept) -> (Origins, Vec<Series>) {
    let Kept { runs, series, metrics } = kept;
    let count = u32::try_from(runs.len()).unwrap_or(u32::MAX);
    let oldest_first = |series: KeptSeries| {
        let KeptSeries { benchmark, points } = series;
        let newest = *points.first()?;
        let same = points.iter().rev().filter(|point| point.metric == newest.metric);
        let points = same.map(|point| Point {
            // The store has the newest one first.
            origin: count.saturating_sub(1).saturating_sub(point.run),
            value: point.value,
            interval: point.interval(),
        });
        Some(Series {
            name: benchmark.name,
            uri: benchmark.uri,
            occurrence: benchmark.occurrence,
            mode: benchmark.mode,
            metric: metrics.get(usize::from(newest.metric)).cloned()?,
            unit: newest.unit,
            better: newest.better,
            points: points.collect(),
        })
    };
    let series = series.into_iter().filter_map(oldest_first).collect();
    (Origins::new(runs.into_iter().rev().map(origin).collect()), series)
}

fn origin(entry: Entry) -> Origin {
    let Entry { id, time_ms, commit, environment, .. } = entry;
    let (commit, branch) = match commit {
        Some(commit) => (Some(commit.hash), commit.branch),
        None => (None, None),
    };
    Origin { run: id, time_ms, commit, branch, fingerprint: environment }
}
