//! What has to be said about single benchmarks, below any table.

use runner_shared::{
    artifact::{Outcome, RobustSource},
    duration::show_nanos,
    text::one_line,
};

use super::text::{count, percent};
use crate::model::{BenchResult, RawRounds, Report, Robust};

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
    // The option belongs to `exec-harness`; other integrations have their own.
    let longer = match of.rounds {
        Some(RawRounds::Logged(_)) => "measure longer with `--max-time`",
        Some(RawRounds::Marked { .. }) | None => "measure longer",
    };
    let better = of.robust.as_ref().and_then(better).unwrap_or_default();
    Some(format!(
        "noisy machine: {} of the rounds were disturbed ({} preempted, {} far outside); close other programs, pin the benchmark with `taskset -c N` or {longer}{better}",
        percent(verdict.flagged_share()),
        verdict.preempted,
        verdict.stray,
    ))
}

/// The end of a sentence: what the noise has not touched, or why that is not known.
fn better(robust: &Robust) -> Option<String> {
    let reach = robust.interval.and_then(|interval| interval.reach(robust.median_ns));
    let reach = reach.map(|reach| format!(" ± {}", percent(reach))).unwrap_or_default();
    match label(robust.source) {
        Some(_) if robust.in_stats => None,
        Some(label) => Some(format!("; {label}: median {}{reach}", show_nanos(robust.median_ns))),
        None if robust.missing.is_empty() => None,
        None => Some(format!("; a time without the noise is not known: {}", robust.missing)),
    }
}

/// `None` for the wall clock, which is what all other figures are.
fn label(source: RobustSource) -> Option<&'static str> {
    match source {
        RobustSource::KernelStamps => Some("kernel time without preemption"),
        RobustSource::ProcessorTime => Some("processor time"),
        RobustSource::WallClock => None,
    }
}
