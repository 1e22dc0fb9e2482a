//! Tells the user what is going on, on standard error: a moving line on a terminal, else plain lines.

use std::io::{IsTerminal, Write};

use console::{Term, measure_text_width, truncate_str};
use runner_shared::{
    clock::{Monotonic, now},
    duration::show_nanos,
    text::{count, one_line, without_commands},
    walltime::as_float,
};

/// A terminal is redrawn at most this often.
const REDRAW_NS: u64 = 100_000_000;
/// Without a terminal, a progress line is printed this often.
const HEARTBEAT_NS: u64 = 10_000_000_000;
/// Longer names are cut in the moving line.
const NAME_CHARACTERS: usize = 40;

/// The state of a benchmark in progress.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// The rounds are not counted yet.
    pub warming_up: bool,
    /// Rounds that were finished in this phase.
    pub rounds: usize,
    /// Nanoseconds of measurement.
    pub elapsed_ns: u64,
    /// Share of the measurement that is done, if it can be told.
    pub share: Option<f64>,
    /// Length of the last measured round, nanoseconds.
    pub last_ns: Option<u64>,
}

/// The progress display on standard error.
#[derive(Debug)]
pub(crate) struct Progress {
    terminal: bool,
    quiet: bool,
    last: Monotonic,
    /// Width of the moving line that is on the screen; 0 for none.
    drawn: usize,
    name: String,
}

/// A warning in the middle of a round, whatever line is being drawn. Shown even to those who want quiet.
pub(crate) fn interject(text: &str) {
    let start = if std::io::stderr().is_terminal() { "\n" } else { "" };
    put(&format!("{start}warning: {text}\n"));
}

impl Progress {
    /// Looks at standard error once. `dumb` terminals get plain lines.
    pub(crate) fn new(quiet: bool, dumb: bool) -> Self {
        let terminal = std::io::stderr().is_terminal() && !dumb;
        Self { terminal, quiet, last: Monotonic(0), drawn: 0, name: String::new() }
    }

    /// A benchmark begins; `of` many are run.
    pub(crate) fn begin(&mut self, name: &str, number: usize, of: usize) {
        self.resume(name);
        self.last = now();
        if !self.terminal {
            let place =
                if of > 1 { format!("benchmark {number} of {of}: ") } else { String::new() };
            self.line(&format!("{place}{}", self.name));
        }
    }

    /// Makes the following lines belong to this benchmark again.
    pub(crate) fn resume(&mut self, name: &str) {
        let name = &one_line(name);
        let short: String = name.chars().take(NAME_CHARACTERS).collect();
        self.name = if short.len() < name.len() { format!("{short}...") } else { short };
    }

    /// Shows where the benchmark is; `running` is how long the present round takes already,
    /// nanoseconds. Cheap when it is not time to draw.
    pub(crate) fn show(&mut self, view: &View, running: u64) {
        let pause = if self.terminal { REDRAW_NS } else { HEARTBEAT_NS };
        let time = now();
        if self.quiet || time.since(self.last) < pause {
            return;
        }
        self.last = time;
        let line = sentence(&self.name, view, running);
        if self.terminal {
            // Asked each time: windows are resized.
            let columns = columns();
            let line = truncate_str(&line, columns - 1, "…");
            put(&format!("{}{line}", erase(self.drawn, columns)));
            self.drawn = measure_text_width(&line);
        } else {
            self.line(&line);
        }
    }

    /// A whole line that stays.
    pub(crate) fn line(&mut self, text: &str) {
        self.clear();
        if !self.quiet {
            // A name may hold a line break; a line has none.
            put(&self.lines(&one_line(text)));
        }
    }

    /// A line that is shown even to those who want quiet.
    pub(crate) fn always(&mut self, text: &str) {
        self.clear();
        put(&self.lines(text));
    }

    /// Removes the moving line.
    pub(crate) fn clear(&mut self) {
        if self.drawn > 0 {
            put(&erase(self.drawn, columns()));
            self.drawn = 0;
        }
    }

