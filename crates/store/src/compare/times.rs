//! One number for each run of a benchmark that was timed: which of its times is judged, and how far its rounds agree.
//!
//! Times that hold as little as possible of what other programs did come first: undisturbed ones where all runs have
//! them, else processor times of a command that works rather than waits, else the wall clock. All in logarithms, so that
//! differences are ratios.

use runner_shared::walltime::{NOISY_SHARE, median_half_width, quantile};

use super::{evidence::Level, pairing::Paired, seen::Seen};
use crate::{Better, Metric, MetricUnit, RecordedBenchmark, Rounds};

/// A kind of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Wall time without the time in which other programs had the processor.
    Undisturbed,
    /// Processor time of all threads and processes.
    Processor,
    /// Wall time.
    Wall,
    /// The number that leads, of a program that says nothing else: its key.
    Stated(String),
}

/// The numbers of all runs of both sides.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Levels {
    pub kind: Kind,
    pub unit: MetricUnit,
    pub better: Better,
    pub base: Vec<Level>,
    pub head: Vec<Level>,
}

/// Below this share of processor time, a round mostly waits.
const WORKS: f64 = 0.5;
/// Quantile of the rounds that others let alone, by their share of processor time.
const LET_ALONE: f64 = 0.95;
/// Fewer rounds have no quartiles.
const FEWEST_FOR_QUARTILES: usize = 10;
/// Fewer rounds say nothing about how they spread.
const FEWEST_FOR_SPREAD: usize = 3;
/// The 95 % interval of a normal distribution has to be so much wider to be one of 99 %.
const TO_99_PERCENT: f64 = 2.576 / 1.960;
/// Places of the quantiles in [`Level::logs`].
const QUANTILES: [f64; 3] = [0.05, 0.25, 0.5];

impl Kind {
    /// The key of the metric.
    pub(super) fn key(&self) -> &str {
        match self {
            Self::Undisturbed => "robust_median_ns",
            Self::Processor => "processor_ns",
            Self::Wall => "median_ns",
            Self::Stated(key) => key,
        }
    }

    /// Its name for people.
    pub(super) fn title(&self) -> &str {
        match self {
            Self::Undisturbed => "undisturbed time",
            Self::Processor => "processor time",
            Self::Wall => "wall time",
            Self::Stated(key) => key,
        }
    }

    fn rounds<'a>(&self, of: &'a Rounds) -> &'a [f64] {
        match self {
            Self::Undisturbed => &of.undisturbed_ns,
            Self::Processor => &of.processor_ns,
            Self::Wall => &of.wall_ns,
            Self::Stated(_) => &[],
        }
    }

    /// Returns the number of a run; `None` if it doesn't have this time, or one that is no time.
    fn level(&self, of: &RecordedBenchmark) -> Option<Level> {
        let rounds = of.rounds.as_ref().map_or(&[][..], |rounds| self.rounds(rounds));
        let mut rounds: Vec<f64> = rounds.iter().copied().filter(|time| is_time(*time)).collect();
        rounds.sort_by(f64::total_cmp);
        if !rounds.is_empty() {
            return Some(of_rounds(&rounds));
        }
        let is_summary = of.rounds.as_ref().is_none_or(|rounds| rounds.wall_ns.is_empty());
        match self {
            Self::Undisturbed => self.stated(of).filter(|level| is_summary && is_other(of, *level)),
            Self::Processor => self.stated(of).filter(|_| is_summary),
            Self::Wall | Self::Stated(_) => self.stated(of),
        }
    }

    /// The summary, where no rounds are kept.
    fn stated(&self, of: &RecordedBenchmark) -> Option<Level> {
        let metric = of.metrics.get(self.key()).filter(|metric| is_time(metric.value))?;
        let log = metric.value.ln();
        let width = match (metric.low, metric.high) {
            (Some(low), Some(high)) if is_time(low) && is_time(high) => (high / low).ln().abs(),
            _ => 0.0,
        };
        let quartiles = match self {
            Self::Wall => quartiles(of),
            Self::Undisturbed | Self::Processor | Self::Stated(_) => None,
        };
        Some(Level {
            value: metric.value,
            rounds: 0,
            logs: [log; 3],
            half_width: TO_99_PERCENT * width / 2.0,
            spread: quartiles,
        })
    }

    /// Returns true if a run shows that this time tells something.
    fn suits(&self, of: &Seen<'_>) -> bool {
        match self {
            Self::Processor => !waits(of.benchmark),
            Self::Undisturbed | Self::Wall | Self::Stated(_) => true,
        }
    }
}

