//! Formats against real outputs of their tools, and against hostile ones. A golden file has the version of its tool in
//! its name; `documented` ones are written by hand after the tool's documentation.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::record::{Better, Kind, Metric, MetricUnit, Outcome, Record, RecordedBenchmark};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/import").join(name)
}

fn record_of(bytes: &[u8]) -> Record {
    read(bytes, None).unwrap().into_record(Origin::default())
}

fn golden(name: &str) -> Record {
    record_of(&std::fs::read(fixture(name)).unwrap())
}

/// A record in a few lines: what it is of, then each benchmark with its metrics, those that lead marked.
fn told(record: &Record) -> String {
    let mut lines = vec![format!(
        "{} at {} on {:?} {:?} {:?}",
        record.program,
        record.time_ms,
        record.environment.machine,
        record.environment.architecture,
        record.environment.processor.model
    )];
    for of in &record.benchmarks {
        lines.push(format!("{} = {} {:?}", of.uri, of.name, of.outcome));
        for (key, Metric { value, low, high, unit, better }) in &of.metrics {
            let mark = if *key == of.headline { "*" } else { " " };
            let ends = low.zip(*high).map(|ends| format!(" {ends:?}")).unwrap_or_default();
            lines.push(format!(" {mark}{key}: {value}{ends} {unit:?} {better:?}"));
        }
        if let Some(rounds) = &of.rounds {
            let (wall, processor) = (rounds.wall_ns.len(), rounds.processor_ns.len());
            lines.push(format!("  rounds: {wall} wall, {processor} processor"));
        }
        lines.extend(of.notes.iter().map(|note| format!("  note: {note}")));
    }
    let warnings = record.parts[0].warnings.iter();
    lines.extend(warnings.map(|warning| format!("warning: {warning}")));
    lines.join("\n") + "\n"
}

#[test]
fn hyperfine_1_has_times_and_names() {
    insta::assert_snapshot!(told(&golden("hyperfine-1.15.0.json")));
}

#[test]
fn hyperfine_2_has_an_object_for_each_run() {
    insta::assert_snapshot!(told(&golden("hyperfine-2.0.0.json")));
}

#[test]
fn pytest_benchmark_tells_machine_and_commit() {
    let record = golden("pytest-benchmark-5.3.1.json");
    insta::assert_snapshot!(told(&record));
    let commit = record.commit.unwrap();
    assert_eq!((commit.hash.len(), commit.branch.as_deref()), (40, Some("main")));
    assert_eq!(record.environment.toolchain[0].name, "cpython");
}

#[test]
fn repetitions_of_google_benchmark_are_rounds() {
    insta::assert_snapshot!(told(&golden("google-benchmark-1.7.1.json")));
}

#[test]
fn the_complexity_of_a_family_is_no_benchmark() {
    let file = serde_json::json!({ "context": {}, "benchmarks": [
        { "name": "sort/8", "run_name": "sort/8", "real_time": 3.0 },
        { "name": "sort_BigO", "run_name": "sort", "run_type": "aggregate", "aggregate_name": "BigO",
            "cpu_coefficient": 1.0, "real_coefficient": 1.0, "big_o": "N", "time_unit": "ns" },
        { "name": "sort_RMS", "run_name": "sort", "run_type": "aggregate", "aggregate_name": "RMS",
            "rms": 0.01 },
        { "name": "seek_mean", "run_name": "seek", "aggregate_name": "mean", "real_time": 2.0 },
        { "name": "seek_cv", "run_name": "seek", "aggregate_name": "cv", "real_time": 0.1 },
        { "name": "late_max", "run_name": "late", "aggregate_name": "max", "error_occurred": true,
            "error_message": "no disk" },
    ] });
    let record = record_of(file.to_string().as_bytes());
    let names: Vec<_> = record.benchmarks.iter().map(|of| (&*of.name, &of.outcome)).collect();
    let failed = Outcome::Failed("no disk".to_owned());
    let all = [("sort/8", &Outcome::Complete), ("seek", &Outcome::Complete), ("late", &failed)];
    assert_eq!(names, all);
}

