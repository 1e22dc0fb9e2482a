//! A table of what doesn't come from a profile folder, drawn like the others.

use super::{
    grid::{Alarm, Grid, GridRow},
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
    let rows = rows.into_iter().map(|row| GridRow::new(&row.name, &[], row.cells, Alarm::None));
    let grid = Grid { names, heads: heads.to_vec(), rows: rows.collect(), ..Grid::default() };
    draw(&grid, *style)
}