/// Returns the numbers of all runs by the best time that all of them have; `None` if there is no such time.
pub(super) fn levels(of: &Paired<'_>) -> Option<Levels> {
    let headline = of.head.first().map(|seen| seen.benchmark.headline.clone())?;
    let kinds = [Kind::Undisturbed, Kind::Processor, Kind::Wall, Kind::Stated(headline)];
    kinds.into_iter().find_map(|kind| {
        let all = |side: &[Seen<'_>]| {
            side.iter().map(|seen| kind.level(seen.benchmark)).collect::<Option<Vec<Level>>>()
        };
        let (base, head) = (all(&of.base)?, all(&of.head)?);
        let suits = of.base.iter().chain(&of.head).all(|seen| kind.suits(seen));
        if !suits || base.is_empty() || head.is_empty() {
            return None;
        }
        let (unit, better) = match &kind {
            Kind::Stated(key) => {
                let metric = of.head.first().and_then(|seen| seen.benchmark.metrics.get(key))?;
                let Metric { unit, better, .. } = *metric;
                (unit, better)
            }
            Kind::Undisturbed | Kind::Processor | Kind::Wall => {
                (MetricUnit::Nanoseconds, Better::Lower)
            }
        };
        Some(Levels { kind, unit, better, base, head })
    })
}

/// The robust time of several processes is their processor time.
fn is_other(of: &RecordedBenchmark, level: Level) -> bool {
    let processor = of.metrics.get(Kind::Processor.key()).map(|metric| metric.value);
    processor.is_none_or(|processor| processor.total_cmp(&level.value).is_ne())
}

/// Returns true for what has a logarithm.
fn is_time(value: f64) -> bool {
    value.is_normal() && value > 0.0
}

fn of_rounds(ascending: &[f64]) -> Level {
    let at = |share| quantile(ascending, share);
    let ends = if ascending.len() >= FEWEST_FOR_QUARTILES {
        Some((at(0.25), at(0.75)))
    } else if ascending.len() >= FEWEST_FOR_SPREAD {
        ascending.first().copied().zip(ascending.last().copied())
    } else {
        None
    };
    Level {
        value: at(0.5),
        rounds: ascending.len(),
        logs: QUANTILES.map(|share| at(share).ln()),
        half_width: median_half_width(ascending).map_or(0.0, |half| TO_99_PERCENT * half),
        spread: ends.map(|(low, high)| (high / low).ln()),
    }
}

/// The distance between the quartiles that the summary states.
fn quartiles(of: &RecordedBenchmark) -> Option<f64> {
    let value = |key| of.metrics.get(key).map(|metric| metric.value).filter(|it| is_time(*it));
    Some((value("q3_ns")? / value("q1_ns")?).ln().abs())
}

/// Returns true if other programs took the processor from many of the rounds; where the kernel did not say for how long,
/// if it took it from most of them at all.
pub(super) fn is_busy(of: &RecordedBenchmark) -> bool {
    let value = |key| of.metrics.get(key).map(|metric| metric.value);
    match value("preempted_rounds").zip(value("rounds")) {
        Some((preempted, rounds)) => preempted > NOISY_SHARE * rounds,
        None => value("involuntary_switches").is_some_and(|switches| switches > 0.0),
    }
}

/// Returns true if most of the time is no processor time even in rounds that others let alone.
fn waits(of: &RecordedBenchmark) -> bool {
    let mut shares: Vec<f64> = match &of.rounds {
        Some(rounds) if !rounds.processor_ns.is_empty() => {
            let both = rounds.processor_ns.iter().zip(&rounds.wall_ns);
            let both = both.filter(|(works, wall)| is_time(**works) && is_time(**wall));
            both.map(|(works, wall)| works / wall).collect()
        }
        _ => {
            let value = |key| of.metrics.get(key).map(|metric| metric.value);
            let both = value("processor_ns").zip(value("median_ns"));
            let both = both.filter(|(works, wall)| is_time(*works) && is_time(*wall));
            both.map(|(works, wall)| works / wall).into_iter().collect()
        }
    };
    shares.sort_by(f64::total_cmp);
    shares.is_empty() || quantile(&shares, LET_ALONE) < WORKS
}
