//! Many runs of the same suite, of which only what is new is shown: warnings once, and what the suite says only if one
//! of the runs fails.

use std::collections::{BTreeSet, VecDeque};

use runner_shared::bounds::HUSH_BYTES;

use crate::event::{RunEvent, Stream};

/// More different warnings than that are no news.
const MOST_WARNINGS: usize = 200;

/// The output that was kept back.
#[derive(Debug, Default)]
pub(super) struct Hush {
    /// A run goes on whose news are kept back.
    pub active: bool,
    /// Texts of warnings that were shown.
    told: BTreeSet<String>,
    output: VecDeque<(Stream, Vec<u8>)>,
    bytes: usize,
}

impl Hush {
    /// A run begins.
    pub(super) fn begin(&mut self) {
        self.active = true;
        self.output.clear();
        self.bytes = 0;
    }

    /// Keeps the event back if it is no news; returns whether it was kept.
    pub(super) fn keeps(&mut self, event: &RunEvent) -> bool {
        if !self.active {
            return false;
        }
        match event {
            RunEvent::Output { stream, bytes } => {
                self.keep_output(*stream, bytes);
                true
            }
            RunEvent::Warning { text, hint: _ } => {
                self.told.len() >= MOST_WARNINGS || !self.told.insert(text.clone())
            }
            RunEvent::PartStarted(_)
            | RunEvent::GroupStart { .. }
            | RunEvent::GroupEnd { .. }
            | RunEvent::Step(_)
            | RunEvent::Progress { .. }
            | RunEvent::Activity { .. } => true,
            RunEvent::RunStarted
            | RunEvent::Debug(_)
            | RunEvent::Announcement { .. }
            | RunEvent::Finding { .. }
            | RunEvent::Waiting { .. }
            | RunEvent::Stopping
            | RunEvent::Killing
            | RunEvent::Report(_)
            | RunEvent::Details(_)
            | RunEvent::ProfileFolder { .. }
            | RunEvent::Recorded { .. }
            | RunEvent::Uploaded { .. }
            | RunEvent::Error(_)
            | RunEvent::RunFinished { .. } => false,
        }
    }

    fn keep_output(&mut self, stream: Stream, bytes: &[u8]) {
        self.bytes += bytes.len();
        self.output.push_back((stream, bytes.to_vec()));
        while self.bytes > HUSH_BYTES && self.output.len() > 1 {
            let gone = self.output.pop_front().map_or(0, |(_, bytes)| bytes.len());
            self.bytes -= gone;
        }
    }

    /// The output that was kept back, as events.
    pub(super) fn take_output(&mut self) -> Vec<RunEvent> {
        self.bytes = 0;
        let kept = std::mem::take(&mut self.output).into_iter();
        kept.map(|(stream, bytes)| RunEvent::Output { stream, bytes }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_comes_once_with_the_output_tail_on_request() {
        let mut hush = Hush::default();
        let warning = RunEvent::warning("odd");
        let say = |bytes: &[u8]| RunEvent::Output { stream: Stream::Stdout, bytes: bytes.to_vec() };
        assert!(!hush.keeps(&say(b"before")));
        hush.begin();
        assert!(!hush.keeps(&warning) && hush.keeps(&warning));
        assert!(hush.keeps(&RunEvent::Step("again".to_owned())));
        assert!(!hush.keeps(&RunEvent::Stopping));
        assert!(hush.keeps(&say(b"one")) && hush.keeps(&say(b"two")));
        assert_eq!(hush.take_output(), [say(b"one"), say(b"two")]);
        hush.keeps(&say(b"old"));
        let long = vec![b'x'; HUSH_BYTES];
        hush.keeps(&say(&long));
        assert_eq!(hush.take_output(), [say(&long)]);
        hush.keeps(&say(b"of the last run"));
        hush.begin();
        assert!(hush.keeps(&warning), "it is known from the last run");
        assert_eq!(hush.take_output(), []);
    }
}
