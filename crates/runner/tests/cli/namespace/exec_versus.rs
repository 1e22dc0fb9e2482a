//! `codspeed exec --vs`: two commands in turns and a verdict.

use crate::stage::{exec, exported, sandbox, the_exported};

#[test]
fn both_commands_are_measured_and_the_verdict_follows_the_table() {
    let sandbox = sandbox();
    let options = ["--warmup-time", "0", "--max-time", "0.4", "--export", "json=out.json"];
    let run = exec(&sandbox, &[&options[..], &["--vs", "true"]].concat(), &["sleep", "0.01"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let uris: Vec<_> = exported(&sandbox).iter().map(|one| one["uri"].clone()).collect();
    assert_eq!(uris, ["exec_harness::true", "exec_harness::sleep 0.01"]);
    let verdict = run.stdout.lines().last().unwrap();
    assert!(verdict.starts_with("`sleep 0.01` takes "), "{verdict}");
    assert!(verdict.contains(" times as long as `true` ("), "{verdict}");
    // What the verdict is depends on how many pairs the machine has time for.
    assert!(verdict.contains(" pairs): "), "{verdict}");
}

#[test]
fn a_base_that_fails_leaves_the_other_one_measured_and_there_is_no_verdict() {
    let sandbox = sandbox();
    let options = ["--warmup-time", "0", "--max-time", "0.1", "--export", "json=out.json"];
    let run = exec(&sandbox, &[&options[..], &["--vs", "false"]].concat(), &["true"]);
    assert_eq!(run.code, 1);
    assert!(!run.stdout.contains("times as long"), "{}", run.stdout);
    let benchmarks = exported(&sandbox);
    let outcomes: Vec<_> = benchmarks.iter().map(|one| one["outcome"].clone()).collect();
    assert_eq!(outcomes, ["failed", "complete"]);
    assert!(run.stderr.contains("error: 1 of 2 benchmarks failed"), "{}", run.stderr);
}

#[test]
fn robust_times_are_marked_in_the_export() {
    let sandbox = sandbox();
    let options =
        ["--robust", "--warmup-time", "0", "--max-rounds", "3", "--export", "json=out.json"];
    let run = exec(&sandbox, &options, &["true"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let benchmark = the_exported(&sandbox);
    assert_eq!(benchmark["robust"]["in_stats"], true);
    assert_eq!(benchmark["robust"]["median_ns"], benchmark["stats"]["median_ns"]);
}
