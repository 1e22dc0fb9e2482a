//! The history of a benchmark: where its level changed, what a new value may be, and how that looks. No I/O, no clock.
//!
//! Only values of runs whose fingerprints are equal are compared with each other; those of other machines are another
//! history of the same benchmark.

mod certain;
mod divisive;
mod export;
mod kept;
mod level;
mod listing;
mod ranks;
mod spark;
mod table;

use std::collections::BTreeMap;

use rayon::prelude::*;
use results::words::numbered;
use system::threads::start_pool;

use crate::{Better, MetricUnit, Mode, RecordId};
use certain::FEWEST;

pub use export::{csv, json};
pub use kept::of_kept;
pub use level::Expected;
pub use listing::listing;
pub use table::table;

/// A run that values come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its record.
    pub run: RecordId,
    /// Its start, milliseconds since 1970 in UTC.
    pub time_ms: u64,
    /// Full hash of the commit.
    pub commit: Option<String>,
    /// Branch of the commit.
    pub branch: Option<String>,
    /// Equal for runs whose values can be compared.
    pub fingerprint: String,
}

/// The runs of a history, oldest first, with the environments that they were measured in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    all: Vec<Origin>,
    /// Number of the environment of each run: 0 for that of the newest, then by how recently each was last seen.
    environments: Vec<u32>,
}

impl Origins {
    /// Numbers the environments of these runs, which are given oldest first.
    pub fn new(all: Vec<Origin>) -> Self {
        let mut known: BTreeMap<&str, u32> = BTreeMap::new();
        let mut environments: Vec<u32> = Vec::with_capacity(all.len());
        for origin in all.iter().rev() {
            let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
            environments.push(*known.entry(&origin.fingerprint).or_insert(next));
        }
        environments.reverse();
        Self { all, environments }
    }

    fn get(&self, point: &Point) -> Option<&Origin> {
        self.all.get(usize::try_from(point.origin).ok()?)
    }

    fn environment(&self, point: &Point) -> u32 {
        let place = usize::try_from(point.origin).ok();
        place.and_then(|place| self.environments.get(place)).copied().unwrap_or(u32::MAX)
    }
}

/// One value of a benchmark. There may be millions of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Place of its run in [`Origins`].
    pub origin: u32,
    /// The value.
    pub value: f64,
    /// Its 95 % interval.
    pub interval: Option<(f64, f64)>,
}

/// The values of one metric of one benchmark, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Name as shown.
    pub name: String,
    /// Identity within its mode.
    pub uri: String,
    /// 1 for the first measurement of its identity in a run, 2 for the next.
    pub occurrence: u32,
    /// Its mode.
    pub mode: Mode,
    /// Key of the metric.
    pub metric: String,
    /// Unit of the values.
    pub unit: MetricUnit,
    /// The values that are better.
    pub better: Better,
    /// The values.
    pub points: Vec<Point>,
}

impl Series {
    /// Returns its name, with its number if its identity was measured before in the same runs.
    pub(crate) fn shown_name(&self) -> String {
        numbered(&self.name, self.occurrence)
    }

    /// Takes away the values of runs that are not `wanted`.
    pub fn retain(&mut self, origins: &Origins, wanted: impl Fn(&Origin) -> bool) {
        self.points.retain(|point| origins.get(point).is_some_and(&wanted));
    }
}

/// A series with what it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct History<'a> {
    /// The runs that the values come from.
    pub origins: &'a Origins,
    /// The values.
    pub series: Series,
    /// The changes within environments, in the order of their points.
    pub changes: Vec<Change>,
    /// The next value that the environment of the newest one lets expect.
    pub expected: Option<Expected>,
}

/// A place where the level of a benchmark changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// Place of the first point of the new level in [`Series::points`].
    pub at: usize,
    /// Median of the level before.
    pub before: f64,
    /// Median of the level that begins here.
    pub after: f64,
    /// The p-value of a rank-sum test, multiplied by the number of values. The place and its levels are those of which most
    /// is seen, so that a history without a change shows such a difference two to six times as often.
    pub p: f64,
}

