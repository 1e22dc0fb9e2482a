//! A comparison of suites for a terminal, a page, a spreadsheet and another program.

mod csv;
mod json;

use std::io;

use runner_shared::{duration::show_nanos, text::one_line};

pub(super) use self::csv::write as csv;
use super::{
    grid::{Alarm, Grid, GridRow},
    table::{TableStyle, draw},
};
use crate::{
    comparison::{change, ends},
    counts,
    metrics::Head,
    suite::{Found, SuiteBenchmark, SuiteComparison, SuiteVerdict, Unit},
    text::UNKNOWN,
};

/// Sentences below the table; it has the others as well.
const MOST_SENTENCES: usize = 10;

const HEADS: &[Head] = &[
    Head { title: "Base", expendable: 1 },
    Head { title: "Head", expendable: 1 },
    Head { title: "Change", expendable: 0 },
    Head { title: "99 % interval", expendable: 2 },
    Head { title: "Verdict", expendable: 0 },
];

impl SuiteComparison {
    /// A table of what has changed or is in doubt, worst first, with sentences below it, and a final line break.
    pub fn table(&self, style: &TableStyle) -> String {
        draw(&self.grid(), *style)
    }

    /// One object for each benchmark, as in the JSON export, with the conditions where these were not as usual.
    ///
    /// # Errors
    ///
    /// If serde can't, which does not happen with these types.
    pub fn to_json(&self) -> serde_json::Result<Vec<serde_json::Value>> {
        json::lines(self).iter().map(serde_json::to_value).collect()
    }

    /// The table with the sentences below it.
    pub(super) fn grid(&self) -> Grid {
        let told = || {
            let is_told = |one: &&SuiteBenchmark| one.found.verdict != SuiteVerdict::Unchanged;
            self.benchmarks.iter().filter(is_told)
        };
        let mut verdicts: Vec<String> =
            told().take(MOST_SENTENCES).map(SuiteBenchmark::sentence).collect();
        verdicts.extend(self.remarks());
        let grid = Grid {
            heads: HEADS.to_vec(),
            rows: told().map(row).collect(),
            footer: self.conditions.sentence().into_iter().collect(),
            verdicts,
            ..Grid::default()
        };
        grid.lean()
    }
}

/// Writes a comparison as JSON, on one line.
pub(super) fn json(found: &SuiteComparison, out: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &json::File::of(found))?;
    writeln!(out)
}

fn row(of: &SuiteBenchmark) -> GridRow {
    let Found { verdict, base, head, unit, ratio, interval, evidence: _ } = &of.found;
    let unknown = || UNKNOWN.to_owned();
    let cells = vec![
        amount(*base, *unit),
        amount(*head, *unit),
        ratio.map_or_else(unknown, |ratio| change(ratio, *interval)),
        interval.map_or_else(unknown, ends),
        verdict.word().to_owned(),
    ];
    let alarm = match verdict {
        SuiteVerdict::Regressed => Alarm::Failure,
        SuiteVerdict::Inconclusive(_) => Alarm::Doubt,
        SuiteVerdict::Improved | SuiteVerdict::Unchanged => Alarm::None,
    };
    GridRow::new(&one_line(&of.name), &[], cells, alarm)
}

/// A number with its unit.
fn amount(number: f64, unit: Unit) -> String {
    match unit {
        Unit::Time => show_nanos(number / 1e3),
        Unit::Counted(unit) => counts::shown(unit, number),
    }
}
