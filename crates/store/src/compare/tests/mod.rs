//! Made-up records, compared.

mod classes;
mod counts;
mod hostile;
mod shown;
mod times;

use std::collections::BTreeMap;

use runner_shared::statistics::Xoshiro256;

use super::*;
use crate::{
    Better, CommitInfo, Environment, Kind, Metric, MetricUnit, Module, Part, Processor, Record,
    RecordedBenchmark, Rounds, Tool,
};

/// An environment of which everything is known.
fn environment() -> Environment {
    let tool = |name: &str, version: &str| Tool { name: name.into(), version: version.into() };
    Environment {
        machine: "runner-1".into(),
        system: "debian 12".into(),
        architecture: "x86_64".into(),
        kernel: "6.18.2".into(),
        processor: Processor { model: "Zen 5".into(), cores: 8, microcode: "0xb1".into() },
        memory_gib: 32,
        libc: "51f1".into(),
        variables: "0a0b".into(),
        modules: vec![
            Module { path: "/home/me/sort".into(), id: "aa".into() },
            Module { path: "/lib/libc.so.6".into(), id: "51f1".into() },
        ],
        toolchain: vec![tool("rustc", "1.95.0")],
        languages: BTreeMap::new(),
    }
}

/// A record of one part.
fn record(mode: Mode, benchmarks: Vec<RecordedBenchmark>) -> Record {
    let part = Part {
        mode,
        tools: vec![Tool { name: "valgrind".into(), version: "3.26.0".into() }],
        modules: vec![0, 1],
        ..Part::default()
    };
    let commit = CommitInfo { hash: "0123456789abcdef".repeat(2), ..CommitInfo::default() };
    Record {
        version: Record::VERSION,
        time_ms: 1_000_000,
        kind: Kind::Exec,
        program: "codspeed 5.1.0".into(),
        command: vec!["./sort".into(), "in put".into()],
        project: "me/project".into(),
        commit: Some(commit),
        environment: environment(),
        parts: vec![part],
        benchmarks,
        ..Record::default()
    }
}

fn metric(value: f64, unit: MetricUnit) -> Metric {
    Metric { value, unit, better: Better::Lower, ..Metric::default() }
}

fn named(name: &str, headline: &str, metrics: &[(&str, f64, MetricUnit)]) -> RecordedBenchmark {
    let metrics = metrics.iter().map(|(key, value, unit)| ((*key).into(), metric(*value, *unit)));
    RecordedBenchmark {
        name: name.into(),
        uri: format!("file::{name}"),
        occurrence: 1,
        integration: Some("exec-harness 5.1.0".into()),
        metrics: metrics.collect(),
        headline: headline.into(),
        ..RecordedBenchmark::default()
    }
}

/// A benchmark whose rounds are near `nanos`, apart by this share.
fn timed(name: &str, nanos: f64, noise: f64, random: &mut Xoshiro256) -> RecordedBenchmark {
    let rounds: Vec<f64> = (0..100).map(|_| nanos * (noise * random.normal()).exp()).collect();
    let median = ("median_ns", nanos, MetricUnit::Nanoseconds);
    let robust = ("robust_median_ns", nanos, MetricUnit::Nanoseconds);
    RecordedBenchmark {
        rounds: Some(Rounds {
            wall_ns: rounds.clone(),
            undisturbed_ns: rounds,
            ..Rounds::default()
        }),
        ..named(name, "robust_median_ns", &[median, robust])
    }
}

/// Benchmarks `b0`, `b1` and so on, whose times are these.
fn suite(nanos: &[f64], noise: f64, seed: u64) -> Record {
    let mut random = Xoshiro256::seeded(seed);
    let benchmarks = (0_usize..).zip(nanos);
    let benchmarks =
        benchmarks.map(|(at, time)| timed(&format!("b{at}"), *time, noise, &mut random));
    record(Mode::Walltime, benchmarks.collect())
}

/// A run whose name does not change with the layout of records.
fn run(record: &Record) -> Run<'_> {
    Run { id: RecordId::of(b"run"), record }
}

fn compared(base: &Record, head: &Record) -> Comparison {
    let base = Run { id: RecordId::of(b"base"), record: base };
    let head = Run { id: RecordId::of(b"head"), record: head };
    compare(&[base], &[head], &Settings::default())
}

fn verdict_of(found: &Comparison, name: &str) -> Verdict {
    found.benchmarks.iter().find(|one| one.name == name).unwrap().verdict
}
