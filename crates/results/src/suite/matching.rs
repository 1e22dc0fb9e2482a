//! Brings together what the runs say of the same benchmark: by identity, then by name for what was moved to another
//! file.

use std::collections::BTreeMap;

use super::{OneSided, Stage, SuiteReading, SuiteRun, SuiteSide, Value};

/// A benchmark and all that was read of it.
#[derive(Debug, Default)]
pub(super) struct Matched<'a> {
    pub name: &'a str,
    pub uri: &'a str,
    /// By stage and side, each with its pair.
    series: BTreeMap<(Stage, SuiteSide), Vec<(u32, &'a Value)>>,
}

impl<'a> Matched<'a> {
    /// Values of this stage and side, with their pairs.
    pub(super) fn of(&self, stage: Stage, side: SuiteSide) -> &[(u32, &'a Value)] {
        self.series.get(&(stage, side)).map_or(&[], Vec::as_slice)
    }

    fn has(&self, side: SuiteSide) -> bool {
        self.series.keys().any(|(_, other)| *other == side)
    }

    fn sides(&self) -> [bool; 2] {
        SuiteSide::BOTH.map(|side| self.has(side))
    }
}

/// Identity, and which one of those that have it, from 0: a suite may measure something twice.
type Key<'a> = (&'a str, usize);

/// Benchmarks of both sides in the order in which they were first seen, and those of one side.
pub(super) fn matched(runs: &[SuiteRun]) -> (Vec<Matched<'_>>, Vec<OneSided>) {
    let mut order: Vec<Key<'_>> = Vec::new();
    let mut all: BTreeMap<Key<'_>, Matched<'_>> = BTreeMap::new();
    for run in runs {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for SuiteReading { name, uri, value } in &run.readings {
            let nth = seen.entry(uri).or_default();
            let key = (uri.as_str(), *nth);
            *nth += 1;
            let entry = all.entry(key).or_insert_with(|| {
                order.push(key);
                Matched { name, uri, series: BTreeMap::new() }
            });
            entry.series.entry((run.stage, run.side)).or_default().push((run.pair, value));
        }
    }
    let mut known: Vec<Matched<'_>> = order.iter().filter_map(|key| all.remove(key)).collect();
    join_moved(&mut known);
    let (both, single): (Vec<_>, Vec<_>) =
        known.into_iter().partition(|one| one.sides() == [true, true]);
    let one_sided = single.into_iter().map(|one| {
        let side = if one.has(SuiteSide::Base) { SuiteSide::Base } else { SuiteSide::Head };
        OneSided { name: one.name.to_owned(), uri: one.uri.to_owned(), side }
    });
    (both, one_sided.collect())
}

/// Joins a benchmark of base with the one of head that has its name, if there is exactly one of each.
fn join_moved(known: &mut Vec<Matched<'_>>) {
    let mut lonely: BTreeMap<&str, [Vec<usize>; 2]> = BTreeMap::new();
    for (index, one) in known.iter().enumerate() {
        let [base, head] = lonely.entry(one.name).or_default();
        match one.sides() {
            [true, false] => base.push(index),
            [false, true] => head.push(index),
            [true, true] | [false, false] => {}
        }
    }
    let mut joined: Vec<(usize, usize)> = lonely
        .into_values()
        .filter_map(|[base, head]| match (&*base, &*head) {
            ([base], [head]) => Some((*base, *head)),
            _ => None,
        })
        .collect();
    // From behind, so that the places before stay what they are.
    joined.sort_by_key(|(base, _)| std::cmp::Reverse(*base));
    let mut gone = Vec::new();
    for (base, head) in joined {
        let series = known.get_mut(base).map(|one| std::mem::take(&mut one.series));
        if let (Some(series), Some(head)) = (series, known.get_mut(head)) {
            head.series.extend(series);
            gone.push(base);
        }
    }
    for base in gone {
        known.remove(base);
    }
}
