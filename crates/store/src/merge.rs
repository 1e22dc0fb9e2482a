//! The shards of one run as one record: jobs of a matrix that measured parts of a suite, each on a machine of its own.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    mem::take,
};

use runner_shared::bounds::{MERGED_BYTES, Unit, shown};

use crate::{
    Entry,
    record::{CiRun, CommitInfo, Kind, Mode, Record, RecordId, RecordedBenchmark, whole_weight},
};

/// Shards that were put together.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// The run as one record; its parts keep the environments of their machines.
    pub record: Record,
    /// Number of records of which something is in it.
    pub shards: usize,
    /// Benchmarks that were left out because a record of another job has them, too.
    pub duplicates: usize,
    /// Benchmarks that were left out because a later record of the same job has them.
    pub superseded: usize,
}

/// The reason why records are not the shards of one run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotShards {
    /// There is nothing to merge.
    #[error("no records to merge")]
    None,
    /// One of them comes from no job of a CI system, so that nobody knows what it is a shard of.
    #[error("the run {} is no shard: it was not measured by a job of a CI system", .0.short())]
    NoJob(RecordId),
    /// They differ in a fact that all shards share.
    #[error("the records are not shards of one run: {fact} differs (`{one}`, `{other}`)")]
    Differ {
        /// The fact.
        fact: &'static str,
        /// Its value in the first record.
        one: String,
        /// Its value in another one.
        other: String,
    },
    /// They would be more than a record may be, even without rounds and stacks.
    #[error("together the shards take more than the {} of memory that a run may, even without rounds and stacks", shown(*most, Unit::Bytes))]
    Large {
        /// The bound.
        most: u64,
    },
}

/// Puts the shards of a run together: records of one project, commit and run of a CI system. A benchmark that a job
/// has measured again counts with its last measurement; a later record of a job that measured others leaves those of
/// earlier ones where they are. The order of `entries` doesn't matter. Records are asked for one after the other, and
/// none is kept beside what is put together; of that, rounds and stacks are left out as soon as there is no room.
///
/// # Errors
///
/// They are not of the same project, commit or CI run, or take too much memory; those of `load`.
pub fn merge<E: From<NotShards>>(
    entries: &[Entry],
    load: impl FnMut(&Entry) -> Result<Record, E>,
) -> Result<Merged, E> {
    merge_within(entries, load, MERGED_BYTES)
}

fn merge_within<E: From<NotShards>>(
    entries: &[Entry],
    mut load: impl FnMut(&Entry) -> Result<Record, E>,
    most: u64,
) -> Result<Merged, E> {
    let mut shards: Vec<&Entry> = entries.iter().collect();
    shards.sort_by_key(|shard| (job(shard), Reverse(shard.time_ms), shard.id));
    let first = *shards.first().ok_or(NotShards::None)?;
    if let Some(alone) = shards.iter().find(|shard| shard.ci.is_none()) {
        return Err(NotShards::NoJob(alone.id).into());
    }
    shards.iter().try_for_each(|shard| check_same(first, shard))?;
    let mut started: Option<Merging> = None;
    for (place, entry) in shards.iter().enumerate() {
        let mut record = load(entry)?;
        let weight = whole_weight(&serde_json::to_vec(&record).unwrap_or_default());
        let all = started.get_or_insert_with(|| Merging::start(&shards, &mut record));
        let copies = all.copied_environments(&record);
        all.weight = all.weight.saturating_add(copies);
        if all.weight > most {
            // Before they are made: a record of a stranger may have many parts.
            all.fit(most.saturating_sub(copies)).map_err(|_less| NotShards::Large { most })?;
            all.weight = all.weight.saturating_add(copies);
        }
        all.append(&shards, place, record);
        all.weight = all.weight.saturating_add(weight.unwrap_or(u64::MAX));
        all.fit(most)?;
    }
    started.map(|all| all.merged).ok_or_else(|| NotShards::None.into())
}

fn job(entry: &Entry) -> &str {
    entry.ci.as_ref().map(|ci| ci.job.as_str()).unwrap_or_default()
}

