//! `--gate` of runs whose results are uploaded: the judgement and the upload don't depend on each other.

use nix::sys::signal::Signal;
use serde_json::Value;
use test_support::{Answer, FakeApi, Gate, Run, Sandbox};

use super::ab::{SUITE, commit};
use crate::{
    service::{LOCAL, metadata, the_asked, unpacked, user},
    stage::CODSPEED,
};

/// A user whose suite says the times of a file, in a project with this limit.
fn project(limit: &str) -> (Sandbox, FakeApi) {
    let (sandbox, api) = user();
    sandbox.file(".gitignore", "/tmp\n/profile\n/*.json\n/built\n/.local\n");
    sandbox.file("suite", SUITE);
    sandbox.file("built", "");
    sandbox.file("times", "three 3000000\n");
    sandbox.file("codspeed.yml", format!("gate: {{limits: [{{median: {limit}}}]}}\n"));
    commit(&sandbox, "Suite");
    (sandbox, api)
}

fn run(sandbox: &Sandbox, options: &[&str], text: &str) -> Run {
    let words = [&["run", "-m", "walltime"], options, &["--", text]].concat();
    sandbox.run(sandbox.private(CODSPEED, words))
}

#[track_caller]
fn says(run: &Run, code: i32, stdout: &str, stderr: &str) {
    assert_eq!(run.code, code, "{}", run.shown());
    assert!(run.stdout.contains(stdout), "{}", run.shown());
    assert!(run.stderr.contains(stderr), "{}", run.shown());
}

#[test]
fn a_failed_upload_loses_no_judgement() {
    let refused = || [Answer::text(403, "no")];
    let not_sent = "error: could not register the run";
    let (sandbox, api) = project("2.5 ms");
    api.on("POST /upload", refused());
    let failed = run(&sandbox, &["--gate", "--gate-export=json=out.json"], "sh suite");
    says(&failed, 6, "gate failed: 1 failed", not_sent);
    assert!(failed.stderr.contains("`codspeed upload "), "{}", failed.stderr);
    let report: Value = serde_json::from_str(&sandbox.text("out.json")).unwrap();
    assert_eq!(report["passed"], false);
    let warned = run(&sandbox, &["--gate", "--warn-only"], "sh suite");
    says(&warned, 5, "gate failed: 1 failed", "the results were judged, but not uploaded");
    let confirmed = run(&sandbox, &["--gate", "--confirm"], "sh suite");
    says(&confirmed, 6, "measured twice", not_sent);

    let (sandbox, api) = project("3.5 ms");
    api.on("POST /upload", refused());
    let passed = run(&sandbox, &["--gate"], "sh suite");
    says(&passed, 5, "gate passed", "the results were judged, but not uploaded");
    let few = ["exec", "-m", "walltime", "--warmup-time", "0", "--max-rounds", "3", "--gate"];
    sandbox.file("codspeed.yml", "gate: {limits: [{median: 1 h}]}\n");
    let words = [&few[..], &["--", "true"]].concat();
    says(&sandbox.run(sandbox.private(CODSPEED, words)), 5, "gate passed", not_sent);
}

#[test]
fn a_failed_benchmark_weighs_more_than_a_failed_upload() {
    let (sandbox, api) = project("3.5 ms");
    api.on("POST /upload", [Answer::text(403, "no")]);
    sandbox.file("codspeed.yml", "benchmarks:\n- entrypoint: sh suite\n- entrypoint: exit 3\n");
    for gate in [&[][..], &["--gate"]] {
        let words = [&["run", "-m", "walltime"], gate].concat();
        let ended = sandbox.run(sandbox.private(CODSPEED, words));
        says(&ended, 1, "", "error: could not register the run");
    }
}

#[test]
fn the_measurement_that_is_judged_is_uploaded_once() {
    let (sandbox, api) = project("2.5 ms");
    // The second run is a fast one, in the same folder.
    let text = "sh suite; echo 'three 2000000' > times";
    let options = ["--gate", "--confirm", "--profile-folder", "profile"];
    let ended = run(&sandbox, &options, text);
    says(&ended, 0, "not so when it was measured again", "uploaded to acme/widgets");
    assert_eq!(metadata(&api).len(), 1, "{}", ended.shown());
    let sent = unpacked(&the_asked(&api, "PUT /storage").body);
    let results = sent.iter().find(|(name, _)| name.starts_with("results/")).unwrap().1;
    let results = String::from_utf8_lossy(results);
    assert!(results.contains("3000000") && !results.contains("2000000"), "{results}");
}

#[test]
fn ctrl_c_in_the_upload_shows_the_judgement_and_ends() {
    let (sandbox, api) = project("2.5 ms");
    let held = Gate::new();
    api.on("POST /upload", [Answer::text(200, "").held(&held)]);
    let words = ["run", "-m", "walltime", "--gate", "--confirm", "--on-regression", "touch told"];
    let words = [&words[..], &["--", "sh suite; echo >> runs"]].concat();
    let running = sandbox.start(sandbox.private(CODSPEED, words));
    api.wait_for(LOCAL.iter().position(|asked| *asked == "POST /upload").unwrap() + 1);
    running.signal(Signal::SIGINT);
    let ended = running.end();
    says(&ended, 130, "gate failed: 1 failed", "`codspeed upload ");
    assert_eq!(sandbox.text("runs").lines().count(), 1, "nothing is measured again");
    assert!(!sandbox.path().join("told").exists(), "nobody is told of half a judgement");
}

#[test]
fn the_service_may_find_a_regression_that_the_gate_does_not() {
    let (sandbox, _api) = project("3.5 ms");
    let ended = run(&sandbox, &["--gate", "--wait"], "sh suite");
    says(&ended, 6, "gate passed", "");
}

#[test]
fn a_gate_is_refused_where_no_run_can_be_recorded() {
    let (sandbox, api) = project("3.5 ms");
    sandbox.file("file", "");
    let sandbox = sandbox.with("CODSPEED_STORE", "file");
    let ended = run(&sandbox, &["--gate"], "touch measured");
    says(&ended, 1, "", "no run can be recorded in `file`: ");
    assert!(ended.stderr.contains("hint: set CODSPEED_STORE"), "{}", ended.stderr);
    assert!(!sandbox.path().join("measured").exists(), "nothing is measured in vain");
    let words = ["--gate", "--skip-run", "--profile-folder", "profile"];
    let refused = run(&sandbox, &words, "true");
    says(&refused, 2, "", "cannot be used with");
    assert_eq!(metadata(&api).len(), 0);
}
