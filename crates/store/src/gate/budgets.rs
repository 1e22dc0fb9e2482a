//! Checks that need no base: that a benchmark came to its end, and that its values are within their budgets.

use std::collections::BTreeMap;

use runner_shared::walltime::median;

use super::{
    inputs::Inputs,
    report::{Check, CheckKind, Status},
    rules::{Budget, Subject},
};
use crate::{Mode, Outcome, RecordedBenchmark};

/// A benchmark of head: all of its measurements. Several runs of the same state of the sources have one each.
#[derive(Default)]
struct Measured<'a> {
    name: &'a str,
    of: Vec<&'a RecordedBenchmark>,
}

/// Returns the checks of all benchmarks of head.
pub(super) fn checks(inputs: &Inputs<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    let all = measured(inputs);
    for ((mode, uri, occurrence), measured) in &all {
        let subject = Subject { name: measured.name, uri, mode: *mode };
        let values = |budget: &Budget| {
            let values = measured.of.iter().filter_map(|of| {
                budget.keys.iter().find_map(|key| of.metrics.get(*key)).map(|it| it.value)
            });
            median(values)
        };
        let mut found = budgets(subject, values, inputs);
        if inputs.comparison.is_none() {
            found.extend(measured.of.iter().find_map(|of| completion(subject, of)));
        }
        checks.extend(found.into_iter().map(|check| Check { occurrence: *occurrence, ..check }));
    }
    // Without records, as of runs in pairs, what was compared has values.
    let compared = inputs.comparison.filter(|_| all.is_empty());
    for one in compared.iter().flat_map(|comparison| &comparison.benchmarks) {
        let subject = Subject { name: &one.name, uri: &one.uri, mode: one.mode };
        let value = |budget: &Budget| {
            let found = one.quantities.iter().find(|it| budget.keys.contains(&&*it.key));
            found.map(|it| it.head)
        };
        checks.extend(budgets(subject, value, inputs));
    }
    checks
}

fn measured<'a>(inputs: &Inputs<'a>) -> BTreeMap<(Mode, &'a str, u32), Measured<'a>> {
    let mut all: BTreeMap<_, Measured<'a>> = BTreeMap::new();
    for record in inputs.head.iter().map(|run| run.record) {
        for of in &record.benchmarks {
            let Some(mode) = record.mode_of(of) else { continue };
            let measured = all.entry((mode, &*of.uri, of.occurrence)).or_default();
            measured.name = &of.name;
            measured.of.push(of);
        }
    }
    all
}

fn completion(subject: Subject<'_>, of: &RecordedBenchmark) -> Option<Check> {
    let reason = match &of.outcome {
        Outcome::Complete => return None,
        Outcome::Failed(reason) => format!("failed: {reason}"),
        Outcome::Interrupted => "was interrupted".to_owned(),
    };
    Some(Check::bare(subject, Status::Failed, reason))
}

fn budgets(
    subject: Subject<'_>,
    value: impl Fn(&Budget) -> Option<f64>,
    inputs: &Inputs<'_>,
) -> Vec<Check> {
    let check = |(budget, most): (&Budget, f64)| {
        let base = Check {
            kind: CheckKind::Budget,
            metric: budget.keys.first().copied().unwrap_or_default().to_owned(),
            title: budget.title.to_owned(),
            unit: budget.unit,
            limit: Some(most),
            ..Check::bare(subject, Status::Passed, String::new())
        };
        match value(budget) {
            None => {
                let reason = format!("{} is not known", budget.title);
                Check { status: Status::Doubtful, reason, ..base }
            }
            Some(value) if value <= most => Check { head: Some(value), ..base },
            // Also what is no number: it proves nothing.
            Some(value) => Check { head: Some(value), status: Status::Failed, ..base },
        }
    };
    inputs.rules.budgets(subject).into_iter().map(check).collect()
}
