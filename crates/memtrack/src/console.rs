//! The words of the tracer itself: standard error, but for results that are asked for on standard output.

use std::io::{self, Write};

/// Writes to standard output, which otherwise is the command's.
pub(crate) fn print(text: &str) -> io::Result<()> {
    io::stdout().write_all(text.as_bytes())
}

/// Writes a line to standard error.
#[expect(clippy::print_stderr, reason = "this is the place that speaks")]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}
