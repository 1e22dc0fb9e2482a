//! The flame graph of a benchmark, with the table of its functions for who reads rather than looks.

use maud::{Markup, html};
use store::{Inlined, MetricUnit, shown};

use super::{Shown, size::Cut};
use crate::flame::{Column, Flame, Function, functions, packed, value_text};

/// Functions in the table.
const MOST_FUNCTIONS: usize = 15;

pub(super) fn section(of: &Shown<'_>, cut: &mut Cut) -> Markup {
    let only = of.head.or(of.base).filter(|_| of.head.is_none() || of.base.is_none());
    let alone = only.and_then(|only| Flame::of(only, None));
    let both = of.head.and_then(|head| Flame::of(head, of.base));
    let Some(flame) = both.or(alone) else { return html! {} };
    let pruned = flame.pruned(cut.level.smallest);
    cut.flames += usize::from(pruned.nodes != flame.nodes);
    let Some(lead) = flame.columns.first() else { return html! {} };
    let is_diff = lead.base.is_some();
    let id = format!("{}-flame", of.anchor());
    html! {
        section class="flame" id=(id) aria-label={ "Flame graph of " (of.title()) } {
            h3 { (if is_diff { "Flame graph of the difference" } else { "Flame graph" }) }
            @if of.base.is_some() && !is_diff {
                p { "Base has no call stacks of the same kind, so that this is head alone." }
            }
            noscript { p { "The flame graph needs JavaScript; the table of functions below does not." } }
            (controls(&pruned, is_diff))
            p data-role="told" class="told" aria-live="polite" {}
            div class="canvas" {
                canvas data-role="graph" tabindex="0" role="application"
                    aria-label="Flame graph: arrow keys select a function, Enter zooms in, Escape zooms out, / searches" {}
            }
            (around())
            script type="text/plain" data-flame { (packed(&pruned)) }
            (table(&flame, lead))
        }
    }
}

fn controls(flame: &Flame, is_diff: bool) -> Markup {
    let checkbox = |role: &str, text: &str, checked: bool| {
        html! { label { input type="checkbox" data-role=(role) checked[checked]; " " (text) } }
    };
    let has = |kind: results::FrameKind| flame.frames.iter().any(|frame| frame.kind == kind);
    html! {
        div class="controls" data-role="controls" hidden {
            @if flame.columns.len() > 1 {
                label {
                    "Show "
                    select data-role="column" {
                        @for (number, column) in flame.columns.iter().enumerate() {
                            option value=(number) { (column.title) }
                        }
                    }
                }
            }
            @if is_diff {
                label {
                    "Colours "
                    select data-role="colour" {
                        option value="change" { "more (red), less (blue)" }
                        option value="object" { "programs and libraries" }
                    }
                }
                (checkbox("normalized", "Equal totals", false))
            }
            (checkbox("inverted", "Invert", false))
            @if flame.frames.iter().any(|frame| frame.inlined == Inlined::Helper) { (checkbox("folded", "Fold inlined helpers", true)) }
            @if has(results::FrameKind::Kernel) { (checkbox("hide-kernel", "Hide kernel", false)) }
            @if has(results::FrameKind::Interpreter) { (checkbox("hide-interpreter", "Hide interpreter", false)) }
            @if has(results::FrameKind::Startup) { (checkbox("hide-startup", "Hide start-up", true)) }
            label { "Search " input type="search" data-role="search" placeholder="name or /expression/"; }
            output data-role="matched" {}
            button type="button" data-role="reset" { "Reset" }
            button type="button" data-role="sandwich" disabled { "Callers and callees" }
        }
    }
}

/// A function with all its callers and all that it calls.
fn around() -> Markup {
    html! {
        div data-role="around" class="around" hidden {
            h4 data-role="around-title" {}
            p { "Called by:" }
            div class="canvas" { canvas data-role="callers" tabindex="0" role="application" aria-label="Callers of the selected function" {} }
            p { "Calls:" }
            div class="canvas" { canvas data-role="callees" tabindex="0" role="application" aria-label="Functions that the selected function calls" {} }
            button type="button" data-role="close-around" { "Close" }
        }
    }
}

fn table(flame: &Flame, column: &Column) -> Markup {
    let all = functions(flame, column);
    let [base_sum, head_sum] = column.sums();
    let is_diff = column.base.is_some();
    html! {
        div class="scroll" {
            table class="functions sortable" {
                caption { "Functions by their own cost" (if is_diff { ", the largest change first" } else { "" }) }
                thead {
                    tr {
                        th scope="col" { "Function" }
                        @if is_diff { th scope="col" { "Self, base" } }
                        th scope="col" { "Self" }
                        @if is_diff { th scope="col" { "Change" } th scope="col" { "Total, base" } }
                        th scope="col" { "Total" }
                        th scope="col" { "In" }
                    }
                }
                tbody {
                    @for of in all.iter().take(MOST_FUNCTIONS) {
                        (row(of, column, [base_sum, head_sum]))
                    }
                }
            }
        }
    }
}

fn row(of: &Function<'_>, column: &Column, [base_sum, head_sum]: [f64; 2]) -> Markup {
    let is_diff = column.base.is_some();
    let cell = |value: f64, whole: f64| {
        let share = if whole > 0.0 { value / whole } else { 0.0 };
        html! {
            td class="number" data-value=(value) {
                (value_text(value, column.unit)) " (" (shown::value(share, MetricUnit::Share)) ")"
            }
        }
    };
    let change = of.own[1] - of.own[0];
    html! {
        tr {
            th scope="row" { (of.name) }
            @if is_diff { (cell(of.own[0], base_sum)) }
            (cell(of.own[1], head_sum))
            @if is_diff {
                td class={ "number" (if change.abs() <= column.noise { " calm" } else { "" }) } data-value=(change) {
                    (if change >= 0.0 { "+" } else { "-" }) (value_text(change.abs(), column.unit))
                }
                (cell(of.total[0], base_sum))
            }
            (cell(of.total[1], head_sum))
            td { (of.object) }
        }
    }
}
