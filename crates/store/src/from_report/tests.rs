//! Real and made-up profile folders, and what a record keeps of them.

use std::{fs, path::PathBuf};

use results::{Report, Stage, Suite, SuiteReading, SuiteRun, SuiteSide, Value, read};
use runner_shared::{
    artifact::{Artifact, BenchmarkRounds, Outcome as End, RobustSource, RoundLog},
    profile_dir::ProfileDir,
    walltime::{BenchmarkStats, NoiseVerdict},
};
use serde_json::json;

use super::*;
use crate::record::{Better, Rounds};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../results/fixtures").join(name)
}

fn record(mode: Mode, reports: &[&Report]) -> Record {
    let mut record = Record { version: Record::VERSION, ..Record::default() };
    for report in reports {
        record.add_part(Part { mode, ..Part::default() }, report);
    }
    record
}

/// A folder of `exec-harness` with one benchmark per list of wall times.
fn harness(benchmarks: &[(&str, End, &[u64])]) -> Report {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("results")).unwrap();
    // What failed is in the log alone.
    let complete = benchmarks.iter().filter(|(_, outcome, _)| *outcome == End::Complete);
    let results = complete.map(|(uri, _, walls)| {
        let stats = serde_json::to_value(BenchmarkStats::of_rounds(walls, 0)).unwrap();
        json!({"name": uri, "uri": uri, "config": {}, "stats": stats})
    });
    let file = json!({
        "creator": {"name": "exec-harness", "version": "5.1.0", "pid": 7},
        "instrument": {"type": "walltime"},
        "benchmarks": results.collect::<Vec<_>>(),
    });
    fs::write(folder.path().join("results/7.json"), file.to_string()).unwrap();
    let logged = benchmarks.iter().map(|(uri, outcome, walls)| BenchmarkRounds {
        name: (*uri).to_owned(),
        uri: (*uri).to_owned(),
        outcome: outcome.clone(),
        cold: false,
        robust_source: RobustSource::KernelStamps,
        robust_missing: String::new(),
        warmup_rounds: 4,
        noise: NoiseVerdict { rounds: 3, ..NoiseVerdict::default() },
        notes: vec!["a note".to_owned()],
        shell: None,
        least_rss_bytes: 5_000_000,
        counters: Vec::new(),
        rounds: runner_shared::artifact::Rounds {
            start_ns: (0..).take(walls.len()).collect(),
            wall_ns: walls.to_vec(),
            user_ns: vec![40; walls.len()],
            system_ns: vec![10; walls.len()],
            minor_faults: vec![5; walls.len()],
            major_faults: vec![0; walls.len()],
            voluntary_switches: vec![1; walls.len()],
            involuntary_switches: vec![2; walls.len()],
            kernel_ns: walls.iter().map(|wall| Some(wall - 20)).collect(),
            preempted_ns: vec![Some(5); walls.len()],
            block: vec![0; walls.len()],
            max_rss_bytes: vec![5_000_000; walls.len()],
        },
    });
    let log = RoundLog {
        version: RoundLog::VERSION,
        tick_ns: Some(1),
        turns: None,
        benchmarks: logged.collect(),
    };
    fs::write(folder.path().join("results/7.RoundLog.msgpack"), log.encode()).unwrap();
    read(&ProfileDir::new(folder.path())).unwrap().report
}

/// A value with all its digits.
fn value(of: &RecordedBenchmark, key: &str) -> String {
    of.metrics[key].value.to_string()
}

#[test]
fn commands_keep_their_rounds_and_trusted_times() {
    let walls: Vec<u64> = (1..=8).map(|nth| nth * 1_000_000).collect();
    let failed = End::Failed { reason: "exit status 1".to_owned() };
    let report = harness(&[("a", End::Complete, &walls), ("b", failed, &walls[..2])]);
    let record = record(Mode::Walltime, &[&report, &report]);
    let [first, second, again, _] = &record.benchmarks[..] else { panic!("{record:?}") };
    assert_eq!((first.headline.as_str(), first.occurrence), ("robust_median_ns", 1));
    assert_eq!((again.part, again.occurrence), (1, 2), "the same benchmark in another part");
    assert_eq!(second.outcome, Outcome::Failed("exit status 1".to_owned()));
    assert_eq!(record.measured()[0].headline, report.measured()[0].headline);
    insta::assert_json_snapshot!(first);
    let json = record.pack().unwrap();
    assert_eq!(Record::unpack(&json.bytes, Some(json.id)).unwrap(), record);
}

#[test]
fn many_rounds_are_spread_evenly() {
    let walls: Vec<u64> = (0..5_000).map(|nth| 1_000_000 + nth).collect();
    let report = harness(&[("a", End::Complete, &walls)]);
    let record = record(Mode::Walltime, &[&report]);
    let rounds = record.benchmarks[0].rounds.as_ref().unwrap();
    assert_eq!((rounds.wall_ns.len(), rounds.left_out), (Rounds::MOST, 3_000));
    assert_eq!((rounds.wall_ns[0], rounds.wall_ns[1_999]), (1_000_000.0, 1_004_997.0));
    assert_eq!(rounds.undisturbed_ns.len(), Rounds::MOST);
}

