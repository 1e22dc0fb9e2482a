//! Names and numbers as people read them.

use std::fmt::Write;

use runner_shared::text::one_line;

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

/// A large number in groups of three digits: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (left, digit) in (1..=digits.len()).rev().zip(digits.chars()) {
        text.push(digit);
        if left > 1 && left % 3 == 1 {
            text.push(',');
        }
    }
    text
}
