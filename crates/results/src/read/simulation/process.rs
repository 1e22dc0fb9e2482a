//! The file of one process: benchmarks, and cost that belongs to none.

use std::{
    collections::BTreeMap,
    io::{BufReader, Read},
    path::Path,
    sync::Arc,
    time::SystemTime,
};

use system::files::{self, Links};

use runner_shared::{bounds::size, profile_dir::PERF_MAP, text, workers::WorkerTool};

use super::{Across, ReadError, SimulationReading, jit, shown_name};
use crate::{
    callgrind::{Header, Names, Part, Parts, Trigger, read_parts},
    model::Integration,
    simulation::{Analysis, SimulationReport, SimulationResult, Unattributed, counted},
    stacks::Stacks,
    tracegrind::{self, TraceError},
};

/// More tools than that have counted in no run.
const MOST_TOOLS: usize = 100;

/// Adds what a file holds.
pub(super) fn read(path: &Path, pid: u32, reading: &mut SimulationReading, across: &mut Across) {
    match files::open(path, Links::Refuse) {
        Ok(file) => {
            let written = file.metadata().and_then(|about| about.modified());
            let counted = written.unwrap_or(SystemTime::UNIX_EPOCH);
            read_text(file, path, (pid, counted), reading, across);
        }
        Err(source) => reading.broken.push(ReadError::Io { path: path.to_owned(), source }),
    }
}

/// Adds what a file of tracegrind holds. Its format is known from a description only, so one that
/// does not follow it is no error: it can be uploaded all the same.
pub(super) fn read_trace(
    path: &Path,
    pid: u32,
    reading: &mut SimulationReading,
    across: &mut Across,
) {
    let trace = files::open(path, Links::Refuse).map_err(TraceError::from);
    match trace.and_then(|file| tracegrind::to_callgrind(BufReader::new(file))) {
        Ok(text) => {
            read_text(&text[..], path, (pid, SystemTime::UNIX_EPOCH), reading, across);
        }
        Err(err) => {
            reading.report.processes = reading.report.processes.saturating_add(1);
            reading.report.warnings.push(format!(
                "`{}` is not shown: {err}; use callgrind to see results",
                text::shown(&path)
            ));
        }
    }
}

/// Reads what a process has counted, and when that was written.
fn read_text(
    file: impl Read,
    path: &Path,
    (pid, counted): (u32, SystemTime),
    reading: &mut SimulationReading,
    across: &mut Across,
) {
    let SimulationReading { report, broken } = reading;
    let failed = |source| ReadError::Io { path: path.to_owned(), source };
    let first = report.benchmarks.len();
    let mut process = Process {
        path,
        pid,
        counted,
        integration: None,
        odd_lines: 0,
        left_out: 0,
        worker_of: None,
        report,
        broken,
        across,
    };
    let damage = read_parts(file, &mut process);
    let Process { odd_lines, left_out, worker_of, .. } = process;
    match damage {
        Err(source) => broken.push(failed(source)),
        Ok(damage) if damage.parts == 0 => {
            broken.push(ReadError::NoParts { path: path.to_owned() });
        }
        Ok(damage) => {
            report.processes = report.processes.saturating_add(1);
            let odd = odd_lines.saturating_add(damage.odd_lines);
            if odd > 0 {
                let lines = if odd == 1 { "line was" } else { "lines were" };
                let warning = format!("`{}`: {odd} {lines} not understood", text::shown(&path));
                report.warnings.push(warning);
            }
            let left_out = left_out.saturating_add(damage.names_left_out);
            if left_out > 0 {
                report.warnings.push(format!(
                    "`{}`: too many names, functions and calls; {left_out} were dropped, and their cost is shown as \
                        `(others)` or in their callers",
                    text::shown(&path)
                ));
            }
        }
    }
    let benchmarks = report.benchmarks.get_mut(first..).unwrap_or_default();
    across.workers.extend(worker_of.filter(|_| !benchmarks.is_empty()));
    let warning = name_compiled(path, pid, benchmarks);
    report.warnings.extend(warning);
}

/// A file while it is read.
struct Process<'a> {
    path: &'a Path,
    pid: u32,
    /// When its counts were written.
    counted: SystemTime,
    /// The integration that announced itself last.
    integration: Option<Integration>,
    odd_lines: u64,
    /// Functions and calls for which there was no room.
    left_out: u64,
    /// The tool whose worker it is.
    worker_of: Option<&'static WorkerTool>,
    report: &'a mut SimulationReport,
    broken: &'a mut Vec<ReadError>,
    across: &'a mut Across,
}

impl Parts for &mut Process<'_> {
    fn wants_lines(&mut self, object: &str) -> bool {
        self.across.objects.have_lines(object, self.counted)
    }

    fn take(&mut self, header: &Header, names: &Names, part: Part) {
        if !header.creator.is_empty() && self.across.tools.len() < MOST_TOOLS {
            self.across.tools.insert(header.creator.clone());
        }
        self.worker_of = WorkerTool::of(&header.command);
        self.part(header, names, &part);
    }
}