/// Returns true if both are of one job. Records without a job are each one of their own.
fn share_job(one: &Entry, other: &Entry) -> bool {
    !job(one).is_empty() && job(one) == job(other)
}

/// Returns the commit of all: its files differed if they did in any shard, and nobody knows if that is not known of one.
fn commit(shards: &[&Entry]) -> Option<CommitInfo> {
    let commits = || shards.iter().filter_map(|shard| shard.commit.as_ref());
    let is_dirty = commits().any(|commit| commit.dirty == Some(true));
    let is_known = commits().all(|commit| commit.dirty.is_some());
    let dirty = if is_dirty { Some(true) } else { is_known.then_some(false) };
    commits().next().map(|commit| CommitInfo { dirty, ..commit.clone() })
}

/// Returns the labels of all; of two values of one label the first one.
fn labels(shards: &[&Entry]) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for (key, value) in shards.iter().flat_map(|shard| &shard.labels) {
        labels.entry(key.clone()).or_insert_with(|| value.clone());
    }
    labels
}

fn check_same(first: &Entry, shard: &Entry) -> Result<(), NotShards> {
    let commit =
        |of: &Entry| of.commit.as_ref().map(|commit| commit.hash.clone()).unwrap_or_default();
    let run = |of: &Entry| {
        of.ci.as_ref().map(|ci| format!("{} {}", ci.provider, ci.run)).unwrap_or_default()
    };
    let facts = [
        ("the project", first.project.clone(), shard.project.clone()),
        ("the commit", commit(first), commit(shard)),
        ("the CI run", run(first), run(shard)),
    ];
    let differs = facts.into_iter().find(|(_, one, other)| one != other);
    match differs {
        Some((fact, one, other)) => Err(NotShards::Differ { fact, one, other }),
        None => Ok(()),
    }
}

/// Shards that are put together so far.
struct Merging {
    merged: Merged,
    /// The place of the shard that has a benchmark, which is its mode, its number and its URI.
    known: BTreeMap<(Option<Mode>, u32, String), usize>,
    /// About what the values of all take in memory, in bytes.
    weight: u64,
}

impl Merging {
    /// Nothing yet of the benchmarks of these shards. What they share is that of the first one, from which it is taken.
    fn start(shards: &[&Entry], first: &mut Record) -> Self {
        let newest = shards.iter().map(|shard| shard.time_ms).max().unwrap_or_default();
        let record = Record {
            version: Record::VERSION,
            kind: Kind::Merge,
            // Behind its shards: the merged run is the last one.
            time_ms: newest.saturating_add(1),
            program: first.program.clone(),
            command: take(&mut first.command),
            name: first.name.take(),
            labels: labels(shards),
            project: first.project.clone(),
            commit: commit(shards),
            ci: first.ci.clone().map(|ci| CiRun { job: String::new(), ..ci }),
            // Each part is compared with it, those of the first one as well.
            environment: first.environment.clone(),
            parts: Vec::new(),
            benchmarks: Vec::new(),
            verdicts: Vec::new(),
        };
        let merged = Merged { record, shards: 0, duplicates: 0, superseded: 0 };
        Self { merged, known: BTreeMap::new(), weight: 0 }
    }

