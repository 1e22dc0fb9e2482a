//! From the profile folder to a report: results first, then everything that enriches them.

mod conditions;
mod environment;
mod error;
mod file;
mod log;
mod marked;
mod markers;
mod memory;
mod preempted;
mod repeats;
mod room;
mod simulation;
mod walltime;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
};

use runner_shared::{
    artifact::RoundLog,
    harness::INTEGRATION,
    profile_dir::{PREEMPTIONS, ProfileDir, TIMESTAMPS},
    text::{one_line, shown},
};
use system::files;

use crate::{
    comparison::comparisons,
    memory::MemoryReport,
    model::{BenchResult, WalltimeReport},
    report::Report,
    simulation::SimulationReport,
};

pub use environment::{Environment, Fact, Library, read_environments};
pub use error::{ReadError, TraceError};
pub use memory::{Beside, first_windows, read_fresh_memory, read_memory};
pub use simulation::read_simulation;

use conditions::read_conditions;
use file::{Entry, entries};
use preempted::Watched;
use room::Room;
use simulation::name_of;

pub(crate) use file::{artifact, names, room_for_values, with_causes};
pub(crate) use walltime::Source;

/// The results files of a profile folder, and those that can't be read. Files of other modes are left out.
pub(crate) fn results(
    profile_dir: &ProfileDir,
) -> Result<(Vec<Source>, Vec<ReadError>), ReadError> {
    let (mut sources, mut broken) = (Vec::new(), Vec::new());
    let mut room = Room::default();
    for entry in entries(&profile_dir.results(), &BTreeSet::new())? {
        match entry {
            Entry::Results(path) => match Source::read(path, &mut room) {
                Ok(source) => sources.extend(source),
                Err(err) => broken.push(err),
            },
            Entry::Log { .. } | Entry::NoFile(_) => {}
        }
    }
    Ok((sources, broken))
}

/// Reads a profile folder of any mode, which is told by the files that the modes leave. A folder without results is one
/// of walltime mode.
///
/// Files that only enrich become warnings where they are damaged.
pub fn read(profile_dir: &ProfileDir) -> Result<Reading, ReadError> {
    let all = BTreeSet::new();
    let memory = read_memory(profile_dir, &all)?;
    if !memory.report.traces.is_empty() {
        return Ok(memory.of_any_mode());
    }
    let simulation = read_simulation(profile_dir, &all)?;
    let SimulationReport { processes, warnings, .. } = &simulation.report;
    // A warning is about a file with a name that only this mode gives.
    if *processes > 0 || !simulation.broken.is_empty() || !warnings.is_empty() {
        return Ok(simulation.of_any_mode());
    }
    Ok(read_walltime(profile_dir, &all)?.of_any_mode())
}

/// Reads `results/` of a profile folder of walltime mode, except the file names in `ignore`.
///
/// A results file that can't be read is an error, as its benchmarks would vanish silently, but
/// doesn't keep the others from being shown. The artifacts beside it only enrich: a damaged one
/// becomes a warning. Without `results/` the report is empty.
pub fn read_walltime(
    profile_dir: &ProfileDir,
    ignore: &BTreeSet<OsString>,
) -> Result<Reading<WalltimeReport>, ReadError> {
    let mut report = WalltimeReport::default();
    let mut broken = Vec::new();
    let mut sources = Vec::new();
    let mut logs = Vec::new();
    let (mut room, mut values) = (Room::default(), room_for_values());
    for entry in entries(&profile_dir.results(), ignore)? {
        match entry {
            Entry::Results(path) => match Source::read(path, &mut room) {
                Ok(source) => sources.extend(source),
                Err(err) => broken.push(err),
            },
            Entry::Log { path, pid } => {
                let log = artifact::<RoundLog>(&path, &mut values, &mut report.warnings);
                logs.extend(
                    log.and_then(|log| log::usable(log, &path, &mut report.warnings))
                        .map(|log| (pid, log)),
                );
            }
            Entry::NoFile(path) => {
                let warning = format!("`{}` is not a file and was left out", shown(&path));
                report.warnings.push(warning);
            }
        }
    }
    report.comparisons = logs.iter().flat_map(|(_, log)| comparisons(log)).collect();
    report.benchmarks = log::join(sources, logs, &mut room);
    report.warnings.extend(room.warning());
    report.warnings.extend(repeated(&report.benchmarks));

    let timestamps = profile_dir.file(&TIMESTAMPS);
    if files::is_there(&timestamps)
        && let Some(timestamps) = artifact(&timestamps, &mut values, &mut report.warnings)
    {
        let seen = profile_dir.file(&PREEMPTIONS);
        let seen = files::is_there(&seen)
            .then(|| artifact(&seen, &mut values, &mut report.warnings))
            .flatten();
        let watched = Watched::new(seen.unwrap_or_default());
        markers::enrich(&mut report.benchmarks, &timestamps, &watched);
    }
    report.conditions = read_conditions(profile_dir, &mut report.warnings);
    Ok(Reading { report, broken })
}

/// So many benchmarks are named at most.
const MOST_NAMES: usize = 3;

/// Benchmarks that nobody can tell apart. `exec-harness` speaks of its own before it measures them.
fn repeated(benchmarks: &[BenchResult]) -> Option<String> {
    let mut by_uri = BTreeMap::<&str, Vec<&BenchResult>>::new();
    for benchmark in benchmarks {
        by_uri.entry(&benchmark.uri).or_default().push(benchmark);
    }
    let mut names: Vec<String> = by_uri.into_values().filter_map(|those| named(&those)).collect();
    let more = names.len().saturating_sub(MOST_NAMES);
    names.truncate(MOST_NAMES);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    let names = names.join(", ");
    let text = || format!("duplicate names, whose histories can't be told apart: {names}");
    (!names.is_empty()).then(text)
}

/// The name of benchmarks with the same URI, if there are several.
fn named(those: &[&BenchResult]) -> Option<String> {
    let (first, others) = those.split_first()?;
    let is_told =
        first.integration.name == INTEGRATION && others.iter().all(|it| it.pid == first.pid);
    (!others.is_empty() && !is_told)
        .then(|| format!("`{}` ({} times)", one_line(&first.name), those.len()))
}

/// The result of reading a profile folder.
#[derive(Debug, Default)]
pub struct Reading<R = Report> {
    /// Everything that could be read.
    pub report: R,
    /// Files whose benchmarks are missing from it, at least in part.
    pub broken: Vec<ReadError>,
}

type SimulationReading = Reading<SimulationReport>;
type MemoryReading = Reading<MemoryReport>;

impl<R: Into<Report>> Reading<R> {
    fn of_any_mode(self) -> Reading {
        Reading { report: self.report.into(), broken: self.broken }
    }
}

#[cfg(test)]
mod tests;
