//! The view of an event for people, as far as it is the same everywhere: the words, and how important they are.

use runner_shared::text::bytes;

use super::surface::Level;
use crate::event::{Failure, RunEvent, Stream};

/// An item that a sink for people has to show.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shown<'a> {
    /// One or more lines.
    Text(Kind, String),
    /// A title and a text.
    Announcement(&'a str, &'a str),
    /// A group begins.
    GroupStart {
        /// The title.
        title: &'a str,
        /// Not folded.
        opened: bool,
    },
    /// A group ends.
    GroupEnd {
        /// Not well.
        failed: bool,
    },
    /// The benchmark speaks.
    Output(Stream, &'a [u8]),
    /// The progress of long work.
    Progress {
        /// The work.
        label: &'a str,
        /// Bytes so far.
        done: u64,
        /// Bytes in all.
        total: Option<u64>,
    },
    /// The activity of the benchmark.
    Activity {
        /// In a few words.
        text: &'a str,
        /// The place where nothing moves, too.
        logged: bool,
    },
    /// Results.
    Results(&'a str),
    /// A check of the gate, which its table has as well.
    Finding {
        /// It is why the gate fails.
        failed: bool,
        /// In a few words.
        title: &'a str,
        /// The whole of it.
        text: &'a str,
    },
    /// The reason why the command failed.
    Error(&'a Failure),
    /// Nothing.
    Nothing,
}

/// The kind of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Something is odd.
    Warning,
    /// A step.
    Note,
    /// A decision.
    Debug,
}

impl<'a> Shown<'a> {
    /// The event in words.
    pub(super) fn of(event: &'a RunEvent) -> Self {
        let note = |text: String| Self::Text(Kind::Note, text);
        match event {
            RunEvent::GroupStart { title, opened } => Self::GroupStart { title, opened: *opened },
            RunEvent::GroupEnd { failed } => Self::GroupEnd { failed: *failed },
            RunEvent::Step(text) | RunEvent::Waiting { text } => note(text.clone()),
            RunEvent::Debug(text) => Self::Text(Kind::Debug, text.clone()),
            RunEvent::Warning { text, hint: None } => Self::Text(Kind::Warning, text.clone()),
            RunEvent::Warning { text, hint: Some(hint) } => {
                Self::Text(Kind::Warning, format!("{text}\nhint: {hint}"))
            }
            RunEvent::Announcement { title, text } => Self::Announcement(title, text),
            RunEvent::Output { stream, bytes } => Self::Output(*stream, bytes),
            RunEvent::Stopping => {
                note("stopping the benchmark; interrupt again to kill it".to_owned())
            }
            RunEvent::Killing => note("killing the benchmark".to_owned()),
            RunEvent::Progress { label, done, total } => {
                Self::Progress { label, done: *done, total: *total }
            }
            RunEvent::Activity { text, logged } => Self::Activity { text, logged: *logged },
            RunEvent::Report(finished) if finished.table.is_empty() => Self::Nothing,
            RunEvent::Report(finished) => Self::Results(&finished.table),
            RunEvent::Details(text) => Self::Results(text),
            RunEvent::Uploaded { run_id: _, url } => note(format!("results: {url}")),
            RunEvent::Finding { failed, title, text } => {
                Self::Finding { failed: *failed, title, text }
            }
            RunEvent::Error(failure) => Self::Error(failure),
            RunEvent::RunStarted
            | RunEvent::PartStarted(_)
            | RunEvent::ProfileFolder { .. }
            | RunEvent::Recorded { .. }
            | RunEvent::RunFinished { .. } => Self::Nothing,
        }
    }
}

/// The level from which on an event is shown.
pub(super) fn level(event: &RunEvent) -> Level {
    match event {
        RunEvent::Output { .. }
        | RunEvent::Report(_)
        | RunEvent::Details(_)
        | RunEvent::Error(_)
        | RunEvent::RunFinished { .. } => Level::Error,
        RunEvent::Warning { .. }
        | RunEvent::Finding { .. }
        | RunEvent::Waiting { .. }
        | RunEvent::Stopping
        | RunEvent::Killing => Level::Warn,
        RunEvent::RunStarted
        | RunEvent::PartStarted(_)
        | RunEvent::GroupStart { .. }
        | RunEvent::GroupEnd { .. }
        | RunEvent::Step(_)
        | RunEvent::Announcement { .. }
        | RunEvent::Progress { .. }
        | RunEvent::Activity { .. }
        | RunEvent::ProfileFolder { .. }
        | RunEvent::Recorded { .. }
        | RunEvent::Uploaded { .. } => Level::Info,
        RunEvent::Debug(_) => Level::Debug,
    }
}

/// Returns whether it begins or ends a group.
pub(super) const fn is_group(event: &RunEvent) -> bool {
    matches!(event, RunEvent::GroupStart { .. } | RunEvent::GroupEnd { .. })
}

/// Long work where nothing moves: it is named once.
#[derive(Debug, Default)]
pub(super) struct Named {
    label: String,
}

impl Named {
    /// The line for the first news of some work.
    pub(super) fn line(&mut self, label: &str, total: Option<u64>) -> Option<String> {
        if self.label == label {
            return None;
        }
        label.clone_into(&mut self.label);
        Some(total.map_or_else(|| label.to_owned(), |total| format!("{label} ({})", bytes(total))))
    }
}
