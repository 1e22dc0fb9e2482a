//! The values that the history of benchmarks lets expect, for those that a comparison of two runs can't judge.

use std::collections::BTreeMap;

use store::{
    Filter, Mode,
    compare::{Comparison, Verdict, recorded_key},
    gate::Expectation,
    history::{History, of_kept},
};

use super::{
    Context,
    choose::{Chosen, base_branches},
};
use crate::commands::kept::Kept;
use crate::error::CliError;

/// Runs that are looked at.
const MOST_RUNS: usize = 500;
/// The newest of them, none of which may be missing.
const CONTIGUOUS: usize = 30;

/// Looks for the history of the benchmarks that are in doubt, on the base branch and in the environment of head.
pub(super) fn expectations(
    comparison: &Comparison,
    head: &Chosen,
    kept: &Kept,
    context: &Context,
) -> Result<Vec<Expectation>, CliError> {
    let mut doubtful: BTreeMap<(&str, u32), Vec<(Mode, &str)>> = BTreeMap::new();
    for one in &comparison.benchmarks {
        let in_doubt = matches!(one.verdict, Verdict::Suspect | Verdict::Inconclusive);
        let lead = one.lead().map(|lead| &*lead.key);
        for quantity in one.quantities.iter().filter(|_| in_doubt) {
            let is_sound = matches!(quantity.verdict, Verdict::Improved | Verdict::Unchanged);
            if lead == Some(&*quantity.key) || quantity.decides && !is_sound {
                let key = (&*quantity.key, one.occurrence);
                doubtful.entry(key).or_default().push((one.mode, &one.uri));
            }
        }
    }
    let mut found = Vec::new();
    if doubtful.is_empty() {
        return Ok(found);
    }
    let branches = base_branches(context)?;
    for ((metric, occurrence), benchmarks) in doubtful {
        for branch in &branches {
            let filter = Filter {
                branch: Some(branch.clone()),
                newest: Some(MOST_RUNS),
                complete: true,
                whole: true,
                ..Filter::of_project(&kept.project)
            };
            let Some(recorded) = recorded_key(metric) else { continue };
            let last = Filter { newest: Some(1), ..filter.clone() };
            if kept.store.entries(&last)?.is_empty() {
                continue;
            }
            kept.entries(&Filter { newest: Some(CONTIGUOUS), ..filter.clone() }, context)?;
            let series = kept.store.series(&filter, Some(recorded), &|key| {
                let mut all = benchmarks.iter();
                key.occurrence == occurrence
                    && all.any(|(mode, uri)| *mode == key.mode && *uri == key.uri)
            })?;
            let (origins, series) = of_kept(series);
            for mut one in series {
                one.retain(&origins, |origin| {
                    head.runs.iter().all(|(id, _)| *id != origin.run)
                        && origin.time_ms <= head.entry.time_ms
                        && origin.fingerprint == head.entry.environment
                });
                let (mode, uri) = (one.mode, one.uri.clone());
                if let Some(expected) = History::of(one, &origins).expected {
                    let metric = metric.to_owned();
                    found.push(Expectation { mode, uri, occurrence, metric, expected });
                }
            }
        }
    }
    Ok(found)
}
