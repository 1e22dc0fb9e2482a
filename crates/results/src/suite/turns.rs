//! A command whose rounds took turns in both states, as a suite of one benchmark: hundreds of pairs, and a level of the
//! looks on the way that leaves no need to look again.

use runner_shared::{
    artifact::RobustSource,
    mode::Mode,
    verdict::{JudgedTime, Verdict},
};

use super::{
    Doubt, Evidence, Found, SuiteBenchmark, SuiteComparison, SuiteVerdict, Unit, judge::mean_of,
};
use crate::{comparison::Comparison, model::WalltimeReport, report::Report};

impl SuiteComparison {
    /// The comparison of the two benchmarks of a report, which are the command `name` in both states; `None` if they have
    /// no turn in common, or were not timed.
    pub fn of_turns(report: &Report, name: &str, uri: &str) -> Option<Self> {
        let Report::Walltime(report) = report else { return None };
        let [of] = &*report.comparisons else { return None };
        let Comparison { base_uri, head_uri, seed, found, .. } = of;
        let judged = found.judged;
        let verdict = match judged.verdict {
            Verdict::Regressed => SuiteVerdict::Regressed,
            Verdict::Improved => SuiteVerdict::Improved,
            Verdict::Equivalent => SuiteVerdict::Unchanged,
            Verdict::Inconclusive { resolves, pairs_needed } => {
                SuiteVerdict::Inconclusive(Doubt::Wide { resolves, pairs_needed })
            }
            Verdict::Insufficient => SuiteVerdict::Inconclusive(Doubt::Few),
        };
        let time = |uri| typical(report, uri, found.time);
        let found = Found {
            verdict,
            base: time(base_uri)?,
            head: time(head_uri)?,
            unit: Unit::Time,
            ratio: judged.ratio,
            interval: judged.interval,
            evidence: Evidence::Times {
                time: found.time,
                first: judged,
                stands_out: true,
                again: None,
            },
        };
        let benchmarks = vec![SuiteBenchmark { name: name.to_owned(), uri: uri.to_owned(), found }];
        Some(Self {
            mode: Mode::Walltime,
            seed: *seed,
            threshold: judged.threshold,
            pairs: [judged.pairs, 0],
            mean: mean_of(&benchmarks),
            benchmarks,
            one_sided: Vec::new(),
            shift: None,
            by_turns: true,
            conditions: report.conditions.clone(),
        })
    }
}

/// The median of the judged time, picoseconds.
fn typical(report: &WalltimeReport, uri: &str, time: JudgedTime) -> Option<f64> {
    let of = report.benchmarks.iter().find(|one| one.uri == uri)?;
    let robust = of.robust.as_ref().filter(|robust| robust.source != RobustSource::WallClock);
    let nanos = match time {
        JudgedTime::Wall | JudgedTime::Shortest => None,
        JudgedTime::Processor => of.processor_ns,
        JudgedTime::Undisturbed => robust.map(|robust| robust.median_ns),
    };
    Some(nanos.unwrap_or(of.stats.median_ns) * 1e3)
}
