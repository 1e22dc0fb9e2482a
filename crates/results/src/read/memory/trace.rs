//! One file of events, with the stacks and the word of the tracer beside it.

use std::path::{Path, PathBuf};

use runner_shared::memory::{Event, EventDecoder, StackDecoder, StackTable, TracerStats};
use system::files;

use runner_shared::{
    bounds::{self, ABOUT_BYTES, STACK_TABLE_BYTES, Unit},
    profile_dir::{EVENT_STACKS, TRACER_STATS},
    text::shown,
};

use super::{
    file::Compressed,
    order::{Item, Reorder},
};
use crate::read::{
    TraceError,
    file::{bytes_within, with_causes},
};

/// A file of events that is being read.
pub(super) struct Trace {
    /// The file.
    pub path: PathBuf,
    /// The root process.
    pub pid: u32,
    /// Events so far.
    pub events: u64,
    /// The tracer's report about itself.
    pub stats: Option<TracerStats>,
    /// Sentences about what lies beside it.
    pub warnings: Vec<String>,
    data: Option<Compressed>,
    decoder: EventDecoder,
    damage: Option<TraceError>,
    stacks: Option<StackFile>,
    order: Reorder,
}

impl Trace {
    /// Opens the file of the root process `pid`, and what lies beside it.
    pub(super) fn open(path: PathBuf, pid: u32) -> Self {
        let mut warnings = Vec::new();
        let stats = stats(&path.with_file_name(TRACER_STATS.named(pid)), &mut warnings);
        let beside = path.with_file_name(EVENT_STACKS.named(pid));
        let stacks = files::is_there(&beside).then(|| StackFile::open(beside));
        let (data, damage) = match Compressed::open(&path) {
            Ok(data) => (Some(data), None),
            Err(err) => (None, Some(TraceError::Data(err))),
        };
        let (decoder, order) = (EventDecoder::default(), Reorder::default());
        Self { path, pid, events: 0, stats, warnings, data, decoder, damage, stacks, order }
    }

    /// The next event by time.
    pub(super) fn next_item(&mut self) -> Option<Item> {
        while !self.order.is_full()
            && let Some(event) = self.next_in_file()
        {
            self.events += 1;
            let stack = self.stacks.as_mut().map_or(0, StackFile::next_stack);
            self.order.push((event, stack));
        }
        self.order.pop()
    }

    /// Passes over all events, which somebody has counted; false if the file of events can't be read at all.
    pub(super) fn pass_over(&mut self, events: u64) -> bool {
        if self.damage.is_some() {
            return false;
        }
        self.data = None;
        self.events = events;
        if let Some(stacks) = &mut self.stacks {
            // Their names lie between the numbers.
            for _ in 0..events {
                stacks.next_stack();
            }
        }
        true
    }

    fn next_in_file(&mut self) -> Option<Event> {
        let data = self.data.as_mut()?;
        let ended = loop {
            match self.decoder.next_event() {
                Ok(Some(event)) => return Some(event),
                Ok(None) => {}
                Err(err) => break Some(TraceError::Record(err)),
            }
            match data.next_piece() {
                Ok([]) => break self.decoder.finish().err().map(TraceError::Record),
                Ok(piece) => self.decoder.push(piece),
                Err(err) => break Some(TraceError::Data(err)),
            }
        };
        self.damage = ended;
        self.data = None;
        None
    }

    /// The end: what is known of all stacks, and what was wrong with the file.
    pub(super) fn finish(&mut self) -> (StackTable, Option<TraceError>) {
        let table = match self.stacks.take() {
            Some(stacks) => {
                let (table, problem) = stacks.finish();
                self.warnings.extend(problem);
                table
            }
            None => StackTable::default(),
        };
        let written = self.stats.as_ref().map_or(0, |stats| stats.events.total());
        let read = self.events;
        let damage = self.damage.take();
        let short = || (read < written).then_some(TraceError::Short { read, written });
        if self.order.late > 0 {
            let late = self.order.late;
            self.warnings.push(format!(
                "`{}` has {late} events far out of order: peaks may be slightly inaccurate",
                shown(&self.path)
            ));
        }
        (table, damage.or_else(short))
    }
}

fn stats(path: &Path, warnings: &mut Vec<String>) -> Option<TracerStats> {
    if !files::is_there(path) {
        return None;
    }
    let read = bytes_within(path, ABOUT_BYTES).map_err(|err| with_causes(&err));
    let parsed = read.and_then(|bytes| {
        serde_json::from_slice(&bytes)
            .map_err(|err| format!("`{}` was left out: {err}", shown(&path)))
    });
    parsed.map_err(|problem| warnings.push(problem)).ok()
}

/// The stacks of the events, in the same order.
struct StackFile {
    path: PathBuf,
    data: Option<Compressed>,
    decoder: StackDecoder,
    problem: Option<String>,
    missing: bool,
}

impl StackFile {
    fn open(path: PathBuf) -> Self {
        let (data, problem) = match Compressed::open(&path) {
            Ok(data) => (Some(data), None),
            Err(err) => (None, Some(err.to_string())),
        };
        Self { path, data, decoder: StackDecoder::default(), problem, missing: false }
    }

    /// The stack of the next event; unknown if the file has no more.
    fn next_stack(&mut self) -> u32 {
        let stack = self.advance();
        self.missing |= stack.is_none();
        stack.unwrap_or(0)
    }

    fn advance(&mut self) -> Option<u32> {
        let data = self.data.as_mut()?;
        let problem = loop {
            match self.decoder.next_event_stack() {
                Ok(Some(stack)) => return Some(stack),
                Ok(None) => {}
                Err(err) => break Some(err.to_string()),
            }
            match data.next_piece() {
                Ok([]) => break None,
                Ok(piece) => self.decoder.push(piece),
                Err(err) => break Some(err.to_string()),
            }
        };
        self.problem = problem;
        self.data = None;
        None
    }

    /// Reads the rest, as names may come last.
    fn finish(mut self) -> (StackTable, Option<String>) {
        let mut surplus = false;
        while self.advance().is_some() {
            surplus = true;
        }
        let (table, end) = self.decoder.finish();
        let left_out = table.left_out();
        let problem = self.problem.or_else(|| end.err().map(|err| err.to_string()));
        let problem = problem.map(|problem| format!("is damaged: {problem}"));
        let many = (left_out > 0).then(|| {
            let most = bounds::shown(STACK_TABLE_BYTES, Unit::Bytes);
            format!("has more definitions than the {most} that are kept: {left_out} are left out")
        });
        let problem = problem.or(many).or_else(|| {
            let odd = if surplus { "more" } else { "fewer" };
            (surplus || self.missing)
                .then(|| format!("is damaged: it has {odd} stacks than events"))
        });
        let path = shown(&self.path).into_owned();
        (table, problem.map(|problem| format!("stacks are missing, as `{path}` {problem}")))
    }
}
