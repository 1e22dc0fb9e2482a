//! `--gate` of commands that measure: suites that say the times that a file of theirs holds.

use test_support::{Run, Sandbox};

use super::ab::{EQUAL, SUITE, commit, git, repository};
use crate::stage::{CODSPEED, sandbox};

/// A suite in a project with this limit.
fn project(limit: &str) -> Sandbox {
    let sandbox = sandbox();
    git(&sandbox, &["init", "--quiet", "-b", "main", "."]);
    sandbox.file(".gitignore", "/tmp\n/profile\n/*.json\n/built\n/.local\n");
    sandbox.file("suite", SUITE);
    sandbox.file("times", EQUAL);
    sandbox.file("built", "");
    sandbox.file("codspeed.yml", format!("gate: {{limits: [{{median: {limit}}}]}}\n"));
    commit(&sandbox, "Begin");
    sandbox
}

fn run(sandbox: &Sandbox, options: &[&str], text: &str) -> Run {
    let words = [&["run", "-m", "walltime"], options, &["--", text]].concat();
    sandbox.run(sandbox.private(CODSPEED, words))
}

#[test]
fn a_run_is_judged_as_soon_as_it_is_measured() {
    let sandbox = project("2.5 ms");
    let ended = run(&sandbox, &["--gate"], "sh suite");
    assert_eq!(ended.code, 6, "`three` takes 3 ms: {}", ended.shown());
    assert!(ended.stdout.contains("gate failed: 1 failed"), "{}", ended.stdout);
    let report = "--gate-export=markdown=out.md";
    let ended = run(&sandbox, &["--gate", "--warn-only", report], "sh suite");
    assert_eq!(ended.code, 0, "{}", ended.shown());
    assert!(sandbox.text("out.md").contains("| `three` |"));
    let ended = run(&sandbox, &[], "sh suite");
    assert_eq!(ended.code, 0, "nobody asked: {}", ended.shown());
}

#[test]
fn what_fails_once_is_not_confirmed() {
    let sandbox = project("2.5 ms");
    // The second run is a fast one.
    let text = "sh suite; echo 'three 2000000' > times";
    let ended = run(&sandbox, &["--gate", "--confirm"], text);
    assert_eq!(ended.code, 0, "{}", ended.shown());
    assert!(ended.stdout.contains("not so when it was measured again"), "{}", ended.stdout);
    sandbox.file("times", EQUAL);
    let ended = run(&sandbox, &["--gate", "--confirm"], "sh suite");
    assert_eq!(ended.code, 6, "{}", ended.shown());
    assert!(ended.stdout.contains("measured twice"), "{}", ended.stdout);
}

#[test]
fn a_stored_run_is_measured_again() {
    let sandbox = project("2.5 ms");
    assert_eq!(run(&sandbox, &[], "sh suite").code, 0);
    sandbox.file("times", "three 2000000\n");
    let words = ["gate", "--confirm", "--", "sh suite"];
    let ended = sandbox.run(sandbox.private(CODSPEED, words));
    assert_eq!(ended.code, 0, "{}", ended.shown());
    commit(&sandbox, "Other");
    let ended =
        sandbox.run(sandbox.private(CODSPEED, ["gate", "last~1", "--confirm", "--", "true"]));
    assert_eq!(ended.code, 2, "another commit is checked out: {}", ended.shown());
}

/// The suite outside of Git, measured once: each run is compared with the one before.
fn outside_git() -> Sandbox {
    let sandbox = sandbox();
    sandbox.file("suite", SUITE);
    sandbox.file("times", "three 3000000\n");
    sandbox.file("codspeed.yml", "gate: {limits: [{max-regression: 5%}]}\n");
    let ended = run(&sandbox, &[], "sh suite");
    assert_eq!(ended.code, 0, "{}", ended.shown());
    sandbox.file("times", "three 9000000\n");
    sandbox
}

#[test]
fn both_measurements_are_compared_with_the_same_base() {
    for options in [&["--gate", "--confirm"][..], &["--gate=last", "--confirm"]] {
        let sandbox = outside_git();
        let ended = run(&sandbox, options, "sh suite");
        assert_eq!(ended.code, 6, "{options:?}: {}", ended.shown());
        assert!(ended.stdout.contains("measured twice"), "{}", ended.stdout);
    }
    for base in [&[][..], &["--base", "last~1"]] {
        let sandbox = outside_git();
        assert_eq!(run(&sandbox, &[], "sh suite").code, 0);
        let words = [&["gate"], base, &["--confirm", "--", "sh suite"]].concat();
        let ended = sandbox.run(sandbox.private(CODSPEED, words));
        assert_eq!(ended.code, 6, "{base:?}: {}", ended.shown());
        assert!(ended.stdout.contains("measured twice"), "{}", ended.stdout);
    }
}

#[test]
fn another_second_measurement_confirms_nothing_away() {
    let sandbox = outside_git();
    for name in ["slow", "fast"] {
        sandbox.file("times", if name == "slow" { "three 9000000\n" } else { "three 3000000\n" });
        assert_eq!(run(&sandbox, &["--save-as", name], "sh suite").code, 0);
    }
    for text in ["sed -i s/three/four/ times; sh suite", "sh suite; exit 3"] {
        let words = ["gate", "slow", "--base", "fast", "--confirm", "--", text];
        let ended = sandbox.run(sandbox.private(CODSPEED, words));
        assert_eq!(ended.code, 6, "{text}: {}", ended.shown());
        sandbox.file("times", "three 3000000\n");
    }
}

#[test]
fn both_states_are_judged_by_the_limits() {
    let sandbox = repository();
    sandbox.file("codspeed.yml", "gate: {limits: [{max-regression: 4%}]}\n");
    let ab = |options: &[&str]| {
        let words = [&["ab", "--base", "HEAD~1", "--head", "HEAD", "--build", "touch built"]];
        let words = [words[0], options, &["--", "sh suite"]].concat();
        sandbox.run(sandbox.private(CODSPEED, words))
    };
    let ended = ab(&["--gate"]);
    assert_eq!(ended.code, 6, "{}", ended.shown());
    assert!(ended.stdout.contains("gate failed: 1 failed"), "{}", ended.stdout);
    sandbox.file("codspeed.yml", "gate: {limits: [{max-regression: 10%}]}\n");
    assert_eq!(ab(&["--gate"]).code, 0);
}
