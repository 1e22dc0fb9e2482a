//! The content of a file of another tool, and the record that it becomes.

use std::collections::{BTreeMap, HashMap};

use runner_shared::{
    bounds::{BENCHMARKS, IMPORT_ROUNDS},
    text::count,
};

use super::draft::Draft;
use crate::record::{
    CiRun, CommitInfo, Environment, Kind, Mode, Part, PartState, Record, Rounds, Tool,
};

/// The results of a file.
#[derive(Debug, Default)]
pub struct Imported {
    /// The tool and, where the file says it, its version.
    pub program: Tool,
    /// The time of the run in milliseconds since 1970, where the file says it.
    pub time_ms: Option<u64>,
    /// The commit, where the file says it.
    pub commit: Option<CommitInfo>,
    environment: Environment,
    benchmarks: Vec<Draft>,
    /// Benchmarks for which there was no room.
    left_out: u64,
    warnings: Vec<String>,
}

/// All that a file does not say of its run.
#[derive(Debug, Default, Clone)]
pub struct Origin {
    /// The time in milliseconds since 1970 if the file has none.
    pub time_ms: u64,
    /// The name that the user gave it.
    pub name: Option<String>,
    /// The labels that the user gave it.
    pub labels: BTreeMap<String, String>,
    /// The project.
    pub project: String,
    /// The commit, if the file has none or the user named one.
    pub commit: Option<CommitInfo>,
    /// The job that imports it.
    pub ci: Option<CiRun>,
}

impl Imported {
    /// Nothing yet of a tool.
    pub(super) fn of(tool: &str, version: &str) -> Self {
        let program = Tool { name: tool.to_owned(), version: super::draft::short(version) };
        Self { program, ..Self::default() }
    }

    /// Adds a benchmark.
    pub(super) fn add(&mut self, draft: Draft) {
        if self.benchmarks.len() < BENCHMARKS {
            self.benchmarks.push(draft);
        } else {
            self.left_out += 1;
        }
    }

    /// Counts benchmarks for which there was no room before they were read.
    pub(super) const fn leave_out(&mut self, benchmarks: u64) {
        self.left_out += benchmarks;
    }

    pub(super) fn warn(&mut self, text: String) {
        self.warnings.push(text);
    }

    /// The machine as the file describes it.
    pub(super) const fn environment(&mut self) -> &mut Environment {
        &mut self.environment
    }

    /// Returns true if there is no benchmark.
    pub(super) fn is_empty(&self) -> bool {
        self.benchmarks.is_empty()
    }

    /// Returns the record of these results.
    pub fn into_record(self, origin: Origin) -> Record {
        let Self { program, time_ms, commit, environment, benchmarks, left_out, mut warnings } =
            self;
        if left_out > 0 {
            warnings.push(format!("{} left out: no room", count(left_out, "benchmark")));
        }
        let most_rounds = share_of_rounds(&benchmarks);
        let mut seen: HashMap<String, u32> = HashMap::new();
        let benchmarks = benchmarks.into_iter().map(|draft| {
            let mut benchmark = draft.finish(most_rounds);
            let occurrence = seen.entry(benchmark.uri.clone()).or_default();
            *occurrence += 1;
            benchmark.occurrence = *occurrence;
            benchmark.integration = Some(words(&program));
            benchmark
        });
        let benchmarks = benchmarks.collect();
        let part = Part {
            mode: Mode::Walltime,
            state: PartState::Complete,
            tools: vec![program.clone()],
            warnings,
            ..Part::default()
        };
        Record {
            version: Record::VERSION,
            time_ms: time_ms.unwrap_or(origin.time_ms),
            kind: Kind::Import,
            program: words(&program),
            name: origin.name,
            labels: origin.labels,
            project: origin.project,
            commit: origin.commit.or(commit),
            ci: origin.ci,
            environment,
            parts: vec![part],
            benchmarks,
            ..Record::default()
        }
    }
}

/// A tool and, if it is known, its version.
fn words(tool: &Tool) -> String {
    format!("{} {}", tool.name, tool.version).trim_end().to_owned()
}

/// The most rounds that a benchmark may keep, so that all of them fit into a record.
fn share_of_rounds(benchmarks: &[Draft]) -> usize {
    let with_rounds = benchmarks.iter().filter(|draft| draft.round_count() > 0).count();
    (IMPORT_ROUNDS / with_rounds.max(1)).min(Rounds::MOST)
}

/// Returns a moment in milliseconds since 1970. One without a time zone is UTC.
pub(super) fn time(text: &str) -> Option<u64> {
    let text = text.trim();
    let moment = chrono::DateTime::parse_from_rfc3339(text).map(|moment| moment.to_utc());
    let moment = moment.or_else(|_| {
        chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|it| it.and_utc())
    });
    u64::try_from(moment.ok()?.timestamp_millis()).ok()
}

/// Returns the commit of a file; `None` if its hash is none.
pub(super) fn commit(
    hash: &str,
    branch: Option<String>,
    dirty: Option<bool>,
) -> Option<CommitInfo> {
    let is_hash = matches!(hash.len(), 40 | 64) && hash.bytes().all(|it| it.is_ascii_hexdigit());
    let branch = branch.filter(|name| !name.is_empty()).map(|name| super::draft::short(&name));
    is_hash.then(|| CommitInfo { hash: hash.to_ascii_lowercase(), branch, dirty })
}
