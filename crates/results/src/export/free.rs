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
    let heads = heads.iter().map(|title| Head { title, expendable: 0 }).collect();
    let rows = rows.into_iter().map(|row| GridRow::new(&row.name, &[], row.cells, Alarm::None));
    let grid = Grid { heads, rows: rows.collect(), ..Grid::default() };
    draw(&grid, TableStyle::default())
}