#[test]
fn counts_of_go_are_rounds_and_failures_have_reasons() {
    insta::assert_snapshot!(told(&golden("go-1.19.8.txt")));
}

#[test]
fn go_keeps_the_processors_if_there_are_several_numbers() {
    let text = "pkg: p\nBenchmarkA \t 1\t 5 ns/op\nBenchmarkA-2 \t 1\t 6 ns/op\nBenchmarkB-2 \t 1\t 7 ns/op\n";
    let record = record_of(text.as_bytes());
    let uris: Vec<&str> = record.benchmarks.iter().map(|of| of.uri.as_str()).collect();
    assert_eq!(uris, ["go::p::A", "go::p::A-2", "go::p::B"]);
}

#[test]
fn jmh_has_times_rates_and_values_of_profilers() {
    insta::assert_snapshot!(told(&golden("jmh-documented.json")));
}

#[test]
fn bmf_has_measures_with_bounds() {
    insta::assert_snapshot!(told(&golden("bmf-documented.json")));
}

#[test]
fn criterion_leaves_a_folder_and_sends_messages() {
    let mut imported = read_folder(&fixture("criterion-0.8.2")).unwrap();
    assert!(imported.time_ms.take().is_some());
    let folder = imported.into_record(Origin::default());
    let messages = golden("cargo-criterion-documented.jsonl");
    insta::assert_snapshot!(told(&folder) + &told(&messages));
}

#[test]
fn a_record_of_an_import_is_a_record() {
    let origin = Origin {
        time_ms: 7,
        name: Some("before".to_owned()),
        labels: [("os".to_owned(), "linux".to_owned())].into(),
        project: "o/n".to_owned(),
        ..Origin::default()
    };
    let bytes = std::fs::read(fixture("hyperfine-1.15.0.json")).unwrap();
    let record = read(&bytes, None).unwrap().into_record(origin);
    let packed = record.pack().unwrap();
    assert_eq!(Record::unpack(&packed.bytes, Some(packed.id)).unwrap(), record);
    assert_eq!((record.kind, record.time_ms, record.project.as_str()), (Kind::Import, 7, "o/n"));
    assert_eq!((record.name.as_deref(), record.labels["os"].as_str()), (Some("before"), "linux"));
}

#[test]
fn equal_names_are_numbered() {
    let text = r#"{"results":[{"command":"a","mean":1},{"command":"b","mean":1},{"command":"a","mean":2}]}"#;
    let record = record_of(text.as_bytes());
    let numbers: Vec<_> = record.benchmarks.iter().map(|of| of.occurrence).collect();
    assert_eq!(numbers, [1, 1, 2]);
    assert_eq!(record.benchmarks[0].headline, "mean_ns");
}

#[test]
fn values_that_are_none_are_left_out_and_told() {
    let text = r#"{"results":[{"command":"a","mean":-1,"median":1e999,"times":[1,-2,3]},{"command":"b","mean":-1}]}"#;
    // 1e999 is more than a number holds: that file is refused as a whole.
    assert!(matches!(
        read(text.as_bytes(), None),
        Err(ImportError::Unknown | ImportError::Wrong { .. })
    ));
    let record = record_of(text.replace("1e999", "1").as_bytes());
    let [a, b] = record.benchmarks.as_slice() else { panic!("{record:?}") };
    assert_eq!(Some(a.metrics["median_ns"].value), Some(2e9));
    assert_eq!(a.notes, ["1 value left out: no times"]);
    assert_eq!(b.outcome, Outcome::Failed("the file has no number of it".to_owned()));
    assert!(b.metrics.is_empty());
}

#[test]
fn long_names_stay_two() {
    let name = |end: &str| format!("{}{end}", "é".repeat(5000));
    let json = serde_json::json!({ name("a"): {"latency": {"value": 1}}, name("b"): {"latency": {"value": 2}} });
    let record = record_of(json.to_string().as_bytes());
    let [a, b] = record.benchmarks.as_slice() else { panic!() };
    assert!(a.name.len() <= 1024 && a.uri.len() <= 1024 && a.uri != b.uri, "{}", a.uri);
}

