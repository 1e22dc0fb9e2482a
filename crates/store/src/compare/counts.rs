//! Counts of both sides: instructions, bytes, allocations. There is no test of significance for them: what differs by
//! more than runs of the same programs do is a real difference.

use results::{Counter, counters_of};
use runner_shared::{
    verdict::{CountJudgement, CountVerdict, FLOORS, judge_counts_above},
    walltime::{as_float, as_whole},
};

use super::{
    model::{FloorSource, Quantity, Settings, Verdict},
    pairing::Paired,
    seen::Seen,
};
use crate::{Better, Mode};

/// The noise between single runs that is assumed, as a share: the length of the environment alone changes instructions
/// by 0.06 %, and the estimated time of a benchmark of 20,000 instructions by 0.28 %, as we have measured. The effect is
/// that of Mytkowicz et al., "Producing wrong data without doing anything obviously wrong!", ASPLOS 2009.
const ASSUMED: f64 = 0.003;
/// The same of the peak, which depends on when threads allocate.
const ASSUMED_PEAK: f64 = 0.01;

/// The metrics of a record that a counter is the sum of.
fn keys(counter: &Counter) -> &'static [&'static str] {
    match counter.id {
        "instructions" => &["Ir"],
        "estimated_cycles" => &["estimate_cycles"],
        "l1_misses" => &["I1mr", "D1mr", "D1mw"],
        "ll_misses" => &["ILmr", "DLmr", "DLmw"],
        "syscalls" => &["syscalls"],
        "peak_bytes" => &["peak_bytes"],
        "total_bytes" => &["total_bytes"],
        "allocations" => &["allocations"],
        _ => &[],
    }
}

/// Returns the key under which records have this counter or time; `None` if it is a sum.
pub fn recorded_key(key: &str) -> Option<&str> {
    let modes = [Mode::Simulation, Mode::Memory];
    let mut counters = modes.into_iter().flat_map(|mode| counters_of(mode.into()));
    match counters.find(|counter| counter.id == key).map(keys) {
        None => Some(key),
        Some([key]) => Some(key),
        Some(_) => None,
    }
}

/// Returns all counters that both sides have, in the order of their mode.
pub(super) fn counts(mode: Mode, of: &Paired<'_>, settings: &Settings<'_>) -> Vec<Quantity> {
    let counters = counters_of(mode.into()).iter();
    counters.filter_map(|counter| judged(mode, counter, of, settings)).collect()
}

fn judged(
    mode: Mode,
    counter: &Counter,
    of: &Paired<'_>,
    settings: &Settings<'_>,
) -> Option<Quantity> {
    let all = |side: &[Seen<'_>]| side.iter().filter_map(|seen| value(counter, seen)).collect();
    let (base, head): (Vec<u64>, Vec<u64>) = (all(&of.base), all(&of.head));
    if base.is_empty() || head.is_empty() {
        return None;
    }
    let uri = of.head.first().map_or("", |seen| seen.benchmark.uri.as_str());
    let seen = settings.floors.and_then(|floors| floors.of(mode, uri, counter.id));
    let at_most =
        of.head.last().and_then(|head| settings.at_most(mode, head.benchmark, counter.id));
    let has_repeats = base.len().min(head.len()) >= 2;
    let assumed = if counter.id == "peak_bytes" { ASSUMED_PEAK } else { ASSUMED };
    let (share, source) = match seen {
        Some(seen) => (Some(seen), FloorSource::History),
        None if has_repeats => (None, FloorSource::Runs),
        None => (Some(assumed), FloorSource::Assumed),
    };
    let limits = counter.limits(settings.threshold, at_most);
    let typical = judge_counts_above(&base, &head, limits, Some(0.0)).base;
    let found = judge_counts_above(&base, &head, limits, share.map(|share| share * typical));
    let of_base = |count: f64| if found.base > 0.0 { count / found.base } else { 0.0 };
    Some(Quantity {
        key: counter.id.to_owned(),
        title: counter.title.to_owned(),
        unit: counter.unit.into(),
        better: Better::Lower,
        decides: counter.decides,
        base: found.base,
        head: found.head,
        ratio: found.ratio,
        interval: None,
        runs: [&base, &head].map(|counts| counts.iter().map(|count| as_float(*count)).collect()),
        threshold: limits.threshold,
        floor: of_base(found.floor),
        floor_source: source,
        limit: Some(of_base(found.limit)),
        p: None,
        verdict: verdict(&found, limits.threshold * found.base),
        times: None,
    })
}

/// The count of a run, if it was taken and is one.
fn value(counter: &Counter, of: &Seen<'_>) -> Option<u64> {
    let keys = keys(counter);
    let parts = keys.iter().map(|key| of.benchmark.metrics.get(*key).map(|metric| metric.value));
    let sum: f64 = parts.sum::<Option<f64>>()?;
    (!keys.is_empty() && sum.is_finite() && sum >= 0.0).then(|| as_whole(sum))
}

fn verdict(found: &CountJudgement, threshold: f64) -> Verdict {
    let difference = (found.head - found.base).abs();
    match found.verdict {
        CountVerdict::More => Verdict::Regressed,
        CountVerdict::Less => Verdict::Improved,
        // Large enough to matter, were it not for the noise.
        CountVerdict::Small if difference >= threshold && found.limit <= FLOORS * found.floor => {
            Verdict::Suspect
        }
        CountVerdict::Small | CountVerdict::WithinFloor | CountVerdict::Same => Verdict::Unchanged,
        CountVerdict::Unknown | CountVerdict::Missing => Verdict::Inconclusive,
    }
}
