//! The top of the page: which runs these are, and what was found.

use maud::{Markup, html};
use store::{
    compare::{Comparison, Run, Verdict},
    shown,
};

use super::Report;
use crate::text::plain;

/// Returns the title of the page.
pub(super) fn title(report: &Report<'_>) -> String {
    let project = plain(&report.head.record.project);
    let project = project.rsplit('/').next().unwrap_or_default();
    let run = name(report.head);
    let runs = match report.base {
        Some((base, _)) => format!("{run} against {}", name(base)),
        None => run,
    };
    if project.is_empty() { runs } else { format!("{project}: {runs}") }
}

/// Returns the name of a run, else its commit, else its ID.
pub(super) fn name(run: Run<'_>) -> String {
    let commit = run.record.commit.as_ref().map(|commit| shown::commit(&commit.hash));
    let named = run.record.name.as_deref().map(plain);
    named.or(commit).unwrap_or_else(|| run.id.short())
}

pub(super) fn header(report: &Report<'_>) -> Markup {
    html! {
        header {
            h1 { (title(report)) }
            label class="theme" {
                "Theme "
                select id="theme" hidden {
                    option value="auto" { "as the system" }
                    option value="light" { "light" }
                    option value="dark" { "dark" }
                }
            }
        }
    }
}

/// The runs, and what was found in a sentence or two.
pub(super) fn found(report: &Report<'_>) -> Markup {
    html! {
        section aria-labelledby="runs-title" {
            h2 id="runs-title" { (if report.base.is_some() { "Runs" } else { "Run" }) }
            (runs(report))
            @if let Some((_, comparison)) = report.base {
                p class="summary" { (counts(comparison)) }
                @if comparison.base.len() > 1 || comparison.head.len() > 1 {
                    p {
                        "Verdicts rest on " (comparison.base.len()) " runs of base and "
                        (comparison.head.len()) " of head; numbers, charts and flame graphs are those of the newest of each."
                    }
                }
                (list(&comparison.remarks(true)))
            }
            @if let Some(gate) = report.gate {
                p class={ "gate " (if gate.passed { "passed" } else { "failed" }) } {
                    (plain(&gate.summary()))
                }
            }
        }
    }
}

/// A fact about a run; empty if it is not known.
type Fact = fn(Run<'_>) -> String;

const FACTS: &[(&str, Fact)] = &[
    ("Run", |of| of.id.short()),
    ("Name", |of| of.record.name.as_deref().map(plain).unwrap_or_default()),
    ("Time (UTC)", |of| shown::minute(of.record.time_ms)),
    ("Commit", commit),
    ("Branch", |of| {
        let commit = of.record.commit.as_ref();
        commit.and_then(|it| it.branch.as_deref()).map(plain).unwrap_or_default()
    }),
    ("Machine", |of| {
        let machine = &of.record.environment;
        let all = [&machine.processor.model, &machine.system, &machine.kernel].into_iter();
        let known: Vec<String> = all.filter(|it| !it.is_empty()).map(|it| plain(it)).collect();
        known.join(", ")
    }),
    ("Program", |of| plain(&of.record.program)),
    ("Command", |of| plain(&of.record.command.join(" "))),
];

fn commit(of: Run<'_>) -> String {
    let Some(commit) = &of.record.commit else { return String::new() };
    let changes = if commit.dirty == Some(true) { " with changes" } else { "" };
    format!("{}{changes}", shown::commit(&commit.hash))
}

/// The table of the runs, with what is known of them.
fn runs(report: &Report<'_>) -> Markup {
    let base = report.base.map(|(base, _)| ("base", base));
    let sides: Vec<(&str, Run<'_>)> = base.into_iter().chain([("head", report.head)]).collect();
    let is_known = |fact: &Fact| sides.iter().any(|(_, run)| !fact(*run).is_empty());
    let facts: Vec<_> = FACTS.iter().filter(|(_, fact)| is_known(fact)).collect();
    html! {
        div class="scroll" {
            table class="runs" {
                thead {
                    tr {
                        @if sides.len() > 1 { th scope="col" { "Side" } }
                        @for (title, _) in &facts { th scope="col" { (title) } }
                    }
                }
                tbody {
                    @for (side, run) in &sides {
                        tr {
                            @if sides.len() > 1 { th scope="row" { (side) } }
                            @for (_, fact) in &facts { td { (fact(*run)) } }
                        }
                    }
                }
            }
        }
    }
}

/// Sentences, of very many the first ones.
pub(super) fn list(sentences: &[String]) -> Markup {
    const MOST: usize = 60;
    html! {
        ul {
            @for sentence in sentences.iter().take(MOST) { li { (plain(sentence)) } }
            @if sentences.len() > MOST { li { "and " (sentences.len() - MOST) " more" } }
        }
    }
}

/// The verdicts by their number, worst first.
fn counts(comparison: &Comparison) -> String {
    let all = [
        Verdict::Regressed,
        Verdict::Suspect,
        Verdict::Inconclusive,
        Verdict::Incomparable,
        Verdict::Improved,
        Verdict::Unchanged,
    ];
    let counts = all.into_iter().map(|verdict| (verdict, comparison.with(verdict).count()));
    let words: Vec<String> = counts
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| format!("{count} {}", verdict.word()))
        .collect();
    if words.is_empty() { "No benchmark is in both runs.".to_owned() } else { words.join(", ") }
}
