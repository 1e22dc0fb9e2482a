//! A terminal: headers, what the benchmark says in a window that rolls, and progress.
//!
//! Below a header the bottom of the screen is ours ([`region`]) and is drawn again when something changes, at most ten
//! times a second, and once a second otherwise: a spinner that turns faster would disturb what is measured.

mod region;
#[cfg(test)]
mod tests;
mod window;

use std::{
    fmt,
    io::{self, Write},
    time::Duration,
};

use console::truncate_str;
use runner_shared::{clock::Monotonic, text::bytes, walltime::as_float};
use textwrap::{Options, WordSplitter};

use super::{
    Sink,
    out::Out,
    plain::{announced, failed, labelled},
    shown::Shown,
    style::{BOLD, DIM, GREEN, Paint, RED},
};
use crate::event::Stream;
use region::Region;
use window::Window;

/// The terminal is redrawn at most this often.
const REDRAW: Duration = Duration::from_millis(100);
/// A sign of life.
const TURN: Duration = Duration::from_secs(1);
/// A window in fewer rows would be a keyhole.
const FEWEST_ROWS: u16 = 5;
/// Rows that are not for the window.
const OTHER_ROWS: u16 = 6;
/// Most rows of the window.
const MOST_ROWS: u16 = 20;
/// Characters of a bar.
const BAR: u64 = 24;
const SPINNER: &[&str] = &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// Properties of a terminal that may change.
pub(super) struct Facts {
    /// Rows and columns.
    pub size: Box<dyn Fn() -> Option<(u16, u16)> + Send>,
    /// The time.
    pub clock: Box<dyn Fn() -> Monotonic + Send>,
}

/// Decisions that are made once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// Colours.
    pub paint: Paint,
    /// The window may show standard output as well: that is this terminal, too.
    pub whole: bool,
    /// No window.
    pub full_output: bool,
    /// Nothing moves; the last lines are shown if something fails.
    pub quiet: bool,
}

/// The terminal.
pub(super) struct Terminal<W: Write> {
    results: Option<Out<W>>,
    rest: Out<W>,
    facts: Facts,
    look: Look,
    groups: Vec<Group>,
    window: Window,
    progress: Option<Progress>,
    /// The activity of the benchmark.
    activity: Option<String>,
    region: Region,
    /// Somebody else draws.
    lent: bool,
    /// Something has changed since it was drawn.
    stale: bool,
    drawn_at: Option<Monotonic>,
    turns: usize,
}

#[derive(Debug)]
struct Group {
    title: String,
    since: Monotonic,
}

#[derive(Debug)]
struct Progress {
    label: String,
    done: u64,
    total: Option<u64>,
}

impl<W: Write> fmt::Debug for Terminal<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").field("look", &self.look).finish_non_exhaustive()
    }
}

impl<W: Write> Terminal<W> {
    /// An idle terminal: `rest` is where it is drawn, `results` is standard output unless that is kept for data.
    pub(super) fn new(results: Option<Out<W>>, rest: Out<W>, facts: Facts, look: Look) -> Self {
        Self {
            results,
            rest,
            facts,
            look,
            groups: Vec::new(),
            window: Window::default(),
            progress: None,
            activity: None,
            region: Region::default(),
            lent: false,
            stale: false,
            drawn_at: None,
            turns: 0,
        }
    }

    fn size(&self) -> (u16, u16) {
        (self.facts.size)().unwrap_or((24, 80))
    }

    /// Returns what the benchmark says goes into the window.
    fn has_window(&self) -> bool {
        let Look { full_output, quiet, .. } = self.look;
        !full_output && !quiet && !self.groups.is_empty() && FEWEST_ROWS <= self.size().0
    }

    /// Writes text that stays, made of whole lines, and draws what moves below it.
    fn put(&mut self, text: &str) -> io::Result<()> {
        let (_, columns) = self.size();
        let mut all = self.region.erase(columns);
        if self.lent {
            // Whoever draws there draws on one line.
            all.push_str("\r\x1b[2K");
        }
        all.push_str(text);
        let live = self.live();
        all.push_str(&self.region.draw(&live));
        self.stale = false;
        self.drawn_at = Some((self.facts.clock)());
        self.rest.pass(all.as_bytes())
    }

