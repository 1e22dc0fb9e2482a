//! A benchmark while it is read: takes numbers as they come, keeps those that can be, and knows the statistics of rounds.

use std::collections::BTreeMap;

use results::Interval;
use runner_shared::{
    bounds::NAME_BYTES,
    text::{count, within},
    walltime::{BenchmarkStats, as_float},
};

use crate::record::{Better, Metric, MetricUnit, Outcome, RecordedBenchmark, Rounds};

/// Fewer rounds have no 95 % interval: even that from the least to the greatest of five holds the median too seldom.
const FEWEST_FOR_INTERVAL: usize = 6;
/// Metrics of a benchmark. No tool has so many.
const MOST_METRICS: usize = 100;
/// Metrics that lead, the best first.
const LEADING: &[&str] = &["median_ns", "mean_ns", "min_ns", "max_ns"];

/// A benchmark.
#[derive(Debug, Default)]
pub(super) struct Draft {
    name: String,
    uri: String,
    outcome: Outcome,
    metrics: BTreeMap<String, Metric>,
    headline: Option<String>,
    /// Times of rounds in nanoseconds; processor times are as many or none.
    wall_ns: Vec<f64>,
    processor_ns: Vec<f64>,
    notes: Vec<String>,
}

/// The summary of a tool that keeps no rounds, in nanoseconds.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Summary {
    pub median: Option<f64>,
    pub mean: Option<f64>,
    pub stdev: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub rounds: Option<f64>,
}

impl Draft {
    /// A benchmark of a tool. Its identity is its name within the tool, which may say more than the one that is shown.
    pub(super) fn new(tool: &str, name: &str, identity: &str) -> Self {
        Self { name: short(name), uri: short(&format!("{tool}::{identity}")), ..Self::default() }
    }

    /// The benchmark failed.
    pub(super) fn fail(&mut self, why: &str) {
        self.outcome = Outcome::Failed(short(why));
    }

    pub(super) fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    /// Makes this metric the one that leads.
    pub(super) fn lead(&mut self, key: &str) {
        self.headline = Some(key.to_owned());
    }

    /// A number. One that is none is left out, as is a time or a size below nothing.
    pub(super) fn put(&mut self, key: &str, value: Option<f64>, unit: MetricUnit, better: Better) {
        self.put_within(key, value, None, unit, better);
    }

    /// A number whose name others have chosen: one that is there already stays.
    pub(super) fn put_other(
        &mut self,
        key: &str,
        value: Option<f64>,
        unit: MetricUnit,
        better: Better,
    ) {
        if !self.metrics.contains_key(key) {
            self.put(key, value, unit, better);
        }
    }

    /// A number with its 95 % interval.
    pub(super) fn put_within(
        &mut self,
        key: &str,
        value: Option<f64>,
        interval: Option<Interval>,
        unit: MetricUnit,
        better: Better,
    ) {
        let Some(value) = value.filter(|value| is_possible(*value, unit)) else { return };
        if self.metrics.len() >= MOST_METRICS || key.is_empty() {
            return;
        }
        let interval = interval.filter(|it| it.low <= value && value <= it.high);
        let interval = interval.filter(|it| it.low.is_finite() && it.high.is_finite());
        let metric = Metric {
            value,
            low: interval.map(|it| it.low),
            high: interval.map(|it| it.high),
            unit,
            better,
        };
        self.metrics.insert(key.to_owned(), metric);
    }

    /// A time in nanoseconds.
    pub(super) fn time(&mut self, key: &str, value: Option<f64>) {
        self.put(key, value, MetricUnit::Nanoseconds, Better::Lower);
    }

    /// The times of its rounds in nanoseconds per iteration, and as many processor times or none.
    pub(super) fn rounds(&mut self, wall_ns: Vec<f64>, processor_ns: Vec<f64>) {
        let all = wall_ns.len();
        let processor = if processor_ns.len() == all { processor_ns } else { vec![0.0; all] };
        let has_processor = processor.iter().any(|time| *time > 0.0);
        let times = wall_ns.into_iter().zip(processor);
        let is_time = |(wall, processor): &(f64, f64)| {
            is_possible(*wall, MetricUnit::Nanoseconds)
                && is_possible(*processor, MetricUnit::Nanoseconds)
        };
        (self.wall_ns, self.processor_ns) = times.filter(is_time).unzip();
        let lost = all - self.wall_ns.len();
        if lost > 0 {
            let lost = count(u64::try_from(lost).unwrap_or(u64::MAX), "value");
            self.note(format!("{lost} left out: no times"));
        }
        if !has_processor {
            self.processor_ns.clear();
        }
        self.summarize(Summary::of(&self.wall_ns), interval_of_median(&self.wall_ns));
        let processor = Summary::of(&self.processor_ns);
        self.time("processor_ns", processor.median);
    }

