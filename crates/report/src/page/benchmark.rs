//! A benchmark on the page: numbers, charts and flame graph, closed unless it is one of the first.

use maud::{Markup, html};
use store::{Outcome, compare::Verdict, shown};

use super::{Report, Shown, figures, flames, size::Cut};
use crate::{
    chart::{self, Side},
    text::plain,
};

/// So many benchmarks are open at first.
const OPEN: usize = 3;

pub(super) fn section(of: &Shown<'_>, report: &Report<'_>, cut: &mut Cut) -> Markup {
    let change = of.compared.and_then(|it| it.lead()).and_then(|lead| lead.ratio);
    let is_calm = of.compared.is_some_and(|it| it.verdict == Verdict::Unchanged);
    let outcome = of.head.or(of.base).map(|of| &of.outcome);
    html! {
        details class="benchmark" id=(of.anchor()) open[of.number <= OPEN && !is_calm] {
            summary {
                span class="name" { (of.title()) }
                @if report.head.record.parts.len() > 1 { " " span class="mode" { (shown::mode(of.mode)) } }
                @if !of.verdict().is_empty() {
                    " " span class={ "verdict " (of.verdict()) } { (of.verdict()) }
                    @if let Some(ratio) = change { " " span { (shown::change(ratio)) } }
                }
            }
            @if let Some(Outcome::Failed(why)) = outcome { p class="failed" { "Failed: " (plain(why)) } }
            @if let Some(Outcome::Interrupted) = outcome { p { "Interrupted: the numbers are of what was finished." } }
            @if let Some(compared) = of.compared {
                p { (plain(&compared.sentence())) }
                @if let Some(moved) = compared.what_moved() { p { (plain(&moved)) } }
            }
            (figures::table(of))
            (charts(of, cut))
            (flames::section(of, cut))
            @if let Some(history) = of.history {
                @if let Some(chart) = chart::trend(history) {
                    figure {
                        (chart)
                        figcaption {
                            "History of " (history.series.points.len()) " runs"
                            @if let Some(change) = history.changes.last() {
                                ", last change of level: "
                                (change.ratio().map_or_else(|| "from nothing".to_owned(), shown::change))
                            }
                        }
                    }
                }
            }
            @let notes = of.head.map(|head| head.notes.as_slice()).unwrap_or_default();
            @if !notes.is_empty() {
                div class="notes" { (super::head::list(notes)) }
            }
        }
    }
}

/// The charts of rounds and of live memory.
fn charts(of: &Shown<'_>, cut: &mut Cut) -> Markup {
    let [base, head] = [of.base, of.head].map(|side| side.and_then(figures::rounds));
    let most = cut.level.rounds;
    let is_thinned = [&base, &head].into_iter().flatten().any(|side| side.times.len() > most);
    let distribution = chart::distribution([base.as_ref(), head.as_ref()]);
    let [base, head] = [base, head].map(|side| side.map(|side: Side| side.thinned(most)));
    let noise = of.compared.and_then(|it| it.lead()).map(|lead| lead.floor);
    let rounds = chart::rounds([base.as_ref(), head.as_ref()], noise);
    cut.charts += usize::from(is_thinned && rounds.is_some());
    let timelines = [of.base, of.head].map(|side| side.and_then(|side| side.timeline.as_ref()));
    let sides = if base.is_some() { "; base grey, head in colour" } else { "" };
    html! {
        @if let Some(chart) = rounds {
            figure {
                (chart)
                figcaption {
                    "Rounds in the order of their run" (sides) ". The line is the judged time"
                    @if noise.is_some() { ", the band the noise between runs of equal programs" }
                    "."
                }
            }
        }
        @if let Some(chart) = distribution {
            figure {
                (chart)
                figcaption { "Distribution of the rounds" (sides) ". The bar at the end is the 95 % interval of the judged time." }
            }
        }
        @if let Some(chart) = chart::timeline(timelines) {
            figure { (chart) figcaption { "Live memory over the time" } }
        }
    }
}
