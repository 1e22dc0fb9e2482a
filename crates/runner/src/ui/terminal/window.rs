//! The last lines of what the benchmark says, made fit for a part of a terminal.

use std::collections::VecDeque;

use console::strip_ansi_codes;
use runner_shared::text::one_line;

use crate::event::Stream;

/// Lines that are kept, for the case that the benchmark fails.
const KEPT: usize = 100;
/// A line is kept up to here: no terminal is wider.
const LONGEST: usize = 4096;

/// The last lines.
#[derive(Debug, Default)]
pub(super) struct Window {
    lines: VecDeque<String>,
    /// Lines that were whole.
    seen: usize,
    /// The unfinished line of either stream.
    begun: [Vec<u8>; 2],
}

impl Window {
    /// Takes what the benchmark says.
    pub(super) fn take(&mut self, stream: Stream, bytes: &[u8]) {
        let place = match stream {
            Stream::Stdout => 0,
            Stream::Stderr => 1,
        };
        let Some(begun) = self.begun.get_mut(place) else { return };
        begun.extend_from_slice(bytes);
        let Some(end) = begun.iter().rposition(|byte| *byte == b'\n') else {
            if let Some(excess) = begun.len().checked_sub(LONGEST) {
                begun.drain(..excess);
            }
            return;
        };
        let rest = begun.split_off(end + 1);
        let whole = std::mem::replace(begun, rest);
        self.seen += memchr::memchr_iter(b'\n', &whole).count();
        // Of many lines only the last ones are looked at.
        let last = whole.rsplit(|byte| *byte == b'\n').skip(1).take(KEPT);
        let last: Vec<String> = last.map(shown).collect();
        self.lines.extend(last.into_iter().rev());
        self.lines.drain(..self.lines.len().saturating_sub(KEPT));
    }

    /// The last `most` lines, and how many there were above them.
    pub(super) fn last(&self, most: usize) -> (usize, Vec<String>) {
        let begun = self.begun.iter().map(|bytes| shown(bytes)).filter(|line| !line.is_empty());
        let begun: Vec<String> = begun.collect();
        let all = self.seen + begun.len();
        let lines: Vec<String> = self.lines.iter().cloned().chain(begun).collect();
        let last = lines.get(lines.len().saturating_sub(most)..).unwrap_or_default().to_vec();
        (all.saturating_sub(last.len()), last)
    }
}

/// A line as it looks in the end: without what steers a terminal, and only what follows the last carriage return.
fn shown(line: &[u8]) -> String {
    let mut parts = line.rsplit(|byte| *byte == b'\r');
    let last = parts.find(|part| !part.is_empty()).unwrap_or_default();
    let last = String::from_utf8_lossy(last.get(..LONGEST).unwrap_or(last));
    let plain = strip_ansi_codes(&last).replace('\t', "    ");
    one_line(&plain.chars().filter(|letter| !letter.is_control()).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(pieces: &[&str], most: usize) -> (usize, Vec<String>) {
        let mut window = Window::default();
        for piece in pieces {
            window.take(Stream::Stdout, piece.as_bytes());
        }
        window.last(most)
    }

    #[test]
    fn the_last_lines_are_shown_and_the_others_counted() {
        assert_eq!(last(&["a\nb\nc", "d\ne"], 2), (2, vec!["cd".into(), "e".into()]));
        assert_eq!(last(&["a\n"], 9), (0, vec!["a".into()]));
        assert_eq!(last(&[], 9), (0, vec![]));
        let many = "x\n".repeat(1000);
        assert_eq!(last(&[&many], 200), (900, vec!["x".to_owned(); KEPT]));
    }

    #[test]
    fn nothing_in_a_line_steers_the_terminal() {
        let text =
            "10 %\r50 %\r\n\x1b[31mred\x1b[0m\x1b[2J\x07\tend\n\x1b]0;title\x07x\n\u{202e}y\n";
        let expected = ["50 %", "red    end", "x", "\\u{202e}y"].map(str::to_owned).to_vec();
        assert_eq!(last(&[text], 9), (0, expected));
    }

    #[test]
    fn an_endless_line_takes_little_memory() {
        let mut window = Window::default();
        for _ in 0..100 {
            window.take(Stream::Stderr, &[b'x'; 10_000]);
        }
        assert!(window.begun.iter().all(|begun| begun.len() <= LONGEST));
    }
}
