//! The profile folder of memory mode: events of a tracer, and the record of which benchmark ran when.

mod beside;
mod counted;
mod file;
mod order;
mod trace;
mod windows;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    path::PathBuf,
};

use runner_shared::{
    artifact::ExecutionTimestamps,
    bounds::{self, Allowance, LIVE_BLOCKS, SITES, TREE_NODES, Unit, size},
    harness::URI_PREFIX,
    memory::{Event, StackTable, Usage, UsageSummary},
    profile_dir::{EVENTS, ProfileDir, REPEATED_TIMESTAMPS, TIMESTAMPS},
    text::{self, bytes},
};

use system::files;

use super::{
    MemoryReading, ReadError,
    file::{artifact, names, room_for_values},
    name_of,
    repeats::{self, MemoryRepeats},
    room::{Room, shown_name},
};
use crate::memory::{
    Forest, MemoryCounts, MemoryReport, MemoryResult, MemoryTrace, Resolved, resolve,
};

pub use beside::Beside;
use beside::Share;
use trace::Trace;
pub use windows::first_windows;
use windows::{Window, Windows};

/// Reads `results/` of a profile folder of memory mode and the folder itself, except the file names in `ignore`.
///
/// Events are streamed: memory is bounded by the blocks that are live at a time. A damaged file is an error, but what
/// could be read of it is used. A folder that doesn't exist is empty. Without a record of the conversation, as a
/// tracer leaves that was started by hand, the whole trace is one result.
pub fn read_memory(
    profile_dir: &ProfileDir,
    ignore: &BTreeSet<OsString>,
) -> Result<MemoryReading, ReadError> {
    read_with(profile_dir, ignore, &Beside::new(), |_, _| None)
}

/// The same for a trace that was written just now: what the tracer has counted meanwhile is taken over, if there is
/// nothing to doubt about it. The numbers are those of [`read_memory`]; only the timeline may begin a little earlier. A
/// benchmark in whose window a process `beside` it has allocated has a note.
pub fn read_fresh_memory(
    profile_dir: &ProfileDir,
    ignore: &BTreeSet<OsString>,
    beside: &Beside,
) -> Result<MemoryReading, ReadError> {
    read_with(profile_dir, ignore, beside, |traces, windows| match traces {
        // The tracer counts all processes together.
        [trace] if beside.is_empty() => counted::by_tracer(trace, windows),
        _ => None,
    })
}

fn read_with(
    profile_dir: &ProfileDir,
    ignore: &BTreeSet<OsString>,
    beside: &Beside,
    counted: impl FnOnce(&mut [Trace], &[Window]) -> Option<Counted>,
) -> Result<MemoryReading, ReadError> {
    let mut reading = MemoryReading::default();
    let mut traces = Vec::new();
    let mut record = None;
    for folder in [profile_dir.results(), profile_dir.path().to_owned()] {
        let names = names(&folder)?;
        let found = names.difference(ignore).filter_map(|name| events_of(folder.join(name)));
        traces.extend(found.map(|(path, pid)| Trace::open(path, pid)));
        let name = OsString::from(TIMESTAMPS.name());
        if record.is_none() && names.contains(&name) && !ignore.contains(&name) {
            record = artifact::<ExecutionTimestamps>(
                &folder.join(name),
                &mut room_for_values(),
                &mut reading.report.warnings,
            );
        }
    }
    if traces.is_empty() && record.is_none() {
        return Ok(reading);
    }
    let asked = repeats::asked(profile_dir, &mut reading.report.warnings);
    let whole = profile_dir.file(&REPEATED_TIMESTAMPS);
    if asked.is_some() && files::is_there(&whole) {
        // Beside the first windows of each benchmark, it has those of all repeats.
        let warnings = &mut reading.report.warnings;
        record = artifact(&whole, &mut room_for_values(), warnings).or(record);
    }
    let mut repeated = MemoryRepeats::new(asked);
    let mut windows = match &record {
        Some(record) => Windows::of(record),
        None => Windows { list: vec![Window::whole()], ..Windows::default() },
    };
    if traces.is_empty() && !windows.list.is_empty() {
        reading.broken.push(ReadError::NoTrace { path: profile_dir.results() });
        return Ok(reading);
    }
    let mut room = Room::default();
    // Each is counted, whether it has a name or not.
    windows.list.retain(|window| room.takes(window.uri.as_deref().unwrap_or_default()));
    warn_of(&windows, &mut reading.report.warnings);
    reading.report.warnings.extend(room.warning());
    let counted = counted(&mut traces, &windows.list)
        .unwrap_or_else(|| count(&mut traces, &windows.list, beside));
    let tables = finish(traces, &mut reading, &counted.outside);
    let mut forest = Forest::default();
    for (nth, (window, usage)) in windows.list.into_iter().zip(counted.usages).enumerate() {
        if let Some(uri) = &window.uri {
            let name = shown_name(name_of(uri).to_owned());
            if repeated.takes(&name, uri, MemoryCounts::of(&usage)) {
                continue;
            }
        }
        let mut result = result(window, usage, &tables, &mut forest);
        if let Some(result) = &mut result {
            result.notes.extend(counted.notes.get(&nth).cloned());
        }
        reading.report.benchmarks.extend(result);
    }
    warn_of_left_out(&forest, counted.without_sites, &mut reading.report.warnings);
    reading.report.repeated = repeated.finish();
    number(&mut reading.report);
    Ok(reading)
}

