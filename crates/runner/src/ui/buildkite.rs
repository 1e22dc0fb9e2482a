//! The log of Buildkite: a line that begins like a rule begins a group, which ends where the next one begins.
//!
//! Source: <https://buildkite.com/docs/pipelines/configure/managing-log-output>

use std::io::{self, Write};

use super::{
    Sink,
    out::Out,
    shown::{Kind, Named, Shown},
};

/// The one stream.
#[derive(Debug)]
pub(super) struct Buildkite<W> {
    /// The place where the log is read from.
    pub log: Out<W>,
    /// Work that was named.
    pub named: Named,
}

impl<W: Write + Send> Sink for Buildkite<W> {
    fn show(&mut self, shown: &Shown<'_>) -> io::Result<()> {
        let log = &mut self.log;
        match shown {
            Shown::Text(Kind::Note, text) => log.line(text),
            Shown::Text(Kind::Warning, text) => log.line(&format!("[WARN] {text}")),
            Shown::Text(Kind::Debug, text) => log.line(&format!("[DEBUG] {text}")),
            Shown::Announcement(title, text) => {
                log.line(&format!("[ANNOUNCEMENT] {title}: {text}"))
            }
            Shown::GroupStart { title, opened: false } => log.line(&format!("--- {title}")),
            Shown::GroupStart { title, opened: true } => log.line(&format!("+++ {title}")),
            Shown::Activity { text, logged: true } => log.line(text),
            Shown::GroupEnd { .. }
            | Shown::Activity { logged: false, .. }
            | Shown::Finding { .. }
            | Shown::Nothing => Ok(()),
            Shown::Output(_, bytes) => log.pass(bytes),
            Shown::Progress { label, done: _, total } => match self.named.line(label, *total) {
                Some(line) => log.line(&line),
                None => Ok(()),
            },
            Shown::Results(text) => log.line(text.trim_end()),
            Shown::Error(failure) => {
                let text = failure.lines().join("\n");
                log.line(&format!("[ERROR] {}", text.strip_prefix("error: ").unwrap_or(&text)))
            }
        }
    }
}