    /// Adds what no shard before this one has; parts of which nothing is left are left out.
    fn append(&mut self, entries: &[&Entry], place: usize, shard: Record) {
        let is_of_same_job = |of: usize| match (entries.get(of), entries.get(place)) {
            (Some(one), Some(other)) => share_job(one, other),
            _ => false,
        };
        let is_left: Vec<bool> = shard
            .benchmarks
            .iter()
            .map(|benchmark| {
                let mode = shard.mode_of(benchmark);
                let key = (mode, benchmark.occurrence, benchmark.uri.clone());
                let of = *self.known.entry(key).or_insert(place);
                match of == place {
                    true => {}
                    false if is_of_same_job(of) => self.merged.superseded += 1,
                    false => self.merged.duplicates += 1,
                }
                of == place
            })
            .collect();
        let left = || shard.benchmarks.iter().zip(&is_left).filter(|(_, is_left)| **is_left);
        let is_newest = place.checked_sub(1).is_none_or(|before| !is_of_same_job(before));
        let parts_before: BTreeSet<u32> = shard.benchmarks.iter().map(|one| one.part).collect();
        let with_some: BTreeSet<u32> = left().map(|(one, _)| one.part).collect();
        // One that never had any, since it failed for example, says something about the last record of its job only.
        let stays = |number: u32| {
            with_some.contains(&number) || is_newest && !parts_before.contains(&number)
        };
        let kept: BTreeSet<&str> = left().map(|(one, _)| &*one.uri).collect();
        let all: BTreeSet<&str> = shard.benchmarks.iter().map(|one| &*one.uri).collect();
        let is_kept = |uri: &str| kept.contains(uri) || !all.contains(uri);
        let verdicts = shard.verdicts.into_iter().filter(|of| is_kept(&of.head));
        let record = &mut self.merged.record;
        record.verdicts.extend(verdicts);
        let differs = shard.environment != record.environment;
        let mut numbers = BTreeMap::new();
        for (number, mut part) in (0..).zip(shard.parts).filter(|(number, _)| stays(*number)) {
            numbers.insert(number, u32::try_from(record.parts.len()).unwrap_or(u32::MAX));
            if differs {
                part.environment.get_or_insert_with(|| Box::new(shard.environment.clone()));
            }
            record.parts.push(part);
        }
        self.merged.shards += usize::from(!numbers.is_empty());
        let left = shard.benchmarks.into_iter().zip(is_left).filter(|(_, is_left)| *is_left);
        record.benchmarks.extend(left.filter_map(|(benchmark, _)| {
            let part = *numbers.get(&benchmark.part)?;
            Some(RecordedBenchmark { part, ..benchmark })
        }));
    }

    /// Returns about what it takes in memory that each part of a shard has its environment, in bytes: nothing if it is that
    /// of the others.
    fn copied_environments(&self, shard: &Record) -> u64 {
        if shard.environment == self.merged.record.environment {
            return 0;
        }
        let environment = Record { environment: shard.environment.clone(), ..Record::default() };
        let one = whole_weight(&serde_json::to_vec(&environment).unwrap_or_default());
        let without = shard.parts.iter().filter(|part| part.environment.is_none()).count();
        one.unwrap_or(u64::MAX).saturating_mul(u64::try_from(without).unwrap_or(u64::MAX))
    }

