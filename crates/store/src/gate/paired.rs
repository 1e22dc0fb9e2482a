//! The verdicts of `codspeed ab` as a comparison, so that the gate judges both alike.

use results::{
    CounterFinding, Evidence, Found, OneSided, SuiteBenchmark, SuiteComparison, SuiteSide,
    SuiteUnit, SuiteVerdict,
};

use crate::{
    Better, MetricUnit,
    compare::{
        Absence, Class, Compared, Comparison, Doubt, FloorSource, Mean, Quantity, Shift, Summary,
        Unmatched, Verdict,
    },
};

/// Picoseconds of a nanosecond.
const PICOSECONDS: f64 = 1000.0;

/// Returns the verdicts about suites that were run in pairs, of all modes, as a comparison of two states without names.
pub fn comparison_of(found: &[&SuiteComparison]) -> Comparison {
    let benchmarks = found.iter().flat_map(|one| one.benchmarks.iter().map(|it| compared(one, it)));
    let unmatched = found.iter().flat_map(|one| one.one_sided.iter().map(|it| single(one, it)));
    Comparison {
        version: Comparison::VERSION,
        base: Vec::new(),
        head: Vec::new(),
        seed: found.first().map_or(0, |one| one.seed),
        forced: false,
        modes: found.iter().map(|one| summary(one)).collect(),
        benchmarks: benchmarks.collect(),
        unmatched: unmatched.collect(),
        tested: 0,
        paired_command: None,
    }
}

fn summary(found: &SuiteComparison) -> Summary {
    let mean = found.mean.map(|(ratio, interval)| Mean { ratio, interval });
    let shift = found.shift.map(|results::Shift { worse, moved, all }| Shift { worse, moved, all });
    Summary { mode: found.mode.into(), compared: found.benchmarks.len(), mean, shift }
}

fn compared(suite: &SuiteComparison, one: &SuiteBenchmark) -> Compared {
    let quantities = match &one.found.evidence {
        Evidence::Times { .. } => vec![time(suite, &one.found)],
        Evidence::Counts(all) => all.iter().map(count).collect(),
    };
    Compared {
        mode: suite.mode.into(),
        name: one.name.clone(),
        uri: one.uri.clone(),
        occurrence: 1,
        class: Class::Comparable,
        reasons: Vec::new(),
        verdict: verdict(one.found.verdict),
        doubts: doubts(one.found.verdict),
        quantities,
        moved: None,
    }
}

fn time(suite: &SuiteComparison, found: &Found) -> Quantity {
    let scale = match found.unit {
        SuiteUnit::Time => PICOSECONDS,
        SuiteUnit::Counted(_) => 1.0,
    };
    Quantity {
        key: "median_ns".to_owned(),
        title: "time".to_owned(),
        unit: MetricUnit::Nanoseconds,
        better: Better::Lower,
        decides: true,
        base: found.base / scale,
        head: found.head / scale,
        ratio: found.ratio,
        interval: found.interval,
        runs: [Vec::new(), Vec::new()],
        threshold: suite.threshold,
        floor: 0.0,
        floor_source: FloorSource::Runs,
        limit: Some(suite.threshold),
        times: None,
        p: None,
        verdict: verdict(found.verdict),
    }
}

fn count(finding: &CounterFinding) -> Quantity {
    let judged = finding.latest();
    Quantity {
        key: finding.counter.id.to_owned(),
        title: finding.counter.title.to_owned(),
        unit: finding.counter.unit.into(),
        better: Better::Lower,
        decides: finding.counter.decides,
        base: judged.base,
        head: judged.head,
        ratio: judged.ratio,
        interval: None,
        runs: [Vec::new(), Vec::new()],
        threshold: finding.counter.threshold,
        floor: judged.floor,
        floor_source: FloorSource::Runs,
        limit: Some(finding.counter.threshold),
        times: None,
        p: None,
        verdict: verdict(finding.verdict()),
    }
}

const fn verdict(found: SuiteVerdict) -> Verdict {
    match found {
        SuiteVerdict::Regressed => Verdict::Regressed,
        SuiteVerdict::Improved => Verdict::Improved,
        SuiteVerdict::Unchanged => Verdict::Unchanged,
        SuiteVerdict::Inconclusive(_) => Verdict::Inconclusive,
    }
}

fn doubts(found: SuiteVerdict) -> Vec<Doubt> {
    use results::Doubt as Paired;
    match found {
        SuiteVerdict::Inconclusive(Paired::Few) => vec![Doubt::FewRuns],
        SuiteVerdict::Inconclusive(Paired::Chance) => vec![Doubt::Chance],
        SuiteVerdict::Inconclusive(
            Paired::Wide { .. } | Paired::Unconfirmed | Paired::Contradicted,
        )
        | SuiteVerdict::Regressed
        | SuiteVerdict::Improved
        | SuiteVerdict::Unchanged => Vec::new(),
    }
}

fn single(suite: &SuiteComparison, one: &OneSided) -> Unmatched {
    Unmatched {
        mode: suite.mode.into(),
        name: one.name.clone(),
        uri: one.uri.clone(),
        occurrence: 1,
        absence: match one.side {
            SuiteSide::Base => Absence::Removed,
            SuiteSide::Head => Absence::New,
        },
    }
}
