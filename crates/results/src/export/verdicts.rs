//! Verdicts about benchmarks, whoever found them: one table for all of them.

use std::io;

use super::{
    grid::{Grid, GridRow},
    table::{TableStyle, draw},
};
use crate::{
    comparison::{change, ends},
    measured::Measured,
    metrics::Head,
    model::Interval,
    text::UNKNOWN,
};

pub use super::grid::Alarm;

const HEADS: &[Head] = &[
    Head { title: "Base", expendable: 1 },
    Head { title: "Head", expendable: 1 },
    Head { title: "Change", expendable: 0 },
    Head { title: "99 % interval", expendable: 2 },
    Head { title: "Verdict", expendable: 0 },
];

/// Verdicts that can be shown as a table, and exported.
pub trait Verdicts {
    /// Returns the rows to show, worst first.
    fn rows(&self) -> Vec<VerdictRow>;

    /// Returns sentences on how the numbers came about, without a final period.
    fn footer(&self) -> Vec<String>;

    /// Returns sentences about benchmarks and the whole, without a final period. They stand last.
    fn sentences(&self) -> Vec<String>;

    /// Returns one object for each benchmark, for JSON lines.
    ///
    /// # Errors
    ///
    /// If serde can't, which does not happen with our types.
    fn objects(&self) -> serde_json::Result<Vec<serde_json::Value>>;

    /// Returns the benchmarks with the numbers of head, for other programs.
    fn measured(&self) -> Vec<Measured>;

    /// Writes all of it as one JSON document.
    fn write_json(&self, out: &mut dyn io::Write) -> io::Result<()>;

    /// Writes a row for each benchmark, with a head.
    fn write_csv(&self, out: &mut dyn io::Write) -> io::Result<()>;
}

/// A benchmark with its verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct VerdictRow {
    /// Its name.
    pub name: String,
    /// Oddities of it, in brackets behind the name.
    pub remarks: Vec<String>,
    /// The number of base with its unit; `None` if it is not known.
    pub base: Option<String>,
    /// That of head.
    pub head: Option<String>,
    /// Head divided by base.
    pub ratio: Option<f64>,
    /// Its 99 % interval.
    pub interval: Option<Interval>,
    /// The verdict as one word.
    pub verdict: &'static str,
    /// The need to look at it.
    pub alarm: Alarm,
}

/// A table of verdicts with sentences below it, and a final line break.
pub fn verdict_table(of: &dyn Verdicts, style: &TableStyle) -> String {
    draw(&grid(of), *style)
}

/// The table before it is drawn.
pub(super) fn grid(of: &dyn Verdicts) -> Grid {
    let grid = Grid {
        heads: HEADS.to_vec(),
        rows: of.rows().into_iter().map(row).collect(),
        footer: of.footer(),
        verdicts: of.sentences(),
        ..Grid::default()
    };
    grid.lean()
}

fn row(of: VerdictRow) -> GridRow {
    let VerdictRow { name, remarks, base, head, ratio, interval, verdict, alarm } = of;
    let known = |text: Option<String>| text.unwrap_or_else(|| UNKNOWN.to_owned());
    let cells = vec![
        known(base),
        known(head),
        known(ratio.map(|ratio| change(ratio, interval))),
        known(interval.map(ends)),
        verdict.to_owned(),
    ];
    GridRow::new(&name, &remarks, cells, alarm)
}
