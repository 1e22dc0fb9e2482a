//! The numbers of a benchmark: its metrics on both sides, the rounds that are judged.

use std::collections::BTreeSet;

use maud::{Markup, html};
use store::{Metric, RecordedBenchmark, shown};

use super::Shown;
use crate::{chart::Side, text::plain};

/// The most metrics of a benchmark.
const MOST_METRICS: usize = 200;
/// More metrics than these are shown when they are asked for.
const MOST_SHOWN: usize = 6;

/// All metrics, the one that leads first.
pub(super) fn table(of: &Shown<'_>) -> Markup {
    let (table, count) = all(of);
    if count <= MOST_SHOWN {
        return table;
    }
    html! { details { summary { "All " (count) " numbers" } (table) } }
}

/// The table of all metrics, and how many there are.
fn all(of: &Shown<'_>) -> (Markup, usize) {
    let sides = [of.base, of.head];
    let lead = of.head.or(of.base).map(|it| it.headline.as_str());
    let keys = sides.into_iter().flatten().flat_map(|side| side.metrics.keys());
    let keys: BTreeSet<&str> = keys.map(String::as_str).collect();
    let others = keys.iter().copied().filter(|key| Some(*key) != lead);
    let keys: Vec<&str> = lead.into_iter().chain(others).collect();
    let get = |side: Option<&RecordedBenchmark>, key: &str| -> Option<Metric> {
        side.and_then(|side| side.metrics.get(key)).copied()
    };
    let count = keys.len();
    let keys = keys.into_iter().take(MOST_METRICS);
    let table = html! {
        div class="scroll" {
            table {
                thead {
                    tr {
                        th scope="col" { "Metric" }
                        @if of.base.is_some() { th scope="col" { "Base" } th scope="col" { "Head" } th scope="col" { "Change" } }
                        @else { th scope="col" { "Value" } }
                    }
                }
                tbody {
                    @for key in keys {
                        @let [base, head] = sides.map(|side| get(side, key));
                        tr {
                            th scope="row" { code { (plain(key)) } }
                            @if of.base.is_some() { td class="number" { (cell(base)) } }
                            td class="number" { (cell(head)) }
                            @if of.base.is_some() { td class="number" { (change(base, head)) } }
                        }
                    }
                }
            }
        }
    };
    (table, count)
}

fn cell(of: Option<Metric>) -> String {
    of.map_or_else(|| "-".to_owned(), |it| shown::value(it.value, it.unit))
}

fn change(base: Option<Metric>, head: Option<Metric>) -> String {
    let ratio = base.zip(head).filter(|(base, _)| base.value > 0.0);
    ratio.map_or_else(|| "-".to_owned(), |(base, head)| shown::change(head.value / base.value))
}

/// Returns the rounds of a run as they are judged: without what other programs took, where that is known.
pub(super) fn rounds(of: &RecordedBenchmark) -> Option<Side> {
    let rounds = of.rounds.as_ref()?;
    let is_robust = of.headline.starts_with("robust") && !rounds.undisturbed_ns.is_empty();
    let times = if is_robust { &rounds.undisturbed_ns } else { &rounds.wall_ns };
    let metric = of.metrics.get(&of.headline);
    let is_time = |it: &&Metric| it.unit == store::MetricUnit::Nanoseconds;
    let metric = metric.filter(is_time);
    Some(Side {
        times: times.clone(),
        judged: metric.map(|it| it.value),
        interval: metric.and_then(|it| Some([it.low?, it.high?])),
    })
}
