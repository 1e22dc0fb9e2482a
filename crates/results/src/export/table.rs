//! The table on the terminal. Decides nothing about what is shown, only how it fits.

use comfy_table::{CellAlignment, ColumnConstraint, LineStyle, Row, Table, Width};

use super::{
    columns,
    fitted::broken,
    grid::{Alarm, Grid, GridRow},
    notes::Note,
};
use crate::{metrics::WIDE, report::Report, text::UNKNOWN};

/// Head of the first column.
pub(super) const NAME: &str = "Benchmark";
/// Names are cut to this before a column of numbers is left out.
const SHORT_NAME: u16 = 32;
/// Names are cut to this when nothing is left to leave out.
const SHORTEST_NAME: u16 = 12;

/// Abilities of the terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableStyle {
    /// Escape sequences are understood and wanted. Colour only repeats what the text says.
    pub colour: bool,
    /// Columns of the terminal; `None` if the output goes elsewhere: nothing is cut then.
    pub width: Option<u16>,
}

/// The report as a table or, of a benchmark alone, as a list of its figures, with notes and sentences on the numbers
/// below and a final line break. Empty if there is nothing to show. Warnings are not in it: they go where warnings go.
pub fn table(report: &Report, style: &TableStyle) -> String {
    draw(&columns::grid(report, report.benchmarks().len() == 1), *style)
}

pub(super) fn draw(grid: &Grid, style: TableStyle) -> String {
    let mut lines = Vec::new();
    if !grid.rows.is_empty() {
        let (shown, paints) = match &*grid.rows {
            [alone] if grid.list.is_none() => (sheet(grid, alone), vec![paint(alone).or_bold()]),
            rows => {
                let head = [Paint::Bold, Paint::Plain];
                (
                    layout(grid, style.width).lines().collect(),
                    head.into_iter().chain(rows.iter().map(paint)).collect(),
                )
            }
        };
        let paints = paints.into_iter().chain(std::iter::repeat(Paint::Plain));
        let painted = shown.iter().zip(paints);
        lines.extend(painted.map(|(line, paint)| paint.apply(line.trim_end(), style.colour)));
    }
    let notes: Vec<String> =
        grid.notes.iter().map(|Note { benchmark, text }| format!("{benchmark}: {text}")).collect();
    for block in [notes, grid.footer.clone(), grid.verdicts.clone()] {
        if !block.is_empty() && !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(block.iter().flat_map(|line| broken(line, style.width)));
    }
    lines.into_iter().flat_map(|line| [line, "\n".to_owned()]).collect()
}

/// A benchmark that is alone: its name, and its figures on a line each.
fn sheet(grid: &Grid, alone: &GridRow) -> Vec<String> {
    let figures = grid.heads.iter().zip(&alone.cells).filter(|(_, cell)| *cell != UNKNOWN);
    let figures: Vec<(&str, &String)> = figures.map(|(head, cell)| (head.title, cell)).collect();
    let width = figures.iter().map(|(title, _)| measure(title)).max().unwrap_or(0);
    let line = |(title, text): &(&str, &String)| {
        let gap = " ".repeat(width.saturating_sub(measure(title)));
        format!("   {title}{gap}  {text}")
    };
    let name = format!(" {}", alone.title(usize::MAX));
    std::iter::once(name).chain(figures.iter().map(line)).collect()
}

fn measure(text: &str) -> usize {
    text.chars().count()
}