/// The process of a file of events, by its name.
fn events_of(path: PathBuf) -> Option<(PathBuf, u32)> {
    let pid = EVENTS.number(path.file_name()?.to_str()?)?;
    Some((path, pid))
}

/// Says what of the stacks had no room.
fn warn_of_left_out(forest: &Forest, without_sites: u64, warnings: &mut Vec<String>) {
    if without_sites > 0 {
        warnings.push(format!(
            "allocation sites are left out for {}: together they have more than {}",
            text::count(without_sites, "benchmark"),
            bounds::shown(size(SITES), Unit::Items)
        ));
    }
    let left_out = forest.left_out();
    if left_out > 0 {
        warnings.push(format!(
            "the inner callers of {left_out} allocation sites are left out: all call trees together have more than {} \
                nodes",
            bounds::shown(size(TREE_NODES), Unit::Items)
        ));
    }
}

/// The sums of the events.
struct Counted {
    /// One per window.
    usages: Vec<UsageSummary>,
    /// One per trace.
    outside: Vec<u64>,
    /// By the number of the window: what was not its benchmark's own.
    notes: BTreeMap<usize, String>,
    /// Benchmarks whose places that allocate had no room.
    without_sites: u64,
}

/// Merges all events by time and counts them window by window.
fn count(traces: &mut [Trace], windows: &[Window], beside: &Beside) -> Counted {
    let mut heads: Vec<_> = traces.iter_mut().map(Trace::next_item).collect();
    let mut outside = vec![0; traces.len()];
    let mut usages = Vec::new();
    let mut shares: Vec<Share<'_>> =
        windows.iter().map(|window| Share::of(beside, window.start)).collect();
    let mut windows = windows.iter();
    let mut open = windows.next().map(|window| (window, window.usage()));
    let mut latest = 0;
    let mut sites = Allowance::of(size(SITES));
    let mut close = |usage: Usage, end: u64| {
        let mut summary = usage.finish(end);
        if !sites.take(size(summary.sites.len())) {
            summary.sites.clear();
        }
        summary
    };
    while let Some((nth, (event, stack))) = earliest(&heads) {
        while let Some((window, usage)) = open.take_if(|(window, _)| window.end < event.timestamp) {
            usages.push(close(usage, window.end));
            open = windows.next().map(|window| (window, window.usage()));
        }
        let root = traces.get(nth).map_or(0, |trace| trace.pid);
        match &mut open {
            Some((window, usage)) if window.counts(&event, root) => {
                usage.add_from(&event, common_number(stack, nth, traces.len()));
                if let Some(share) = shares.get_mut(usages.len()) {
                    share.add(&event);
                }
            }
            Some(_) | None => {
                if let Some(count) = outside.get_mut(nth) {
                    *count += 1;
                }
            }
        }
        latest = event.timestamp.max(latest);
        if let (Some(head), Some(trace)) = (heads.get_mut(nth), traces.get_mut(nth)) {
            *head = trace.next_item();
        }
    }
    while let Some((window, usage)) = open.take() {
        usages.push(close(usage, window.close(latest)));
        open = windows.next().map(|window| (window, window.usage()));
    }
    let notes = shares.iter().enumerate().filter_map(|(nth, share)| Some((nth, share.note()?)));
    let notes = notes.collect();
    Counted { usages, outside, notes, without_sites: sites.left_out() }
}

/// The earliest event of all traces. There is one trace, or a few.
fn earliest(heads: &[Option<(Event, u32)>]) -> Option<(usize, (Event, u32))> {
    let known = heads.iter().enumerate().filter_map(|(nth, head)| Some((nth, (*head)?)));
    known.min_by_key(|(_, (event, _))| event.timestamp)
}

/// Stacks of all traces in one row of numbers; 0 stays unknown.
fn common_number(stack: u32, trace: usize, traces: usize) -> u32 {
    let number = || {
        let (trace, traces) = (u32::try_from(trace).ok()?, u32::try_from(traces).ok()?);
        stack.checked_mul(traces)?.checked_add(trace)
    };
    if stack == 0 { 0 } else { number().unwrap_or(0) }
}

/// The other way round: the table and the number in it.
fn own_number(number: u32, tables: &[StackTable]) -> Option<(&StackTable, u32)> {
    let traces = u32::try_from(tables.len()).ok()?;
    let trace = usize::try_from(number.checked_rem(traces)?).ok()?;
    Some((tables.get(trace)?, number.checked_div(traces)?))
}

