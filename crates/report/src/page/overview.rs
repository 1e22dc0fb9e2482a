//! The table of all benchmarks: with verdicts, or with the numbers of one run.

use maud::{Markup, html};
use store::{Metric, Outcome, compare::Quantity, shown};

use super::{Benchmarks, Report, Shown, size::Cut};
use crate::text::plain;

const TABLE: &str = "overview";

/// A row of the table.
type Row = fn(&Shown<'_>, &Cut) -> Markup;

pub(super) fn table(of: &Benchmarks<'_>, report: &Report<'_>, cut: &Cut) -> Markup {
    let (heads, row): (&[&str], Row) = if report.base.is_some() {
        (&["Benchmark", "Mode", "Base", "Head", "Change", "99 % interval", "Verdict"], compared)
    } else {
        (&["Benchmark", "Mode", "Value", "95 % interval", "Rounds", "Metric"], single)
    };
    html! {
        section aria-labelledby="overview-title" {
            h2 id="overview-title" { (if report.base.is_some() { "Verdicts" } else { "Results" }) }
            (filter(of, report))
            div class="scroll" {
                table id=(TABLE) class="sortable" {
                    thead { tr { @for head in heads { th scope="col" { (head) } } } }
                    tbody {
                        @for shown in of.shown.iter().take(cut.level.rows) { (row(shown, cut)) }
                    }
                }
            }
        }
    }
}

/// Shown by the script, which it needs.
fn filter(of: &Benchmarks<'_>, report: &Report<'_>) -> Markup {
    let mut verdicts: Vec<&str> = Vec::new();
    for verdict in of.shown.iter().filter(|_| report.base.is_some()).map(Shown::verdict) {
        if !verdicts.contains(&verdict) {
            verdicts.push(verdict);
        }
    }
    html! {
        form class="filter" data-table=(TABLE) hidden {
            label { "Name contains " input type="search"; }
            @for verdict in verdicts {
                label { input type="checkbox" value=(verdict) checked; " " (verdict) }
            }
            output {}
        }
    }
}

/// A cell that is sorted by its number.
fn number(value: Option<f64>, text: &str) -> Markup {
    let value = value.filter(|value| value.is_finite());
    html! { td class="number" data-value=(value.map_or_else(|| "NaN".to_owned(), |it| it.to_string())) { (text) } }
}

fn link(of: &Shown<'_>, cut: &Cut) -> Markup {
    if of.number > cut.level.detailed {
        return html! { th scope="row" { (of.title()) } };
    }
    html! { th scope="row" { a href={ "#" (of.anchor()) } { (of.title()) } } }
}

fn compared(of: &Shown<'_>, cut: &Cut) -> Markup {
    let lead = of.compared.and_then(store::compare::Compared::lead);
    let value = |pick: fn(&Quantity) -> f64| {
        let value = lead.map(pick);
        number(value, &lead.map_or_else(|| "-".to_owned(), |it| shown::value(pick(it), it.unit)))
    };
    let ratio = lead.and_then(|lead| lead.ratio);
    let interval = lead.and_then(|lead| lead.interval);
    let ends =
        interval.map(|it| format!("{} .. {}", shown::change(it.low), shown::change(it.high)));
    let verdict = of.verdict();
    html! {
        tr data-verdict=(verdict) {
            (link(of, cut))
            td { (shown::mode(of.mode)) }
            (value(|it| it.base))
            (value(|it| it.head))
            (number(ratio, &ratio.map_or_else(|| "-".to_owned(), shown::change)))
            (number(interval.map(|it| it.low), ends.as_deref().unwrap_or("-")))
            td class={ "verdict " (verdict) } { (verdict) }
        }
    }
}

fn single(of: &Shown<'_>, cut: &Cut) -> Markup {
    let Some(head) = of.head else { return html! {} };
    let metric = head.metrics.get(&head.headline);
    let text = match &head.outcome {
        Outcome::Failed(_) => "failed".to_owned(),
        Outcome::Interrupted => "interrupted".to_owned(),
        Outcome::Complete => {
            metric.map_or_else(|| "-".to_owned(), |it| shown::value(it.value, it.unit))
        }
    };
    let interval = metric.and_then(ends);
    let rounds = head.rounds.as_ref().map(|it| {
        let kept = u64::try_from(it.wall_ns.len()).unwrap_or(u64::MAX);
        kept.saturating_add(it.left_out)
    });
    html! {
        tr {
            (link(of, cut))
            td { (shown::mode(of.mode)) }
            (number(metric.map(|it| it.value), &text))
            (number(metric.and_then(|it| it.low), interval.as_deref().unwrap_or("-")))
            (number(rounds.map(runner_shared::walltime::as_float), &rounds.map_or_else(|| "-".to_owned(), |it| it.to_string())))
            td { code { (plain(&head.headline)) } }
        }
    }
}

/// Returns the interval of a value.
fn ends(of: &Metric) -> Option<String> {
    let (low, high) = of.low.zip(of.high)?;
    Some(format!("{} .. {}", shown::value(low, of.unit), shown::value(high, of.unit)))
}
