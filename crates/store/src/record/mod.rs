//! The record of a run: one JSON document that holds all that a later comparison needs.
//!
//! A record never changes once it is written. Its layout has a version: fields may be added, and none is removed or
//! changes its meaning, so that a record of any 5.x opens in any later version.

mod benchmark;
mod environment;
mod packed;
mod texts;
mod weight;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use benchmark::{
    Better, Column, Inlined, Metric, MetricUnit, Outcome, RecordedBenchmark, Rounds, StackNode,
    StackUnit, Stacks, Timeline,
};
pub use environment::{Environment, Module, Processor, Tool};
pub use packed::{Invalid, Packed, RecordId};
pub(crate) use weight::{weight, whole_weight};

/// Everything that is kept of one run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Version of this layout; see [`Record::VERSION`].
    pub version: u32,
    /// Start of the run, milliseconds since 1970 in UTC.
    pub time_ms: u64,
    /// The command that made it.
    pub kind: Kind,
    /// The program that measured, with its version: `codspeed 5.1.0`; of an import, the tool that it comes from.
    pub program: String,
    /// The measured command or suite, word by word, without secrets. Empty where it is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// The name that the user gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The labels that the user gave it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The project: `owner/name` of its remote repository, else the path of its folder.
    pub project: String,
    /// The commit; `None` outside of a Git repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitInfo>,
    /// The job that ran it; `None` outside of CI systems.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci: Option<CiRun>,
    /// The machine and its programs.
    #[serde(default)]
    pub environment: Environment,
    /// The parts of the run, one for each mode and target.
    pub parts: Vec<Part>,
    /// All benchmarks of all parts, in the order of their run.
    pub benchmarks: Vec<RecordedBenchmark>,
    /// The verdicts that the run itself gave (`exec --vs`, `ab`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<Verdict>,
}

/// The command that made a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `codspeed run`.
    #[default]
    Run,
    /// `codspeed exec`.
    Exec,
    /// `codspeed ab`.
    Ab,
    /// `codspeed import`: results of another tool.
    Import,
    /// `codspeed merge`: the shards of one run.
    Merge,
}

/// The state of the sources that were measured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommitInfo {
    /// Its full hash.
    pub hash: String,
    /// The branch that was checked out; `None` for a detached head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// True if files differed from the commit; `None` if nobody could tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirty: Option<bool>,
}

/// A job of a CI system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CiRun {
    /// Its provider: `github-actions`.
    pub provider: String,
    /// The run that all its jobs share.
    pub run: String,
    /// The job within that run, with its part of a matrix: shards of one suite differ in it.
    pub job: String,
    /// The number of a pull request, as the provider has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<String>,
}

/// A mode with the settings that it ran with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// The mode.
    pub mode: Mode,
    /// Its name for people, as in `codspeed.yml`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// Its end.
    pub state: PartState,
    /// Settings that change what the numbers mean: cost model, allocations left out, pinned processors, fixed addresses.
    /// Parts whose settings differ can't be compared.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// The instrument and its version: `valgrind 3.26.0`, `perf 6.18`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// Places in the modules of its environment: the program and the libraries that ran. Empty if they are not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<u32>,
    /// True if these modules, with the arguments and the files that they name, are all that decides what is executed:
    /// no interpreter, no shell. Equal modules then prove that nothing was changed.
    #[serde(default)]
    pub modules_decide: bool,
    /// The machine of this part, where it is not that of the record: parts of merged shards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Box<Environment>>,
    /// The profile folder, where it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_folder: Option<String>,
    /// Sentences for the user about what was missing or lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A way to measure.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Counts below Valgrind.
    Simulation,
    /// Real time.
    #[default]
    Walltime,
    /// Allocations.
    Memory,
}

/// The end of a part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// It came to its end.
    #[default]
    Complete,
    /// The user ended it; what was finished by then is whole.
    Interrupted,
    /// It failed; benchmarks finished before are whole.
    Failed,
}

/// A verdict about two of the record's benchmarks, or about one benchmark in two states of the sources.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Identity of the base.
    pub base: String,
    /// Identity of the head.
    pub head: String,
    /// As the JSON export has it, with seed, number, threshold, interval and the times used.
    pub found: serde_json::Value,
}

impl Record {
    /// The layout described here.
    pub const VERSION: u32 = 1;

    /// Returns the JSON schema of this layout.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }

    /// Returns the mode of a benchmark of this record.
    pub fn mode_of(&self, benchmark: &RecordedBenchmark) -> Option<Mode> {
        self.part_of(benchmark).map(|part| part.mode)
    }

    /// Returns the part of a benchmark of this record; `None` if the record names a part that it doesn't have.
    pub fn part_of(&self, benchmark: &RecordedBenchmark) -> Option<&Part> {
        self.parts.get(usize::try_from(benchmark.part).ok()?)
    }

    /// Returns the machine of a part of this record.
    pub fn environment_of<'a>(&'a self, part: &'a Part) -> &'a Environment {
        part.environment.as_deref().unwrap_or(&self.environment)
    }
}

impl From<runner_shared::mode::Mode> for Mode {
    fn from(mode: runner_shared::mode::Mode) -> Self {
        match mode {
            runner_shared::mode::Mode::Simulation => Self::Simulation,
            runner_shared::mode::Mode::Walltime => Self::Walltime,
            runner_shared::mode::Mode::Memory => Self::Memory,
        }
    }
}

impl From<Mode> for runner_shared::mode::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Simulation => Self::Simulation,
            Mode::Walltime => Self::Walltime,
            Mode::Memory => Self::Memory,
        }
    }
}
