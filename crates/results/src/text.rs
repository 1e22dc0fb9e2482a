//! Names and numbers as people read them.

use std::fmt::Write;

use runner_shared::text::one_line;

pub use runner_shared::text::grouped;

/// Shown where a number is not known.
pub(crate) const UNKNOWN: &str = "-";

/// A name on one line as code of Markdown. A backtick in it would end that, and becomes an apostrophe.
pub fn quoted(name: &str) -> String {
    format!("`{}`", without_backticks(name))
}

/// The same without the backticks around it.
pub(crate) fn without_backticks(name: &str) -> String {
    one_line(name).replace('`', "'")
}

/// A share (1 is all of it) in percent with about two digits: `0.04 %`, `1.5 %`, `12 %`.
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    let mut text = String::new();
    let decimals = match value {
        _ if value == 0.0 || value >= 9.95 => 0,
        _ if value >= 0.095 => 1,
        _ => 2,
    };
    // Writing to a string never fails.
    let _written = write!(text, "{value:.decimals$} %");
    text
}

/// Returns the name of a benchmark, with its number if its identity was measured before in the run: `sort (no. 2)`.
pub fn numbered(name: &str, occurrence: u32) -> String {
    match occurrence {
        0..=1 => name.to_owned(),
        number => format!("{name} (no. {number})"),
    }
}