impl Change {
    /// Returns the new level divided by the one before; `None` if that was zero.
    pub fn ratio(&self) -> Option<f64> {
        (self.before > 0.0).then(|| self.after / self.before)
    }

    /// Returns true if values such as these became worse.
    pub fn is_worse(&self, better: Better) -> bool {
        match better {
            Better::Lower => self.after > self.before,
            Better::Higher => self.after < self.before,
            Better::Neither => false,
        }
    }
}

impl<'a> History<'a> {
    /// Looks for changes in all series, on several cores.
    pub fn of_all(series: Vec<Series>, origins: &'a Origins) -> Vec<Self> {
        start_pool();
        series.into_par_iter().map(|series| History::of(series, origins)).collect()
    }

    /// Looks for changes. Takes time in proportion to the number of points, times the 50 of a window.
    pub fn of(series: Series, origins: &'a Origins) -> Self {
        let newest = series.points.last().map(|point| origins.environment(point));
        let mut known: BTreeMap<u32, (Vec<usize>, Vec<f64>)> = BTreeMap::new();
        for (place, point) in series.points.iter().enumerate() {
            let (places, values) = known.entry(origins.environment(point)).or_default();
            places.push(place);
            values.push(point.value);
        }
        let minimum = smallest_change(series.mode, &series.metric);
        let mut changes = Vec::new();
        let mut expected = None;
        for (environment, (places, values)) in known {
            let starts = certain::change_points(&values, minimum);
            changes.extend(
                level::changes(&values, &starts)
                    .into_iter()
                    .filter_map(|change| Some(Change { at: *places.get(change.at)?, ..change })),
            );
            if newest == Some(environment) {
                let start = starts.last().map_or(0, |(start, _)| *start);
                expected = values.get(start..).and_then(level::expected);
            }
        }
        changes.sort_by_key(|change| change.at);
        Self { origins, series, changes, expected }
    }

    /// Returns the newest value.
    pub fn last(&self) -> Option<&Point> {
        self.series.points.last()
    }

    /// Returns the last change in the environment of the newest value.
    pub fn last_change(&self) -> Option<&Change> {
        let current = self.last().map(|point| self.origins.environment(point));
        let is_current = |change: &&Change| {
            let point = self.series.points.get(change.at);
            point.map(|point| self.origins.environment(point)) == current
        };
        self.changes.iter().rev().find(is_current)
    }

    /// Returns the values of the environment of the newest one.
    fn current(&self) -> Vec<f64> {
        let current = self.last().map(|point| self.origins.environment(point));
        let is_current = |point: &&Point| Some(self.origins.environment(point)) == current;
        self.series.points.iter().filter(is_current).map(|point| point.value).collect()
    }

    /// Returns true if the values are of more than one environment.
    fn is_scattered(&self) -> bool {
        let current = self.last().map(|point| self.origins.environment(point));
        let mut points = self.series.points.iter();
        points.any(|point| Some(self.origins.environment(point)) != current)
    }

    fn origin(&self, place: usize) -> Option<&'a Origin> {
        self.origins.get(self.series.points.get(place)?)
    }
}

/// Returns the smallest change of a level that matters, as a share: half of the smallest difference between two runs
/// that is a regression by itself (3 % of a time, 2 % of instructions, 5 % of a peak, 1 % of allocations), as a level rests
/// on several runs.
fn smallest_change(mode: Mode, metric: &str) -> f64 {
    match (mode, metric) {
        (Mode::Walltime, _) => 0.015,
        (Mode::Simulation, _) => 0.01,
        (Mode::Memory, "peak_bytes") => 0.025,
        (Mode::Memory, _) => 0.005,
    }
}

#[cfg(test)]
mod tests;
