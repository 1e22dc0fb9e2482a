//! Texts of strangers in the formats that the gate writes.

use results::{markdown_code, words::numbered};
use runner_shared::text::one_line;

use super::super::report::Check;
use crate::shown::cut;

/// Characters of a name that are shown.
const NAME: usize = 120;
/// Characters of a reason.
const REASON: usize = 400;

/// Returns a name on one line, cut at a length, that can't steer a terminal.
pub(super) fn name(text: &str) -> String {
    let line = cut(&one_line(text), NAME);
    if line.trim().is_empty() { "(no name)".to_owned() } else { line }
}

/// Returns a sentence on one line, cut at a length, that can't steer a terminal.
pub(super) fn reason(text: &str) -> String {
    cut(&one_line(text), REASON)
}

/// Returns the name of the benchmark of a check like [`name`], with its number if there are several of its identity.
pub(super) fn benchmark(check: &Check) -> String {
    numbered(&name(&check.name), check.occurrence)
}

/// Returns a name as a code span in a cell of a Markdown table: nothing in it is HTML, a link or a mention.
pub(super) fn code_cell(text: &str) -> String {
    cell_of_code(&name(text))
}

/// The same for the name of the benchmark of a check.
pub(super) fn benchmark_cell(check: &Check) -> String {
    cell_of_code(&benchmark(check))
}

fn cell_of_code(text: &str) -> String {
    // Tables are split into cells before code is looked for.
    markdown_code(text).replace('|', "\\|")
}

/// Returns a sentence as plain text of Markdown, in which nothing means anything.
pub(super) fn plain_cell(text: &str) -> String {
    let mut out = String::new();
    for letter in reason(text).chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // Neither mentions, nor links to issues and commits of other projects.
            '@' => out.push_str("@\u{200b}"),
            '#' => out.push_str("#\u{200b}"),
            ':' => out.push_str(":\u{200b}"),
            '\\' | '`' | '*' | '_' | '~' | '[' | ']' | '|' | '!' | '$' => {
                out.push('\\');
                out.push(letter);
            }
            _ => out.push(letter),
        }
    }
    unlinked(&out.replace(":\u{200b} ", ": "))
}

/// Starts of words that GitHub makes links of, in any case of letters, and the letter after each.
const LINKS: [(&str, char); 2] = [("www", '.'), ("gh", '-')];

/// Returns a text in which words that would be links are none.
fn unlinked(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        let is_link = |(start, after): &(&str, char)| {
            let before = out.len().checked_sub(start.len()).and_then(|at| out.get(at..));
            letter == *after && before.is_some_and(|before| before.eq_ignore_ascii_case(start))
        };
        if LINKS.iter().any(is_link) {
            out.push('\u{200b}');
        }
        out.push(letter);
    }
    out
}

/// Returns the value of a label of `OpenMetrics`.
pub(super) fn label(text: &str) -> String {
    name(text).replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str =
        "<img src=x onerror=alert(1)> @me #1 [a](http://x) ` | \u{1b}[31m\n::error::x";

    #[test]
    fn markdown_shows_text_and_nothing_else() {
        assert_eq!(
            code_cell(HOSTILE),
            "``<img src=x onerror=alert(1)> @me #1 [a](http://x) ` \\| \\u{1b}[31m\\n::error::x``"
        );
        assert_eq!(code_cell("`x"), "`` `x ``");
        assert_eq!(code_cell(" "), "`(no name)`");
        assert_eq!(
            plain_cell("<b> @me #1 [a](http://x) **x** :smile: a: b"),
            "&lt;b&gt; @\u{200b}me #\u{200b}1 \\[a\\](http:\u{200b}//x) \\*\\*x\\*\\* :\u{200b}smile: a: b"
        );
    }

    #[test]
    fn markdown_has_no_links_of_strangers() {
        assert_eq!(
            plain_cell("see www.evil.com, WWW.e.com and GH-1"),
            "see www\u{200b}.evil.com, WWW\u{200b}.e.com and GH\u{200b}-1"
        );
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(name(&"x".repeat(1 << 20)).chars().count(), NAME);
        assert!(name(&"x".repeat(1 << 20)).ends_with('…'));
        assert_eq!(reason(&"y".repeat(1 << 20)).chars().count(), REASON);
    }

    #[test]
    fn labels_are_escaped() {
        assert_eq!(label("a\"b\\c\nd"), "a\\\"b\\\\c\\\\nd");
    }
}
