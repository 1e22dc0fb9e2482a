//! Compares a run with the limits of its project.

use std::collections::BTreeSet;

use super::{
    budgets,
    inputs::Inputs,
    report::{Check, CheckKind, GateReport, Status, WaiverNote},
    rules::{Rules, Subject, Waiver},
};
use crate::{
    Better, Mode, Outcome,
    compare::{
        Absence, Class, Compared, Doubt, Effect, Quantity, Reason, Title, Unmatched, Verdict,
    },
    history::Expected,
    shown,
};

/// Fewer values of a level decide nothing.
const FEWEST_POINTS: usize = 10;

/// Shares that differ by less are equal: those in files are decimal.
const ROUNDING: f64 = 1e-9;

/// Judges a run. The same inputs give the same report.
pub fn judge(inputs: &Inputs<'_>) -> GateReport {
    let mut checks = Vec::new();
    if let Some(comparison) = inputs.comparison {
        checks.extend(comparison.benchmarks.iter().flat_map(|one| regressions(one, inputs)));
        checks.extend(comparison.unmatched.iter().map(unmatched));
    }
    checks.extend(budgets::checks(inputs));
    let waivers = waive(&mut checks, inputs);
    let mut report = GateReport {
        version: GateReport::VERSION,
        passed: false,
        strict: inputs.strict,
        base: inputs.comparison.map(|it| it.base.clone()).unwrap_or_default(),
        head: inputs.comparison.map_or_else(
            || inputs.head.iter().map(Title::of).collect(),
            |comparison| comparison.head.clone(),
        ),
        checks,
        waivers,
        notes: notes(inputs),
        complete: complete(inputs),
    };
    if report.says_nothing() {
        let text = "nothing was compared, and no limit was checked";
        report.notes.push(text.to_owned());
    }
    report.settle();
    report
}

/// The benchmarks of head that came to their end.
fn complete(inputs: &Inputs<'_>) -> BTreeSet<(Mode, String, u32)> {
    let all = inputs.head.iter().flat_map(|run| {
        let ended = run.record.benchmarks.iter().filter(|of| of.outcome == Outcome::Complete);
        ended.filter_map(|of| Some((run.record.mode_of(of)?, of.uri.clone(), of.occurrence)))
    });
    all.collect()
}

/// Checks that a benchmark has not got worse: one check for each quantity that fails, else one for that of which least
/// is certain, or for the leading one.
fn regressions(one: &Compared, inputs: &Inputs<'_>) -> Vec<Check> {
    let subject = Subject { name: &one.name, uri: &one.uri, mode: one.mode };
    let is_sound = |it: &Quantity| matches!(it.verdict, Verdict::Improved | Verdict::Unchanged);
    let open = one.quantities.iter().filter(|it| it.decides && !is_sound(it));
    let judged = |it: &Quantity| {
        let verdict = one.verdict.max(it.verdict);
        if verdict == Verdict::Regressed {
            regressed(one, it, subject, inputs.rules)
        } else {
            undisputed(one, (it, verdict), subject, inputs)
        }
    };
    let mut checks: Vec<Check> = match one.verdict {
        Verdict::Regressed | Verdict::Suspect | Verdict::Inconclusive => open.map(judged).collect(),
        Verdict::Incomparable | Verdict::Improved | Verdict::Unchanged => Vec::new(),
    };
    if checks.iter().any(|check| check.fails(inputs.strict)) {
        checks.retain(|check| check.fails(inputs.strict));
        return checks;
    }
    // What is within its limit is told by one quantity alone.
    let lead = || Some(undisputed(one, (one.lead()?, one.verdict), subject, inputs));
    checks.into_iter().min_by_key(|check| check.status).or_else(lead).into_iter().collect()
}

fn regressed(one: &Compared, quantity: &Quantity, of: Subject<'_>, rules: &Rules) -> Check {
    let limit = rules.max_regression(of, &quantity.key);
    let is_far = |limit: f64| quantity.worse_by().is_none_or(|worse| worse > limit + ROUNDING);
    let (status, reason) = match limit {
        None => (Status::Passed, "worse, which no limit forbids".to_owned()),
        Some(limit) if is_far(limit) => (Status::Failed, String::new()),
        Some(_) => (Status::Passed, "worse, but within the limit".to_owned()),
    };
    Check { limit, status, reason, ..changed(one, quantity) }
}

