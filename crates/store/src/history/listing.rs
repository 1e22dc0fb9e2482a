//! The history of one benchmark: a line for each run, with what changed there.

use results::{FreeRow, TableStyle, fitted_table, sentences};
use runner_shared::text::one_line;

use super::{Change, History, table::in_words};
use crate::shown::{self, UNKNOWN, head};

/// Letters that environments are called by.
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Returns the values of a benchmark, newest first, as a table below its name, with what is to be expected next.
pub fn listing(history: &History<'_>, style: &TableStyle) -> String {
    let series = &history.series;
    let several = history.is_scattered();
    let mut heads = vec![head("Commit", 0), head("Value", 0), head("95 % interval", 2)];
    heads.extend(several.then(|| head("Env.", 1)));
    heads.push(head("Change", 0));
    let places = 0..series.points.len();
    let rows = places.rev().filter_map(|place| row(history, place, several));
    let mode = shown::mode(series.mode);
    let title =
        format!("{} ({mode}, {})\n", one_line(&series.shown_name()), one_line(&series.metric));
    let table = fitted_table("Start (UTC)", &heads, rows.collect(), style);
    title + &table + &sentences(&footer(history, several), style)
}

fn row(history: &History<'_>, place: usize, several: bool) -> Option<FreeRow> {
    let unit = history.series.unit;
    let point = history.series.points.get(place)?;
    let origin = history.origin(place)?;
    let commit = origin.commit.as_deref().map_or_else(|| UNKNOWN.to_owned(), shown::commit);
    let interval = point.interval.map_or_else(
        || UNKNOWN.to_owned(),
        |(low, high)| format!("{} to {}", shown::value(low, unit), shown::value(high, unit)),
    );
    let change = history.changes.iter().find(|change| change.at == place);
    let mut cells = vec![commit, shown::value(point.value, unit), interval];
    cells.extend(several.then(|| letter(history.origins.environment(point))));
    cells.push(change.map(|change| annotation(history, change)).unwrap_or_default());
    Some(FreeRow { name: shown::minute(origin.time_ms), cells })
}

fn letter(environment: u32) -> String {
    let letter = usize::try_from(environment).ok().and_then(|nth| LETTERS.chars().nth(nth));
    letter.map_or_else(|| "other".to_owned(), String::from)
}

/// Returns a change as it is noted: `+3.1 % since 0123abcde`.
pub(super) fn annotation(history: &History<'_>, change: &Change) -> String {
    let since = history.origin(change.at).map(super::table::place);
    format!("{} since {}", in_words(history, change), since.as_deref().unwrap_or(UNKNOWN))
}

fn footer(history: &History<'_>, several: bool) -> String {
    let unit = history.series.unit;
    let expected = history.expected.map(|expected| {
        let [low, high] = [expected.low, expected.high].map(|value| shown::value(value, unit));
        let points = expected.points;
        format!(
            "\nexpected next: {low} to {high} (99 % interval from the last {points} runs of this level)\n"
        )
    });
    let several = if several {
        "\nruns of different environments (Env.) are not compared with each other\n"
    } else {
        ""
    };
    expected.unwrap_or_default() + several
}