    fn line(&mut self, text: &str) -> io::Result<()> {
        self.put(&format!("{text}\n"))
    }

    /// Lines of text that are broken between words. Longer words, such as paths, stay whole.
    fn sentence(&mut self, text: &str) -> io::Result<()> {
        let options = Options::new(usize::from(self.size().1.max(1)))
            .break_words(false)
            .word_splitter(WordSplitter::NoHyphenation);
        self.line(&textwrap::fill(text, options))
    }

    /// Something has changed that need not be seen at once.
    fn soon(&mut self) -> io::Result<()> {
        let now = (self.facts.clock)();
        let recent =
            self.drawn_at.is_some_and(|then| Duration::from_nanos(now.since(then)) < REDRAW);
        if recent {
            self.stale = true;
            return Ok(());
        }
        self.put("")
    }

    /// The lines that move.
    fn live(&self) -> Vec<String> {
        if self.lent || self.look.quiet {
            return Vec::new();
        }
        let (rows, columns) = self.size();
        let mut lines = Vec::new();
        if let Some(group) = self.groups.last().filter(|_| self.has_window()) {
            let spinner = SPINNER.get(self.turns % SPINNER.len()).copied().unwrap_or_default();
            let mut line =
                format!("{} {}", self.look.paint.paint(BOLD, spinner), self.elapsed(group));
            if let Some(activity) = &self.activity {
                line = format!("{line}  {activity}");
            }
            lines.push(line);
            let most = rows.saturating_sub(OTHER_ROWS).clamp(1, MOST_ROWS);
            lines.extend(self.framed(most.into()));
        }
        lines.extend(self.progress.as_ref().map(Progress::line));
        let fits = usize::from(columns.saturating_sub(1)).max(1);
        lines.iter().map(|line| truncate_str(line, fits, "…").into_owned()).collect()
    }

    /// The last lines of the benchmark.
    fn framed(&self, most: usize) -> Vec<String> {
        let paint = self.look.paint;
        let (above, last) = self.window.last(most);
        let counter = match above {
            0 => None,
            1 => Some("1 line above".to_owned()),
            above => Some(format!("{above} lines above")),
        };
        let counter = counter.map(|counter| paint.paint(DIM, &format!("  … {counter}")));
        let frame = paint.paint(DIM, "  │");
        counter.into_iter().chain(last.iter().map(|line| format!("{frame} {line}"))).collect()
    }

    fn elapsed(&self, group: &Group) -> String {
        let nanos = (self.facts.clock)().since(group.since);
        format!("{:.1} s", as_float(nanos) / 1e9)
    }

    /// The last frame of the group: it stays.
    fn end_group(&mut self, failed: bool) -> io::Result<()> {
        let Some(group) = self.groups.last() else { return Ok(()) };
        let (mark, colour) = if failed { ("✗", RED) } else { ("✓", GREEN) };
        let paint = self.look.paint;
        let end = format!(
            "{} {} {}",
            paint.paint(colour, mark),
            group.title,
            paint.paint(DIM, &self.elapsed(group))
        );
        let mut lines = if !self.has_window() {
            Vec::new()
        } else if failed {
            self.framed(usize::MAX)
        } else {
            self.framed(self.size().0.saturating_sub(OTHER_ROWS).clamp(1, MOST_ROWS).into())
        };
        lines.push(end);
        self.groups.pop();
        self.window = Window::default();
        self.progress = None;
        self.activity = None;
        self.line(&lines.join("\n"))
    }

    /// Returns what the benchmark said last, when nobody has seen it.
    fn confess(&mut self) -> io::Result<()> {
        while !self.groups.is_empty() {
            self.end_group(true)?;
        }
        let unseen = std::mem::take(&mut self.window).last(usize::MAX).1;
        if unseen.is_empty() { Ok(()) } else { self.line(&unseen.join("\n")) }
    }

