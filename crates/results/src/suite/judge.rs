//! From readings to verdicts. Times: one observation per pair, `runner_shared::verdict::judge`, false discoveries of the
//! suite held at 5 % (Benjamini and Hochberg, "Controlling the false discovery rate", JRSS B 57, 1995), and a second
//! stage for what was found; where typical times are too far apart from run to run, `judge_shortest`. Counts: the
//! spread of repeats is the floor.

use std::collections::BTreeSet;

use runner_shared::{
    conditions::Conditions,
    mode::Mode,
    verdict::{
        ALPHA, CountJudgement, CountLimits, DEFAULT_THRESHOLD, JudgedTime, Judgement,
        MINIMUM_PAIRS, Verdict, judge, judge_counts, judge_shortest,
    },
    walltime::{as_float, quantile, sorted},
};

use super::{
    CounterFinding, Doubt, Evidence, Found, Shift, Stage, Suite, SuiteBenchmark, SuiteComparison,
    SuiteSide, SuiteVerdict, Unit, Value,
    matching::{Matched, matched},
};
use crate::{bootstrap, counts::counters_of, model::Interval};

/// Share of false findings among all that are found in a suite.
pub(super) const FALSE_DISCOVERIES: f64 = 0.05;
/// More benchmarks than this share that move the same way have a cause in common.
const SHIFT: f64 = 0.3;
/// Of fewer benchmarks, a share says nothing.
const FEWEST_FOR_SHIFT: usize = 5;

impl Suite {
    /// Judges the runs so far.
    pub fn judge(&self) -> SuiteComparison {
        let (both, one_sided) = matched(&self.runs);
        let mut benchmarks = match self.mode {
            Mode::Walltime => self.judge_times(&both),
            Mode::Simulation | Mode::Memory => self.judge_counts(&both),
        };
        let mean = mean_of(&benchmarks);
        let shift = shift(&benchmarks);
        benchmarks.sort_by(|one, other| rank(&one.found).total_cmp(&rank(&other.found)));
        SuiteComparison {
            mode: self.mode,
            seed: self.seed,
            threshold: self.first_threshold(),
            pairs: [Stage::First, Stage::Again].map(|stage| self.pairs(stage)),
            benchmarks,
            one_sided,
            mean,
            shift,
            by_turns: false,
            conditions: Conditions::default(),
        }
    }

    /// Pairs of a stage in which both sides were run.
    fn pairs(&self, stage: Stage) -> u64 {
        let of = |side| {
            let runs = self.runs.iter().filter(move |run| run.stage == stage && run.side == side);
            runs.map(|run| run.pair).collect::<BTreeSet<u32>>()
        };
        let both = of(SuiteSide::Base).intersection(&of(SuiteSide::Head)).count();
        u64::try_from(both).unwrap_or(u64::MAX)
    }

    fn first_threshold(&self) -> f64 {
        let of_counter = counters_of(self.mode).first().map(|counter| counter.threshold);
        let usual = of_counter.unwrap_or(DEFAULT_THRESHOLD.value());
        self.threshold.unwrap_or(usual.min(self.at_most.unwrap_or(f64::INFINITY)))
    }