/// The check of a quantity that did not certainly get worse, by the weaker of its verdict and that of the benchmark.
fn undisputed(
    one: &Compared,
    (quantity, verdict): (&Quantity, Verdict),
    of: Subject<'_>,
    inputs: &Inputs<'_>,
) -> Check {
    let limit = inputs.rules.max_regression(of, &quantity.key);
    let check = Check { limit, ..changed(one, quantity) };
    let with = |status, reason: String| Check { status, reason, ..check.clone() };
    match verdict {
        Verdict::Improved => with(Status::Improved, String::new()),
        Verdict::Unchanged | Verdict::Regressed => with(Status::Passed, String::new()),
        Verdict::Incomparable => with(Status::Doubtful, incomparable(one)),
        Verdict::Suspect | Verdict::Inconclusive => {
            let Some(limit) = limit else {
                return with(Status::Passed, "no limit".to_owned());
            };
            let expectation = inputs.expectations.iter().find(|it| it.is_about(one, quantity));
            let told = expectation.and_then(|it| foreseen(quantity, it.expected, limit));
            let (status, reason) =
                told.unwrap_or_else(|| suspected(one, (quantity, verdict), limit));
            with(status, reason)
        }
    }
}

/// Returns what a comparison says that is not certain: a change that would be permitted if it were is no matter.
fn suspected(
    one: &Compared,
    (quantity, verdict): (&Quantity, Verdict),
    limit: f64,
) -> (Status, String) {
    let is_suspect = verdict == Verdict::Suspect;
    if is_suspect && most_worse_by(quantity).is_some_and(|worse| worse <= limit + ROUNDING) {
        return (Status::Passed, "not certain, but within the limit".to_owned());
    }
    (Status::Doubtful, doubtful(one, verdict))
}

/// Returns how much worse head may be at most, as a share. Without an interval only what got better is known.
fn most_worse_by(quantity: &Quantity) -> Option<f64> {
    match quantity.interval {
        Some(ends) => Some(match quantity.better {
            Better::Lower | Better::Neither => ends.high - 1.0,
            Better::Higher => ends.low.recip() - 1.0,
        }),
        None => quantity.worse_by().filter(|worse| *worse < 0.0),
    }
}

/// Returns what the history says of a value that a single comparison can't judge.
fn foreseen(quantity: &Quantity, expected: Expected, limit: f64) -> Option<(Status, String)> {
    let Expected { median, low, high, points } = expected;
    if points < FEWEST_POINTS {
        return None;
    }
    let [from, to] = [low, high].map(|value| shown::value(value, quantity.unit));
    if (low..=high).contains(&quantity.head) {
        let reason = format!("as the last {points} runs let expect: {from} to {to}");
        return Some((Status::Passed, reason));
    }
    let worse_by = match quantity.better {
        Better::Lower | Better::Neither => quantity.head / median - 1.0,
        Better::Higher => median / quantity.head - 1.0,
    };
    // A level that never varies has an interval of no width.
    let least = limit.max(quantity.threshold);
    (worse_by.is_nan() || worse_by > least + ROUNDING).then(|| {
        let reason = format!("worse than the last {points} runs let expect: {from} to {to}");
        (Status::Failed, reason)
    })
}

fn incomparable(one: &Compared) -> String {
    one.reasons.first().map_or_else(|| "can't be compared".to_owned(), Reason::sentence)
}

/// Doubts with their words, those first that say most about this benchmark.
const DOUBTS: [(Doubt, &str); 11] = [
    (Doubt::SameProgram, "the same program: its input, environment or files must have changed"),
    (Doubt::Degraded, "the environment differs in something that may matter"),
    (Doubt::Shift, "many benchmarks moved the same way"),
    (Doubt::Chance, "among so many benchmarks this is found by chance"),
    (Doubt::OtherMachine, "the runs are of different machines"),
    (Doubt::Busy, "only wall time is known, and other programs used the processors"),
    (Doubt::NoisyRounds, "its rounds don't agree with each other"),
    (Doubt::Uneven, "typical and shortest rounds tell different things"),
    (Doubt::FarApart, "the runs are more than an hour apart"),
    (Doubt::WallClock, "only wall time is known, which other programs disturb"),
    (Doubt::FewRuns, "too few runs to know the noise between them"),
];

fn doubtful(one: &Compared, verdict: Verdict) -> String {
    let found = DOUBTS.iter().find(|(doubt, _)| one.doubts.contains(doubt));
    let degraded = || one.reasons.iter().find(|reason| reason.effect == Effect::Degrades);
    let why = match found {
        Some((Doubt::Degraded, words)) => {
            degraded().map_or_else(|| (*words).to_owned(), Reason::sentence)
        }
        Some((_, words)) => (*words).to_owned(),
        None => "the difference may be noise".to_owned(),
    };
    format!("{}: {why}", verdict.word())
}