/// The widest layout that fits: first long names are cut, then columns left out, then names cut
/// further.
fn layout(grid: &Grid, width: Option<u16>) -> Table {
    let mut least_left_out = u8::MAX;
    let Some(width) = width else { return build(grid, WIDE, None) };
    let short_name = grid.list.map_or(SHORT_NAME, |list| list.short_name);
    loop {
        let whole = build(grid, least_left_out, None);
        let widths = whole.column_max_content_widths();
        let names = names_at(grid, least_left_out).and_then(|at| widths.get(at)).copied();
        let names = names.unwrap_or(0);
        let used: u16 =
            widths.iter().fold(0, |sum, width| sum.saturating_add(width.saturating_add(2)));
        if used <= width {
            return whole;
        }
        let numbers = used - names;
        let room = width.saturating_sub(numbers);
        let shown = grid.heads.iter().map(|head| head.expendable);
        let least = shown.filter(|rank| *rank < least_left_out).max().unwrap_or(0);
        // A column for wide terminals takes no room from names.
        if least == WIDE {
            least_left_out = WIDE;
            continue;
        }
        if names > 0 && room >= short_name.min(names) || least == 0 {
            return build(grid, least_left_out, Some(room.max(SHORTEST_NAME)));
        }
        least_left_out = least;
    }
}

/// The table without the columns that are at least that expendable.
fn build(grid: &Grid, least_left_out: u8, name_width: Option<u16>) -> Table {
    let mut table = Table::new();
    // One line per row and no border, so that a line is a row when it comes to paint.
    table.load_style(comfy_table::TableStyle::new().header_separator(LineStyle::none().fill('─')));
    let shown: Vec<bool> = grid.heads.iter().map(|head| head.expendable < least_left_out).collect();
    let names_at = names_at(grid, least_left_out);
    let titles = grid.heads.iter().zip(&shown).filter(|(_, shown)| **shown);
    let names = if grid.names.is_empty() { NAME } else { grid.names };
    let mut titles: Vec<&str> = titles.map(|(head, _)| head.title).collect();
    if let Some(at) = names_at {
        titles.insert(at, names);
    }
    table.set_header(titles);
    let names = name_width.map_or(usize::MAX, usize::from);
    for benchmark in &grid.rows {
        let cells = benchmark.cells.iter().zip(&shown).filter(|(_, shown)| **shown);
        let mut cells: Vec<String> = cells.map(|(cell, _)| cell.clone()).collect();
        if let Some(at) = names_at {
            cells.insert(at.min(cells.len()), benchmark.title(names));
        }
        let mut row = Row::from(cells);
        // Characters of double width: the library cuts what is still too long.
        row.max_height(1);
        table.add_row(row);
    }
    let texts = before(grid, least_left_out) + usize::from(names_at.is_some());
    for column in table.column_iter_mut().skip(texts) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let names = names_at.and_then(|at| table.column_mut(at));
    if let (Some(width), Some(names)) = (name_width, names) {
        names
            .set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(width.saturating_add(2))));
    }
    table
}

/// Returns the place of the column with the names; `None` in a list of which nothing has one.
fn names_at(grid: &Grid, least_left_out: u8) -> Option<usize> {
    let is_named = grid.list.is_none() || grid.rows.iter().any(|row| row.name != UNKNOWN);
    is_named.then(|| before(grid, least_left_out))
}

/// Returns the number of columns before that of the names.
fn before(grid: &Grid, least_left_out: u8) -> usize {
    let before = grid.heads.iter().take(grid.list.map_or(0, |list| list.before));
    before.filter(|head| head.expendable < least_left_out).count()
}

/// The colour of a whole line.
#[derive(Clone, Copy)]
enum Paint {
    Plain,
    Bold,
    Red,
    Yellow,
}

impl Paint {
    /// Something stands out in any case.
    const fn or_bold(self) -> Self {
        match self {
            Self::Plain => Self::Bold,
            Self::Bold | Self::Red | Self::Yellow => self,
        }
    }

    fn apply(self, line: &str, colour: bool) -> String {
        let code = match self {
            Self::Plain => None,
            Self::Bold => Some("1"),
            Self::Red => Some("31"),
            Self::Yellow => Some("33"),
        };
        match code.filter(|_| colour) {
            Some(code) => format!("\u{1b}[{code}m{line}\u{1b}[0m"),
            None => line.to_owned(),
        }
    }
}

const fn paint(row: &GridRow) -> Paint {
    match row.alarm {
        Alarm::Failure => Paint::Red,
        Alarm::Doubt => Paint::Yellow,
        Alarm::None => Paint::Plain,
    }
}