    /// Leaves out rounds and stacks if all that is put together takes too much memory.
    fn fit(&mut self, most: u64) -> Result<(), NotShards> {
        if self.weight <= most {
            return Ok(());
        }
        self.merged.record.fit_within(most);
        let json = serde_json::to_vec(&self.merged.record).unwrap_or_default();
        self.weight = whole_weight(&json).unwrap_or(u64::MAX);
        if self.weight > most { Err(NotShards::Large { most }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Environment, Part, PartState, Rounds};

    /// Merges records that are in memory.
    fn merge(records: &[Record]) -> Result<Merged, NotShards> {
        merge_records(records, MERGED_BYTES)
    }

    fn merge_records(records: &[Record], most: u64) -> Result<Merged, NotShards> {
        let all: Vec<(Entry, &Record)> = records
            .iter()
            .map(|record| (Entry::of(&record.pack().unwrap(), record), record))
            .collect();
        let entries: Vec<Entry> = all.iter().map(|(entry, _)| entry.clone()).collect();
        let load = |wanted: &Entry| {
            let (_, record) = all.iter().find(|(entry, _)| entry.id == wanted.id).unwrap();
            Ok((*record).clone())
        };
        merge_within(&entries, load, most)
    }

    fn shard(job: &str, time_ms: u64, machine: &str, uris: &[&str]) -> Record {
        let benchmark =
            |uri: &&str| RecordedBenchmark { uri: (*uri).to_owned(), ..Default::default() };
        let ci = CiRun {
            provider: "github-actions".into(),
            run: "7".into(),
            job: job.into(),
            ..Default::default()
        };
        Record {
            version: Record::VERSION,
            time_ms,
            project: "a/b".into(),
            commit: Some(CommitInfo { hash: "c0ffee".into(), ..Default::default() }),
            ci: Some(ci),
            environment: Environment { machine: machine.into(), ..Default::default() },
            parts: vec![Part { label: job.into(), ..Default::default() }],
            benchmarks: uris.iter().map(benchmark).collect(),
            ..Default::default()
        }
    }

    fn uris(merged: &Merged) -> Vec<&str> {
        merged.record.benchmarks.iter().map(|one| one.uri.as_str()).collect()
    }

    #[test]
    fn shards_become_one_run_with_all_machines() {
        let merged = merge(&[shard("2", 5, "n", &["c"]), shard("1", 9, "m", &["a", "b"])]).unwrap();
        assert_eq!(uris(&merged), ["a", "b", "c"]);
        assert_eq!((merged.record.time_ms, merged.record.kind), (10, Kind::Merge));
        let machine = |place: usize| {
            let part = merged.record.part_of(&merged.record.benchmarks[place]).unwrap();
            merged.record.environment_of(part).machine.clone()
        };
        assert_eq!([machine(0), machine(1), machine(2)], ["m", "m", "n"]);
        assert_eq!(merged.record.ci.as_ref().unwrap().job, "");
        let packed = merged.record.pack().unwrap();
        assert_eq!(Record::unpack(&packed.bytes, Some(packed.id)).unwrap(), merged.record);
    }

    #[test]
    fn a_run_of_no_job_is_no_shard() {
        let alone = Record { ci: None, ..shard("1", 1, "m", &["a"]) };
        let refused = merge(&[shard("2", 2, "m", &["b"]), alone.clone()]).unwrap_err();
        assert_eq!(refused, NotShards::NoJob(alone.pack().unwrap().id));
    }

    #[test]
    fn the_order_of_shards_does_not_matter() {
        let shards =
            [shard("1", 1, "m", &["a"]), shard("2", 2, "n", &["b"]), shard("3", 3, "o", &["c"])];
        let mut turned = shards.clone();
        turned.reverse();
        assert_eq!(merge(&shards), merge(&turned));
    }

    #[test]
    fn a_benchmark_that_ran_again_in_its_job_counts_once() {
        let merged =
            merge(&[shard("1", 1, "m", &["a", "other"]), shard("1", 2, "n", &["a"])]).unwrap();
        assert_eq!(uris(&merged), ["a", "other"]);
        assert_eq!((merged.shards, merged.superseded, merged.duplicates), (2, 1, 0));
        let machine = |place: usize| {
            let part = merged.record.part_of(&merged.record.benchmarks[place]).unwrap();
            merged.record.environment_of(part).machine.clone()
        };
        assert_eq!([machine(0), machine(1)], ["n", "m"]);
    }

    #[test]
    fn two_steps_of_a_job_are_both_there() {
        let merged = merge(&[shard("1", 1, "m", &["a"]), shard("1", 2, "m", &["b"])]).unwrap();
        assert_eq!((uris(&merged), merged.superseded), (vec!["b", "a"], 0));
    }

    #[test]
    fn parts_of_which_nothing_is_left_are_left_out() {
        let mut failed = shard("1", 1, "m", &[]);
        failed.parts[0].state = PartState::Failed;
        let mut before = shard("1", 2, "m", &["a", "b"]);
        before.parts.insert(0, Part { label: "first".into(), ..Default::default() });
        before.benchmarks[1].part = 1;
        let merged = merge(&[failed.clone(), before, shard("1", 3, "m", &["a"])]).unwrap();
        let labels: Vec<&str> = merged.record.parts.iter().map(|it| it.label.as_str()).collect();
        assert_eq!((labels, uris(&merged)), (vec!["1", "1"], vec!["a", "b"]));
        assert!(merged.record.parts.iter().all(|part| part.state == PartState::Complete));
        assert_eq!(merged.record.benchmarks[1].part, 1);
        let merged = merge(&[failed, shard("2", 3, "m", &["a"])]).unwrap();
        assert_eq!(merged.record.parts.len(), 2, "the last record of its job has failed");
    }

    #[test]
    fn labels_and_changed_files_of_all_shards_count() {
        let of = |job: &str, key: &str, dirty: Option<bool>| {
            let mut shard = shard(job, 1, "m", &[job]);
            shard.labels.insert(key.into(), job.into());
            shard.commit.as_mut().unwrap().dirty = dirty;
            shard
        };
        let dirty = |shards: &[Record]| merge(shards).unwrap().record.commit.unwrap().dirty;
        let shards = [of("1", "a", Some(false)), of("2", "b", Some(true)), of("3", "a", None)];
        assert_eq!(dirty(&shards), Some(true));
        assert_eq!(dirty(&shards[..1]), Some(false));
        assert_eq!(dirty(&[shards[0].clone(), shards[2].clone()]), None);
        let labels = merge(&shards).unwrap().record.labels;
        assert_eq!(labels, [("a".into(), "1".into()), ("b".into(), "2".into())].into());
    }

    #[test]
    fn a_benchmark_of_two_shards_counts_once() {
        let merged = merge(&[shard("1", 1, "m", &["a"]), shard("2", 2, "n", &["a", "b"])]).unwrap();
        assert_eq!((uris(&merged), merged.duplicates), (vec!["a", "b"], 1));
    }

    #[test]
    fn runs_that_differ_are_not_merged() {
        let other = Record { project: "x/y".into(), ..shard("2", 1, "m", &[]) };
        let error = merge(&[shard("1", 1, "m", &[]), other]).unwrap_err();
        let expected = "the records are not shards of one run: the project differs (`a/b`, `x/y`)";
        assert_eq!(error.to_string(), expected);
        assert_eq!(merge(&[]), Err(NotShards::None));
    }

    #[test]
    fn shards_without_room_lose_rounds_and_then_are_refused() {
        let with_rounds = |job: &str| {
            let mut shard = shard(job, 1, "m", &[job]);
            let rounds = Rounds { wall_ns: vec![1.5; 2_000], ..Rounds::default() };
            shard.benchmarks[0].rounds = Some(rounds);
            shard
        };
        let shards: Vec<Record> = ["1", "2", "3", "4"].map(with_rounds).into();
        let rounds = |merged: &Merged| -> Vec<usize> {
            let of = |one: &RecordedBenchmark| one.rounds.as_ref().map_or(0, |it| it.wall_ns.len());
            merged.record.benchmarks.iter().map(of).collect()
        };
        assert_eq!(rounds(&merge(&shards).unwrap()), [2_000; 4]);
        let thin = merge_records(&shards, 90_000).unwrap();
        assert_eq!(rounds(&thin), [500, 500, 500, 2_000], "those that found no room");
        let said = &thin.record.parts[0].warnings;
        assert!(said[0].starts_with("the run is too large for a record"), "{said:?}");
        let refused = merge_records(&shards, 1_000).unwrap_err();
        assert_eq!(refused, NotShards::Large { most: 1_000 });
    }

    #[test]
    fn many_environments_are_weighed_before_they_are_copied() {
        let mut large = shard("2", 2, "n", &["b"]);
        let module = |at: u32| crate::Module { path: format!("/lib/{at}"), id: "aa".repeat(20) };
        large.environment.modules = (0..2_000).map(module).collect();
        large.parts = vec![Part::default(); 1_000];
        let refused = merge(&[shard("1", 1, "m", &["a"]), large.clone()]).unwrap_err();
        assert_eq!(refused, NotShards::Large { most: MERGED_BYTES });
        assert!(merge(&[large]).is_ok(), "nothing is copied");
    }

    #[test]
    fn a_shard_that_can_not_be_loaded_ends_the_merge() {
        let shards = [shard("1", 1, "m", &["a"]), shard("2", 2, "n", &["b"])];
        let entries = shards.each_ref().map(|it| Entry::of(&it.pack().unwrap(), it));
        let mut asked = Vec::new();
        let failed: Result<Merged, NotShards> = super::merge(&entries, |entry| {
            asked.push(entry.id);
            Err(NotShards::None)
        });
        assert_eq!((failed, asked), (Err(NotShards::None), vec![entries[0].id]));
    }
}
