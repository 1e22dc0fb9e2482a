//! Texts of records on one line.

use runner_shared::text::one_line;

/// The most letters of a name that a page or a picture has.
const MOST_LETTERS: usize = 400;

/// Returns a text on one line without characters that draw or move anything, cut where it is far too long.
pub(crate) fn plain(text: &str) -> String {
    // No XML may have these two.
    let line = one_line(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
    if line.chars().nth(MOST_LETTERS).is_none() {
        return line;
    }
    line.chars().take(MOST_LETTERS - 1).chain(['…']).collect()
}
