//! The shards of one run as one record: jobs of a matrix that measured parts of a suite, each on a machine of its own.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use crate::record::{CommitInfo, Kind, Mode, Part, Record, RecordedBenchmark};

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
}

/// Puts the shards of a run together: records of one project, commit and run of a CI system. A benchmark that a job
/// has measured again counts with its last measurement; a later record of a job that measured others leaves those of
/// earlier ones where they are. The order of `records` doesn't matter.
///
/// # Errors
///
/// They are not of the same project, commit or CI run.
pub fn merge(records: &[Record]) -> Result<Merged, NotShards> {
    let mut shards: Vec<&Record> = records.iter().collect();
    shards.sort_by_key(|shard| (job(shard), Reverse(shard.time_ms)));
    let first = *shards.first().ok_or(NotShards::None)?;
    shards.iter().try_for_each(|shard| check_same(first, shard))?;
    let newest = shards.iter().map(|shard| shard.time_ms).max().unwrap_or_default();
    let mut merged = Merged {
        record: Record {
            version: Record::VERSION,
            kind: Kind::Merge,
            // Behind its shards: the merged run is the last one.
            time_ms: newest.saturating_add(1),
            ci: first.ci.clone().map(|ci| crate::CiRun { job: String::new(), ..ci }),
            commit: commit(&shards),
            labels: labels(&shards),
            parts: Vec::new(),
            benchmarks: Vec::new(),
            verdicts: Vec::new(),
            ..first.clone()
        },
        shards: 0,
        duplicates: 0,
        superseded: 0,
    };
    let mut known = Known::new();
    for (place, shard) in shards.iter().enumerate() {
        append(&mut merged, &shards, (place, shard), &mut known);
    }
    Ok(merged)
}

fn job(record: &Record) -> &str {
    record.ci.as_ref().map(|ci| ci.job.as_str()).unwrap_or_default()
}

/// Returns true if both are of one job. Records without a job are each one of their own.
fn share_job(one: &Record, other: &Record) -> bool {
    !job(one).is_empty() && job(one) == job(other)
}

/// The commit of all: its files differed if they did in any shard, and nobody knows if that is not known of one.
fn commit(shards: &[&Record]) -> Option<CommitInfo> {
    let commits = || shards.iter().filter_map(|shard| shard.commit.as_ref());
    let is_dirty = commits().any(|commit| commit.dirty == Some(true));
    let is_known = commits().all(|commit| commit.dirty.is_some());
    let dirty = if is_dirty { Some(true) } else { is_known.then_some(false) };
    commits().next().map(|commit| CommitInfo { dirty, ..commit.clone() })
}

/// The labels of all; of two values of one label the first one.
fn labels(shards: &[&Record]) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for (key, value) in shards.iter().flat_map(|shard| &shard.labels) {
        labels.entry(key.clone()).or_insert_with(|| value.clone());
    }
    labels
}

fn check_same(first: &Record, shard: &Record) -> Result<(), NotShards> {
    let commit =
        |of: &Record| of.commit.as_ref().map(|commit| commit.hash.clone()).unwrap_or_default();
    let run = |of: &Record| {
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

/// The place of the shard that has a benchmark, which is its mode, its URI and its number.
type Known<'a> = BTreeMap<(Option<Mode>, &'a str, u32), usize>;

/// Adds what no shard before this one has; parts of which nothing is left are left out.
fn append<'a>(
    merged: &mut Merged,
    shards: &[&Record],
    (place, shard): (usize, &'a Record),
    known: &mut Known<'a>,
) {
    let (mut left, mut parts_before) = (Vec::new(), BTreeSet::new());
    for benchmark in &shard.benchmarks {
        parts_before.insert(benchmark.part);
        let key = (shard.mode_of(benchmark), benchmark.uri.as_str(), benchmark.occurrence);
        match *known.entry(key).or_insert(place) {
            of if of == place => left.push(benchmark),
            of if shards.get(of).is_some_and(|other| share_job(other, shard)) => {
                merged.superseded += 1;
            }
            _ => merged.duplicates += 1,
        }
    }
    let before = place.checked_sub(1).and_then(|before| shards.get(before));
    let is_newest = before.is_none_or(|before| !share_job(before, shard));
    let with_some: BTreeSet<u32> = left.iter().map(|benchmark| benchmark.part).collect();
    // One that never had any, since it failed for example, says something about the last record of its job only.
    let stays =
        |number: u32| with_some.contains(&number) || is_newest && !parts_before.contains(&number);
    let record = &mut merged.record;
    let differs = shard.environment != record.environment;
    let mut numbers = BTreeMap::new();
    for (number, part) in (0..).zip(&shard.parts).filter(|(number, _)| stays(*number)) {
        numbers.insert(number, u32::try_from(record.parts.len()).unwrap_or(u32::MAX));
        let own = part.environment.clone();
        let environment = own.or_else(|| differs.then(|| Box::new(shard.environment.clone())));
        record.parts.push(Part { environment, ..part.clone() });
    }
    merged.shards += usize::from(!numbers.is_empty());
    let uris = |all: &[&'a RecordedBenchmark]| -> BTreeSet<&'a str> {
        all.iter().map(|benchmark| benchmark.uri.as_str()).collect()
    };
    let (kept, all) = (uris(&left), uris(&shard.benchmarks.iter().collect::<Vec<_>>()));
    let is_kept = |uri: &str| kept.contains(uri) || !all.contains(uri);
    record.verdicts.extend(shard.verdicts.iter().filter(|of| is_kept(&of.head)).cloned());
    record.benchmarks.extend(left.into_iter().filter_map(|benchmark| {
        let part = *numbers.get(&benchmark.part)?;
        Some(RecordedBenchmark { part, ..benchmark.clone() })
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CiRun, Environment, PartState};

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
}
