//! Rows of the registry: their places, values and words.

use std::collections::BTreeSet;

use runner_shared::{mode::MODES, profile_dir::ProfileDir, walltime::BenchmarkStats};

use super::*;
use crate::{
    model::{Integration, NoInterval},
    read_walltime,
};

fn are_distinct<T: Ord>(values: impl Iterator<Item = T>) -> bool {
    let all: Vec<T> = values.collect();
    all.len() == all.iter().collect::<BTreeSet<_>>().len()
}

#[test]
fn rows_of_a_mode_have_places_of_their_own() {
    for (mode, _) in MODES {
        let Metrics { facts, measured } = metrics(*mode);
        let all = || facts.iter().chain(measured);
        assert!(are_distinct(all().map(|row| row.key)), "{mode}");
        assert!(are_distinct(all().filter_map(|row| row.json)), "{mode}");
        assert!(are_distinct(all().filter_map(|row| row.csv)), "{mode}");
        assert!(are_distinct(all().filter_map(|row| Some(row.head?.title))), "{mode}");
    }
}

/// A benchmark of 3 rounds, of which nothing but the summary is known.
fn plain() -> BenchResult {
    let folder = tempfile::tempdir().unwrap();
    let stats = BenchmarkStats::of_times(&[1e6, 2e6, 3e6]);
    let results = folder.path().join("results");
    std::fs::create_dir(&results).unwrap();
    let json = serde_json::json!({
        "creator": {"name": "x", "version": "1", "pid": 7},
        "instrument": {"type": "walltime"},
        "benchmarks": [{"name": "a", "uri": "f::a", "config": {}, "stats": stats}],
    });
    std::fs::write(results.join("7.json"), json.to_string()).unwrap();
    read_walltime(&ProfileDir::new(folder.path()), &BTreeSet::new())
        .unwrap()
        .report
        .benchmarks
        .remove(0)
}

fn value(of: &BenchResult, key: &str) -> Option<Value> {
    let of = Benchmark::Walltime(of);
    of.metrics().find(|(metric, _)| metric.key == key).and_then(|(_, value)| value)
}

#[test]
fn metrics_of_a_benchmark_are_found_by_name() {
    let one = plain();
    assert_eq!(value(&one, "median_ns"), Some(Value::Real(2e6)));
    assert_eq!(value(&one, "rounds"), Some(Value::Whole(3)));
    assert_eq!(value(&one, "median_*_ns"), None);
    let why = NoInterval::Unmarked.to_string();
    assert_eq!(value(&one, "no_interval"), Some(Value::Text(why)));
    let none = BenchResult { stats: BenchmarkStats::default(), ..one };
    assert_eq!(value(&none, "median_ns"), None, "zeros of no rounds mean nothing");
}

#[test]
fn an_interval_has_two_columns_even_if_it_is_unknown() {
    let row =
        |key: &str| metrics(Mode::Walltime).measured.iter().find(|row| row.key == key).unwrap();
    let mean = row("mean_*_ns");
    let heads: Vec<String> = mean.csv_heads().collect();
    assert_eq!(heads, ["mean_low_ns", "mean_high_ns"]);
    let unknown = plain();
    assert_eq!(mean.csv_fields(Benchmark::Walltime(&unknown)), ["", ""]);
    let known = BenchResult { mean_interval: Some(Interval { low: 1.5, high: 2.0 }), ..unknown };
    assert_eq!(mean.csv_fields(Benchmark::Walltime(&known)), ["1.5", "2"]);
    let shown = |full| row("mean_ns").shown(Benchmark::Walltime(&known), full);
    assert_eq!(shown(true).as_deref(), Some("2.000 ms (1.500 ns to 2.000 ns)"));
}

#[test]
fn values_are_shown_with_their_units() {
    let shown = |value: Value, unit| value.shown(unit);
    assert_eq!(shown(Value::Real(1500.0), Unit::Nanoseconds), "1.500 µs");
    assert_eq!(shown(Value::Whole(1_234_567), Unit::Number), "1,234,567");
    assert_eq!(shown(Value::Real(0.5), Unit::Share), "50 %");
    assert_eq!(shown(Value::Interval(Interval { low: 1.0, high: 2.0 }), Unit::Cycles), "1 to 2");
    let who = |version: Option<&str>| Integration {
        name: "x".to_owned(),
        version: version.map(str::to_owned),
    };
    assert_eq!((who(None).to_string(), who(Some("1")).to_string()), ("x".into(), "x 1".into()));
}
