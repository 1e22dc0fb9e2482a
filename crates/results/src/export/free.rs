//! A table of what doesn't come from a profile folder, drawn like the others.

use runner_shared::text::one_line;

use super::{
    fitted::broken,
    grid::{Alarm, Grid, GridRow, List},
    table::{TableStyle, draw},
};
use crate::metrics::Head;

/// A row: a name and a text for each column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeRow {
    /// Name of a benchmark.
    pub name: String,
    /// One text for each head.
    pub cells: Vec<String>,
}

/// A table with a column of names, then one below each of `heads`; it ends with a line break, and is empty without rows.
pub fn free_table(heads: &[&'static str], rows: Vec<FreeRow>) -> String {
    let heads: Vec<Head> = heads.iter().map(|title| Head { title, expendable: 0 }).collect();
    fitted_table("", &heads, rows, &TableStyle::default())
}

/// The same, fitted to a terminal: names are cut and expendable columns left out where it is too narrow. `names` is the
/// head of the first column; empty for the usual one.
pub fn fitted_table(
    names: &'static str,
    heads: &[Head],
    rows: Vec<FreeRow>,
    style: &TableStyle,
) -> String {
    draw(&grid(names, heads, rows), *style)
}

/// The same of things that are no benchmarks: `before` columns stand before that of the names, those that say nothing are
/// left out, and one row alone is a table as well. Names are cut to `short_name` letters before an expendable column is
/// left out.
pub fn list_table(
    names: &'static str,
    (before, short_name): (usize, u16),
    heads: &[Head],
    rows: Vec<FreeRow>,
    style: &TableStyle,
) -> String {
    let grid = Grid { list: Some(List { before, short_name }), ..grid(names, heads, rows) };
    draw(&grid.lean(), *style)
}

/// Sentences below a table, whose lines are broken where a terminal ends. It ends with a line break unless it is empty.
pub fn sentences(text: &str, style: &TableStyle) -> String {
    let lines = text.lines().flat_map(|line| broken(line, style.width));
    lines.map(|line| line + "\n").collect()
}

fn grid(names: &'static str, heads: &[Head], rows: Vec<FreeRow>) -> Grid {
    let row = |row: FreeRow| {
        let cells = row.cells.iter().map(|cell| one_line(cell)).collect();
        GridRow::new(&row.name, &[], cells, Alarm::None)
    };
    let rows = rows.into_iter().map(row).collect();
    Grid { names, heads: heads.to_vec(), rows, ..Grid::default() }
}
