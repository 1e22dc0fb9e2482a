//! Profile folders for the tests of reading.

mod files;
mod logs;
mod marks;

use std::{ffi::OsString, fs, path::PathBuf};

use runner_shared::{
    artifact::{Artifact, BenchmarkRounds, ExecutionTimestamps, Outcome, RobustSource, Rounds},
    fifo::MarkerType,
    text::shown,
    walltime::{BenchmarkStats, NoiseVerdict, as_float},
};
use tempfile::TempDir;

use super::*;
use crate::model::{BenchResult, RawRounds};

/// A profile folder of its own for each test.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::create_dir(folder.0.path().join("results")).unwrap();
        folder
    }

    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.path(name), content).unwrap();
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self) -> Result<WalltimeReport, ReadError> {
        let Reading { report, mut broken } =
            read_walltime(&ProfileDir::new(self.0.path()), &BTreeSet::new())?;
        broken.pop().map_or(Ok(report), Err)
    }

    fn report(&self) -> WalltimeReport {
        self.read().unwrap()
    }

    /// Warnings without the path of the folder.
    fn warnings(&self) -> Vec<String> {
        let prefix = format!("{}/", shown(self.0.path()));
        self.report().warnings.iter().map(|warning| warning.replace(&prefix, "")).collect()
    }
}

/// Results of one benchmark per uri, 3 rounds of about 200 ns.
fn results(pid: u32, uris: &[&str]) -> String {
    let stats = serde_json::to_value(BenchmarkStats::of_rounds(&[100, 200, 300], 0)).unwrap();
    let benchmarks: Vec<_> = uris
        .iter()
        .map(|uri| serde_json::json!({"name": uri, "uri": uri, "config": {}, "stats": stats}))
        .collect();
    serde_json::json!({
        "creator": {"name": "exec-harness", "version": "5.1.0", "pid": pid},
        "instrument": {"type": "walltime"},
        "benchmarks": benchmarks,
    })
    .to_string()
}

fn logged(uri: &str, outcome: Outcome, walls: &[u64]) -> BenchmarkRounds {
    let n = walls.len();
    BenchmarkRounds {
        name: uri.to_owned(),
        uri: uri.to_owned(),
        outcome,
        cold: false,
        robust_source: RobustSource::KernelStamps,
        robust_missing: String::new(),
        warmup_rounds: 4,
        noise: NoiseVerdict { rounds: 3, ..NoiseVerdict::default() },
        notes: vec!["a note".to_owned()],
        shell: None,
        least_rss_bytes: 5_000_000,
        counters: Vec::new(),
        rounds: Rounds {
            start_ns: (0..).take(n).collect(),
            wall_ns: walls.to_vec(),
            user_ns: vec![40; n],
            system_ns: vec![10; n],
            minor_faults: vec![5; n],
            major_faults: vec![0; n],
            voluntary_switches: vec![1; n],
            involuntary_switches: vec![2; n],
            kernel_ns: walls.iter().map(|wall| Some(wall.saturating_sub(20))).collect(),
            preempted_ns: vec![Some(5); n],
            block: vec![0; n],
            max_rss_bytes: vec![5_000_000; n],
        },
    }
}

fn log(benchmarks: Vec<BenchmarkRounds>) -> Vec<u8> {
    RoundLog { version: RoundLog::VERSION, tick_ns: Some(1), turns: None, benchmarks }.encode()
}

fn failed() -> Outcome {
    Outcome::Failed { reason: "exit status 1".to_owned() }
}

fn summary(report: &WalltimeReport) -> Vec<(&str, u64, &Outcome)> {
    report.benchmarks.iter().map(|of| (of.uri.as_str(), of.stats.rounds, &of.outcome)).collect()
}