    fn judge_times(&self, both: &[Matched<'_>]) -> Vec<SuiteBenchmark> {
        let judged: Vec<Timed<'_>> = both.iter().map(|one| self.timed(one)).collect();
        let stand_out = discoveries(&judged.iter().map(|one| one.first.found).collect::<Vec<_>>());
        let found = judged.into_iter().zip(stand_out);
        found.map(|(one, stands_out)| one.concluded(stands_out)).collect()
    }

    fn timed<'a>(&self, one: &'a Matched<'a>) -> Timed<'a> {
        let typical = self.timed_by(one, judged_time(one));
        if !matches!(typical.first.found.verdict, Verdict::Inconclusive { .. }) {
            return typical;
        }
        let shortest = self.timed_by(one, JudgedTime::Shortest);
        if tells_more(&shortest.first.found, &typical.first.found) { shortest } else { typical }
    }

    fn timed_by<'a>(&self, one: &'a Matched<'a>, time: JudgedTime) -> Timed<'a> {
        let threshold = self.first_threshold();
        let stage = |stage| {
            let [(base, base_pairs), (head, head_pairs)] =
                SuiteSide::BOTH.map(|side| times(one.of(stage, side), time));
            let judge = if time == JudgedTime::Shortest { judge_shortest } else { judge };
            let found = judge((&base, &base_pairs), (&head, &head_pairs), threshold, ALPHA);
            let mut pairs = in_common(&base_pairs, &head_pairs);
            // The pair that warms up is in no ratio, and in no typical time either.
            if u64::try_from(pairs.len()).is_ok_and(|all| all > found.pairs) {
                pairs.pop_first();
            }
            let share = if time == JudgedTime::Shortest { 0.25 } else { 0.5 };
            let typical = [(base, base_pairs), (head, head_pairs)].map(|(times, of)| {
                let kept = times.iter().zip(&of).filter(|(_, pair)| pairs.contains(pair));
                let kept: Vec<u64> = kept.map(|(time, _)| *time).collect();
                if kept.is_empty() { 0.0 } else { quantile(&sorted(&kept), share) }
            });
            Staged { found, typical }
        };
        let (first, again) = (stage(Stage::First), stage(Stage::Again));
        let again = (again.found.pairs > 0).then_some(again);
        Timed { of: one, time, first, again }
    }

    fn judge_counts(&self, both: &[Matched<'_>]) -> Vec<SuiteBenchmark> {
        both.iter().filter_map(|one| self.counted(one)).collect()
    }

    fn counted(&self, one: &Matched<'_>) -> Option<SuiteBenchmark> {
        let findings = counters_of(self.mode).iter().enumerate();
        let findings: Vec<CounterFinding> = findings
            .filter_map(|(index, counter)| {
                let limits = counter.limits(self.threshold, self.at_most);
                let first = counts(one, Stage::First, index, limits)?;
                let again = counts(one, Stage::Again, index, limits);
                Some(CounterFinding { counter, first, again })
            })
            .collect();
        let deciding = || findings.iter().filter(|finding| finding.counter.decides);
        // What got better does not make up for what got worse, nor for what may have.
        let (main, verdict) = deciding()
            .map(|finding| (*finding, finding.verdict()))
            .min_by_key(|(_, verdict)| severity(*verdict))?;
        let latest = main.latest();
        let found = Found {
            verdict,
            base: latest.base,
            head: latest.head,
            unit: Unit::Counted(main.counter.unit),
            ratio: latest.ratio,
            interval: None,
            evidence: Evidence::Counts(findings),
        };
        Some(SuiteBenchmark { name: one.name.to_owned(), uri: one.uri.to_owned(), found })
    }
}

/// A benchmark with its times judged, before others are looked at.
struct Timed<'a> {
    of: &'a Matched<'a>,
    time: JudgedTime,
    first: Staged,
    again: Option<Staged>,
}

/// The numbers of one stage.
#[derive(Clone, Copy)]
struct Staged {
    found: Judgement,
    /// The time that stands for the runs of base, and of head.
    typical: [f64; 2],
}

impl Timed<'_> {
    fn concluded(self, stands_out: bool) -> SuiteBenchmark {
        let Self { of, time, first, again } = self;
        let verdict = match (first.found.verdict, again.map(|again| again.found.verdict)) {
            (Verdict::Equivalent, _) => SuiteVerdict::Unchanged,
            (Verdict::Insufficient, _) => SuiteVerdict::Inconclusive(Doubt::Few),
            (Verdict::Inconclusive { resolves, pairs_needed }, _) => {
                SuiteVerdict::Inconclusive(Doubt::Wide { resolves, pairs_needed })
            }
            (Verdict::Regressed | Verdict::Improved, _) if !stands_out => {
                SuiteVerdict::Inconclusive(Doubt::Chance)
            }
            (Verdict::Regressed, Some(Verdict::Regressed)) => SuiteVerdict::Regressed,
            (Verdict::Improved, Some(Verdict::Improved)) => SuiteVerdict::Improved,
            (Verdict::Regressed | Verdict::Improved, None | Some(Verdict::Insufficient)) => {
                SuiteVerdict::Inconclusive(Doubt::Unconfirmed)
            }
            (Verdict::Regressed | Verdict::Improved, Some(_)) => {
                SuiteVerdict::Inconclusive(Doubt::Contradicted)
            }
        };
        let Staged { found: shown, typical: [base, head] } = match verdict.stage_shown() {
            Stage::First => first,
            Stage::Again => again.unwrap_or(first),
        };
        let (first, again) = (first.found, again.map(|again| again.found));
        let found = Found {
            verdict,
            base,
            head,
            unit: Unit::Time,
            ratio: shown.ratio,
            interval: shown.interval,
            evidence: Evidence::Times { time, first, stands_out, again },
        };
        SuiteBenchmark { name: of.name.to_owned(), uri: of.uri.to_owned(), found }
    }
}

/// The undisturbed time, where enough pairs have it on both sides: the others are left out then.
fn judged_time(one: &Matched<'_>) -> JudgedTime {
    let pairs = |stage, wanted| {
        let [base, head] = SuiteSide::BOTH.map(|side| times(one.of(stage, side), wanted).1);
        in_common(&base, &head).len()
    };
    let suffices = |stage| {
        let known = pairs(stage, JudgedTime::Undisturbed);
        known == pairs(stage, JudgedTime::Wall)
            || u64::try_from(known).is_ok_and(|known| known > MINIMUM_PAIRS)
    };
    let is_known = pairs(Stage::First, JudgedTime::Undisturbed) > 0;
    if is_known && suffices(Stage::First) && suffices(Stage::Again) {
        JudgedTime::Undisturbed
    } else {
        JudgedTime::Wall
    }
}

/// Returns whether the shortest rounds resolve a smaller difference, and don't contradict what the typical ones say.
fn tells_more(shortest: &Judgement, typical: &Judgement) -> bool {
    let width = |interval: Interval| interval.high.ln() - interval.low.ln();
    shortest.interval.zip(typical.interval).is_some_and(|(shortest, typical)| {
        width(shortest) < width(typical) && !shortest.is_apart_from(typical)
    })
}