    /// The times of its rounds, of which its statistics are not: those of a tool that measures rates.
    pub(super) fn rounds_alone(&mut self, wall_ns: Vec<f64>) {
        let is_time = |time: &f64| is_possible(*time, MetricUnit::Nanoseconds);
        self.wall_ns = wall_ns.into_iter().filter(is_time).collect();
    }

    /// The statistics of a tool, where there are none of rounds.
    pub(super) fn summarize(&mut self, of: Summary, interval: Option<Interval>) {
        let Summary { median, mean, stdev, min, max, rounds } = of;
        let (unit, better) = (MetricUnit::Nanoseconds, Better::Lower);
        self.put_within("median_ns", median, interval, unit, better);
        for (key, value) in
            [("mean_ns", mean), ("stdev_ns", stdev), ("min_ns", min), ("max_ns", max)]
        {
            self.time(key, value);
        }
        self.put("rounds", rounds, MetricUnit::Number, Better::Neither);
    }

    /// Returns how many rounds it has.
    pub(super) const fn round_count(&self) -> usize {
        self.wall_ns.len()
    }

    /// Returns the benchmark with at most so many rounds.
    pub(super) fn finish(self, most_rounds: usize) -> RecordedBenchmark {
        let Self { name, uri, mut outcome, metrics, headline, wall_ns, processor_ns, notes } = self;
        let is_there = |key: &&str| metrics.contains_key(*key);
        let leads = headline.filter(|key| metrics.contains_key(key));
        let leads = leads.or_else(|| LEADING.iter().copied().find(is_there).map(str::to_owned));
        let headline = leads.or_else(|| metrics.keys().next().cloned()).unwrap_or_default();
        if metrics.is_empty() && outcome == Outcome::Complete {
            outcome = Outcome::Failed("the file has no number of it".to_owned());
        }
        let mut rounds = Rounds { wall_ns, processor_ns, ..Rounds::default() };
        rounds.thin_out(most_rounds.max(1));
        RecordedBenchmark {
            name,
            uri,
            occurrence: 1,
            outcome,
            metrics,
            headline,
            rounds: (!rounds.wall_ns.is_empty()).then_some(rounds),
            notes,
            ..RecordedBenchmark::default()
        }
    }
}

impl Summary {
    /// The statistics of times in any order; none of no time.
    pub(super) fn of(times: &[f64]) -> Self {
        let BenchmarkStats { median_ns, mean_ns, stdev_ns, min_ns, max_ns, rounds, .. } =
            BenchmarkStats::of_times(times);
        if rounds == 0 {
            return Self::default();
        }
        Self {
            median: Some(median_ns),
            mean: Some(mean_ns),
            // Of a single one there is none.
            stdev: (rounds > 1).then_some(stdev_ns),
            min: Some(min_ns),
            max: Some(max_ns),
            rounds: Some(as_float(rounds)),
        }
    }
}

/// The 95 % interval of the median by order statistics: no distribution is assumed, and nothing is drawn.
fn interval_of_median(times: &[f64]) -> Option<Interval> {
    if times.len() < FEWEST_FOR_INTERVAL {
        return None;
    }
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    // The number of values below the median is binomial: from the outside in, as long as 2.5 % on each side hold.
    let n = i32::try_from(sorted.len()).ok()?;
    let (mut chance, mut below, mut rank) = (0.5_f64.powi(n), 0.0, 0_usize);
    if chance > 0.0 {
        let mut successes = 0;
        while below + chance <= 0.025 {
            below += chance;
            successes += 1;
            rank += 1;
            chance *= f64::from(n - successes + 1) / f64::from(successes);
        }
    } else {
        // Of more than a thousand values the normal distribution is as good.
        let reach = 0.5 * 1.96 * f64::from(n).sqrt();
        let place = runner_shared::walltime::as_whole((f64::from(n) / 2.0 - reach).max(0.0));
        rank = usize::try_from(place).ok()?;
    }
    let place = rank.checked_sub(1)?;
    let low = *sorted.get(place)?;
    let high = *sorted.get(sorted.len().checked_sub(rank)?)?;
    Some(Interval { low, high })
}

/// Returns true if a value of this unit can be that.
fn is_possible(value: f64, unit: MetricUnit) -> bool {
    let may_be_negative = match unit {
        MetricUnit::Nanoseconds | MetricUnit::Bytes | MetricUnit::Cycles => false,
        MetricUnit::Number | MetricUnit::Share | MetricUnit::PerSecond => true,
    };
    value.is_finite() && (may_be_negative || value >= 0.0)
}

/// A text of at most [`NAME_BYTES`], or what is left of it and tells it apart.
pub(super) fn short(text: &str) -> String {
    within(text, NAME_BYTES)
}

/// A key of a metric: lower case letters, digits and underscores.
pub(super) fn key(text: &str) -> String {
    let letter = |letter: char| {
        if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' }
    };
    let key: String = text.chars().take(64).map(letter).collect();
    key.trim_matches('_').to_owned()
}