    fn output(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let mine = stream == Stream::Stderr || self.look.whole;
        if mine && (self.has_window() || (self.look.quiet && !self.look.full_output)) && !self.lent
        {
            self.window.take(stream, bytes);
            return if self.look.quiet { Ok(()) } else { self.soon() };
        }
        match (&mut self.results, stream) {
            (Some(results), Stream::Stdout) => results.pass(bytes),
            (None, Stream::Stdout) | (Some(_) | None, Stream::Stderr) => self.rest.pass(bytes),
        }
    }

    fn progress(&mut self, label: &str, done: u64, total: Option<u64>) -> io::Result<()> {
        if let Some(total) = total.filter(|total| done >= *total) {
            self.progress = None;
            let mark = self.look.paint.paint(GREEN, "✓");
            return self.line(&format!("{mark} {label} ({})", bytes(total)));
        }
        let new = self.progress.as_ref().is_none_or(|progress| progress.label != label);
        self.progress = Some(Progress { label: label.to_owned(), done, total });
        if new { self.put("") } else { self.soon() }
    }
}

impl Progress {
    fn line(&self) -> String {
        let Self { label, done, total } = self;
        let Some(total) = total.filter(|total| *total > 0) else {
            return format!("{label} {}", bytes(*done));
        };
        let full = (u128::from(*done) * u128::from(BAR) / u128::from(total)).min(u128::from(BAR));
        let full = usize::try_from(full).unwrap_or_default();
        let bar = "=".repeat(full);
        let width = usize::try_from(BAR).unwrap_or_default();
        format!("{label} [{bar:<width$}] {} of {}", bytes(*done), bytes(total))
    }
}

impl<W: Write + Send> Sink for Terminal<W> {
    fn show(&mut self, shown: &Shown<'_>) -> io::Result<()> {
        let paint = self.look.paint;
        match shown {
            Shown::Text(kind, text) => self.sentence(&labelled(paint, *kind, text)),
            Shown::Announcement(title, text) => self.sentence(&announced(paint, title, text)),
            Shown::GroupStart { title, opened: _ } => {
                let since = (self.facts.clock)();
                self.window = Window::default();
                self.groups.push(Group { title: (*title).to_owned(), since });
                self.line(&paint.paint(BOLD, &format!("› {title}")))
            }
            Shown::GroupEnd { failed } => self.end_group(*failed),
            Shown::Output(stream, bytes) => self.output(*stream, bytes),
            Shown::Progress { label, done, total } => self.progress(label, *done, *total),
            Shown::Activity { text, logged: _ } => {
                self.activity = Some((*text).to_owned());
                self.soon()
            }
            Shown::Results(text) => {
                let Some(results) = &mut self.results else { return self.line(text.trim_end()) };
                let erase =
                    self.region.erase((self.facts.size)().map_or(80, |(_, columns)| columns));
                drop(self.rest.pass(erase.as_bytes()));
                results.line(text.trim_end())?;
                self.put("")
            }
            Shown::Error(failure) => {
                self.confess()?;
                self.progress = None;
                self.line(&failed(paint, failure))
            }
            Shown::Finding { .. } | Shown::Nothing => Ok(()),
        }
    }

    fn turn(&mut self) {
        if self.patience().is_some() {
            if !self.stale {
                self.turns += 1;
            }
            drop(self.put(""));
        }
    }

    fn patience(&self) -> Option<Duration> {
        if self.region.is_empty() {
            return None;
        }
        Some(if self.stale { REDRAW } else { TURN })
    }

    fn lend(&mut self, lent: bool) {
        let erase = self.region.erase(self.size().1);
        drop(self.rest.pass(erase.as_bytes()));
        self.lent = lent;
        if !lent {
            drop(self.put(""));
        }
    }

    fn draws(&self) -> bool {
        true
    }
}

impl<W: Write> Drop for Terminal<W> {
    /// However we end: what the benchmark said last stays to be read, if it was not content.
    fn drop(&mut self) {
        if !self.groups.is_empty() {
            drop(self.confess());
        }
        let erase = self.region.erase(self.size().1);
        drop(self.rest.pass(erase.as_bytes()));
        self.region.forget();
    }
}
