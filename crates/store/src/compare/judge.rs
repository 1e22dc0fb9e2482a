//! From numbers to the verdict on one benchmark.

use runner_shared::{statistics::Interval, verdict::DEFAULT_THRESHOLD, walltime::quantile};

use super::{
    class::{Class, Reason, classify},
    counts::counts,
    evidence::{Level, Times},
    model::{Compared, Doubt, FloorSource, Quantity, Settings, Verdict},
    noise::{Circumstances, Judged},
    pairing::Paired,
    seen::Seen,
    times::{Levels, is_busy, levels},
};
use crate::{Better, MetricUnit, Mode};

/// Runs that resolve no smaller difference say nothing.
const RESOLVED: f64 = 0.10;
/// No program gets slower by a larger factor.
const MOST_RATIO: f64 = 1e9;
/// A quantity that only explains has moved if it differs by this share.
const EXPLAINS: f64 = 0.10;

/// A metric that explains a change: its key, its name for people, and the smallest difference that is worth a word.
type Explaining = (&'static str, &'static str, f64);

/// Metrics that explain times.
const OF_TIMES: &[Explaining] = &[
    ("user_ns", "time in user mode", 1e5),
    ("system_ns", "time in the kernel", 1e5),
    ("minor_faults", "page faults", 50.0),
    ("voluntary_switches", "times that it waited", 10.0),
    ("max_rss_bytes", "resident memory", 1_048_576.0),
];
/// Metrics that explain allocations.
const OF_ALLOCATIONS: &[Explaining] = &[
    ("live_at_end_bytes", "memory live at the end", 4096.0),
    ("temporary", "blocks freed before the next", 50.0),
];

/// Judges a benchmark before others are looked at; `None` if a side has nothing of it.
pub(super) fn judge(of: &Paired<'_>, settings: &Settings<'_>, seed: u64) -> Option<Compared> {
    let (first, last) = (of.base.first()?, of.head.last()?);
    let mode = last.part.mode;
    let (class, reasons) = worst_class(mode, of, first);
    let (mut quantities, mut doubts) = quantities(mode, of, settings, seed);
    lead(&mut quantities);
    let found = quantities.first().filter(|of| of.decides).map(|of| of.verdict);
    let verdict = match (found, class) {
        (_, Class::Incomparable) if !settings.force => Verdict::Incomparable,
        (Some(Verdict::Regressed | Verdict::Improved), Class::SameBinary) => {
            doubts.push(Doubt::SameProgram);
            Verdict::Suspect
        }
        (_, Class::SameBinary) => Verdict::Unchanged,
        (Some(Verdict::Regressed | Verdict::Improved), Class::Degraded) if !settings.force => {
            doubts.push(Doubt::Degraded);
            Verdict::Suspect
        }
        (Some(verdict), _) => verdict,
        (None, _) => Verdict::Inconclusive,
    };
    quantities.extend(explaining(mode, of));
    doubts.sort_unstable();
    Some(Compared {
        mode,
        name: last.benchmark.name.clone(),
        uri: last.benchmark.uri.clone(),
        occurrence: last.benchmark.occurrence,
        class,
        reasons,
        verdict,
        doubts,
        quantities,
        moved: None,
    })
}

/// The class of the two runs that are furthest apart from the first one of base.
fn worst_class(mode: Mode, of: &Paired<'_>, first: &Seen<'_>) -> (Class, Vec<Reason>) {
    let others = of.base.iter().skip(1).chain(&of.head);
    let classes = others.map(|other| classify(mode, first, other));
    classes.reduce(|worst, one| if one.0 > worst.0 { one } else { worst }).unwrap_or_default()
}

/// Judges all quantities that decide, and the counters that explain them; with doubts about the times.
pub(super) fn quantities(
    mode: Mode,
    of: &Paired<'_>,
    settings: &Settings<'_>,
    seed: u64,
) -> (Vec<Quantity>, Vec<Doubt>) {
    match mode {
        Mode::Walltime => time(of, settings, seed)
            .map_or_else(Default::default, |(time, doubts)| (vec![time], doubts)),
        Mode::Simulation | Mode::Memory => (counts(mode, of, settings), Vec::new()),
    }
}

/// Puts the quantity first whose verdict weighs most; what got better does not make up for what got worse.
fn lead(quantities: &mut [Quantity]) {
    let weights = quantities.iter().enumerate().filter(|(_, of)| of.decides);
    let first = weights.min_by_key(|(place, of)| (of.verdict, *place)).map(|(place, _)| place);
    if let Some(upto) = first.and_then(|first| quantities.get_mut(..=first)) {
        upto.rotate_right(1);
    }
}

fn difference(of: &Paired<'_>, settings: &Settings<'_>, seed: u64) -> Option<(Levels, Judged)> {
    let levels = levels(of)?;
    let sign = if levels.better == Better::Higher { -1.0 } else { 1.0 };
    let head = of.head.last()?;
    let pairs = of.base.iter().flat_map(|base| of.head.iter().map(move |head| (base, head)));
    let apart = pairs.clone().map(|(base, head)| base.record.time_ms.abs_diff(head.record.time_ms));
    let is_other = |(base, head): (&Seen<'_>, &Seen<'_>)| {
        base.environment().machine != head.environment().machine
    };
    let about = Circumstances {
        mode: Mode::Walltime,
        uri: &head.benchmark.uri,
        integration: head.benchmark.integration.as_deref(),
        apart_ms: apart.max().unwrap_or(0),
        other_machine: pairs.into_iter().any(is_other),
        busy: of.base.iter().chain(&of.head).any(|seen| is_busy(seen.benchmark)),
        floors: settings.floors,
        seed,
    };
    let found = Judged::of(&levels, sign, &about);
    Some((levels, found))
}

