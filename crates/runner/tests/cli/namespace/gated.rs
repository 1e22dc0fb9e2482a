//! `--gate` of commands that measure: suites that say the times that a file of theirs holds.

use nix::sys::signal::Signal;
use serde_json::Value;
use test_support::{Run, Sandbox};

use super::ab::{EQUAL, SUITE, commit, git, repository};
use crate::{
    stage::{CODSPEED, sandbox},
    stored::sharing,
};

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
fn a_measured_run_has_its_base_in_the_shared_store() {
    let sandbox = outside_git();
    let sandbox = sharing(sandbox);
    sandbox.file("times", "three 3000000\n");
    assert_eq!(run(&sandbox, &[], "sh suite").code, 0);
    sandbox.file("times", "three 9000000\n");
    let sandbox = sandbox.with("CODSPEED_STORE", "another");
    let ended = run(&sandbox, &["--gate"], "sh suite");
    assert_eq!(ended.code, 6, "{}", ended.shown());
    assert!(ended.stderr.contains("comparing with"), "{}", ended.stderr);
}

#[test]
fn a_named_branch_gives_the_run_with_the_same_benchmarks() {
    let sandbox = project("1 h");
    sandbox.file("codspeed.yml", "gate: {limits: [{max-regression: 5%}]}\n");
    for times in ["three 3000000\n", "other 1000000\n"] {
        sandbox.file("times", times);
        assert_eq!(run(&sandbox, &[], "sh suite").code, 0);
        commit(&sandbox, times);
    }
    sandbox.file("times", "three 90000000\n");
    let ended = run(&sandbox, &["--gate=main"], "sh suite");
    assert_eq!(ended.code, 6, "{}", ended.shown());
}

#[test]
fn a_gate_accepts_that_nothing_is_measured_if_told_so() {
    let sandbox = project("1 h");
    let ended = run(&sandbox, &["--gate", "--allow-empty"], "true");
    assert_eq!(ended.code, 0, "{}", ended.shown());
    assert_eq!(run(&sandbox, &["--gate"], "true").code, 4);
}

#[test]
fn an_address_that_is_none_is_refused_before() {
    let sandbox = project("1 h").with("CODSPEED_SHARED_STORE", "nonsense");
    let ended = run(&sandbox, &["--gate"], "touch measured");
    assert_eq!(ended.code, 2, "{}", ended.shown());
    assert!(!sandbox.path().join("measured").exists());
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
    let mut gate = sandbox.private(CODSPEED, words);
    gate.env("CODSPEED_TOKEN", "s3cret");
    let ended = sandbox.run(gate);
    assert_eq!(ended.code, 0, "{}", ended.shown());
    assert!(ended.stdout.contains("not so when it was measured again"), "{}", ended.stdout);
    commit(&sandbox, "Other");
    let words = ["gate", "last~1", "--on-regression", "touch told", "--confirm", "--", "true"];
    let ended = sandbox.run(sandbox.private(CODSPEED, words));
    assert_eq!(ended.code, 2, "another commit is checked out: {}", ended.shown());
    assert!(ended.stdout.contains("gate failed: 1 failed"), "{}", ended.stdout);
    assert!(sandbox.path().join("told").exists(), "the first measurement counts");
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

#[test]
fn a_command_is_judged_as_soon_as_it_is_measured() {
    let sandbox = project("1 ns");
    let exec = |options: &[&str], command: &[&str]| {
        let few = ["exec", "-m", "walltime", "--warmup-time", "0", "--max-rounds", "3"];
        let words = [&few, options, &["--"], command].concat();
        sandbox.run(sandbox.private(CODSPEED, words))
    };
    let ended = exec(&["--gate", "--gate-export", "json=-"], &["true"]);
    assert_eq!(ended.code, 6, "no process ends within a nanosecond: {}", ended.shown());
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["checks"][0]["name"], "true", "{report}");
    let ended = exec(&["--gate", "--confirm"], &["true"]);
    assert_eq!(ended.code, 6, "{}", ended.shown());
    assert!(ended.stdout.contains("measured twice"), "{}", ended.stdout);
    sandbox.file("codspeed.yml", "gate: {limits: [{median: 1 h}]}\n");
    let ended = exec(&["--gate"], &["true"]);
    assert_eq!(ended.code, 0, "{}", ended.shown());
    assert!(ended.stdout.contains("gate passed"), "{}", ended.stdout);
    let several: [&[&str]; 2] = [&["--vs", "true"], &["-L", "n=1,2"]];
    for options in several {
        let ended = exec(&[&["--gate"], options].concat(), &["touch", "measured-{n}"]);
        assert_eq!(ended.code, 2, "{}", ended.shown());
        assert!(ended.stderr.contains("use `--fail-if-slower`"), "{}", ended.stderr);
    }
    assert!(!sandbox.path().join("measured-{n}").exists());
    assert!(!sandbox.path().join("measured-1").exists());
}

