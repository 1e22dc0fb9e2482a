//! `codspeed inspect` on what runs have left.

use std::fs;

use runner_shared::bounds::BENCHMARKS;
use test_support::Sandbox;

use crate::stage::{CODSPEED, sandbox};

const RESULTS: &str = include_str!("../../../results/fixtures/pytest.json");
const ENVIRONMENT: &str = r#"{"integration_environment": {"python": {"version": "3.13.0"}},
    "linked_libraries": {"libc.so.6": {"path": "/lib/libc.so.6", "build_id": "93ac"}}}"#;

/// A folder with results of walltime mode.
fn results(sandbox: &Sandbox, folder: &str) {
    fs::create_dir_all(sandbox.path().join(folder).join("results")).unwrap();
    sandbox.file(&format!("{folder}/results/1.json"), RESULTS);
}

#[test]
fn a_suite_of_20000_is_complete_and_a_larger_one_is_cut() {
    let sandbox = sandbox();
    for (count, left_out) in [(20_000, 0), (BENCHMARKS + 7, 7)] {
        write_suite(&sandbox, count);
        let run = sandbox
            .run(sandbox.command(CODSPEED, ["inspect", "profile", "--export", "csv=out.csv"]));
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(sandbox.text("out.csv").lines().count(), count - left_out + 1);
        let said = run
            .stderr
            .contains("50,000 are read, with names of 32 MiB altogether): 7 are left out");
        assert_eq!(said, left_out > 0, "{}", run.stderr);
    }
}

/// A results file with so many benchmarks.
fn write_suite(sandbox: &Sandbox, count: usize) {
    let one = |at: usize| {
        format!(
            r#"{{"name":"b{at}","uri":"t.py::b{at}","config":{{}},"stats":{{"min_ns":1,"max_ns":2,"mean_ns":1.5,"stdev_ns":0.1,"q1_ns":1.2,"median_ns":1.5,"q3_ns":1.7,"rounds":3,"total_time":1e-6,"iqr_outlier_rounds":0,"stdev_outlier_rounds":0,"iter_per_round":1,"warmup_iters":1}}}}"#
        )
    };
    let all: Vec<String> = (0..count).map(one).collect();
    fs::create_dir_all(sandbox.path().join("profile/results")).unwrap();
    let head = r#"{"creator":{"name":"x","version":"1","pid":1},"instrument":{"type":"walltime"},"benchmarks":["#;
    sandbox.file("profile/results/1.json", format!("{head}{}]}}", all.join(",")));
}

#[test]
fn the_parts_of_a_run_are_listed_and_shown() {
    let sandbox = sandbox();
    for part in ["walltime-10", "walltime-0"] {
        results(&sandbox, &format!("profile/{part}"));
    }
    // The name that older runs gave to parts of simulation mode, and what is no part.
    fs::create_dir_all(sandbox.path().join("profile/valgrind-1")).unwrap();
    fs::create_dir_all(sandbox.path().join("profile/other-2")).unwrap();
    let words = ["inspect", "profile", "--export", "json=out.json"];
    let run = sandbox.run(sandbox.command(CODSPEED, words));
    assert_eq!(run.code, 4, "one of them is empty: {}", run.shown());
    assert!(
        run.stdout.starts_with("3 parts: walltime-0, valgrind-1, walltime-10\n"),
        "{}",
        run.stdout
    );
    let titles = ["\nwalltime-0\n", "\nvalgrind-1\n", "\nwalltime-10\n"];
    let places = titles.map(|title| run.stdout.find(title).unwrap());
    assert!(places.is_sorted(), "{}", run.stdout);
    assert!(run.stderr.contains("`profile/valgrind-1` contains no results"), "{}", run.stderr);
    for file in ["out.walltime-0.json", "out.walltime-10.json"] {
        assert!(sandbox.text(file).contains("benchmarks"), "{file}");
    }
    let upload = sandbox.run(sandbox.command(CODSPEED, ["upload", "profile"]));
    assert_eq!(upload.code, 2, "{}", upload.shown());
    assert!(upload.stderr.contains("`codspeed upload profile/walltime-0`"), "{}", upload.stderr);
}