impl Window {
    /// All of time.
    fn whole() -> Self {
        Self { start: 0, end: u64::MAX, uri: Some("the whole trace".to_owned()) }
    }

    fn usage(&self) -> Usage {
        if self.is_whole() { Usage::default() } else { Usage::starting_at(self.start) }
    }

    /// Returns the time when it ends, if no event comes after `latest`.
    fn close(&self, latest: u64) -> u64 {
        if self.is_whole() { latest } else { self.end }
    }

    const fn is_whole(&self) -> bool {
        self.end == u64::MAX
    }

    /// The event belongs to it. What `exec-harness`, which is the root process then, allocates itself is not part of
    /// the command that it measures.
    fn counts(&self, event: &Event, root: u32) -> bool {
        let of_harness = self.uri.as_ref().is_some_and(|uri| uri.starts_with(URI_PREFIX))
            && u32::try_from(event.pid) == Ok(root);
        (self.start..=self.end).contains(&event.timestamp) && !of_harness
    }
}

fn warn_of(windows: &Windows, warnings: &mut Vec<String>) {
    let Windows { list, without, open } = windows;
    let unnamed = list.iter().filter(|window| window.uri.is_none()).count();
    if unnamed > 0 {
        let what = if unnamed == 1 { "measurement has" } else { "measurements have" };
        warnings.push(format!("{unnamed} {what} no name: the benchmark did not report it"));
    }
    for uri in without {
        warnings.push(format!("`{uri}` was announced, but nothing was measured"));
    }
    if *open {
        warnings.push("the last measurement was not finished and is not shown".to_owned());
    }
}

/// Closes all files; returns their tables of stacks.
fn finish(traces: Vec<Trace>, reading: &mut MemoryReading, outside: &[u64]) -> Vec<StackTable> {
    let mut tables = Vec::new();
    for (mut trace, outside) in traces.into_iter().zip(outside) {
        let (table, damage) = trace.finish();
        tables.push(table);
        let Trace { path, pid, events, stats, warnings, .. } = trace;
        reading.report.warnings.extend(warnings);
        if let Some(stats) = &stats {
            reading.report.warnings.extend(stats.warnings.iter().cloned());
            reading.report.remarks.extend(stats.notes.iter().cloned());
        }
        if let Some(source) = damage {
            reading.broken.push(ReadError::Trace { path, events, source });
        }
        reading.report.traces.push(MemoryTrace { pid, events, outside: *outside, stats });
    }
    tables
}

/// The result of a window, if it is known of which benchmark.
fn result(
    window: Window,
    mut usage: UsageSummary,
    tables: &[StackTable],
    forest: &mut Forest,
) -> Option<MemoryResult> {
    let uri = window.uri?;
    let name = shown_name(name_of(&uri).to_owned());
    let by_stack = std::mem::take(&mut usage.sites);
    let resolved = (!by_stack.is_empty())
        .then(|| resolve(&name, &by_stack, |number| own_number(number, tables), forest));
    let (stacks, sites) = match resolved {
        Some(Resolved { stacks, sites }) => (Some(stacks), sites),
        None => (None, Vec::new()),
    };
    let nothing = "no allocations were seen: it makes none, or its allocator is not traced";
    let mapped = (usage.peak_mapped > 0).then(|| {
        format!(
            "in addition, up to {} were mapped outside of allocators, for example for arenas of an interpreter; they \
                are not part of the peak",
            bytes(usage.peak_mapped)
        )
    });
    let nothing = (usage.alloc_calls == 0).then(|| nothing.to_owned());
    let untracked = (usage.untracked_blocks > 0).then(|| {
        format!(
            "more than {} blocks were live at a time: {} more are counted as calls and bytes, but not in the peak and \
                the live memory at the end",
            bounds::shown(size(LIVE_BLOCKS), Unit::Items),
            usage.untracked_blocks
        )
    });
    let unlisted = (usage.unlisted_calls > 0).then(|| {
        format!(
            "{} calls come from allocation sites beyond the first {}, which are not listed",
            usage.unlisted_calls,
            bounds::shown(size(SITES), Unit::Items)
        )
    });
    let notes = nothing.into_iter().chain(mapped).chain(untracked).chain(unlisted).collect();
    Some(MemoryResult { name, uri, occurrence: 1, usage, stacks, sites, notes })
}

/// Numbers the measurements of the same URI.
fn number(report: &mut MemoryReport) {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for benchmark in &mut report.benchmarks {
        let count = counts.entry(benchmark.uri.clone()).or_default();
        *count = count.saturating_add(1);
        benchmark.occurrence = *count;
    }
    let repeated = counts.iter().filter(|(_, count)| **count > 1);
    report.warnings.extend(repeated.map(|(uri, count)| {
        format!("`{uri}` was measured {count} times; the results are numbered")
    }));
}

#[cfg(test)]
mod tests;