#[test]
fn the_words_of_a_gate_need_one() {
    let sandbox = repository();
    let measured = sandbox.path().join("measured");
    let place = measured.to_str().unwrap();
    let text = format!("touch {place}");
    let exec = ["exec", "-m", "walltime", "--warmup-time", "0", "--max-rounds", "1"];
    let verbs: [(&[&str], &[&str]); 3] = [
        (&["run", "-m", "walltime"], &[&text]),
        (&exec, &["touch", place]),
        (&["ab", "-m", "walltime", "--base", "HEAD~1", "--no-build"], &[&text]),
    ];
    let options: [&[&str]; 3] = [&["--strict"], &["--warn-only"], &["--on-regression", "true"]];
    for (words, command) in verbs {
        for option in options {
            let words = [words, option, &["--"], command].concat();
            let ended = sandbox.run(sandbox.private(CODSPEED, words));
            assert_eq!(ended.code, 2, "{}", ended.shown());
            let said = format!("`{}` has no effect without `--gate`", option[0]);
            assert!(ended.stderr.contains(&said), "{}", ended.stderr);
            assert!(!measured.exists(), "something was measured: {}", ended.shown());
        }
        let words = [words, &["--"], command].concat();
        let ended = sandbox.run(sandbox.private(CODSPEED, words));
        assert!(measured.exists(), "without such an option it is: {}", ended.shown());
        std::fs::remove_file(&measured).unwrap();
    }
}

#[test]
fn what_may_be_measured_twice_is_not_standard_output() {
    let sandbox = project("2.5 ms");
    let ended = run(&sandbox, &["--gate", "--confirm", "--export=json=-"], "sh suite");
    assert_eq!((ended.code, &*ended.stdout), (2, ""), "{}", ended.shown());
    let words = ["compare", "--json", "--export=csv=-"];
    let ended = sandbox.run(sandbox.private(CODSPEED, words));
    assert_eq!((ended.code, &*ended.stdout), (2, ""), "{}", ended.shown());
    assert!(ended.stderr.contains("can't both use standard output"), "{}", ended.stderr);
}

#[test]
fn the_report_of_a_gate_is_data_on_standard_output() {
    let sandbox = project("2.5 ms");
    let ended = run(&sandbox, &["--gate", "--gate-export", "json=-"], "sh suite");
    assert_eq!(ended.code, 6, "{}", ended.shown());
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["passed"], false);
    let twice: [&[&str]; 3] =
        [&["--gate-export", "junit=-"], &["--export", "json=-"], &["--message-format", "json"]];
    for other in twice {
        let options = [&["--gate", "--gate-export", "json=-"], other].concat();
        let ended = run(&sandbox, &options, "touch measured");
        assert_eq!(ended.code, 2, "{other:?}: {}", ended.shown());
    }
    assert!(!sandbox.path().join("measured").exists());
}

#[test]
fn an_error_of_the_second_measurement_loses_no_report() {
    let sandbox = project("2.5 ms");
    assert_eq!(run(&sandbox, &[], "sh suite").code, 0);
    let ended = sandbox.run(sandbox.private(CODSPEED, ["gate", "--confirm", "--", "true"]));
    assert_eq!(ended.code, 6, "no results: {}", ended.shown());
    assert!(ended.stdout.contains("the second measurement failed"), "{}", ended.stdout);
}

#[test]
fn ctrl_c_in_the_second_measurement_shows_the_first() {
    let sandbox = project("2.5 ms");
    assert_eq!(run(&sandbox, &[], "sh suite").code, 0);
    sandbox.fifo("hold");
    let folder = sandbox.path().display();
    let hold = format!("(read x < {folder}/hold) & echo > {folder}/ready; wait; sh suite");
    let gate = ["gate", "--on-regression", "touch told", "--export", "json=out.json", "--confirm"];
    for words in [
        [&gate[..], &["--", &hold]].concat(),
        vec![
            "run",
            "-m",
            "walltime",
            "--gate",
            "--on-regression",
            "touch told",
            "--gate-export",
            "json=out.json",
            "--confirm",
            "--",
            "test -e first || exec sh again; rm first; sh suite",
        ],
    ] {
        sandbox.file("first", "");
        sandbox.file("again", &hold);
        let mut ready = sandbox.notice("ready");
        let running = sandbox.start(sandbox.private(CODSPEED, words));
        ready.wait();
        running.signal(Signal::SIGINT);
        let ended = running.end();
        assert_eq!(ended.code, 130, "{}", ended.shown());
        assert!(
            ended.stdout.contains("the second measurement was interrupted"),
            "{}",
            ended.shown()
        );
        let report: Value = serde_json::from_str(&sandbox.text("out.json")).unwrap();
        assert_eq!(report["passed"], false);
        assert!(!sandbox.path().join("told").exists(), "nobody is told of half a report");
        std::fs::remove_file(sandbox.path().join("ready")).unwrap();
    }
}