#[test]
fn what_integrations_say_of_their_processes_is_shown() {
    let sandbox = sandbox();
    results(&sandbox, "profile");
    for pid in [7, 8] {
        sandbox.file(&format!("profile/environment-{pid}.json"), ENVIRONMENT);
    }
    sandbox.file("profile/environment-9.json", "{");
    let run = sandbox.run(sandbox.command(CODSPEED, ["inspect", "profile"]));
    assert_eq!(run.code, 0, "{}", run.shown());
    let expected = "Environment of processes 7, 8:\n  python\n    version  3.13.0\n  libraries\n    libc.so.6  /lib/libc.so.6 (build ID 93ac)\n";
    assert!(run.stdout.contains(expected), "{}", run.stdout);
    assert!(run.stderr.contains("environment-9.json` was left out"), "{}", run.stderr);
}

/// A folder of simulation mode with two benchmarks.
fn simulated(sandbox: &Sandbox) {
    let from = concat!(env!("CARGO_MANIFEST_DIR"), "/../results/fixtures/simulation/suite");
    fs::create_dir_all(sandbox.path().join("profile")).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), sandbox.path().join("profile").join(entry.file_name())).unwrap();
    }
}

#[test]
fn functions_are_listed_by_self_and_by_total() {
    let sandbox = sandbox();
    simulated(&sandbox);
    let run = sandbox.run(sandbox.command(CODSPEED, ["inspect", "profile", "--functions", "2"]));
    assert_eq!(run.code, 0, "{}", run.shown());
    let heads = ["   Self    Total  Function\n", "\n\n  Total     Self  Function\n"];
    for head in heads {
        assert!(run.stdout.contains(head), "{}", run.stdout);
    }
    // What leads to `main` says nothing, unless everything is wanted.
    assert!(!run.stdout.contains("  _start "), "{}", run.stdout);
    let words = ["inspect", "profile", "--functions", "20", "--all-frames"];
    let all = sandbox.run(sandbox.command(CODSPEED, words));
    assert!(all.stdout.len() > run.stdout.len(), "{}", all.stdout);
}

#[test]
fn a_tree_of_calls_is_shown_of_the_wanted_benchmarks() {
    let sandbox = sandbox();
    simulated(&sandbox);
    let inspect = |words: &[&str]| {
        sandbox.run(sandbox.command(CODSPEED, [&["inspect", "profile"], words].concat()))
    };
    let run = inspect(&["--tree"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    let heads = run.stdout.matches("Self   Function\n").count();
    assert!(heads > 1, "{}", run.stdout);
    assert!(run.stdout.contains("└ ") && run.stdout.contains("100 %"), "{}", run.stdout);
    assert!(run.stdout.contains("calls of less than 1 % are left out"), "{}", run.stdout);
    let one = inspect(&["--tree", "--benchmark", "*sort*"]);
    assert_eq!(one.code, 0, "{}", one.shown());
    assert_eq!(one.stdout.matches("Self   Function\n").count(), 1, "{}", one.stdout);
    let none = inspect(&["--tree", "--benchmark", "nothing"]);
    assert_eq!(none.code, 4, "{}", none.shown());
    assert!(none.stderr.contains("none of the benchmarks fits `--benchmark`"), "{}", none.stderr);
}

#[test]
fn without_stacks_there_is_no_tree_and_a_reason() {
    let sandbox = sandbox();
    results(&sandbox, "profile");
    let run = sandbox.run(sandbox.command(CODSPEED, ["inspect", "profile", "--tree"]));
    assert_eq!(run.code, 1, "{}", run.shown());
    let expected = "there are no trees of calls: no profile was recorded";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
}
