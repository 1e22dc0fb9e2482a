//! All benchmarks together: what is found by chance among many, what has moved all of them, their mean, their order.

use results::intervals;
use runner_shared::{statistics::Interval, walltime::quantile};

use super::model::{Compared, Doubt, Mean, Quantity, Shift, Summary, Verdict};
use crate::{Mode, shown::float};

/// Share of false findings among all that are found (Benjamini and Hochberg, "Controlling the false discovery rate",
/// JRSS B 57, 1995).
pub(super) const FALSE_DISCOVERIES: f64 = 0.05;
/// More benchmarks than this share that move the same way have a cause in common.
const SHIFT: f64 = 0.3;
/// Fewer that move are no crowd.
const FEWEST_FOR_SHIFT: usize = 6;

/// Takes back what is found too often by chance, and returns the number of benchmarks among which that is.
pub(super) fn hold_discoveries(all: &mut [Compared]) -> usize {
    let tested = |one: &Compared| one.lead().and_then(|of| of.p);
    let mut ps: Vec<f64> = all.iter().filter_map(tested).collect();
    ps.sort_by(f64::total_cmp);
    let count = float(ps.len());
    let ranked = (1_u32..).zip(&ps);
    let held = ranked.filter(|(rank, p)| **p <= FALSE_DISCOVERIES * f64::from(*rank) / count);
    let limit = held.map(|(_, p)| *p).last();
    for one in all {
        let is_found = matches!(one.verdict, Verdict::Regressed | Verdict::Improved);
        let by_chance = tested(one).is_some_and(|p| limit.is_none_or(|limit| p > limit));
        if is_found && by_chance {
            doubt(one, Doubt::Chance);
        }
    }
    ps.len()
}

/// Takes back what is no more than all of a mode have moved, and sums the modes up. Times move with the machine; counts
/// do not, so that verdicts about them stay.
pub(super) fn sum_up(all: &mut [Compared], forced: bool) -> Vec<Summary> {
    let modes = [Mode::Simulation, Mode::Walltime, Mode::Memory];
    modes.into_iter().filter_map(|mode| sum_up_mode(mode, all, forced)).collect()
}

fn sum_up_mode(mode: Mode, all: &mut [Compared], forced: bool) -> Option<Summary> {
    let mut of_mode: Vec<&mut Compared> = all.iter_mut().filter(|one| one.mode == mode).collect();
    if of_mode.is_empty() {
        return None;
    }
    let judged = |one: &&mut Compared| one.verdict != Verdict::Incomparable;
    let compared = of_mode.iter().filter(|one| judged(one)).count();
    let shift = shift(&of_mode, compared);
    if let Some(shift) = shift.filter(|_| mode == Mode::Walltime && !forced) {
        let moved =
            of_mode.iter().filter_map(|one| way(one)).filter(|way| (*way > 0.0) == shift.worse);
        let mut logs: Vec<f64> = moved.collect();
        logs.sort_by(f64::total_cmp);
        let common = quantile(&logs, 0.5);
        for one in &mut of_mode {
            let is_found = matches!(one.verdict, Verdict::Regressed | Verdict::Improved);
            if is_found && !stands_out(one, common) {
                doubt(one, Doubt::Shift);
            }
        }
    }
    let logs: Vec<f64> = of_mode
        .iter()
        .filter(|one| judged(one))
        .filter_map(|one| one.lead()?.ratio.map(f64::ln))
        .filter(|log| log.is_finite())
        .collect();
    let mean = (!logs.is_empty()).then(|| {
        let interval = intervals(&logs).map(|found| found.mean);
        let interval =
            interval.map(|Interval { low, high }| Interval { low: low.exp(), high: high.exp() });
        Mean { ratio: (logs.iter().sum::<f64>() / float(logs.len())).exp(), interval }
    });
    let mean = mean.filter(|mean| mean.ratio.is_finite());
    Some(Summary { mode, compared, mean, shift })
}

/// Returns how much worse a benchmark is, in logarithms, if it has moved by what matters.
fn way(one: &Compared) -> Option<f64> {
    let moved = matches!(one.verdict, Verdict::Regressed | Verdict::Improved | Verdict::Suspect);
    let lead = one.lead().filter(|_| moved)?;
    Some(lead.worse_by().map_or(f64::MAX, f64::ln_1p)).filter(|way| !way.is_nan())
}

fn shift(of_mode: &[&mut Compared], compared: usize) -> Option<Shift> {
    let ways = || of_mode.iter().filter_map(|one| way(one));
    let (worse, better) =
        (ways().filter(|way| *way > 0.0).count(), ways().filter(|way| *way < 0.0).count());
    let moved = worse.max(better);
    let is_crowd = moved >= FEWEST_FOR_SHIFT && float(moved) > SHIFT * float(compared);
    is_crowd.then_some(Shift { worse: worse >= better, moved, all: compared })
}

/// Returns true if a benchmark has certainly moved by more than all have, or the other way.
fn stands_out(one: &Compared, common: f64) -> bool {
    let is_far = |of: &Quantity| {
        let own = of.worse_by().map_or(f64::MAX, f64::ln_1p) - common;
        of.limit.is_some_and(|limit| own.abs() > limit.ln_1p())
    };
    one.lead().is_some_and(is_far)
}

fn doubt(one: &mut Compared, why: Doubt) {
    one.verdict = Verdict::Suspect;
    one.doubts.push(why);
    one.doubts.sort_unstable();
}

/// Sorts worst first: by verdict, then by the size of the change, then by name.
pub(super) fn sort(all: &mut [Compared]) {
    let size = |one: &Compared| {
        if one.verdict == Verdict::Unchanged {
            return 0.0;
        }
        one.lead().map_or(0.0, |of| of.ratio.map_or(f64::MAX, |ratio| ratio.ln().abs()))
    };
    let name = |one: &Compared| (one.mode, one.name.clone(), one.uri.clone(), one.occurrence);
    all.sort_by(|one, other| {
        let by_verdict = one.verdict.cmp(&other.verdict);
        let by_size = || size(other).total_cmp(&size(one));
        by_verdict.then_with(by_size).then_with(|| name(one).cmp(&name(other)))
    });
}
