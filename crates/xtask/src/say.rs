//! All output of xtask: data on stdout, everything else on stderr. A closed pipe is not an error.

use std::{
    io::Write,
    path::{Display, Path},
};

/// A line for the person who watches.
pub(crate) fn note(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// A line that was asked for: a finding, a row of a table.
pub(crate) fn data(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// A path in such a line: those who build this trust the names of their own files.
#[expect(clippy::disallowed_methods, reason = "this is the place that the rule names")]
pub(crate) fn path(path: &(impl AsRef<Path> + ?Sized)) -> Display<'_> {
    path.as_ref().display()
}
