//! Old runs are removed by a rule that never takes one that somebody counts on.

use std::collections::HashMap;

use super::{Entry, Filter, Store, StoreError};

/// Runs that are kept. A run stays if any of these says so; so does one that has a name, and the newest of its branch
/// and the newest complete one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// So many of each branch of each project, the newest ones.
    pub per_branch: Option<usize>,
    /// Those that are not older than this, in milliseconds since 1970.
    pub since_ms: Option<u64>,
}

/// The outcome of a removal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// Runs that are removed, the newest first.
    pub removed: Vec<Entry>,
    /// Number of runs that stay.
    pub kept: usize,
}

impl Collected {
    /// Returns the bytes of all files that are removed.
    pub fn bytes(&self) -> u64 {
        self.removed.iter().map(|entry| entry.bytes).sum()
    }
}

impl Retention {
    /// Returns the runs that may go, of all runs with the newest first.
    fn choose(self, entries: Vec<Entry>) -> Collected {
        let mut seen: HashMap<(String, Option<String>), Seen> = HashMap::new();
        let mut collected = Collected::default();
        for entry in entries {
            let branch = (entry.project.clone(), entry.branch().map(str::to_owned));
            let seen = seen.entry(branch).or_default();
            let is_whole = entry.is_complete && entry.benchmarks > 0;
            let is_last = seen.all == 0 || (is_whole && seen.whole == 0);
            let is_counted = self.per_branch.is_some_and(|most| seen.all < most);
            let is_young = self.since_ms.is_some_and(|since| entry.time_ms >= since);
            seen.all += 1;
            seen.whole += usize::from(is_whole);
            if is_last || is_counted || is_young || entry.name.is_some() {
                collected.kept += 1;
            } else {
                collected.removed.push(entry);
            }
        }
        collected
    }
}

/// Runs of a branch so far.
#[derive(Default)]
struct Seen {
    all: usize,
    whole: usize,
}

impl Store {
    /// Returns the runs that this rule removes; nothing is changed.
    ///
    /// # Errors
    ///
    /// If the index can't be read.
    pub fn surplus(&self, retention: Retention) -> Result<Collected, StoreError> {
        Ok(retention.choose(self.entries(&Filter::default())?))
    }

    /// Removes runs by this rule, and what killed programs have left.
    ///
    /// # Errors
    ///
    /// If one can't be removed; those before it are gone.
    pub fn gc(&self, retention: Retention) -> Result<Collected, StoreError> {
        let collected = self.surplus(retention)?;
        let ids: Vec<_> = collected.removed.iter().map(|entry| entry.id).collect();
        // The oldest first: if it is stopped, what is left is what somebody would keep.
        let oldest_first: Vec<_> = ids.into_iter().rev().collect();
        self.remove(&oldest_first)?;
        self.remove_unfinished()?;
        Ok(collected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CommitInfo, Packed, Part, PartState, Record, RecordedBenchmark};

    fn run(time_ms: u64, branch: &str, change: impl FnOnce(&mut Record)) -> Entry {
        let mut record = Record {
            time_ms,
            commit: Some(CommitInfo { branch: Some(branch.to_owned()), ..Default::default() }),
            parts: vec![Part::default()],
            benchmarks: vec![RecordedBenchmark::default()],
            ..Default::default()
        };
        change(&mut record);
        let packed: Packed = record.pack().unwrap();
        Entry::of(&packed, &record)
    }

    #[track_caller]
    fn removes(retention: Retention, entries: &[Entry], expected: &[u64]) {
        let collected = retention.choose(entries.to_vec());
        let times: Vec<u64> = collected.removed.iter().map(|entry| entry.time_ms).collect();
        assert_eq!(times, expected);
        assert_eq!(collected.kept + collected.removed.len(), entries.len());
    }

    #[test]
    fn named_and_last_runs_stay_whatever_the_rule() {
        let failed = |record: &mut Record| record.parts[0].state = PartState::Failed;
        let entries = [
            run(9, "main", failed),
            run(8, "main", failed),
            run(7, "main", |_| {}),
            run(6, "main", |_| {}),
            run(5, "main", |record| record.name = Some("v1".to_owned())),
            run(4, "other", |_| {}),
            run(3, "other", |_| {}),
            run(2, "other", |record| record.project = "fork".to_owned()),
        ];
        let per_branch = |most| Retention { per_branch: Some(most), since_ms: None };
        removes(per_branch(0), &entries, &[8, 6, 3]);
        removes(per_branch(2), &entries, &[6]);
        removes(per_branch(9), &entries, &[]);
        removes(Retention { per_branch: None, since_ms: Some(6) }, &entries, &[3]);
        removes(Retention { per_branch: Some(1), since_ms: Some(8) }, &entries, &[6, 3]);
    }
}
