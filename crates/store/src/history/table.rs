//! Histories of many benchmarks: a row each.

use std::collections::BTreeSet;

use results::{FreeRow, TableStyle, fitted_table, sentences};
use runner_shared::text::count;

use super::{FEWEST, History, Origin, spark::sparkline};
use crate::{
    Mode,
    shown::{self, UNKNOWN, head},
};

/// Bars of a row.
const BARS: usize = 20;

/// Returns the histories as a table, those that became worse most first, with sentences below it and a final line break.
/// Empty if there are none.
pub fn table(histories: &[History<'_>], style: &TableStyle) -> String {
    let mut sorted: Vec<&History<'_>> = histories.iter().collect();
    sorted.sort_by(|one, other| worsening(other).total_cmp(&worsening(one)));
    let modes: BTreeSet<Mode> = histories.iter().map(|one| one.series.mode).collect();
    let mut heads = vec![head("Trend", 3)];
    heads.extend((modes.len() > 1).then(|| head("Mode", 1)));
    heads.extend([head("Last", 0), head("Change", 0), head("Since", 1), head("Runs", 2)]);
    let rows = sorted.into_iter().map(|history| row(history, modes.len() > 1));
    let table = fitted_table("", &heads, rows.collect(), style);
    if table.is_empty() { table } else { table + &sentences(&footer(histories), style) }
}

fn row(history: &History<'_>, with_mode: bool) -> FreeRow {
    let series = &history.series;
    let change = history.last_change();
    let last =
        history.last().map_or_else(|| UNKNOWN.to_owned(), |it| shown::value(it.value, series.unit));
    let changed = change.map_or_else(|| UNKNOWN.to_owned(), |it| in_words(history, it));
    let since = change.and_then(|change| history.origin(change.at)).map(place);
    let mut cells = vec![sparkline(&history.current(), BARS)];
    cells.extend(with_mode.then(|| shown::mode(series.mode).to_owned()));
    cells.extend([
        last,
        changed,
        since.unwrap_or_else(|| UNKNOWN.to_owned()),
        series.points.len().to_string(),
    ]);
    FreeRow { name: series.shown_name(), cells }
}

/// Returns the commit of a run, else its day.
pub(super) fn place(origin: &Origin) -> String {
    let commit = origin.commit.as_deref().map(shown::commit);
    commit.unwrap_or_else(|| shown::day(origin.time_ms))
}

/// Returns a change as people read it; of what was nothing before, its new value.
pub(super) fn in_words(history: &History<'_>, change: &super::Change) -> String {
    change.ratio().map_or_else(
        || format!("0 to {}", shown::value(change.after, history.series.unit)),
        shown::change,
    )
}

/// Returns how much worse the last change made it, as a logarithm; what never changed stands in the middle.
fn worsening(history: &History<'_>) -> f64 {
    let Some(change) = history.last_change() else { return 0.0 };
    let size = change.ratio().map_or(100.0, |ratio| ratio.ln().abs().min(100.0));
    if change.is_worse(history.series.better) { size } else { -size }
}

fn footer(histories: &[History<'_>]) -> String {
    let line = |number: usize, text: &str| {
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        if number == 0 {
            String::new()
        } else {
            format!("\n{} {text}\n", count(number, "benchmark"))
        }
    };
    let young = histories.iter().filter(|history| history.current().len() < FEWEST).count();
    let text = format!(
        "with fewer than {FEWEST} runs in the environment of the last one: changes are looked for from then on"
    );
    let young = line(young, &text);
    let moved = histories.iter().filter(|history| history.is_scattered()).count();
    young + &line(moved, "measured in several environments: the trend is that of the last one")
}
