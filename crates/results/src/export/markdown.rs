//! A table for pull requests and readmes, in the dialect of GitHub.

use std::io;

use super::{
    grid::{Form, Grid},
    table::NAME,
};

/// Draws a table with all columns, and a list of notes below it.
pub(super) fn draw(grid: &Grid, out: &mut dyn io::Write) -> io::Result<()> {
    let titles: Vec<&str> = grid.heads.iter().map(|head| head.title).collect();
    writeln!(out, "| {NAME} | {} |", titles.join(" | "))?;
    writeln!(out, "|---|{}", "---:|".repeat(titles.len()))?;
    for row in &grid.rows {
        // The name is code, the remarks after it are not.
        let name = code_in_table(&row.name);
        writeln!(out, "| {name}{} | {} |", row.mark, row.cells.join(" | "))?;
    }
    grid.write_below(&FORM, out)
}

/// Sentences hold code spans of ours, but no HTML and no links of a stranger. What is in a code span is shown as it is.
const FORM: Form =
    Form { bullet: '-', start: |_| "", code, span: |part| format!("`{part}`"), plain };

/// Returns a text as a code span of Markdown: fenced by more backticks than the text holds in a row.
pub fn code(text: &str) -> String {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // A space on both sides is not shown, but parts fence and backtick.
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Tables are split into cells before code is looked for.
fn code_in_table(text: &str) -> String {
    FORM.name(text).replace('|', "\\|")
}

fn plain(text: &str) -> String {
    text.replace('<', "&lt;").replace('[', "\\[").replace('@', "@\u{200b}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_cell_and_in_their_code_span() {
        assert_eq!(code_in_table("a|b"), "`a\\|b`");
        assert_eq!(code("echo `date`"), "`` echo `date` ``");
        assert_eq!(code("<b>"), "`<b>`");
        assert_eq!(FORM.name(" "), "(no name)");
        assert_eq!(FORM.sentence("`a[1]` [1] `x"), "`a\\[1]` \\[1] `x", "a span without an end");
        assert_eq!(FORM.sentence("`a[1]` [1]"), "`a[1]` \\[1]");
        assert_eq!(FORM.sentence("<img> [x](y) @me"), "&lt;img> \\[x](y) @\u{200b}me");
    }
}
