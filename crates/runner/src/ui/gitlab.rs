//! The log of GitLab CI: sections that can be folded, and colours, which its viewer understands.
//!
//! Source: <https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections>

use std::{
    fmt,
    io::{self, Write},
};

use super::{
    Sink,
    out::Out,
    shown::{Kind, Named, Shown},
    style::{CYAN, GREEN, Paint, RED, YELLOW},
};

/// The one stream.
pub(super) struct GitLab<W> {
    /// The place where the log is read from.
    pub log: Out<W>,
    /// Its colours.
    pub paint: Paint,
    /// Seconds since 1970.
    pub clock: fn() -> u64,
    /// Ids of the sections that are open.
    pub open: Vec<String>,
    /// Work that was named.
    pub named: Named,
}

impl<W> fmt::Debug for GitLab<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitLab").field("open", &self.open).finish_non_exhaustive()
    }
}

impl<W: Write + Send> Sink for GitLab<W> {
    fn show(&mut self, shown: &Shown<'_>) -> io::Result<()> {
        let paint = self.paint;
        match shown {
            Shown::Text(Kind::Note, text) => self.log.line(text),
            Shown::Text(Kind::Warning, text) => self.log.line(&paint.paint(YELLOW, text)),
            Shown::Text(Kind::Debug, text) => self.log.line(&paint.paint(CYAN, text)),
            Shown::Announcement(title, text) => {
                self.log.line(&paint.paint(GREEN, &format!("{title}: {text}")))
            }
            Shown::GroupStart { title, opened: _ } => {
                let id = id(title);
                let title = paint.paint("36;1", title);
                let now = (self.clock)();
                let line = format!("\x1b[0Ksection_start:{now}:{id}\r\x1b[0K{title}");
                self.open.push(id);
                self.log.line(&line)
            }
            Shown::GroupEnd { failed: _ } => match self.open.pop() {
                Some(id) => {
                    let now = (self.clock)();
                    self.log.line(&format!("\x1b[0Ksection_end:{now}:{id}\r\x1b[0K"))
                }
                None => Ok(()),
            },
            Shown::Output(_, bytes) => self.log.pass(bytes),
            Shown::Progress { label, done: _, total } => match self.named.line(label, *total) {
                Some(line) => self.log.line(&line),
                None => Ok(()),
            },
            Shown::Results(text) => self.log.line(text.trim_end()),
            Shown::Error(failure) => self.log.line(&paint.paint(RED, &failure.lines().join("\n"))),
            Shown::Activity { text, logged: true } => self.log.line(text),
            Shown::Activity { logged: false, .. } | Shown::Finding { .. } | Shown::Nothing => {
                Ok(())
            }
        }
    }
}

/// The id of a section: only word characters and `-`, in lower case.
fn id(title: &str) -> String {
    let fit = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-');
    let letters = title.chars().map(|letter| if fit(letter) { letter } else { '_' });
    letters.collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_id_keeps_word_characters() {
        assert_eq!(super::id("Run: the (Größte) a_b-C 1"), "run__the__größte__a_b-c_1");
    }
}
