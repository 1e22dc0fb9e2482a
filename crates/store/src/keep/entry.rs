//! The entry of a record in lists: everything that one looks for, without its benchmarks.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use crate::{
    CiRun, CommitInfo, Environment, Kind, Mode, Packed, Part, PartState, Record, RecordId,
    RecordedBenchmark,
};

/// Digits of the digest of an environment.
const CLASS_DIGITS: usize = 16;

/// The entry of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Name of the record.
    #[serde(serialize_with = "as_text")]
    pub id: RecordId,
    /// Start of the run, milliseconds since 1970 in UTC.
    pub time_ms: u64,
    /// The command that made it.
    pub kind: Kind,
    /// The program that measured, with its version.
    pub program: String,
    /// The name that the user gave it.
    pub name: Option<String>,
    /// The labels that the user gave it.
    pub labels: BTreeMap<String, String>,
    /// The project.
    pub project: String,
    /// The commit.
    pub commit: Option<CommitInfo>,
    /// The job of a CI system.
    pub ci: Option<CiRun>,
    /// The modes of its parts, each once.
    pub modes: Vec<Mode>,
    /// True if all parts came to their end.
    pub is_complete: bool,
    /// Number of benchmarks.
    pub benchmarks: u64,
    /// Digest of what has to be equal for any comparison: architecture, processor, C library. 16 hexadecimal digits.
    pub environment: String,
    /// Bytes of its file.
    pub bytes: u64,
}

fn as_text<S: Serializer>(id: &RecordId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

impl Entry {
    /// Returns the entry of a record.
    pub fn of(packed: &Packed, record: &Record) -> Self {
        let mut modes: Vec<Mode> = record.parts.iter().map(|part| part.mode).collect();
        modes.sort_unstable();
        modes.dedup();
        Self {
            id: packed.id,
            // So that the index can keep it.
            time_ms: record.time_ms.min(i64::MAX.unsigned_abs()),
            kind: record.kind,
            program: record.program.clone(),
            name: record.name.clone(),
            labels: record.labels.clone(),
            project: record.project.clone(),
            commit: record.commit.clone(),
            ci: record.ci.clone(),
            modes,
            is_complete: record.parts.iter().all(|part| part.state == PartState::Complete),
            benchmarks: u64::try_from(record.benchmarks.len()).unwrap_or(u64::MAX),
            environment: class(record),
            bytes: u64::try_from(packed.bytes.len()).unwrap_or(u64::MAX),
        }
    }

    /// Returns the branch that was checked out.
    pub fn branch(&self) -> Option<&str> {
        self.commit.as_ref()?.branch.as_deref()
    }
}

/// A digest of what has to be equal for any comparison: of the machines of all parts, if they have several.
fn class(record: &Record) -> String {
    let own = record.parts.iter().filter_map(|part| part.environment.as_deref());
    let machines: BTreeSet<Vec<u8>> = own.chain([&record.environment]).map(machine).collect();
    let all: Vec<u8> = machines.into_iter().flatten().collect();
    RecordId::of(&all).to_string().chars().take(CLASS_DIGITS).collect()
}

fn machine(environment: &Environment) -> Vec<u8> {
    let Environment { architecture, processor, libc, .. } = environment;
    let cores = processor.cores.to_string();
    let mut all = Vec::new();
    for text in [architecture, &processor.model, &cores, libc] {
        all.extend(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        all.extend(text.as_bytes());
    }
    all
}

/// Leaves of a record that from which its entry and the values of the index are made: several of them then take little
/// memory at the same time.
pub(super) fn lighten(record: Record) -> Record {
    let machine = |environment: Environment| {
        let Environment { architecture, processor, libc, .. } = environment;
        Environment { architecture, processor, libc, ..Environment::default() }
    };
    let part = |part: Part| Part {
        mode: part.mode,
        state: part.state,
        environment: part.environment.map(|of| Box::new(machine(*of))),
        ..Part::default()
    };
    let benchmark = |benchmark: RecordedBenchmark| RecordedBenchmark {
        rounds: None,
        stacks: None,
        notes: Vec::new(),
        ..benchmark
    };
    Record {
        command: Vec::new(),
        environment: machine(record.environment),
        parts: record.parts.into_iter().map(part).collect(),
        benchmarks: record.benchmarks.into_iter().map(benchmark).collect(),
        verdicts: Vec::new(),
        ..record
    }
}

/// A choice of runs: those that fit all that is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this project.
    pub project: Option<String>,
    /// On this branch.
    pub branch: Option<String>,
    /// Of a commit whose hash begins with this.
    pub commit: Option<String>,
    /// A record whose name (its digest) begins with this.
    pub id: Option<String>,
    /// Of this name.
    pub name: Option<String>,
    /// With this label.
    pub label: Option<(String, String)>,
    /// With a part in this mode.
    pub mode: Option<Mode>,
    /// Not older than this, in milliseconds since 1970.
    pub since_ms: Option<u64>,
    /// Not newer than this, in milliseconds since 1970.
    pub until_ms: Option<u64>,
    /// True: only those whose parts all came to their end, and that have benchmarks.
    pub complete: bool,
    /// True: of runs that were merged only the whole, and of several such of one CI run the newest.
    pub whole: bool,
    /// At most so many, the newest ones.
    pub newest: Option<usize>,
}

impl Filter {
    /// Returns the choice of all runs of a project.
    pub fn of_project(project: &str) -> Self {
        Self { project: Some(project.to_owned()), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rounds, Stacks, Verdict};

    #[test]
    fn a_light_record_has_the_same_entry_without_what_is_large() {
        let benchmark = RecordedBenchmark {
            name: "sort".to_owned(),
            rounds: Some(Rounds { wall_ns: vec![1.0; 9_000], ..Rounds::default() }),
            stacks: Some(Stacks::default()),
            ..RecordedBenchmark::default()
        };
        let mut environment = Environment { libc: "glibc".to_owned(), ..Environment::default() };
        environment.languages.insert("python".to_owned(), BTreeMap::new());
        let other = Environment { libc: "musl".to_owned(), ..environment.clone() };
        let environment_of_part = Some(Box::new(other));
        let record = Record {
            environment,
            parts: vec![Part {
                mode: Mode::Memory,
                state: PartState::Failed,
                environment: environment_of_part,
                ..Part::default()
            }],
            benchmarks: vec![benchmark],
            verdicts: vec![Verdict::default()],
            labels: [("a".to_owned(), "b".to_owned())].into(),
            ..Record::default()
        };
        let packed = record.pack().unwrap();
        let entry = Entry::of(&packed, &record);
        let alone = Record { parts: Vec::new(), ..record.clone() };
        assert_ne!(Entry::of(&packed, &alone).environment, entry.environment, "two machines");
        let light = lighten(record);
        assert_eq!(Entry::of(&packed, &light), entry);
        assert!(serde_json::to_vec(&light).unwrap().len() < 1_000, "{light:?}");
    }
}