fn time(of: &Paired<'_>, settings: &Settings<'_>, seed: u64) -> Option<(Quantity, Vec<Doubt>)> {
    let (levels, found) = difference(of, settings, seed)?;
    let usual = DEFAULT_THRESHOLD.value();
    let head = of.head.last()?.benchmark;
    let at_most = settings.at_most(Mode::Walltime, head, levels.kind.key());
    let usual = at_most.map_or(usual, |most| most.min(usual));
    let threshold = settings.threshold.unwrap_or(usual);
    let sign = if levels.better == Better::Higher { -1.0 } else { 1.0 };
    let Times { estimate, resolution, usual: floor, limit, .. } = found.times;
    let finite = |log: f64| sound_ratio(log.exp());
    let ends = finite(sign * estimate - resolution).zip(finite(sign * estimate + resolution));
    let values = |side: &[Level]| side.iter().map(|level| level.value).collect::<Vec<f64>>();
    let quantity = Quantity {
        key: levels.kind.key().to_owned(),
        title: levels.kind.title().to_owned(),
        unit: levels.unit,
        better: levels.better,
        decides: true,
        base: typical(&levels.base),
        head: typical(&levels.head),
        ratio: finite(sign * estimate),
        interval: ends.map(|(low, high)| Interval { low, high }),
        runs: [values(&levels.base), values(&levels.head)],
        threshold,
        floor: floor.exp_m1(),
        floor_source: found.source,
        limit: limit.map(f64::exp_m1).filter(|limit| limit.is_finite()),
        p: found.p,
        verdict: verdict(&found.times, threshold.ln_1p()),
        times: Some(found.times),
    };
    Some((quantity, found.doubts))
}

/// A ratio that is one; a wrong record may make any number of it.
pub(super) fn sound_ratio(ratio: f64) -> Option<f64> {
    (MOST_RATIO.recip()..=MOST_RATIO).contains(&ratio).then_some(ratio)
}

/// The median of logarithms, as the difference is one of these: so that both never point in opposite directions.
fn typical(side: &[Level]) -> f64 {
    let mut logs: Vec<f64> = side.iter().map(|level| level.value.ln()).collect();
    logs.sort_by(f64::total_cmp);
    match side {
        // As it is written.
        [one] => one.value,
        _ => quantile(&logs, 0.5).exp(),
    }
}

/// The verdict from the difference alone; `threshold` in logarithms.
fn verdict(found: &Times, threshold: f64) -> Verdict {
    let size = found.estimate.abs();
    let matters = size >= threshold;
    let is_one_way = found.agreed * found.estimate > 0.0;
    let is_certain = found.limit.is_some_and(|limit| found.agreed.abs() > limit);
    if matters && is_one_way && is_certain {
        if found.estimate > 0.0 { Verdict::Regressed } else { Verdict::Improved }
    } else if matters && size > found.resolution {
        Verdict::Suspect
    } else if !matters && found.resolution <= RESOLVED.ln_1p().max(threshold) {
        Verdict::Unchanged
    } else {
        Verdict::Inconclusive
    }
}

/// Returns metrics that have changed so much that they may be the reason.
fn explaining(mode: Mode, of: &Paired<'_>) -> Vec<Quantity> {
    let rows = match mode {
        Mode::Walltime => OF_TIMES,
        Mode::Memory => OF_ALLOCATIONS,
        Mode::Simulation => &[],
    };
    let rows = rows.iter();
    rows.filter_map(|(key, title, least)| {
        let (unit, of_base) = known(&of.base, key)?;
        let (_, of_head) = known(&of.head, key)?;
        let [base, head] = [&of_base, &of_head].map(|values| quantile(values, 0.5));
        let has_moved = (head - base).abs() >= least.max(EXPLAINS * base);
        has_moved.then(|| Quantity {
            key: (*key).to_owned(),
            title: (*title).to_owned(),
            unit,
            better: Better::Neither,
            decides: false,
            base,
            head,
            ratio: (base > 0.0).then(|| head / base).and_then(sound_ratio),
            interval: None,
            runs: [of_base, of_head],
            threshold: EXPLAINS,
            floor: 0.0,
            floor_source: FloorSource::Assumed,
            limit: None,
            p: None,
            verdict: Verdict::Unchanged,
            times: None,
        })
    })
    .collect()
}

/// The values of a metric in the runs of a side, ascending, with their unit.
fn known(side: &[Seen<'_>], key: &str) -> Option<(MetricUnit, Vec<f64>)> {
    let metrics = side.iter().filter_map(|seen| seen.benchmark.metrics.get(key));
    let sound = metrics.filter(|metric| metric.value.is_finite() && metric.value >= 0.0);
    let mut values: Vec<f64> = Vec::new();
    let mut unit = None;
    for metric in sound {
        values.push(metric.value);
        unit = Some(metric.unit);
    }
    values.sort_by(f64::total_cmp);
    Some((unit?, values))
}
