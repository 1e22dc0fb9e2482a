//! Records that differ by a number, and stores of them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use store::{
    CommitInfo, Filter, Imported, Metric, MetricUnit, Part, Record, RecordId, RecordedBenchmark,
    Store, StoreError,
};
use tempfile::TempDir;

/// A folder for a store, which is gone with it.
pub(crate) struct Scene {
    folder: TempDir,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// The folder of the store.
    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Another file or folder.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn open(&self) -> Store {
        Store::open(&self.store()).unwrap()
    }

    /// The store with these records.
    pub(crate) fn with(&self, numbers: impl IntoIterator<Item = u32>) -> Store {
        let store = self.open();
        for number in numbers {
            store.add(&record(number)).unwrap();
        }
        store
    }
}

/// The record of a run: `number` is its time in seconds, and the median of its benchmark in nanoseconds. Its branch
/// is `main`, or `other` for every third.
pub(crate) fn record(number: u32) -> Record {
    let branch = if number.is_multiple_of(3) { "other" } else { "main" };
    let hash = format!("{:040x}", u128::from(number) << 100);
    Record {
        version: Record::VERSION,
        time_ms: u64::from(number) * 1000,
        program: "codspeed 5.1.0".to_owned(),
        project: "acme/widgets".to_owned(),
        commit: Some(CommitInfo { hash, branch: Some(branch.to_owned()), dirty: Some(false) }),
        parts: vec![Part::default()],
        benchmarks: vec![benchmark("sort", number.into()), benchmark("parse", 7.0)],
        ..Default::default()
    }
}

pub(crate) fn id(number: u32) -> RecordId {
    record(number).pack().unwrap().id
}

/// A benchmark with a median and an interval of a tenth on both sides, and a count.
pub(crate) fn benchmark(name: &str, median: f64) -> RecordedBenchmark {
    let metric = Metric {
        value: median,
        low: Some(median * 0.9),
        high: Some(median * 1.1),
        unit: MetricUnit::Nanoseconds,
        ..Default::default()
    };
    let count = Metric { value: median * 10.0, ..Default::default() };
    let metrics = [("median_ns", metric), ("rounds", count)];
    RecordedBenchmark {
        name: name.to_owned(),
        uri: format!("suite.py::{name}"),
        occurrence: 1,
        metrics: metrics.into_iter().map(|(key, metric)| (key.to_owned(), metric)).collect(),
        headline: "median_ns".to_owned(),
        ..Default::default()
    }
}

/// Takes the records of a file.
pub(crate) fn import(store: &Store, from: &mut dyn std::io::Read) -> Result<Imported, StoreError> {
    let mut imported = Imported::default();
    store.import(from, &mut imported).map(|()| imported)
}

/// The times of all listed runs in seconds, the newest first; each can be read.
#[track_caller]
pub(crate) fn listed(store: &Store) -> Vec<u64> {
    let entries = store.entries(&Filter::default()).unwrap();
    for entry in &entries {
        assert_eq!(store.get(entry.id).unwrap().time_ms, entry.time_ms);
    }
    entries.iter().map(|entry| entry.time_ms / 1000).collect()
}

/// All medians of `sort`, the newest first.
pub(crate) fn medians(store: &Store) -> Vec<f64> {
    let is_sort = |benchmark: &store::BenchmarkKey| benchmark.name == "sort";
    let history = store.series(&Filter::default(), None, &is_sort).unwrap();
    let series = history.series.first().map(|series| series.points.as_slice());
    series.unwrap_or_default().iter().map(|point| point.value).collect()
}

/// Asserts that a check finds nothing.
#[track_caller]
pub(crate) fn is_sound(folder: &Path) {
    let store = Store::open_existing(folder, &mut |_| {}).unwrap();
    let report = store.check(false, &mut |_| {}).unwrap();
    let flaws: Vec<String> = report.flaws.iter().map(ToString::to_string).collect();
    assert!(flaws.is_empty(), "{flaws:?}");
}

/// All files below a folder with their contents.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

/// The file of the index.
pub(crate) fn index_of(folder: &Path) -> PathBuf {
    folder.join(std::fs::read_to_string(folder.join("index")).unwrap())
}