    /// Whole lines without anything that could steer the terminal, broken between words where there is one.
    fn lines(&self, text: &str) -> String {
        let columns = self.terminal.then(columns);
        text.lines()
            .flat_map(|line| {
                [wrapped(&without_commands(&one_line(line)), columns), "\n".to_owned()]
            })
            .collect()
    }
}

/// Columns of the terminal, at least 2.
fn columns() -> usize {
    let columns = Term::stderr().size_checked().map_or(80, |(_, columns)| columns);
    usize::from(columns).max(2)
}

/// Returns the text that erases the line at whose end the cursor is. A terminal that has become narrower has broken it
/// into rows.
fn erase(width: usize, columns: usize) -> String {
    match width.saturating_sub(1) / columns {
        0 => "\r\x1b[2K".to_owned(),
        above => format!("\r\x1b[{above}A\x1b[0J"),
    }
}

/// The line in rows of at most so many columns. Words that are longer, such as paths, stay whole.
fn wrapped(line: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else { return line.to_owned() };
    let whole_words = textwrap::WordSplitter::NoHyphenation;
    let options = textwrap::Options::new(columns).break_words(false).word_splitter(whole_words);
    textwrap::fill(line, options)
}

fn sentence(name: &str, view: &View, running: u64) -> String {
    let View { warming_up, rounds, elapsed_ns, share, last_ns } = *view;
    let mut parts = Vec::new();
    let done = count(u64::try_from(rounds).unwrap_or(u64::MAX), "round");
    if warming_up {
        parts.push(format!("warming up, {done}"));
    } else if rounds > 0 || running == 0 {
        let done = format!("{done} in {}", show_nanos(as_float(elapsed_ns)));
        parts.push(match share.filter(|share| *share > 0.0) {
            None => done,
            Some(share) => {
                let percent = (share * 100.0).min(100.0);
                let left = as_float(elapsed_ns) * (1.0 / share - 1.0).max(0.0) / 1e9;
                format!("{done} ({percent:.0} %, about {left:.0} s left)")
            }
        });
        parts.extend(last_ns.map(|last| format!("last {}", show_nanos(as_float(last)))));
    }
    if running > 0 {
        parts.push(format!("current round running for {:.0} s", as_float(running) / 1e9));
    }
    format!("{name}: {}", parts.join(", "))
}

fn put(text: &str) {
    let mut stderr = std::io::stderr().lock();
    // Nobody reads it any more, or the disk is full: measuring goes on.
    drop(stderr.write_all(text.as_bytes()));
    drop(stderr.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_erased_after_the_terminal_became_narrower() {
        assert_eq!(erase(0, 80), "\r\x1b[2K");
        assert_eq!(erase(80, 80), "\r\x1b[2K");
        assert_eq!(erase(81, 80), "\r\x1b[1A\x1b[0J");
        assert_eq!(erase(79, 20), "\r\x1b[3A\x1b[0J");
    }

    #[test]
    fn sentences_are_broken_between_words_on_a_terminal_only() {
        assert_eq!(wrapped("a note of words", Some(7)), "a note\nof\nwords");
        assert_eq!(wrapped("a/path/that/is/long x", Some(7)), "a/path/that/is/long\nx");
        assert_eq!(wrapped("a note of words", None), "a note of words");
    }

    #[test]
    fn the_line_says_how_far_and_how_long() {
        let warm = View { warming_up: true, rounds: 4, elapsed_ns: 0, share: None, last_ns: None };
        assert_eq!(sentence("ls", &warm, 0), "ls: warming up, 4 rounds");
        let view = View {
            warming_up: false,
            rounds: 123,
            elapsed_ns: 1_000_000_000,
            share: Some(0.25),
            last_ns: Some(5_000_000),
        };
        assert_eq!(
            sentence("ls", &view, 2_100_000_000),
            "ls: 123 rounds in 1.000 s (25 %, about 3 s left), last 5.000 ms, current round running for 2 s"
        );
        let first = View { rounds: 0, elapsed_ns: 0, share: None, last_ns: None, ..view };
        assert_eq!(sentence("ls", &first, 3_000_000_000), "ls: current round running for 3 s");
    }
}