#[test]
fn many_rounds_are_spread_evenly() {
    let times: Vec<u32> = (0..10_000).collect();
    let json = serde_json::json!({"results": [{"command": "a", "times": times}]});
    let record = record_of(json.to_string().as_bytes());
    let rounds = record.benchmarks[0].rounds.as_ref().unwrap();
    assert_eq!((rounds.wall_ns.len(), rounds.left_out), (2_000, 8_000));
    assert_eq!((rounds.wall_ns[0], rounds.wall_ns[1]), (0.0, 5e9));
    assert_eq!(Some(record.benchmarks[0].metrics["rounds"].value), Some(10_000.0));
    // The interval of so many is by the normal distribution: 1.96 standard deviations of a binomial number.
    let median = record.benchmarks[0].metrics["median_ns"];
    assert_eq!((median.low, median.high), (Some(4901e9), Some(5098e9)));
}

#[test]
fn files_of_nobody_are_refused() {
    let of = |bytes: &[u8]| read(bytes, None).unwrap_err().to_string();
    for bytes in [&b""[..], b"{}", b"[]", b"null", b"hello", b"\xff\xfe", b"{\"results\":3}"] {
        assert_eq!(of(bytes), "none of the known formats", "{bytes:?}");
    }
    let empty = of(b"{\"results\":[]}");
    assert_eq!(empty, "it has no benchmark in the format of hyperfine");
    let wrong = read(b"{\"results\":[{\"mean\":1}]}", None).unwrap_err();
    let ImportError::Wrong { format: "hyperfine", source } = wrong else { panic!("{wrong}") };
    assert!(source.to_string().starts_with("missing field `command`"), "{source}");
    let named = read(b"hello", importer("jmh")).unwrap_err();
    assert_eq!(named.to_string(), "not as jmh writes it");
}

#[test]
fn deep_and_long_files_are_refused() {
    for deep in ["[", "{\"a\":", "{\"results\":["] {
        assert!(read(deep.repeat(100_000).as_bytes(), None).is_err(), "{deep}");
    }
    let long = vec![b' '; (64 << 20) + 1];
    assert!(matches!(read(&long, None), Err(ImportError::Long { .. })));
}

#[test]
fn a_folder_without_results_or_with_broken_ones_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(read_folder(folder.path()), Err(ImportError::Empty { format: "criterion" })));
    let new = folder.path().join("a/b/new");
    std::fs::create_dir_all(&new).unwrap();
    std::fs::write(new.join("estimates.json"), "{}").unwrap();
    assert!(matches!(read_folder(folder.path()), Err(ImportError::Io { .. })));
    std::fs::write(new.join("benchmark.json"), "{}").unwrap();
    assert!(matches!(read_folder(folder.path()), Err(ImportError::Wrong { .. })));
    // Others may have put a link there.
    std::fs::remove_file(new.join("estimates.json")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", new.join("estimates.json")).unwrap();
    assert!(matches!(read_folder(folder.path()), Err(ImportError::Io { .. })));
}

#[test]
fn results_of_an_older_run_of_criterion_are_told() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["sum", "old"] {
        let new = folder.path().join(name).join("new");
        std::fs::create_dir_all(&new).unwrap();
        for file in ["benchmark.json", "estimates.json"] {
            let text = std::fs::read_to_string(fixture("criterion-0.8.2/sum/new").join(file));
            std::fs::write(new.join(file), text.unwrap()).unwrap();
        }
    }
    let estimates = std::fs::File::options()
        .append(true)
        .open(folder.path().join("old/new/estimates.json"))
        .unwrap();
    let days_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(24 * 3 + 1);
    estimates.set_modified(days_ago).unwrap();
    let record = read_folder(folder.path()).unwrap().into_record(Origin::default());
    let notes: Vec<usize> = record.benchmarks.iter().map(|of| of.notes.len()).collect();
    assert_eq!(notes, [1, 0]);
    assert!(record.benchmarks[0].notes[0].contains("3 days older"), "{record:?}");
    assert!(record.parts[0].warnings[0].starts_with("1 benchmark of the folder"), "{record:?}");
}

