//! The runs, benchmarks and values that a gate looks at.

use store::{MetricUnit, Mode, Record, RecordedBenchmark};

use crate::{
    gate::{allocating, codspeed, project, record},
    stored::{keep, metric},
};

#[test]
fn the_base_has_a_benchmark_in_common() {
    let sandbox = project("");
    let of = |name, megabytes| vec![allocating(name, megabytes)];
    keep(&sandbox, &[record(1, "main", of("load", 40.0)), record(2, "main", of("save", 40.0))]);
    keep(&sandbox, &[record(3, "mine", of("load", 50.0))]);
    for words in [&["gate"][..], &["gate", "--base", "main"]] {
        let run = codspeed(&sandbox, words);
        assert_eq!(run.code, 6, "{words:?}: {}", run.shown());
    }
    let run = codspeed(&sandbox, &["gate", "last~1", "--base", "last"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(run.stdout.contains("nothing was compared"), "{}", run.stdout);
    assert_eq!(codspeed(&sandbox, &["gate", "last~1", "--base", "last", "--strict"]).code, 6);
}

#[test]
fn one_kind_of_pattern_is_understood_everywhere() {
    let sandbox = project("gate: {limits: [{benchmarks: 'load[?]', peak: 1 MB}]}");
    let all = || vec![allocating("load[1]", 40.0), allocating("load1", 40.0)];
    keep(&sandbox, &[record(1, "main", all()), record(2, "main", all())]);
    let gate = codspeed(&sandbox, &["gate"]);
    assert_eq!(gate.code, 6, "{}", gate.shown());
    assert!(gate.stdout.contains("1 failed"), "{}", gate.stdout);
    for words in [&["history", "load[?]"][..], &["compare", "--benchmark", "load[?]"]] {
        let run = codspeed(&sandbox, words);
        assert_eq!(run.code, 0, "{}", run.shown());
        assert!(run.stdout.contains("load[1]") && !run.stdout.contains("load1"), "{}", run.stdout);
    }
}

#[test]
fn instructions_are_judged_by_their_history() {
    let sandbox = project("gate: {limits: [{max-regression: 0.1%}]}");
    let counted = |hour: u64, branch: &str, count: f64| {
        let count = ("Ir".to_owned(), metric(count, MetricUnit::Number));
        let one = RecordedBenchmark {
            metrics: [count].into(),
            headline: "Ir".to_owned(),
            ..allocating("load", 1.0)
        };
        let mut record = record(hour, branch, vec![one]);
        record.parts[1].mode = Mode::Simulation;
        record
    };
    keep(&sandbox, &(0..14).map(|hour| counted(hour, "main", 1e6)).collect::<Vec<_>>());
    keep(&sandbox, &[counted(20, "mine", 1.005e6)]);
    let run = codspeed(&sandbox, &["gate"]);
    assert_eq!(run.code, 6, "{}", run.shown());
    assert!(run.stdout.contains("worse than the last 14 runs let expect"), "{}", run.stdout);
}

#[test]
fn the_runs_of_one_commit_are_no_base_of_themselves() {
    let sandbox = project("");
    let of = |minute: u64| Record {
        time_ms: record(1, "mine", Vec::new()).time_ms + minute * 60_000,
        ..record(1, "mine", vec![allocating("load", 40.0)])
    };
    keep(&sandbox, &[of(0), of(1)]);
    let run = codspeed(&sandbox, &["gate", "mine"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(run.stdout.contains("there is no run to compare with"), "{}", run.stdout);
}

#[test]
fn a_base_has_half_of_the_benchmarks() {
    let sandbox = project("");
    let of = |names: &[&str], megabytes| -> Vec<RecordedBenchmark> {
        names.iter().map(|name| allocating(name, megabytes)).collect()
    };
    keep(&sandbox, &[record(1, "main", of(&["a", "b", "c", "d"], 40.0))]);
    keep(&sandbox, &[record(2, "main", of(&["a"], 60.0))]);
    keep(&sandbox, &[record(3, "mine", of(&["a", "b", "c", "d"], 50.0))]);
    for words in [&["gate"][..], &["gate", "--base", "main"]] {
        let run = codspeed(&sandbox, words);
        assert_eq!(run.code, 6, "{words:?}: {}", run.shown());
        let has_all =
            ["a", "b", "c", "d"].iter().all(|name| run.stdout.contains(&format!(" {name} ")));
        assert!(has_all && !run.stderr.contains("of the 4 benchmarks"), "{}", run.shown());
    }
    // Without such a run, the one that has most, and that is said.
    let sandbox = project("");
    keep(&sandbox, &[record(1, "main", of(&["a"], 60.0)), record(2, "main", of(&["x"], 60.0))]);
    keep(&sandbox, &[record(3, "mine", of(&["a", "b", "c", "d"], 70.0))]);
    let run = codspeed(&sandbox, &["gate"]);
    assert_eq!(run.code, 6, "{}", run.shown());
    assert!(run.stderr.contains(" has only 1 of the 4 benchmarks"), "{}", run.stderr);
}

#[test]
fn the_base_branch_counts_more_than_an_earlier_push() {
    let sandbox = project("");
    let of = |names: &str, megabytes| -> Vec<RecordedBenchmark> {
        names.split(' ').map(|name| allocating(name, megabytes)).collect()
    };
    keep(&sandbox, &[record(1, "main", of("a b", 10.0))]);
    // The change has more benchmarks, and has made one worse that main has.
    for minute in [2, 3] {
        keep(&sandbox, &[record(minute, "mine", of("a b c d e f", 40.0))]);
        for words in [&["gate"][..], &["gate", "--base", "main"]] {
            let run = codspeed(&sandbox, words);
            assert_eq!(run.code, 6, "{minute}, {words:?}: {}", run.shown());
            let said = run.stderr.matches(" has only 2 of the 6 benchmarks").count();
            assert_eq!(said, 1, "{words:?}: {}", run.stderr);
        }
    }
}
