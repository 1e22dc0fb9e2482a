//! Output into a file or a pipe: one line per step on standard error, results on standard output, and what the benchmark
//! says where it says it.

use std::io::{self, Write};

use super::{
    Sink,
    out::Out,
    shown::{Kind, Named, Shown},
    style::{BOLD, CYAN, Paint, RED, YELLOW},
};
use crate::event::{Failure, Stream};

/// The two streams.
#[derive(Debug)]
pub(super) struct Plain<W> {
    /// For results; `None` if that stream is kept for data: then all goes to the other one.
    pub results: Option<Out<W>>,
    /// For everything else.
    pub rest: Out<W>,
    /// Colours of the rest.
    pub paint: Paint,
    /// Work that was named.
    pub named: Named,
}

impl<W: Write> Plain<W> {
    fn results(&mut self) -> &mut Out<W> {
        self.results.as_mut().unwrap_or(&mut self.rest)
    }
}

impl<W: Write + Send> Sink for Plain<W> {
    fn show(&mut self, shown: &Shown<'_>) -> io::Result<()> {
        let paint = self.paint;
        match shown {
            Shown::Text(kind, text) => self.rest.line(&labelled(paint, *kind, text)),
            Shown::Announcement(title, text) => self.rest.line(&announced(paint, title, text)),
            // Nothing can be folded here, and its parts speak for themselves.
            Shown::GroupStart { .. }
            | Shown::GroupEnd { .. }
            | Shown::Activity { logged: false, .. }
            | Shown::Finding { .. }
            | Shown::Nothing => Ok(()),
            Shown::Activity { text, logged: true } => self.rest.line(text),
            Shown::Output(Stream::Stdout, bytes) => self.results().pass(bytes),
            Shown::Output(Stream::Stderr, bytes) => self.rest.pass(bytes),
            Shown::Progress { label, done: _, total } => match self.named.line(label, *total) {
                Some(line) => self.rest.line(&line),
                None => Ok(()),
            },
            Shown::Results(text) => self.results().line(text.trim_end()),
            Shown::Error(failure) => self.rest.line(&failed(paint, failure)),
        }
    }
}

/// A text with a word before it that says what it is.
pub(super) fn labelled(paint: Paint, kind: Kind, text: &str) -> String {
    match kind {
        Kind::Warning => format!("{} {text}", paint.paint(YELLOW, "warning:")),
        Kind::Note => text.to_owned(),
        Kind::Debug => format!("{} {text}", paint.paint(CYAN, "debug:")),
    }
}

/// An announcement on a line.
pub(super) fn announced(paint: Paint, title: &str, text: &str) -> String {
    format!("{}: {text}", paint.paint(BOLD, title))
}

/// A failure on some lines.
pub(super) fn failed(paint: Paint, failure: &Failure) -> String {
    let text = failure.lines().join("\n");
    match text.strip_prefix("error:") {
        Some(rest) => format!("{}{rest}", paint.paint(RED, "error:")),
        None => text,
    }
}
