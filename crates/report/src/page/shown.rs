//! The benchmarks of a page, each with all that is known of it, in the order of the page.

use std::collections::BTreeMap;

use store::{
    Mode, Outcome, Record, RecordedBenchmark,
    compare::{Absence, Compared, Comparison, Run},
    history::History,
};

use super::Report;

/// A benchmark with all that is known of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    /// Its number on the page, from 1 on.
    pub number: usize,
    pub mode: Mode,
    pub name: &'a str,
    pub occurrence: u32,
    pub head: Option<&'a RecordedBenchmark>,
    pub base: Option<&'a RecordedBenchmark>,
    pub compared: Option<&'a Compared>,
    /// Set if only one of two runs has it, or has finished it.
    pub absence: Option<Absence>,
    pub history: Option<&'a History<'a>>,
}

/// All benchmarks, the worst first; those of a single run in its order.
pub(super) struct Benchmarks<'a> {
    pub shown: Vec<Shown<'a>>,
}

/// Mode, identity and number of a benchmark.
type Key<'a> = (Mode, &'a str, u32);
/// The histories of benchmarks.
type Histories<'a> = BTreeMap<Key<'a>, &'a History<'a>>;

impl<'a> Benchmarks<'a> {
    pub(super) fn of(report: &Report<'a>) -> Self {
        let histories = report.history.iter();
        let histories: Histories<'a> = histories
            .map(|it| ((it.series.mode, it.series.uri.as_str(), it.series.occurrence), it))
            .collect();
        let shown = match report.base {
            None => of_run(report.head.record, &histories),
            Some((base, found)) => compared(&by_key(base), &by_key(report.head), found, &histories),
        };
        Self { shown }
    }
}

/// The benchmarks of a single run, in its order.
fn of_run<'a>(record: &'a Record, histories: &Histories<'a>) -> Vec<Shown<'a>> {
    let shown = (1..).zip(&record.benchmarks).map(|(number, head)| {
        let mode = record.mode_of(head).unwrap_or_default();
        Shown {
            number,
            mode,
            name: &head.name,
            occurrence: head.occurrence,
            head: Some(head),
            base: None,
            compared: None,
            absence: None,
            history: histories.get(&(mode, head.uri.as_str(), head.occurrence)).copied(),
        }
    });
    shown.collect()
}

/// Those of a comparison, the worst first, then those that only one of the runs has.
fn compared<'a>(
    bases: &BTreeMap<Key<'a>, &'a RecordedBenchmark>,
    heads: &BTreeMap<Key<'a>, &'a RecordedBenchmark>,
    found: &'a Comparison,
    histories: &Histories<'a>,
) -> Vec<Shown<'a>> {
    // A function of pytest may have moved to another file: then names pair.
    let by_name: BTreeMap<(Mode, &str), &'a RecordedBenchmark> =
        bases.iter().map(|((mode, ..), it)| ((*mode, it.name.as_str()), *it)).collect();
    let both = (1..).zip(&found.benchmarks).map(|(number, one)| {
        let key: Key<'a> = (one.mode, one.uri.as_str(), one.occurrence);
        let moved = by_name.get(&(one.mode, one.name.as_str()));
        Shown {
            number,
            mode: one.mode,
            name: &one.name,
            occurrence: one.occurrence,
            head: heads.get(&key).copied(),
            base: bases.get(&key).or(moved).copied(),
            compared: Some(one),
            absence: None,
            history: histories.get(&key).copied(),
        }
    });
    let alone = (found.benchmarks.len() + 1..).zip(&found.unmatched).map(|(number, one)| {
        let key: Key<'a> = (one.mode, one.uri.as_str(), one.occurrence);
        Shown {
            number,
            mode: one.mode,
            name: &one.name,
            occurrence: one.occurrence,
            head: heads.get(&key).copied(),
            base: bases.get(&key).copied(),
            compared: None,
            absence: Some(one.absence),
            history: histories.get(&key).copied(),
        }
    });
    both.chain(alone).collect()
}

/// The benchmarks of a run. Of repeated identities the first finished one counts, as in comparisons.
fn by_key(run: Run<'_>) -> BTreeMap<Key<'_>, &RecordedBenchmark> {
    let all = run.record.benchmarks.iter();
    let (finished, others): (Vec<_>, Vec<_>) = all.partition(|of| of.outcome == Outcome::Complete);
    let mut found = BTreeMap::new();
    for of in finished.into_iter().chain(others) {
        let mode = run.record.mode_of(of).unwrap_or_default();
        found.entry((mode, of.uri.as_str(), of.occurrence)).or_insert(of);
    }
    found
}

impl Shown<'_> {
    /// Returns its name on one line, with its number if it was measured before.
    pub(super) fn title(&self) -> String {
        crate::text::plain(&results::words::numbered(self.name, self.occurrence))
    }

    /// Returns its verdict, or the reason why there is none, in a word or a few; empty of a single run.
    pub(super) fn verdict(&self) -> &'static str {
        let verdict = self.compared.map(|compared| compared.verdict.word());
        verdict.or_else(|| self.absence.map(Absence::words)).unwrap_or_default()
    }

    /// Returns the name of its place on the page.
    pub(super) fn anchor(&self) -> String {
        format!("b{}", self.number)
    }
}
