//! The table of all benchmarks: with verdicts, or with the numbers of one run.
//!
//! A large table is in groups of rows with columns of known widths, so that a browser lays out what is seen
//! first, and the script has it lay out the others when nothing else is to do. Searching and printing have all of it.

use maud::{Markup, html};
use store::{Metric, Outcome, compare::Quantity, shown};

use super::{Benchmarks, Report, Shown, size::Cut};
use crate::text::plain;

const TABLE: &str = "overview";

/// A table with more rows is a large one.
const MOST_AT_ONCE: usize = 200;
/// Rows of a large table that are laid out together: several screens full.
const GROUP: usize = 100;

/// A row of the table.
type Row = fn(&Shown<'_>, Look) -> Markup;

/// The look of the rows.
#[derive(Debug, Clone, Copy)]
struct Look {
    /// Benchmarks that there is a link to.
    linked: usize,
    /// They are those of a large table. Some browsers forget what is a cell once it is not laid out as one.
    is_large: bool,
}

impl Look {
    /// Returns the role of an element, where it has to be said.
    fn role(self, role: &'static str) -> Option<&'static str> {
        self.is_large.then_some(role)
    }
}

pub(super) fn table(of: &Benchmarks<'_>, report: &Report<'_>, cut: &Cut) -> Markup {
    let (heads, row): (&[&str], Row) = if report.base.is_some() {
        (&["Benchmark", "Mode", "Base", "Head", "Change", "99 % interval", "Verdict"], compared)
    } else {
        (&["Benchmark", "Mode", "Value", "95 % interval", "Rounds", "Metric"], single)
    };
    let rows = of.shown.get(..cut.level.rows).unwrap_or(&of.shown);
    let is_large = rows.len() > MOST_AT_ONCE;
    let look = Look { linked: cut.level.detailed, is_large };
    let columns = if report.base.is_some() { "compared" } else { "single" };
    let class = if is_large { format!("sortable large {columns}") } else { "sortable".to_owned() };
    html! {
        section aria-labelledby="overview-title" {
            h2 id="overview-title" { (if report.base.is_some() { "Verdicts" } else { "Results" }) }
            (filter(of, report))
            div class="scroll" {
                table id=(TABLE) class=(class) role=[look.role("table")] {
                    thead role=[look.role("rowgroup")] {
                        tr role=[look.role("row")] {
                            @for head in heads { th scope="col" role=[look.role("columnheader")] { (head) } }
                        }
                    }
                    @for group in rows.chunks(if is_large { GROUP } else { MOST_AT_ONCE }) {
                        tbody role=[look.role("rowgroup")] { @for shown in group { (row(shown, look)) } }
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
fn number(value: Option<f64>, text: &str, look: Look) -> Markup {
    let value = value.filter(|value| value.is_finite());
    let value = value.map_or_else(|| "NaN".to_owned(), |it| it.to_string());
    html! { td data-value=(value) role=[look.role("cell")] { (text) } }
}

fn link(of: &Shown<'_>, look: Look) -> Markup {
    html! {
        th scope="row" role=[look.role("rowheader")] {
            @if of.number > look.linked { (of.title()) }
            @else { a href={ "#" (of.anchor()) } { (of.title()) } }
        }
    }
}

fn compared(of: &Shown<'_>, look: Look) -> Markup {
    let lead = of.compared.and_then(store::compare::Compared::lead);
    let value = |pick: fn(&Quantity) -> f64| {
        let value = lead.map(pick);
        let text = lead.map_or_else(|| "-".to_owned(), |it| shown::value(pick(it), it.unit));
        number(value, &text, look)
    };
    let ratio = lead.and_then(|lead| lead.ratio);
    let interval = lead.and_then(|lead| lead.interval);
    let ends =
        interval.map(|it| format!("{} .. {}", shown::change(it.low), shown::change(it.high)));
    let verdict = of.verdict();
    html! {
        tr data-verdict=(verdict) role=[look.role("row")] {
            (link(of, look))
            td role=[look.role("cell")] { (shown::mode(of.mode)) }
            (value(|it| it.base))
            (value(|it| it.head))
            (number(ratio, &ratio.map_or_else(|| "-".to_owned(), shown::change), look))
            (number(interval.map(|it| it.low), ends.as_deref().unwrap_or("-"), look))
            td class={ "verdict " (verdict) } role=[look.role("cell")] { (verdict) }
        }
    }
}

fn single(of: &Shown<'_>, look: Look) -> Markup {
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
        tr role=[look.role("row")] {
            (link(of, look))
            td role=[look.role("cell")] { (shown::mode(of.mode)) }
            (number(metric.map(|it| it.value), &text, look))
            (number(metric.and_then(|it| it.low), interval.as_deref().unwrap_or("-"), look))
            (number(rounds.map(runner_shared::walltime::as_float), &rounds.map_or_else(|| "-".to_owned(), |it| it.to_string()), look))
            td role=[look.role("cell")] { code { (plain(&head.headline)) } }
        }
    }
}

/// Returns the interval of a value.
fn ends(of: &Metric) -> Option<String> {
    let (low, high) = of.low.zip(of.high)?;
    Some(format!("{} .. {}", shown::value(low, of.unit), shown::value(high, of.unit)))
}
