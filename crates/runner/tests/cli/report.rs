//! `codspeed report` on stored runs: pages and pictures, and what keeps them from being made.

use std::fs;

use store::{
    Kind, Mode, Outcome, Part, Record, RecordedBenchmark, StackNode, StackUnit, Stacks, Timeline,
};
use test_support::{Run, Sandbox};

use crate::{
    stage::CODSPEED,
    stored::{keep, project, record_at, timed},
};

/// A benchmark whose time is spent in these parts in two functions.
fn profiled(name: &str, millis: f64, weights: [u64; 2]) -> RecordedBenchmark {
    let node = |(function, weight)| StackNode { function, weight, ..StackNode::default() };
    let nodes = (0..).zip(weights).map(node);
    let stacks = Stacks {
        unit: StackUnit::Nanoseconds,
        functions: ["parse", "print"].map(str::to_owned).to_vec(),
        objects: vec!["/usr/bin/prog".to_owned()],
        nodes: nodes.collect(),
        ..Stacks::default()
    };
    RecordedBenchmark { stacks: Some(stacks), ..timed("suite.py", name, millis * 1e6) }
}

fn record(minute: u64, benchmarks: Vec<RecordedBenchmark>) -> Record {
    let hash = format!("{minute:x}a1b2c3d4e5f60718293a4b5c6d7e8f901234567");
    let parts = [Mode::Walltime, Mode::Memory].map(|mode| Part { mode, ..Part::default() });
    Record {
        kind: Kind::Exec,
        parts: parts.to_vec(),
        benchmarks,
        ..record_at(minute, hash, "main")
    }
}

/// Two runs of one benchmark, the second one slower.
fn two_runs() -> Sandbox {
    let sandbox = project();
    let records = [
        record(1, vec![profiled("b", 10.0, [50, 50])]),
        record(2, vec![profiled("b", 13.0, [80, 50])]),
    ];
    keep(&sandbox, &records);
    sandbox
}

fn report(sandbox: &Sandbox, words: &[&str]) -> Run {
    sandbox.run(sandbox.command(CODSPEED, [&["report"], words].concat()))
}

#[test]
fn the_last_run_becomes_a_page() {
    let sandbox = two_runs();
    let run = report(&sandbox, &[]);
    assert_eq!((run.code, &*run.stdout), (0, ""), "{}", run.shown());
    assert!(run.stderr.contains("report written to `report.html` ("), "{}", run.stderr);
    let page = sandbox.text("report.html");
    assert!(page.starts_with("<!DOCTYPE html>"), "{page}");
    for text in ["<title>widgets: ", "13.00 ms", "parse", "History of 2 runs", "Zen 5"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("regressed</"), "{page}");
    let again = report(&sandbox, &["-o", "again.html"]);
    assert_eq!(again.code, 0, "{}", again.shown());
    assert_eq!(sandbox.text("again.html"), page, "the same input, the same bytes");
}

