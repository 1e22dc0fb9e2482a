//! What has to be said about single benchmarks, below any table.

use std::collections::BTreeMap;

use runner_shared::{
    artifact::{Outcome, RobustSource},
    text::one_line,
};

use super::text::{count, percent};
use crate::model::{BenchResult, NoInterval, RawRounds, Report};

/// Names that one sentence lists.
const NAMES: usize = 2;

/// A sentence and the benchmark that it is about.
pub(super) struct Note {
    /// Name on one line; empty for a warning about the whole report.
    pub benchmark: String,
    /// The sentence, on one line, without a final period.
    pub text: String,
}

/// Warnings about the whole report.
pub(super) fn warnings(report: &Report) -> impl Iterator<Item = Note> {
    let note = |warning: &String| Note { benchmark: String::new(), text: one_line(warning) };
    report.warnings.iter().map(note)
}

/// Benchmark by benchmark, the worst news first.
pub(super) fn notes(report: &Report) -> impl Iterator<Item = Note> {
    let about = |of: &BenchResult| {
        let benchmark = one_line(&of.name);
        let texts = ending(of).into_iter().chain(robust_stats(of)).chain(noise(of));
        let texts: Vec<String> = texts.chain(of.notes.iter().cloned()).collect();
        texts
            .into_iter()
            .map(move |text| Note { benchmark: benchmark.clone(), text: one_line(&text) })
    };
    report.benchmarks.iter().flat_map(about)
}

/// Sentences about all benchmarks that have something in common, each with the first of their names.
pub(super) fn remarks_on_all(report: &Report) -> Vec<String> {
    let mut missing: BTreeMap<NoInterval, Vec<&BenchResult>> = BTreeMap::new();
    for benchmark in &report.benchmarks {
        if let Some(why) = benchmark.no_interval {
            missing.entry(why).or_default().push(benchmark);
        }
    }
    let no_interval =
        missing.iter().map(|(why, of)| format!("No interval for {}: {why}", names(of)));
    no_interval.chain(other_counts(report)).collect()
}

/// Rounds that were run and are not as many as the integration states.
fn other_counts(report: &Report) -> Option<String> {
    let differs = |of: &&BenchResult| of.round_count() != of.stats.rounds;
    let differing: Vec<&BenchResult> = report.benchmarks.iter().filter(differs).collect();
    let first = differing.first()?;
    let (run, stated) = (first.round_count(), first.stats.rounds);
    Some(format!(
        "Rounds are those that were run. {} states how many it had planned, which its time did not always allow: {run} of {stated} of {}",
        one_line(&first.integration.name),
        names(&differing)
    ))
}

/// The first few names.
fn names(of: &[&BenchResult]) -> String {
    let mut names: Vec<String> = of
        .iter()
        .take(NAMES)
        .map(|one| format!("`{}`", one_line(&one.name).replace('`', "'")))
        .collect();
    match of.len().saturating_sub(NAMES) {
        0 => {}
        more => names.push(format!("{more} more")),
    }
    match names.pop() {
        Some(last) if !names.is_empty() => format!("{} and {last}", names.join(", ")),
        Some(only) => only,
        None => String::new(),
    }
}

fn ending(of: &BenchResult) -> Option<String> {
    let kept = match of.stats.rounds {
        0 => "no round was kept".to_owned(),
        1 => "1 round before it is kept".to_owned(),
        rounds => format!("{} before it are kept", count(rounds, "round")),
    };
    match &of.outcome {
        Outcome::Complete => None,
        Outcome::Failed { reason } => Some(format!("failed: {reason}; {kept}")),
        Outcome::Interrupted => Some(format!("interrupted; {kept}")),
    }
}

fn robust_stats(of: &BenchResult) -> Option<String> {
    let robust = of.robust.as_ref().filter(|robust| robust.in_stats)?;
    Some(format!("all figures are {}, not the wall clock", label(robust.source)?))
}

fn noise(of: &BenchResult) -> Option<String> {
    let verdict = of.noise.filter(|_| of.is_noisy())?;
    let disturbed = format!(
        "noisy machine: {} of the rounds were disturbed ({} preempted, {} far outside)",
        percent(verdict.flagged_share()),
        verdict.preempted,
        verdict.stray,
    );
    let robust = of.robust.as_ref();
    if robust.is_some_and(|robust| label(robust.source).is_some()) {
        return Some(disturbed);
    }
    // The option belongs to `exec-harness`; other integrations have their own.
    let longer = match of.rounds {
        Some(RawRounds::Logged(_)) => "measure longer with `--max-time`",
        Some(RawRounds::Marked { .. }) | None => "measure longer",
    };
    let missing = robust
        .filter(|robust| !robust.missing.is_empty())
        .map(|robust| format!("; a time without the noise is not known: {}", robust.missing));
    Some(format!(
        "{disturbed}; close other programs, pin the benchmark with `taskset -c N` or {longer}{}",
        missing.unwrap_or_default()
    ))
}

/// `None` for the wall clock, which is what all other figures are.
fn label(source: RobustSource) -> Option<&'static str> {
    match source {
        RobustSource::KernelStamps => Some("undisturbed times"),
        RobustSource::ProcessorTime => Some("processor time"),
        RobustSource::WallClock => None,
    }
}