impl Process<'_> {
    fn part(&mut self, header: &Header, names: &Names, part: &Part) {
        self.odd_lines = self.odd_lines.saturating_add(part.odd_lines);
        self.left_out = self.left_out.saturating_add(part.left_out);
        if let Trigger::Benchmark(uri) = &part.trigger
            && !self.across.room.takes(uri)
        {
            return;
        }
        let is_whole = part.totals.is_some();
        let totals = part.totals.clone().unwrap_or_else(|| part.graph.own_sums());
        match &part.trigger {
            Trigger::Benchmark(uri) if is_whole => {
                let mut result = self.benchmark(uri, part, &totals, names);
                self.limit(&mut result.stacks, &mut result.notes);
                self.report.benchmarks.push(result);
            }
            Trigger::Benchmark(uri) => {
                let (path, uri) = (self.path.to_owned(), uri.clone());
                self.broken.push(ReadError::Incomplete { path, uri });
            }
            Trigger::Metadata { name, version } => {
                let version = (!version.is_empty()).then(|| shown_name(version.clone()));
                self.integration = Some(Integration { name: shown_name(name.clone()), version });
                self.unattributed("announcement of the integration", header, part, &totals);
            }
            Trigger::Termination => {
                self.unattributed("program termination", header, part, &totals);
            }
            Trigger::Other(text) => self.unattributed(text, header, part, &totals),
        }
    }

    fn benchmark(
        &mut self,
        uri: &str,
        part: &Part,
        totals: &[Option<u64>],
        names: &Names,
    ) -> SimulationResult {
        let name = shown_name(name_of(uri).to_owned());
        let Analysis { events, allocations, hottest, stacks, notes } =
            Analysis::of(part, totals, names, &name, |function, places| {
                self.across.objects.inlined(function, places, self.counted)
            });
        SimulationResult {
            name,
            uri: uri.to_owned(),
            occurrence: 1,
            integration: self.integration.clone(),
            pid: self.pid,
            thread: part.thread,
            events,
            allocations,
            hottest,
            stacks,
            spawned: part.spawned.clone(),
            notes,
        }
    }

    /// Leaves out the call tree if those of all benchmarks have no more room.
    fn limit(&mut self, stacks: &mut Stacks, notes: &mut Vec<String>) {
        // A frame takes twice the memory of a node.
        if !self.across.nodes.take(size(stacks.nodes.len() + 2 * stacks.frames.len())) {
            (stacks.nodes, stacks.frames) = (Vec::new(), Vec::new());
            notes.push(
                "its call tree is left out: the call trees of the other benchmarks are too large"
                    .to_owned(),
            );
        }
    }

    fn unattributed(
        &mut self,
        trigger: &str,
        header: &Header,
        part: &Part,
        totals: &[Option<u64>],
    ) {
        // What is 0 but for the time in the kernel is a process without measured work.
        if totals.first().copied().flatten() == Some(0) {
            return;
        }
        if !self.across.others.take(1) {
            return;
        }
        let trigger = match part.thread {
            Some(thread) => format!("{trigger}, thread {thread}"),
            None => trigger.to_owned(),
        };
        self.report.unattributed.push(Unattributed {
            pid: self.pid,
            command: shown_name(header.command.clone()),
            trigger: shown_name(trigger),
            events: counted(part, totals),
        });
    }
}

/// Names code that was compiled at run time, which callgrind knows by its address only.
fn name_compiled(path: &Path, pid: u32, benchmarks: &mut [SimulationResult]) -> Option<String> {
    let mut wanted = BTreeMap::new();
    for_each_name(benchmarks, |name| {
        wanted.extend(jit::address(name).map(|address| (address, None)));
    });
    let map = path.with_file_name(PERF_MAP.named(pid));
    if wanted.is_empty() || !files::is_there(&map) {
        return None;
    }
    let failed = jit::names(&map, &mut wanted).err();
    for_each_name(benchmarks, |name| {
        let known = jit::address(name).and_then(|address| wanted.get(&address)?.as_deref());
        if let Some(known) = known {
            *name = known.into();
        }
    });
    failed.map(|err| format!("`{}` could not be read: {err}", text::shown(&map)))
}

/// Functions of no object: code that was made at run time.
fn for_each_name(benchmarks: &mut [SimulationResult], mut visit: impl FnMut(&mut Arc<str>)) {
    for SimulationResult { stacks, hottest, .. } in benchmarks {
        for frame in stacks.frames.iter_mut().filter(|frame| frame.object.is_empty()) {
            visit(&mut frame.name);
        }
        let hot = hottest.by_self.iter_mut().chain(&mut hottest.by_inclusive);
        for function in hot.filter(|function| function.object.is_empty()) {
            visit(&mut function.name);
        }
    }
}

/// The last component of a URI: `tests/a.py::test_b[x::y]` is `test_b[x::y]`. A command that
/// `exec-harness` runs is one component, whatever is in it.
pub(in crate::read) fn name_of(uri: &str) -> &str {
    if let Some(name) = uri.strip_prefix("exec_harness::").filter(|name| !name.is_empty()) {
        return name;
    }
    let before_parameters = uri.find('[').and_then(|at| uri.get(..at)).unwrap_or(uri);
    let start = before_parameters.rfind("::").map_or(0, |at| at.saturating_add(2));
    uri.get(start..).filter(|name| !name.is_empty()).unwrap_or(uri)
}
