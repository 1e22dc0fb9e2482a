//! Faults that make the service drop data silently, found before an upload: from the files of a profile folder.
//!
//! The rules are those that the service is known or reported to have: versions are semantic ones, windows follow each
//! other, each benchmark has a window with rounds, and names of results are names of windows.

mod conversation;

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
};

use runner_shared::{
    artifact::ExecutionTimestamps,
    mode::Mode,
    profile_dir::{CALLGRIND, EVENT_TIMESTAMPS, ProfileDir, TIMESTAMPS, TRACEGRIND},
    text::{count, shown},
};

use crate::read;

/// Names that one sentence lists.
const NAMES_SHOWN: usize = 5;

fn counted(number: usize, noun: &str) -> String {
    count(u64::try_from(number).unwrap_or(u64::MAX), noun)
}

/// Something that the service would drop or misunderstand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concern {
    /// There is nothing that it could show.
    NoResults,
    /// A file that can't be read.
    Unreadable {
        /// The fault.
        why: String,
    },
    /// A results file without a benchmark.
    EmptyFile {
        /// The file.
        path: PathBuf,
    },
    /// An integration whose version is none.
    OddVersion {
        /// The integration.
        name: String,
        /// The text that it gives as its version.
        version: String,
    },
    /// Windows that were begun and not ended.
    OpenWindows(usize),
    /// Windows that begin within another, or end without a beginning.
    CrossedWindows(usize),
    /// Rounds in windows that lack a beginning or an end.
    HalfRounds(usize),
    /// Benchmarks whose windows hold no round.
    WithoutRounds(Vec<String>),
    /// Benchmarks that were announced and have no result.
    WithoutResult(Vec<String>),
    /// Results of benchmarks that nobody announced.
    WithoutAnnouncement(Vec<String>),
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoResults => f.write_str("there are no results to show at the service"),
            Self::Unreadable { why } => f.write_str(why),
            Self::EmptyFile { path } => write!(f, "`{}` has no benchmarks", shown(&path)),
            Self::OddVersion { name, version } => write!(
                f,
                "{name} reports the version `{version}`; the service drops runs of integrations without a semantic \
                    version"
            ),
            Self::OpenWindows(open) => {
                write!(
                    f,
                    "{} never ended: there is no profile of it",
                    counted(*open, "measured window")
                )
            }
            Self::CrossedWindows(crossed) => write!(
                f,
                "{} in the middle of another one, as if two benchmarks ran at the same time",
                counted(*crossed, "measured window")
            ),
            Self::HalfRounds(halves) => {
                write!(f, "{} without a start or an end", counted(*halves, "round"))
            }
            Self::WithoutRounds(uris) => {
                write!(
                    f,
                    "no round was marked for {}; the service can't show a profile of it",
                    Names(uris)
                )
            }
            Self::WithoutResult(uris) => {
                write!(f, "announced, but without a result: {}", Names(uris))
            }
            Self::WithoutAnnouncement(uris) => write!(
                f,
                "has a result, but was never announced, so it has no profile: {}",
                Names(uris)
            ),
        }
    }
}

/// A few names of many.
struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().take(NAMES_SHOWN).enumerate() {
            write!(f, "{}`{name}`", if index == 0 { "" } else { ", " })?;
        }
        match self.0.len().checked_sub(NAMES_SHOWN) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, " and {more} more"),
        }
    }
}

/// Looks at a profile folder as the service will. Files that are not there are no concern but for their results.
pub fn precheck(profile_dir: &ProfileDir, mode: Mode) -> Vec<Concern> {
    match mode {
        Mode::Walltime => walltime(profile_dir),
        Mode::Memory => memory(profile_dir),
        Mode::Simulation => simulation(profile_dir),
    }
}

fn walltime(profile_dir: &ProfileDir) -> Vec<Concern> {
    let mut concerns = Vec::new();
    let (sources, broken) = match read::results(profile_dir) {
        Ok(read) => read,
        Err(err) => return vec![Concern::Unreadable { why: read::with_causes(&err) }],
    };
    concerns.extend(broken.iter().map(|err| Concern::Unreadable { why: read::with_causes(err) }));
    let mut results = BTreeSet::new();
    let mut versions = BTreeSet::new();
    for source in &sources {
        if source.benchmarks.is_empty() {
            concerns.push(Concern::EmptyFile { path: source.path.clone() });
        }
        if !is_semver(&source.creator.version) {
            versions.insert((source.creator.name.clone(), source.creator.version.clone()));
        }
        results.extend(source.benchmarks.iter().map(|benchmark| benchmark.uri.clone()));
    }
    concerns
        .extend(versions.into_iter().map(|(name, version)| Concern::OddVersion { name, version }));
    if results.is_empty() {
        concerns.push(Concern::NoResults);
    }
    match timestamps(&profile_dir.file(&TIMESTAMPS)) {
        Ok(Some(timestamps)) => concerns.extend(conversation::check(&timestamps, &results)),
        Ok(None) => {}
        Err(why) => concerns.push(Concern::Unreadable { why }),
    }
    concerns
}

fn memory(profile_dir: &ProfileDir) -> Vec<Concern> {
    match timestamps(&profile_dir.file(&EVENT_TIMESTAMPS)) {
        Ok(Some(timestamps)) if !timestamps.uri_by_ts.is_empty() => {
            conversation::windows(&timestamps)
        }
        Ok(_) => vec![Concern::NoResults],
        Err(why) => vec![Concern::Unreadable { why }],
    }
}

fn simulation(profile_dir: &ProfileDir) -> Vec<Concern> {
    let names = match read::names(profile_dir.path()) {
        Ok(names) => names,
        Err(err) => return vec![Concern::Unreadable { why: read::with_causes(&err) }],
    };
    let is_count = |name: &std::ffi::OsString| {
        name.to_str().is_some_and(|name| CALLGRIND.is(name) || TRACEGRIND.is(name))
    };
    if names.iter().any(is_count) { Vec::new() } else { vec![Concern::NoResults] }
}

fn timestamps(path: &Path) -> Result<Option<ExecutionTimestamps>, String> {
    if !path.is_file() {
        return Ok(None);
    }
    let mut warnings = Vec::new();
    let read = read::artifact(path, &mut read::room_for_values(), &mut warnings);
    match warnings.pop() {
        Some(why) => Err(why),
        None => Ok(read),
    }
}

/// Returns true if this is a version as semver.org 2.0.0 has it: `MAJOR.MINOR.PATCH`, then `-pre.release` and `+build`.
fn is_semver(version: &str) -> bool {
    let (version, build) = split_at(version, '+');
    let (core, pre) = split_at(version, '-');
    let is_number = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && (text == "0" || !text.starts_with('0'))
    };
    let is_word = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_identifier = |text: &str| {
        is_word(text) && (!text.bytes().all(|byte| byte.is_ascii_digit()) || is_number(text))
    };
    core.split('.').count() == 3
        && core.split('.').all(is_number)
        && pre.is_none_or(|pre| pre.split('.').all(is_identifier))
        && build.is_none_or(|build| build.split('.').all(is_word))
}

fn split_at(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

#[cfg(test)]
mod tests;
