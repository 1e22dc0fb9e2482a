//! A table for manuals and wikis that are written in `AsciiDoc`.

use std::io;

use super::{
    grid::{Form, Grid},
    table::NAME,
};

/// Characters that mean something in `AsciiDoc`, wherever they stand.
const SPECIAL: &str = "`*_#+^~[]{}<>&|\\'\"@$";

/// Draws a table with all columns, and a list of notes below it.
pub(super) fn draw(grid: &Grid, out: &mut dyn io::Write) -> io::Result<()> {
    let columns: String = grid.heads.iter().map(|_| ",>").collect();
    writeln!(out, "[%header,cols=\"<{columns}\"]\n|===")?;
    writeln!(out, "| {NAME}{}", cells(grid.heads.iter().map(|head| head.title)))?;
    for row in &grid.rows {
        // The remarks after the name are ours.
        let name = format!("{}{}", FORM.name(&row.name), row.mark);
        writeln!(out, "| {name}{}", cells(row.cells.iter().map(String::as_str)))?;
    }
    writeln!(out, "|===")?;
    grid.write_below(&FORM, out)
}

/// Cells behind the first one of a row.
fn cells<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.flat_map(|text| [" | ".to_owned(), escaped(text)]).collect()
}

const FORM: Form = Form { bullet: '*', start, code, span, plain: escaped };

/// Nothing else is at the start of a line, where it could be the mark of a block.
fn start(text: &str) -> &'static str {
    if text.starts_with(['.', '-', '/', '=']) { "{empty}" } else { "" }
}

/// Text in the font of code, whatever stands around it.
fn code(text: &str) -> String {
    format!("``{}``", escaped(text))
}

fn span(text: &str) -> String {
    FORM.name(text)
}

/// The same text with references in place of characters that would mean something or be made prettier: quotes, dashes,
/// dots, addresses, signs.
fn escaped(text: &str) -> String {
    let mut before = None;
    let mut letters = text.chars().peekable();
    let mut safe = String::new();
    while let Some(letter) = letters.next() {
        let after = letters.peek().copied();
        let is_special = match letter {
            '.' | '-' | ';' => after == Some(letter) || before == Some(letter),
            ':' => after.is_some_and(|after| after != ' '),
            '(' => after.is_some_and(|after| matches!(after, 'C' | 'R' | 'T' | '(')),
            letter => SPECIAL.contains(letter),
        };
        if is_special {
            safe.extend(["&#", &u32::from(letter).to_string(), ";"]);
        } else {
            safe.push(letter);
        }
        before = Some(letter);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_as_they_are() {
        assert_eq!(code("sort -u a.txt"), "``sort -u a.txt``");
        assert_eq!(code("a|b"), "``a&#124;b``");
        assert_eq!(code("kill $$;; a;"), "``kill &#36;&#36;&#59;&#59; a;``");
        assert_eq!(code("echo `date`"), "``echo &#96;date&#96;``");
        assert_eq!(code("f::<T>[0]"), "``f&#58;&#58;&#60;T&#62;&#91;0&#93;``");
        assert_eq!(code("x --y ...z"), "``x &#45;&#45;y &#46;&#46;&#46;z``");
        assert_eq!(code("{set:a}"), "``&#123;set&#58;a&#125;``");
        assert_eq!(code("((a))"), "``&#40;(a))``");
        assert_eq!(FORM.name(" "), "(no name)");
    }

    #[test]
    fn sentences_keep_their_code_and_nothing_else() {
        assert_eq!(
            FORM.sentence("of `a*b`: *c* (`--d`)"),
            "of ``a&#42;b``: &#42;c&#42; (``&#45;&#45;d``)"
        );
        assert_eq!(FORM.sentence("`x"), "&#96;x", "a span without an end");
        assert_eq!(FORM.sentence("(C) http://x me@y"), "&#40;C) http&#58;//x me&#64;y");
    }
}
