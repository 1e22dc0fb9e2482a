//! A comparison of suites for a terminal, a page, a spreadsheet and another program.

mod csv;
mod json;

use std::io;

use runner_shared::{duration::show_nanos, text::one_line};

use super::{
    grid::{Alarm, Grid, GridRow, Head},
    markdown,
    table::{TableStyle, draw},
};
use crate::{
    comparison::{change, ends},
    counts,
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
        draw(&self.grid().lean(), *style)
    }

    /// Writes it in the format of this name: `json`, `csv` or `markdown`.
    ///
    /// # Errors
    ///
    /// If it can't be written, and [`io::ErrorKind::Unsupported`] for another format.
    pub fn write(&self, format: &str, out: &mut dyn io::Write) -> io::Result<()> {
        match format {
            "json" => {
                serde_json::to_writer(&mut *out, &json::File::of(self))?;
                writeln!(out)
            }
            "csv" => csv::write(self, out),
            "markdown" => markdown::draw(&self.grid().lean(), out),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// One object for each benchmark, as in the JSON export, with the conditions where these were not as usual.
    ///
    /// # Errors
    ///
    /// If serde can't, which does not happen with these types.
    pub fn to_json(&self) -> serde_json::Result<Vec<serde_json::Value>> {
        json::lines(self).iter().map(serde_json::to_value).collect()
    }

    fn grid(&self) -> Grid {
        let told = || {
            let is_told = |one: &&SuiteBenchmark| one.found.verdict != SuiteVerdict::Unchanged;
            self.benchmarks.iter().filter(is_told)
        };
        let mut verdicts: Vec<String> =
            told().take(MOST_SENTENCES).map(SuiteBenchmark::sentence).collect();
        verdicts.extend(self.remarks());
        Grid {
            heads: HEADS.to_vec(),
            rows: told().map(row).collect(),
            warnings: Vec::new(),
            notes: Vec::new(),
            footer: self.conditions.sentence().into_iter().collect(),
            verdicts,
        }
    }
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
