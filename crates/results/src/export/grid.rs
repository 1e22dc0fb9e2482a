//! A table before it is drawn: what is in it, whatever the report and the format.

use std::io;

use runner_shared::text::one_line;

use super::notes::Note;
use crate::{metrics::Head, text::UNKNOWN};

/// Rows of text below heads.
#[derive(Default)]
pub(super) struct Grid {
    /// Head of the column with the names; empty for the usual one.
    pub names: &'static str,
    /// Set if it lists other things than benchmarks.
    pub list: Option<List>,
    /// Heads of the columns with numbers, behind that of the names.
    pub heads: Vec<Head>,
    /// One row per benchmark.
    pub rows: Vec<GridRow>,
    /// Warnings about the whole report.
    pub warnings: Vec<Note>,
    /// Sentences about benchmarks.
    pub notes: Vec<Note>,
    /// Sentences on how the numbers came about, below everything.
    pub footer: Vec<String>,
    /// Sentences about benchmarks that were compared with each other, last of all.
    pub verdicts: Vec<String>,
}

/// A list of things: one alone is a row as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct List {
    /// Columns before that of the names, which tell what it is about.
    pub before: usize,
    /// Names are cut to this before a column is left out.
    pub short_name: u16,
}

/// A benchmark.
pub(super) struct GridRow {
    /// Its name on one line.
    pub name: String,
    /// Oddities of it, in brackets behind a space; empty if there are none.
    pub mark: String,
    /// One cell per head.
    pub cells: Vec<String>,
    /// Its need to be looked at.
    pub alarm: Alarm,
}

/// The need of a row to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// Not at all.
    None,
    /// Its numbers are to be taken with care.
    Doubt,
    /// It failed.
    Failure,
}

impl Grid {
    /// The same without the columns that say nothing about any benchmark.
    pub(super) fn lean(mut self) -> Self {
        let says = |column: usize| {
            let mut cells = self.rows.iter().filter_map(|row| row.cells.get(column));
            self.rows.is_empty() || cells.any(|cell| cell != UNKNOWN)
        };
        let kept: Vec<bool> = (0..self.heads.len()).map(says).collect();
        if let Some(list) = &mut self.list {
            list.before = kept.iter().take(list.before).filter(|kept| **kept).count();
        }
        keep(&mut self.heads, &kept);
        for row in &mut self.rows {
            keep(&mut row.cells, &kept);
        }
        self
    }

    /// Writes all that stands below the table: notes as a list, then each sentence in a paragraph of its own.
    pub(super) fn write_below(&self, form: &Form, out: &mut dyn io::Write) -> io::Result<()> {
        let notes: Vec<_> = self.warnings.iter().chain(&self.notes).collect();
        if !notes.is_empty() {
            writeln!(out)?;
        }
        for Note { benchmark, text } in notes {
            let about =
                if benchmark.is_empty() { "Warning".to_owned() } else { form.name(benchmark) };
            writeln!(out, "{} {about}: {}", form.bullet, form.sentence(text))?;
        }
        for line in self.footer.iter().chain(&self.verdicts) {
            writeln!(out, "\n{}{}", (form.start)(line), form.sentence(line))?;
        }
        Ok(())
    }
}

/// The spelling of texts in a markup language.
pub(super) struct Form {
    /// The mark of an entry in a list.
    pub bullet: char,
    /// Returns what keeps the first character of a paragraph from meaning something.
    pub start: fn(&str) -> &'static str,
    /// Spells a name in the font of code.
    pub code: fn(&str) -> String,
    /// Spells a code span of a sentence of ours.
    pub span: fn(&str) -> String,
    /// Spells text in which nothing means anything.
    pub plain: fn(&str) -> String,
}

impl Form {
    /// Spells the name of a benchmark.
    pub(super) fn name(&self, text: &str) -> String {
        if text.trim().is_empty() { "(no name)".to_owned() } else { (self.code)(text) }
    }

    /// Spells a sentence with code spans of ours between backticks.
    pub(super) fn sentence(&self, text: &str) -> String {
        let parts: Vec<&str> = text.split('`').collect();
        if parts.len().is_multiple_of(2) {
            return (self.plain)(text);
        }
        let spelled = parts.iter().enumerate();
        spelled
            .map(|(nth, part)| if nth % 2 == 1 { (self.span)(part) } else { (self.plain)(part) })
            .collect()
    }
}

/// Keeps the entries for which `kept` is true.
fn keep<T>(entries: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    entries.retain(|_| kept.next().copied().unwrap_or(true));
}

impl GridRow {
    /// A row for a benchmark about which these remarks have to be made.
    pub(super) fn new(name: &str, remarks: &[String], cells: Vec<String>, alarm: Alarm) -> Self {
        let mark =
            if remarks.is_empty() { String::new() } else { format!(" ({})", remarks.join(", ")) };
        Self { name: one_line(name), mark, cells, alarm }
    }

    /// The name, cut in the middle to about `width` characters, and the mark, which stays whole as
    /// long as the terminal allows.
    pub(super) fn title(&self, width: usize) -> String {
        let Self { name, mark, .. } = self;
        let name = cut(name, width.saturating_sub(mark.chars().count()));
        format!("{name}{mark}")
    }
}

/// Half of what is lost is at the end: parameters are there.
fn cut(name: &str, width: usize) -> String {
    let length = name.chars().count();
    let width = width.max(8);
    if length <= width {
        return name.to_owned();
    }
    let (head, tail) = ((width - 1).div_ceil(2), (width - 1) / 2);
    let start: String = name.chars().take(head).collect();
    let end: String = name.chars().skip(length - tail).collect();
    format!("{start}…{end}")
}
