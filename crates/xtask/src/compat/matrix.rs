//! The table of clients and modes as Markdown, on the screen and in the README. Measures nothing.

use std::path::Path;

use anyhow::{Context, Result};

use super::clients::{Cell, Client, MODES, all};
use crate::files;
use crate::say;

/// Between these the README has the table.
const BEGIN: &str = "<!-- cargo xtask compat --readme: begin -->\n";
const END: &str = "<!-- cargo xtask compat --readme: end -->\n";

/// Returns what is to be said of a client in a mode.
pub(super) fn words(cell: Cell) -> String {
    match cell {
        Cell::Measured => "yes".to_owned(),
        Cell::Silent => "times only, without a profile".to_owned(),
        Cell::Fails { why, .. } => format!("no: {why}"),
        Cell::NotRun { why: "" } => "not tested".to_owned(),
        Cell::NotRun { why } => format!("not tested: {why}"),
    }
}

/// A row for each client, a column for each mode; `shown` says what stands in a cell.
pub(super) fn table(shown: impl Fn(&Client, &str) -> String) -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let modes = || MODES.iter().map(|mode| (*mode).to_owned());
    let mut text = row(std::iter::once("client".to_owned()).chain(modes()).collect());
    text.push_str(&row(vec!["---".to_owned(); MODES.len() + 1]));
    for client in all() {
        let cells = MODES.iter().map(|mode| shown(client, mode));
        text.push_str(&row(std::iter::once(client.package.to_owned()).chain(cells).collect()));
    }
    text
}

/// Returns what the README says: what is expected of every client.
fn expected() -> String {
    table(|client, mode| client.cell(mode).map(words).unwrap_or_default())
}

/// Puts the table between the marks of the README.
pub(super) fn write(readme: &Path) -> Result<()> {
    let failed = || format!("could not write `{}`", say::path(&readme));
    let text = files::read_to_string(readme).with_context(failed)?;
    let text = replaced(&text, &expected()).context("the README has no markers for the table")?;
    files::write(readme, text).with_context(failed)
}

fn replaced(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_says_what_is_expected() {
        let readme = include_str!("../../../../README.md");
        let fresh = replaced(readme, &expected());
        assert_eq!(fresh.as_deref(), Some(readme), "`cargo xtask compat --readme` writes it");
    }

    #[test]
    fn only_what_lies_between_the_marks_is_replaced() {
        let text = format!("a\n{BEGIN}old\n{END}z\n");
        assert_eq!(replaced(&text, "new\n"), Some(format!("a\n{BEGIN}new\n{END}z\n")));
        assert_eq!(replaced("a\n", "new\n"), None);
    }
}
