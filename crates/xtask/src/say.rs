//! All output of xtask: data on stdout, everything else on stderr. A closed pipe is not an error.

use std::io::Write;

/// A line for the person who watches.
pub(crate) fn note(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// A line that was asked for: a finding, a row of a table.
pub(crate) fn data(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}