#[test]
fn a_change_becomes_a_page_with_verdicts() {
    let sandbox = two_runs();
    let run = report(&sandbox, &["--base", "last~1", "-o", "change.html"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    let page = sandbox.text("change.html");
    for text in ["1 regressed", "+30.0 %", "Flame graph of the difference", "Equal totals"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let run = report(&sandbox, &["--base", "last"]);
    assert_eq!(run.code, 2, "{}", run.shown());
}

#[test]
fn what_only_one_run_has_or_finished_is_shown_as_well() {
    let sandbox = project();
    let mut failed = profiled("c", 1.0, [1, 1]);
    failed.outcome = Outcome::Failed("it ran out of luck".to_owned());
    let records = [
        record(1, vec![profiled("a", 10.0, [5, 5]), profiled("c", 1.0, [1, 1])]),
        record(2, vec![profiled("a", 10.0, [5, 5]), profiled("b", 7.0, [3, 4]), failed]),
    ];
    keep(&sandbox, &records);
    let run = report(&sandbox, &["--base", "last~1"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    let page = sandbox.text("report.html");
    for text in ["only in head", "failed or interrupted in head", "it ran out of luck", "7.000 ms"]
    {
        assert!(page.contains(text), "{text}: {page}");
    }
}

#[test]
fn the_newest_of_several_runs_of_a_base_is_shown() {
    let sandbox = project();
    let of = |minute, millis| Record {
        commit: record(7, Vec::new()).commit,
        ..record(minute, vec![profiled("b", millis, [5, 5])])
    };
    let records = [of(1, 11.0), of(2, 12.0), record(9, vec![profiled("b", 30.0, [5, 5])])];
    let ids = keep(&sandbox, &records);
    let hash = records[0].commit.as_ref().unwrap().hash.clone();
    let run = report(&sandbox, &["--base", &hash]);
    assert_eq!(run.code, 0, "{}", run.shown());
    let page = sandbox.text("report.html");
    assert!(page.contains(&format!("<td>{}</td>", ids[1].short())), "{page}");
    assert!(page.contains("Verdicts rest on 2 runs of base and 1 of head"), "{page}");
}

#[test]
fn a_page_is_data_alone_on_standard_output() {
    let sandbox = two_runs();
    let run = report(&sandbox, &["-o", "-"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(run.stdout.starts_with("<!DOCTYPE html>"), "{}", run.stdout);
    assert!(!run.stderr.contains("report written"), "{}", run.stderr);
}

#[test]
fn pictures_are_files_of_their_own() {
    let sandbox = two_runs();
    let run = report(&sandbox, &["flamegraph"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    let svg = sandbox.text("flamegraph.svg");
    assert!(svg.contains("<svg xmlns=") && svg.contains("8.000 ms (61.5 %)"), "{svg}");
    let run = report(&sandbox, &["flamegraph", "last", "--base", "last~1", "-o", "diff.svg"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(sandbox.text("diff.svg").contains("5.000 ms to 8.000 ms (+60.0 %)"));
    let mut of_memory = record(3, vec![profiled("b", 1.0, [1, 1]), profiled("c", 1.0, [1, 1])]);
    of_memory.benchmarks[1].part = 1;
    of_memory.benchmarks[1].timeline = Some(Timeline { span_ns: 1000, most_bytes: vec![1, 2000] });
    keep(&sandbox, &[of_memory]);
    let run = report(&sandbox, &["memory", "-o", "-"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(run.stdout.contains("<title>c</title>"), "{}", run.stdout);
    let run = report(&sandbox, &["flamegraph"]);
    assert_eq!(run.code, 2, "{}", run.shown());
    assert!(run.stderr.contains("2 benchmarks have a flame graph: `b`, `c`"), "{}", run.stderr);
    let run = report(&sandbox, &["flamegraph", "--benchmark", "c"]);
    assert_eq!(run.code, 0, "{}", run.shown());
}

#[test]
fn what_cannot_be_shown_is_said() {
    let sandbox = project();
    let run = report(&sandbox, &[]);
    assert_eq!(run.code, 2, "{}", run.shown());
    keep(&sandbox, &[record(1, vec![timed("suite.py", "b", 1e6)])]);
    for (words, code, said) in [
        (&["nobody"][..], 2, "nobody"),
        (&["-o", "no/such/folder.html"], 2, "no/such"),
        (&["--max-size", "1KB"], 2, "between 100KB and 100MB"),
        (&["--force"], 2, "--base"),
        (&["flamegraph"], 4, "no benchmark of the run that fits has a flame graph"),
        (&["memory"], 4, "`-m memory` records one"),
    ] {
        let run = report(&sandbox, words);
        assert_eq!(run.code, code, "{words:?}: {}", run.shown());
        assert!(run.stderr.contains(said), "{words:?}: {}", run.stderr);
    }
    let exported = ["store", "export", "last", "-o", "run.tar"];
    let run = sandbox.run(sandbox.command(CODSPEED, exported));
    assert_eq!(run.code, 0, "{}", run.shown());
    let before = fs::read(sandbox.path().join("run.tar")).unwrap();
    let run = report(&sandbox, &["./run.tar", "-o", "run.tar"]);
    assert_eq!(run.code, 2, "{}", run.shown());
    assert!(fs::read(sandbox.path().join("run.tar")).unwrap() == before, "it was overwritten");
    let left: Vec<_> =
        fs::read_dir(sandbox.path()).unwrap().flatten().map(|it| it.path()).collect();
    assert!(!left.iter().any(|path| path.extension().is_some_and(|it| it == "svg")), "{left:?}");
}

#[test]
fn a_gate_writes_a_page_with_its_judgement() {
    let sandbox = two_runs();
    let words = ["gate", "--report", "gate.html"];
    let run = sandbox.run(sandbox.command(CODSPEED, words));
    assert_eq!(run.code, 6, "{}", run.shown());
    let page = sandbox.text("gate.html");
    assert!(page.contains("class=\"gate failed\"") && page.contains("1 regressed"), "{page}");
}

#[test]
fn a_large_run_says_what_had_no_room() {
    let sandbox = project();
    let all = |millis: f64| {
        let one = |number: u32| {
            let mut of = profiled(&format!("b{number}"), millis, [50, 50]);
            let stacks = of.stacks.as_mut().unwrap();
            stacks.functions = (0..60_u64).map(|at| format!("function {at} of {number}")).collect();
            stacks.nodes = (0..60)
                .map(|function| StackNode { function, weight: 7, ..StackNode::default() })
                .collect();
            of
        };
        (0..300).map(one).collect()
    };
    keep(&sandbox, &[record(1, all(10.0))]);
    let run = report(&sandbox, &["--max-size", "400KB"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(
        run.stderr.contains("left out of the report: charts and flame graphs of "),
        "{}",
        run.stderr
    );
    let page = sandbox.text("report.html");
    assert!(page.len() <= 400_000, "{}", page.len());
    assert!(page.contains("<h2 id=\"cut-title\">Left out</h2>") && page.contains(">b299</th>"));
}

#[test]
fn help_of_report_teaches() {
    let sandbox = project();
    insta::assert_snapshot!(report(&sandbox, &["--help"]).stdout);
    insta::assert_snapshot!(report(&sandbox, &["flamegraph", "--help"]).stdout);
}