#[test]
fn numbers_of_the_author_hide_none_of_ours() {
    let text = "BenchmarkSort-8 100 384.5 ns/op 7 median_ns 9 rounds\n";
    let metrics = &record_of(text.as_bytes()).benchmarks[0].metrics;
    let values = ["median_ns", "rounds"].map(|key| metrics[key].value.to_string());
    assert_eq!(values, ["384.5", "1"]);
    let text =
        r#"{"context":{},"benchmarks":[{"name":"a","real_time":5,"cpu_time":4,"median_ns":1}]}"#;
    assert_eq!(
        record_of(text.as_bytes()).benchmarks[0].metrics["median_ns"].value.to_string(),
        "5"
    );
}

#[test]
fn a_time_without_zone_is_that_of_greenwich() {
    let times = ["2026-11-30T16:25:05.233083", "2026-11-30T16:25:05.233083+00:00"];
    assert_eq!(times.map(imported::time), [Some(1_796_055_905_233); 2]);
    assert_eq!(imported::time("yesterday"), None);
}

#[test]
fn formats_have_names_of_their_own() {
    let ids: Vec<&str> = IMPORTERS.iter().map(|importer| importer.id).collect();
    let expected =
        ["hyperfine", "pytest-benchmark", "google-benchmark", "criterion", "jmh", "go", "bmf"];
    assert_eq!(ids, expected);
    assert!(importer("csv").is_none());
}

#[test]
fn measures_survive_a_round_trip() {
    let first = golden("bmf-documented.json");
    let exported = |record: &Record| {
        let mut out = Vec::new();
        results::exporter("bmf").unwrap().write_measured(&record.measured(), &mut out).unwrap();
        out
    };
    let second = record_of(&exported(&first));
    let benchmarks = |record: &Record| -> Vec<RecordedBenchmark> { record.benchmarks.clone() };
    assert_eq!(benchmarks(&second), benchmarks(&first));
    let documented = std::fs::read(fixture("bmf-documented.json")).unwrap();
    let value = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
    assert_eq!(value(&exported(&first)), value(&documented));
    // Times of other tools are latencies there.
    let hyperfine = golden("hyperfine-1.15.0.json");
    let latency = value(&exported(&hyperfine))["sleep a bit"]["latency"].clone();
    assert_eq!(latency["value"], hyperfine.benchmarks[0].metrics["median_ns"].value);
    assert!(latency["lower_value"].is_number(), "{latency}");
}

#[test]
fn every_export_takes_the_results_of_other_tools() {
    let jmh = golden("jmh-documented.json");
    let mut written = Vec::new();
    for exporter in results::EXPORTERS.iter().filter(|exporter| exporter.takes_measured()) {
        let mut out = Vec::new();
        exporter.write_measured(&jmh.measured(), &mut out).unwrap();
        written.push(format!("{}\n{}", exporter.id, String::from_utf8(out).unwrap()));
    }
    insta::assert_snapshot!(written.join("\n"));
    let refused = results::exporter("json").unwrap().write_measured(&[], &mut io::sink());
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::Unsupported);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn intervals_hold_the_median(times in prop::collection::vec(0.0..1e9_f64, 1..300)) {
        let json = serde_json::json!({"results": [{"command": "a", "times": times}]});
        let record = record_of(json.to_string().as_bytes());
        let Metric { value, low, high, unit, better } = record.benchmarks[0].metrics["median_ns"];
        prop_assert_eq!((unit, better), (MetricUnit::Nanoseconds, Better::Lower));
        prop_assert_eq!(low.is_some(), times.len() >= 6);
        prop_assert!(low.is_none_or(|low| low <= value) && high.is_none_or(|high| value <= high));
    }
}