/// A check of a quantity, without limit and outcome.
fn changed(one: &Compared, quantity: &Quantity) -> Check {
    // A class that proves equality says more than a verdict.
    let reason = match one.class {
        Class::SameBinary => "the same programs".to_owned(),
        Class::Comparable | Class::Degraded | Class::Incomparable => String::new(),
    };
    Check {
        mode: one.mode,
        name: one.name.clone(),
        uri: one.uri.clone(),
        occurrence: one.occurrence,
        kind: CheckKind::Regression,
        metric: quantity.key.clone(),
        title: quantity.title.clone(),
        unit: quantity.unit,
        base: Some(quantity.base),
        head: Some(quantity.head),
        ratio: quantity.ratio,
        interval: quantity.interval.map(|it| [it.low, it.high]),
        limit: None,
        verdict: Some(one.verdict),
        status: Status::Passed,
        reason,
    }
}

fn unmatched(one: &Unmatched) -> Check {
    let (status, reason) = match one.absence {
        Absence::New => (Status::Passed, "new"),
        Absence::Removed => (Status::Doubtful, "only base has it"),
        Absence::UnfinishedInBase => (Status::Doubtful, "not finished in base"),
        Absence::UnfinishedInHead => (Status::Failed, "failed, or was not finished"),
    };
    let subject = Subject { name: &one.name, uri: &one.uri, mode: one.mode };
    Check { occurrence: one.occurrence, ..Check::bare(subject, status, reason.to_owned()) }
}

/// Waives what the waivers permit today of all that fails, and returns those that do nothing.
fn waive(checks: &mut [Check], inputs: &Inputs<'_>) -> Vec<WaiverNote> {
    let waivers = &inputs.rules.waivers;
    let mut used = BTreeSet::new();
    for check in checks.iter_mut().filter(|check| check.fails(inputs.strict)) {
        let (name, uri) = (check.name.clone(), check.uri.clone());
        let subject = Subject { name: &name, uri: &uri, mode: check.mode };
        // A benchmark that failed is no matter of limits.
        let is_broken = check.kind == CheckKind::Completion && check.status == Status::Failed;
        let permits = |waiver: &Waiver| match check.kind {
            CheckKind::Budget => waiver.permits_value(subject, &check.metric),
            CheckKind::Regression | CheckKind::Completion => {
                waiver.permits_loss(subject, &check.metric)
            }
        };
        let all = waivers.iter().enumerate();
        let mut about = all.filter(|(_, waiver)| !is_broken && permits(waiver));
        let found = about.find(|(_, waiver)| *inputs.today <= waiver.until);
        if let Some((place, waiver)) = found {
            used.insert(place);
            check.status = Status::Waived;
            check.add_reason(&format!("waived until {}: {}", waiver.until, waiver.reason));
        }
    }
    let idle = waivers.iter().enumerate().filter(|(place, _)| !used.contains(place));
    idle.map(|(_, waiver)| WaiverNote {
        benchmarks: waiver.benchmarks.to_string(),
        reason: waiver.reason.clone(),
        until: waiver.until.to_string(),
        expired: *inputs.today > waiver.until,
    })
    .collect()
}

/// Patterns of limits that are about no benchmark of head, or of the comparison.
fn idle_limits(inputs: &Inputs<'_>) -> Vec<String> {
    let of_runs = inputs.head.iter().flat_map(|run| &run.record.benchmarks);
    let mut all: Vec<(&str, &str)> = of_runs.map(|of| (&*of.name, &*of.uri)).collect();
    if let Some(comparison) = inputs.comparison {
        all.extend(comparison.benchmarks.iter().map(|one| (&*one.name, &*one.uri)));
        let of_head = comparison.unmatched.iter().filter(|one| one.absence != Absence::Removed);
        all.extend(of_head.map(|one| (&*one.name, &*one.uri)));
    }
    let patterns = inputs.rules.rules.iter().filter_map(|rule| rule.benchmarks.as_ref());
    let idle = patterns.filter(|it| !all.iter().any(|(name, uri)| it.is_about(name, uri)));
    idle.map(|it| format!("no benchmark is named `{it}`, for which there is a limit")).collect()
}

fn notes(inputs: &Inputs<'_>) -> Vec<String> {
    let mut notes = general_notes(inputs);
    notes.extend(idle_limits(inputs));
    notes
}

fn general_notes(inputs: &Inputs<'_>) -> Vec<String> {
    let Some(comparison) = inputs.comparison else {
        let text = "there is no run to compare with: only budgets are checked";
        return vec![text.to_owned()];
    };
    let shifts = comparison.modes.iter().filter_map(|summary| {
        let shift = summary.shift?;
        let (moved, all) = (shift.moved, shift.all);
        let way = if shift.worse { "worse" } else { "better" };
        Some(format!("{moved} of {all} benchmarks got {way}: a cause in common is likely"))
    });
    shifts.collect()
}
