//! Projects with stored runs that nobody has measured.

use std::{
    fs,
    path::{Path, PathBuf},
};

use store::{
    CommitInfo, Environment, Metric, MetricUnit, Processor, Record, RecordId, RecordedBenchmark,
    Rounds, Store,
};
use test_support::{Sandbox, folder_address};

use crate::stage::sandbox;

/// A sandbox whose folder is a project with a repository, `acme/widgets`.
pub(crate) fn project() -> Sandbox {
    let sandbox = sandbox().with("XDG_RUNTIME_DIR", "");
    fs::create_dir(sandbox.path().join(".git")).unwrap();
    sandbox.file(".git/HEAD", "ref: refs/heads/main\n");
    sandbox.file(".git/config", "[remote \"origin\"]\n\turl = git@example.com:acme/widgets.git\n");
    sandbox
}

/// The place of the store among the user's data.
pub(crate) fn store_of(sandbox: &Sandbox) -> PathBuf {
    sandbox.path().join(".local/share/codspeed/store")
}

/// The address of a shared store in the sandbox.
pub(crate) fn shared_store(sandbox: &Sandbox) -> String {
    folder_address(&sandbox.path().join("shared"))
}

/// The same sandbox, whose runs go to that store.
pub(crate) fn sharing(sandbox: Sandbox) -> Sandbox {
    let address = shared_store(&sandbox);
    sandbox.with("CODSPEED_SHARED_STORE", address)
}

/// Keeps these records in the user's store.
pub(crate) fn keep(sandbox: &Sandbox, records: &[Record]) -> Vec<RecordId> {
    keep_in(&store_of(sandbox), records)
}

/// Keeps these records in this store.
pub(crate) fn keep_in(folder: &Path, records: &[Record]) -> Vec<RecordId> {
    let store = Store::open(folder).unwrap();
    records.iter().map(|record| store.add(record).unwrap()).collect()
}

pub(crate) fn metric(value: f64, unit: MetricUnit) -> Metric {
    Metric { value, unit, ..Metric::default() }
}

/// A benchmark with 40 rounds of about this time, within a thousandth.
pub(crate) fn timed(file: &str, name: &str, nanos: f64) -> RecordedBenchmark {
    let time = metric(nanos, MetricUnit::Nanoseconds);
    let rounds: Vec<f64> =
        (0..40_u32).map(|at| nanos * (1.0 + f64::from(at * 17 % 40) * 2.5e-5)).collect();
    RecordedBenchmark {
        name: name.to_owned(),
        uri: format!("{file}::{name}"),
        occurrence: 1,
        metrics: [("median_ns".to_owned(), time), ("robust_median_ns".to_owned(), time)].into(),
        headline: "robust_median_ns".to_owned(),
        rounds: Some(Rounds {
            wall_ns: rounds.clone(),
            undisturbed_ns: rounds,
            ..Rounds::default()
        }),
        ..RecordedBenchmark::default()
    }
}

/// A record of the project without benchmarks, so many minutes after a point in time.
pub(crate) fn record_at(minute: u64, hash: String, branch: &str) -> Record {
    let processor = Processor { model: "Zen 5".into(), cores: 8, microcode: "1".into() };
    Record {
        version: Record::VERSION,
        time_ms: 1_790_000_000_000 + minute * 60_000,
        program: "codspeed 5.1.0".to_owned(),
        project: "acme/widgets".to_owned(),
        commit: Some(CommitInfo { hash, branch: Some(branch.to_owned()), dirty: Some(false) }),
        environment: Environment {
            machine: "one".to_owned(),
            architecture: "x86_64".to_owned(),
            libc: "51f1".to_owned(),
            kernel: "6.18".to_owned(),
            processor,
            ..Environment::default()
        },
        ..Record::default()
    }
}