/// Pairs of both sides.
fn in_common(base: &[u32], head: &[u32]) -> BTreeSet<u32> {
    let base: BTreeSet<u32> = base.iter().copied().collect();
    head.iter().copied().filter(|pair| base.contains(pair)).collect()
}

/// The times of a side with their pairs.
pub(super) fn times(series: &[(u32, &Value)], wanted: JudgedTime) -> (Vec<u64>, Vec<u32>) {
    let time = |(pair, value): &(u32, &Value)| match (value, wanted) {
        (Value::Time { undisturbed, .. }, JudgedTime::Undisturbed) => {
            Some((undisturbed.as_ref().copied()?, *pair))
        }
        (Value::Time { wall, .. }, JudgedTime::Wall | JudgedTime::Processor) => {
            Some((*wall, *pair))
        }
        (Value::Time { shortest, .. }, JudgedTime::Shortest) => Some((*shortest, *pair)),
        (Value::Counts(_), _) => None,
    };
    series.iter().filter_map(time).unzip()
}

/// `None` where a side has never counted it.
fn counts(
    one: &Matched<'_>,
    stage: Stage,
    index: usize,
    limits: CountLimits,
) -> Option<CountJudgement> {
    let of = |side| {
        let count = |(_, value): &(u32, &Value)| match value {
            Value::Counts(counts) => counts.get(index).copied().flatten(),
            Value::Time { .. } => None,
        };
        one.of(stage, side).iter().filter_map(count).collect::<Vec<u64>>()
    };
    let (base, head) = (of(SuiteSide::Base), of(SuiteSide::Head));
    (!base.is_empty() && !head.is_empty()).then(|| judge_counts(&base, &head, limits))
}

/// Returns for each of these if it remains a finding among all of them. Those with too few pairs are none.
fn discoveries(judged: &[Judgement]) -> Vec<bool> {
    let mut ps: Vec<f64> = judged.iter().filter(|one| is_tested(one)).map(|one| one.p).collect();
    ps.sort_by(f64::total_cmp);
    let all = as_float(u64::try_from(ps.len()).unwrap_or(u64::MAX));
    let ranked = (1_u32..).zip(&ps);
    let limit = ranked
        .filter(|(rank, p)| **p <= FALSE_DISCOVERIES * f64::from(*rank) / all)
        .map(|(_, p)| *p)
        .last();
    let stands_out = |one: &Judgement| is_tested(one) && limit.is_some_and(|limit| one.p <= limit);
    judged.iter().map(stands_out).collect()
}

const fn is_tested(one: &Judgement) -> bool {
    one.pairs >= MINIMUM_PAIRS
}

/// The order in which verdicts about several counters matter; the first of equal ones decides.
const fn severity(verdict: SuiteVerdict) -> u8 {
    match verdict {
        SuiteVerdict::Regressed => 0,
        SuiteVerdict::Inconclusive(Doubt::Unconfirmed) => 1,
        SuiteVerdict::Inconclusive(_) => 2,
        SuiteVerdict::Improved => 3,
        SuiteVerdict::Unchanged => 4,
    }
}

/// The order of the table: a block for each verdict, within it by how far they moved.
fn rank(found: &Found) -> f64 {
    let block = match found.verdict {
        SuiteVerdict::Regressed => 0.0,
        SuiteVerdict::Inconclusive(_) => 1e6,
        SuiteVerdict::Improved => 2e6,
        SuiteVerdict::Unchanged => 3e6,
    };
    block - found.ratio.map_or(1e5, |ratio| ratio.ln().abs().min(1e5))
}

pub(super) fn mean_of(benchmarks: &[SuiteBenchmark]) -> Option<(f64, Option<Interval>)> {
    let ratios = benchmarks.iter().filter_map(|one| one.found.ratio);
    let logs: Vec<f64> = ratios.map(f64::ln).filter(|log| log.is_finite()).collect();
    let count = as_float(u64::try_from(logs.len()).unwrap_or(u64::MAX));
    let mean = (!logs.is_empty()).then(|| (logs.iter().sum::<f64>() / count).exp())?;
    let interval = bootstrap::intervals(&logs).map(|found| found.mean);
    let interval =
        interval.map(|Interval { low, high }| Interval { low: low.exp(), high: high.exp() });
    Some((mean, interval))
}

fn shift(benchmarks: &[SuiteBenchmark]) -> Option<Shift> {
    let all = benchmarks.len();
    let count = |verdict| benchmarks.iter().filter(|one| one.found.verdict == verdict).count();
    let (worse, better) = (count(SuiteVerdict::Regressed), count(SuiteVerdict::Improved));
    let moved = worse.max(better);
    let float = |number| as_float(u64::try_from(number).unwrap_or(u64::MAX));
    (all >= FEWEST_FOR_SHIFT && float(moved) > SHIFT * float(all)).then_some(Shift {
        worse: worse >= better,
        moved,
        all,
    })
}
