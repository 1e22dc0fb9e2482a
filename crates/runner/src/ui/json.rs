//! Writes events as one JSON object per line, for another program. Keys are only ever added within a version. The table
//! of all events is in the README, which a test compares with what is written here.

use std::io::{self, Write};

use results::{BenchmarkLine, LINES_SCHEMA};
use runner_shared::{bounds::OUTPUT_LINE_BYTES, text::bytes_as_text};
use serde::Serialize;
use serde_json::Value;

use super::out::Out;
use crate::event::{Failure, RunEvent, Stream};

/// The stream.
#[derive(Debug)]
pub(super) struct Json<W> {
    /// The place where lines go.
    to: Out<W>,
    /// Lines of the benchmark's standard output and standard error that have no end yet.
    begun: [Vec<u8>; 2],
}

#[derive(Serialize)]
struct Line<'a> {
    schema: u32,
    #[serde(flatten)]
    message: Message<'a>,
}

#[derive(Serialize)]
#[serde(tag = "event")]
enum Message<'a> {
    #[serde(rename = "run_started")]
    RunStarted { version: &'a str },
    #[serde(rename = "part_started")]
    PartStarted { mode: &'a str },
    #[serde(rename = "benchmark_ran")]
    BenchmarkRan(&'a BenchmarkLine),
    #[serde(rename = "output")]
    Output { stream: &'a str, text: &'a str },
    #[serde(rename = "compared")]
    Compared { comparison: &'a Value },
    #[serde(rename = "warning")]
    Warning { message: &'a str, hint: Option<&'a str> },
    #[serde(rename = "announcement")]
    Announcement { title: &'a str, message: &'a str },
    #[serde(rename = "error")]
    Error { message: &'a str, causes: &'a [String], hints: &'a [String] },
    #[serde(rename = "profile_folder")]
    ProfileFolder { path: &'a str },
    #[serde(rename = "recorded")]
    Recorded { id: &'a str },
    #[serde(rename = "uploaded")]
    Uploaded { run_id: &'a str, url: &'a str },
    #[serde(rename = "run_finished")]
    RunFinished { run_id: Option<&'a str>, exit_code: u8 },
}

impl<W: Write> Json<W> {
    /// Nothing is written yet.
    pub(super) const fn new(to: Out<W>) -> Self {
        Self { to, begun: [Vec::new(), Vec::new()] }
    }

    /// Writes what another program wants to know of the event.
    pub(super) fn on(&mut self, event: &RunEvent) -> io::Result<()> {
        let message = match event {
            RunEvent::RunStarted => Message::RunStarted { version: env!("CARGO_PKG_VERSION") },
            RunEvent::PartStarted(mode) => Message::PartStarted { mode: mode.names().cli },
            RunEvent::Report(finished) => {
                let ran = finished.benchmarks.iter().map(Message::BenchmarkRan);
                ran.into_iter().try_for_each(|it| self.line(it))?;
                let compared = finished.comparisons.iter();
                return compared
                    .map(|comparison| Message::Compared { comparison })
                    .try_for_each(|it| self.line(it));
            }
            RunEvent::Warning { text, hint } => {
                Message::Warning { message: text, hint: hint.as_deref() }
            }
            RunEvent::Announcement { title, text } => {
                Message::Announcement { title, message: text }
            }
            RunEvent::Error(Failure { what, causes, hints }) => {
                Message::Error { message: what, causes, hints }
            }
            RunEvent::ProfileFolder { path } => Message::ProfileFolder { path },
            RunEvent::Recorded { id } => Message::Recorded { id },
            RunEvent::Uploaded { run_id, url } => Message::Uploaded { run_id, url },
            RunEvent::RunFinished { run_id, code } => {
                Message::RunFinished { run_id: run_id.as_deref(), exit_code: *code }
            }
            RunEvent::Output { stream, bytes } => return self.output(*stream, bytes),
            RunEvent::GroupStart { .. }
            | RunEvent::GroupEnd { .. }
            | RunEvent::Step(_)
            | RunEvent::Debug(_)
            | RunEvent::Waiting { .. }
            | RunEvent::Stopping
            | RunEvent::Killing
            | RunEvent::Progress { .. }
            | RunEvent::Activity { .. }
            // The gate writes all of its report as JSON.
            | RunEvent::Finding { .. }
            | RunEvent::Details(_) => return Ok(()),
        };
        self.line(message)
    }

    /// Writes a line for each line of the benchmark, without its end. One that is longer than those that are passed on
    /// comes in pieces.
    fn output(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let mut line = std::mem::take(self.begun(stream));
            line.extend_from_slice(piece);
            while content(&line).len() > OUTPUT_LINE_BYTES {
                let rest = line.split_off(cut(&line));
                self.output_line(stream, &line)?;
                line = rest;
            }
            if line.ends_with(b"\n") {
                self.output_line(stream, &line)?;
            } else {
                *self.begun(stream) = line;
            }
        }
        Ok(())
    }

    /// The line of this stream that has no end yet.
    const fn begun(&mut self, stream: Stream) -> &mut Vec<u8> {
        let [out, err] = &mut self.begun;
        match stream {
            Stream::Stdout => out,
            Stream::Stderr => err,
        }
    }

    fn output_line(&mut self, stream: Stream, line: &[u8]) -> io::Result<()> {
        let line = content(line);
        let stream = match stream {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        };
        self.write(Message::Output { stream, text: &bytes_as_text(line) })
    }

    /// Writes what the benchmark has left without an end.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let [out, err] = std::mem::take(&mut self.begun);
        for (stream, line) in [(Stream::Stdout, out), (Stream::Stderr, err)] {
            if !line.is_empty() {
                self.output_line(stream, &line)?;
            }
        }
        Ok(())
    }

    /// Writes a message behind all that the benchmark has said before.
    fn line(&mut self, message: Message<'_>) -> io::Result<()> {
        self.finish()?;
        self.write(message)
    }

    fn write(&mut self, message: Message<'_>) -> io::Result<()> {
        self.to.line(&serde_json::to_string(&Line { schema: LINES_SCHEMA, message })?)
    }
}

/// A line without its end, or the part of it that is there.
fn content(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The place at which a long line is cut: between two characters, if it is text.
fn cut(line: &[u8]) -> usize {
    let goes_on = |at: &usize| line.get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
    (OUTPUT_LINE_BYTES - 3..=OUTPUT_LINE_BYTES)
        .rev()
        .find(|at| !goes_on(at))
        .unwrap_or(OUTPUT_LINE_BYTES)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::ui::tests::{Paper, all};

    /// The lines that these events become.
    fn lines(events: &[RunEvent]) -> Vec<Value> {
        let paper = Paper::default();
        let mut json = Json::new(paper.out());
        for event in events {
            json.on(event).unwrap();
        }
        json.finish().unwrap();
        paper.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The words between backticks.
    fn quoted(text: &str) -> BTreeSet<String> {
        text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn the_readme_has_every_event_and_key() {
        let readme = std::fs::read_to_string("../../README.md").unwrap();
        let (_, section) = readme.split_once("\n### JSON lines\n").unwrap();
        let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
        let mut told = BTreeMap::new();
        for row in rows.take_while(|line| line.starts_with('|')) {
            let cells: Vec<&str> = row.split('|').collect();
            told.insert(quoted(cells[1]).pop_first().unwrap(), quoted(cells[2]));
        }
        let mut written = BTreeMap::new();
        for line in lines(&all("word")) {
            let keys = line.as_object().unwrap().keys().cloned();
            let keys: BTreeSet<String> =
                keys.filter(|key| key != "schema" && key != "event").collect();
            written.insert(line["event"].as_str().unwrap().to_owned(), keys);
        }
        assert_eq!(told, written);
    }

    #[test]
    fn the_longest_line_is_one_event() {
        let say = |bytes: &[u8]| RunEvent::Output { stream: Stream::Stdout, bytes: bytes.to_vec() };
        let longest = vec![b'x'; OUTPUT_LINE_BYTES];
        for end in [&b"\n"[..], b"\r\n", b""] {
            let whole = [&longest, end].concat();
            // However it comes.
            let (piece, rest) = whole.split_at(OUTPUT_LINE_BYTES + end.len() / 2);
            for events in [vec![say(&whole)], vec![say(piece), say(rest)]] {
                let told = lines(&events);
                assert_eq!(told.len(), 1, "{end:?}");
                assert_eq!(told[0]["text"].as_str().unwrap().len(), OUTPUT_LINE_BYTES);
            }
        }
        let longer = [&longest[..], b"\ry\n"].concat();
        let told =
            lines(&[say(&longer[..=OUTPUT_LINE_BYTES]), say(&longer[OUTPUT_LINE_BYTES + 1..])]);
        assert_eq!(told.iter().map(|line| &line["text"]).skip(1).collect::<Vec<_>>(), ["\ry"]);
    }

    #[test]
    fn lines_of_a_benchmark_come_whole_and_in_their_place() {
        let say = |stream, bytes: &[u8]| RunEvent::Output { stream, bytes: bytes.to_vec() };
        // The cut would be in the middle of a character.
        let long = [vec![b'x'; OUTPUT_LINE_BYTES - 1], "éy\n".into()].concat();
        let events = [
            say(Stream::Stdout, b"one\r\ntw"),
            say(Stream::Stderr, b"other"),
            say(Stream::Stdout, b"o\n\nhalf"),
            RunEvent::warning("in between"),
            say(Stream::Stdout, &long),
            say(Stream::Stderr, b"\xff\x1b[31m"),
        ];
        let told: Vec<String> = lines(&events)
            .iter()
            .map(|line| match line["event"].as_str() {
                Some("output") => {
                    let (stream, text) = (&line["stream"], line["text"].as_str().unwrap());
                    format!("{}: {}", stream.as_str().unwrap(), &text[..text.len().min(9)])
                }
                _ => line["message"].as_str().unwrap().to_owned(),
            })
            .collect();
        let expected = [
            "stdout: one",
            "stdout: two",
            "stdout: ",
            "stdout: half",
            "stderr: other",
            "in between",
            "stdout: xxxxxxxxx",
            "stdout: éy",
            "stderr: \\xff\u{1b}[31m",
        ];
        assert_eq!(told, expected);
    }
}