#[test]
fn counted_suites_keep_counters_and_stacks() {
    let report = read(&ProfileDir::new(fixture("simulation/suite"))).unwrap().report;
    let record = record(Mode::Simulation, &[&report]);
    let numbers: Vec<_> =
        record.benchmarks.iter().map(|one| (one.uri.as_str(), one.occurrence)).collect();
    assert_eq!(numbers[0], ("suite.c::fib[10]", 1));
    assert_eq!(numbers[5], ("suite.c::fib[10]", 2));
    let sort = &record.benchmarks[1];
    assert_eq!(value(sort, "instructions"), "45798");
    assert_eq!(sort.integration.as_deref(), Some("demo-suite 1.2.0"));
    let stacks = sort.stacks.as_ref().unwrap();
    let sum: u64 = stacks.nodes.iter().map(|node| node.weight).sum();
    assert_eq!(sum + stacks.left_out, 45_798, "all cost is somewhere");
    assert_eq!(record.parts[0].warnings, report.warnings());
    record.pack().unwrap();
}

#[test]
fn keys_of_suites_do_not_change() {
    let report = read(&ProfileDir::new(fixture("simulation/suite"))).unwrap().report;
    let counted = record(Mode::Simulation, &[&report]);
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("results")).unwrap();
    fs::copy(fixture("pytest.json"), folder.path().join("results/1.json")).unwrap();
    let report = read(&ProfileDir::new(folder.path())).unwrap().report;
    let timed = record(Mode::Walltime, &[&report]);
    let keys = |record: &Record| {
        let one = record.benchmarks.first().unwrap();
        let of = |(key, metric): (&String, &crate::record::Metric)| {
            let sign = if metric.better == Better::Neither { "?" } else { "" };
            format!("{key}{sign}: {:?}", metric.unit)
        };
        let mut keys: Vec<String> = one.metrics.iter().map(of).collect();
        keys.insert(0, format!("headline: {}", one.headline));
        keys
    };
    insta::assert_json_snapshot!([keys(&counted), keys(&timed)]);
}

#[test]
fn both_states_of_a_suite_have_a_record() {
    let reading = |value| SuiteReading { name: "b".to_owned(), uri: "f::b".to_owned(), value };
    let run = |pair, side, wall| SuiteRun {
        stage: Stage::First,
        pair,
        side,
        readings: vec![reading(Value::Time { wall, undisturbed: Some(wall - 1), shortest: wall })],
    };
    let runs = (0_u32..9).flat_map(|pair| {
        let wall = 1_000_000 + u64::from(pair) * 1_000;
        [run(pair, SuiteSide::Base, wall), run(pair, SuiteSide::Head, 2 * wall)]
    });
    let suite = Suite {
        mode: Mode::Walltime.into(),
        threshold: None,
        at_most: None,
        seed: 1,
        runs: runs.collect(),
    };
    let found = suite.judge();
    let of = |side| {
        let mut record = Record::default();
        record.add_suite(Part::default(), (&suite, &found), side);
        record
    };
    let (base, head) = (of(SuiteSide::Base), of(SuiteSide::Head));
    assert_eq!(value(&base.benchmarks[0], "q1_ns"), "1004");
    assert_eq!(value(&head.benchmarks[0], "q1_ns"), "2008");
    assert_eq!(head.benchmarks[0].headline, "robust_median_ns");
    assert_eq!(head.benchmarks[0].rounds.as_ref().unwrap().wall_ns.len(), 9);
    assert!(base.verdicts.is_empty());
    assert_eq!((&*head.verdicts[0].base, &*head.verdicts[0].head), ("f::b", "f::b"));
    assert_eq!(head.verdicts[0].found["uri"], "f::b");
}

#[test]
fn a_benchmark_that_a_suite_has_twice_stays_two() {
    let reading = |wall| SuiteReading {
        name: "b".to_owned(),
        uri: "f::b".to_owned(),
        value: Value::Time { wall, undisturbed: None, shortest: wall },
    };
    let run = |(pair, side)| SuiteRun {
        stage: Stage::First,
        pair,
        side,
        readings: vec![reading(1_000_000), reading(9_000_000)],
    };
    let both = |pair| [(pair, SuiteSide::Base), (pair, SuiteSide::Head)];
    let suite = Suite {
        mode: Mode::Walltime.into(),
        threshold: None,
        at_most: None,
        seed: 1,
        runs: (0..9).flat_map(both).map(run).collect(),
    };
    let mut record = Record::default();
    record.add_suite(Part::default(), (&suite, &suite.judge()), SuiteSide::Head);
    let seen: Vec<(u32, String)> =
        record.benchmarks.iter().map(|one| (one.occurrence, value(one, "q1_ns"))).collect();
    assert_eq!(seen, [(1, "1000".to_owned()), (2, "9000".to_owned())]);
}

#[test]
fn a_command_in_two_states_is_one_benchmark_in_each() {
    let walls = [1_000_000, 1_100_000, 1_200_000];
    let report = harness(&[
        ("base: ./tool", End::Complete, &walls),
        ("head: ./tool", End::Complete, &walls),
    ]);
    let suite = Suite {
        mode: Mode::Walltime.into(),
        threshold: None,
        at_most: None,
        seed: 1,
        runs: Vec::new(),
    };
    let mut record = Record::default();
    let command = ("./tool", "exec_harness::./tool");
    record.add_turns(Part::default(), (&report, &suite.judge()), command, SuiteSide::Head);
    let [only] = &record.benchmarks[..] else { panic!("{record:?}") };
    assert_eq!((only.name.as_str(), only.uri.as_str()), command);
    assert_eq!((record.parts.len(), only.part), (1, 0));
}
