//! Benchmarks of both sides that are the same: by identity, then by name for what was moved to another file.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    model::{Absence, Run, Unmatched},
    seen::Seen,
};
use crate::{Mode, Outcome, RecordedBenchmark};

/// Mode, identity and occurrence.
pub(super) type Key<'a> = (Mode, &'a str, u32);

/// A benchmark of both sides, at most once for each run.
#[derive(Debug)]
pub(super) struct Paired<'a> {
    pub base: Vec<Seen<'a>>,
    pub head: Vec<Seen<'a>>,
}

/// A benchmark in the runs of one side.
#[derive(Debug, Default)]
struct OfSide<'a> {
    finished: Vec<Seen<'a>>,
    /// One that was not finished.
    broken: Option<&'a RecordedBenchmark>,
}

/// Pairs the benchmarks of two sides, in the order of their identities.
pub(super) fn pair<'a>(base: &[Run<'a>], head: &[Run<'a>]) -> (Vec<Paired<'a>>, Vec<Unmatched>) {
    let (mut base, mut head) = (collect(base), collect(head));
    let moved = moved(&base, &head);
    for (old, new) in moved {
        if let Some(found) = base.remove(&old) {
            base.insert(new, found);
        }
    }
    let keys: BTreeSet<Key<'a>> = base.keys().chain(head.keys()).copied().collect();
    let (mut paired, mut unmatched) = (Vec::new(), Vec::new());
    for key in keys {
        let (old, new) = (base.remove(&key), head.remove(&key));
        match absence(old.as_ref(), new.as_ref()) {
            None => paired.push(Paired {
                base: old.map(|of| of.finished).unwrap_or_default(),
                head: new.map(|of| of.finished).unwrap_or_default(),
            }),
            Some(absence) => {
                let known = [&new, &old].into_iter().flatten().find_map(OfSide::any);
                let Some(known) = known else { continue };
                let (mode, uri, occurrence) = key;
                let (name, uri) = (known.name.clone(), uri.to_owned());
                unmatched.push(Unmatched { mode, name, uri, occurrence, absence });
            }
        }
    }
    (paired, unmatched)
}

impl<'a> OfSide<'a> {
    fn any(&self) -> Option<&'a RecordedBenchmark> {
        self.finished.first().map(|seen| seen.benchmark).or(self.broken)
    }
}

/// All benchmarks of a side.
fn collect<'a>(runs: &[Run<'a>]) -> BTreeMap<Key<'a>, OfSide<'a>> {
    let mut all: BTreeMap<Key<'a>, OfSide<'a>> = BTreeMap::new();
    for Run { record, .. } in runs {
        let mut of_run = BTreeSet::new();
        for benchmark in &record.benchmarks {
            let Some(part) = record.part_of(benchmark) else { continue };
            let key = (part.mode, benchmark.uri.as_str(), benchmark.occurrence);
            let of = all.entry(key).or_default();
            match benchmark.outcome {
                // A record that names it twice is wrong, and is believed once.
                Outcome::Complete if of_run.insert(key) => {
                    of.finished.push(Seen { record, part, benchmark });
                }
                Outcome::Complete => {}
                Outcome::Failed(_) | Outcome::Interrupted => of.broken = Some(benchmark),
            }
        }
    }
    all
}

/// Identities of base and of head that are alone and have the same name, if there is exactly one of each.
fn moved<'a>(
    base: &BTreeMap<Key<'a>, OfSide<'a>>,
    head: &BTreeMap<Key<'a>, OfSide<'a>>,
) -> Vec<(Key<'a>, Key<'a>)> {
    let mut lonely: BTreeMap<(Mode, &str), [Vec<Key<'a>>; 2]> = BTreeMap::new();
    for (key, of) in base.iter().filter(|(key, _)| !head.contains_key(*key)) {
        if let Some(known) = of.any() {
            let [of_base, _] = lonely.entry((key.0, &known.name)).or_default();
            of_base.push(*key);
        }
    }
    for (key, of) in head.iter().filter(|(key, _)| !base.contains_key(*key)) {
        if let Some(known) = of.any() {
            let [_, of_head] = lonely.entry((key.0, &known.name)).or_default();
            of_head.push(*key);
        }
    }
    let pairs = lonely.into_values().filter_map(|[base, head]| match (&*base, &*head) {
        ([base], [head]) => Some((*base, *head)),
        _ => None,
    });
    pairs.collect()
}

fn absence(base: Option<&OfSide<'_>>, head: Option<&OfSide<'_>>) -> Option<Absence> {
    let is_broken = |of: Option<&OfSide<'_>>| of.is_some_and(|of| of.finished.is_empty());
    if is_broken(head) {
        return Some(Absence::UnfinishedInHead);
    }
    match (base, head) {
        (None, _) => Some(Absence::New),
        (_, None) => Some(Absence::Removed),
        _ if is_broken(base) => Some(Absence::UnfinishedInBase),
        _ => None,
    }
}
