//! The log of GitHub Actions: groups and annotations are workflow commands, everything else is text.
//!
//! Source: <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>

use std::io::{self, Write};

use runner_shared::text::without_commands;

use super::{
    Sink,
    escape::{data, property},
    out::Out,
    shown::{Kind, Named, Shown},
};

/// The one stream.
#[derive(Debug)]
pub(super) struct GitHub<W> {
    /// The place where the log is read from.
    pub log: Out<W>,
    /// Work that was named.
    pub named: Named,
}

impl<W: Write + Send> Sink for GitHub<W> {
    fn show(&mut self, shown: &Shown<'_>) -> io::Result<()> {
        let log = &mut self.log;
        match shown {
            Shown::Text(Kind::Note, text) => log.line(&without_commands(text)),
            Shown::Text(Kind::Warning, text) => log.line(&format!("::warning::{}", data(text))),
            Shown::Text(Kind::Debug, text) => log.line(&format!("::debug::{}", data(text))),
            Shown::Announcement(title, text) => {
                log.line(&format!("::notice title={}::{}", property(title), data(text)))
            }
            Shown::Finding { failed, title, text } => {
                let level = if *failed { "error" } else { "warning" };
                log.line(&format!("::{level} title={}::{}", property(title), data(text)))
            }
            Shown::GroupStart { title, opened: _ } => {
                log.line(&format!("::group::{}", data(title)))
            }
            Shown::GroupEnd { failed: _ } => log.line("::endgroup::"),
            Shown::Output(_, bytes) => log.pass(bytes),
            Shown::Progress { label, done: _, total } => match self.named.line(label, *total) {
                Some(line) => log.line(&without_commands(&line)),
                None => Ok(()),
            },
            Shown::Results(text) => log.line(&without_commands(text.trim_end())),
            // One annotation, with all that is known.
            Shown::Error(failure) => {
                let text = failure.lines().join("\n");
                let text = text.strip_prefix("error: ").unwrap_or(&text);
                log.line(&format!("::error::{}", data(text)))
            }
            Shown::Activity { text, logged: true } => log.line(&without_commands(text)),
            Shown::Activity { logged: false, .. } | Shown::Nothing => Ok(()),
        }
    }
}
