//! Uploads of a user's own machine: what is asked, what is sent, what is shown.

use serde_json::{Value, json};
use test_support::{Answer, Run, Sandbox};

use crate::{
    service::{
        COMMIT, LOCAL, LOGIN, asked, clone, codspeed_outside, data, files, metadata, names,
        overview, quick, redacted, refusal, stranger, the_asked, unpacked, user,
    },
    stage::{QUICK, codspeed, exec, shown},
};

/// Returns what is printed from the upload on, as far as it is the same in every run.
#[track_caller]
fn of_upload(sandbox: &Sandbox, run: &Run) -> String {
    let Run { code, stdout, stderr } = run.clone();
    let from = |text: &str, mark: &str| text.get(text.find(mark).unwrap()..).unwrap().to_owned();
    let is_amount =
        |line: &&str| line.starts_with("archiving (") || line.starts_with("uploading (");
    let stderr = from(&stderr, "profile folder: ");
    let stderr = stderr.lines().filter(|line| !is_amount(line)).map(|line| format!("{line}\n"));
    shown(sandbox, &Run { code, stdout: from(&stdout, "Impact: "), stderr: stderr.collect() })
}

#[test]
fn a_run_with_a_login_is_uploaded_and_judged() {
    let (sandbox, api) = user();
    let run = codspeed(&sandbox, quick(&[]));
    assert_eq!(run.code, 0, "{}", run.shown());
    assert_eq!(api.routes(), LOCAL);
    insta::assert_snapshot!("local_output", of_upload(&sandbox, &run));

    let post = the_asked(&api, "POST /upload");
    assert_eq!(post.header("authorization"), Some(LOGIN));
    assert_eq!(post.header("content-type"), Some("application/json"));
    assert_eq!(post.header("user-agent"), Some("codspeed-runner"));
    assert_eq!(post.json()["commitHash"], COMMIT);
    insta::assert_snapshot!("local_metadata", redacted(&post.json(), &sandbox));

    let put = the_asked(&api, "PUT /storage");
    assert_eq!(put.target, "/storage?signature=secret");
    assert_eq!(put.header("authorization"), None);
    assert_eq!(put.header("content-type"), Some("application/x-tar"));
    assert_eq!(put.header("content-encoding"), None);
    assert_eq!(put.header("content-length"), Some(put.body_len.to_string().as_str()));
    assert_eq!(put.header("transfer-encoding"), None);
    assert_eq!(put.header("content-md5"), post.json()["profileMd5"].as_str());
    let sent = unpacked(&put.body);
    assert!(sent.keys().any(|name| name.starts_with("results/")), "{:?}", sent.keys());
    assert!(sent.contains_key("runner.log"), "{:?}", sent.keys());
    assert_eq!(sent, files(&sandbox.path().join("profile")));
    assert_eq!(names(&sandbox.path().join("profile/.codspeed")), ["run.json"]);
}

#[test]
fn a_run_is_compared_with_a_base() {
    let (sandbox, api) = user();
    let row = json!({"benchmark": {"name": "true", "executor": "walltime"}, "value": 0.002,
        "baseValue": 0.001, "change": -0.5, "category": "Regression", "status": "Regression",
        "result": null});
    let comparison = json!({"impact": -0.5, "url": "http://service.test/c",
        "resultComparisons": [row], "headRun": {"id": "run-1", "status": "COMPLETED"}});
    let found = data(&json!({"repository": {"paginatedCompareRuns": comparison}}));
    api.on("CompareRuns", [found, refusal("RUN_NOT_FOUND")]);
    let run = codspeed(&sandbox, quick(&["--base", "run-0"]));
    assert_eq!(run.code, 0, "{}", run.shown());
    insta::assert_snapshot!("compared", of_upload(&sandbox, &run));
    let variables = &the_asked(&api, "CompareRuns").json()["variables"];
    assert_eq!(
        (&variables["baseRunId"], &variables["headRunId"]),
        (&"run-0".into(), &"run-1".into())
    );

    let run = codspeed(&sandbox, quick(&["--base", "run-0"]));
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(run.stderr.contains("can't compare with run run-0: run not found"), "{}", run.stderr);
}

#[test]
fn a_regression_is_an_exit_code_for_who_waits_for_it() {
    let (sandbox, _api) = user();
    let run = codspeed(&sandbox, quick(&["--wait"]));
    assert_eq!(run.code, 6, "{}", run.shown());
}

#[test]
fn messages_name_the_run_of_the_service() {
    let (sandbox, _api) = user();
    let run = codspeed(&sandbox, quick(&["--message-format", "json"]));
    assert_eq!(run.code, 0, "{}", run.shown());
    let events: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| events.iter().find(|event| event["event"] == kind).unwrap();
    assert_eq!(of("run_finished")["run_id"], "run-1");
}

#[track_caller]
fn goes_to_the_project(answer: Answer, reason: &str) {
    let (sandbox, api) = user();
    api.on("SessionAndRepositoryOverview", [answer]);
    let run = codspeed(&sandbox, quick(&[]));
    assert_eq!(run.code, 0, "{}", run.shown());
    let told = format!("{reason}: uploading to the project alice/local-runs");
    assert!(run.stderr.contains(&told), "{}", run.stderr);
    let [metadata] = metadata(&api).try_into().unwrap();
    let of_project = ["repositoryProvider", "owner", "repository"].map(|key| metadata[key].clone());
    assert_eq!(of_project, ["PROJECT", "alice", "local-runs"]);
    let no_commit = Value::from("a".repeat(40));
    assert_eq!((&metadata["ref"], &metadata["commitHash"]), (&no_commit, &no_commit));
    assert_eq!(metadata["headRef"], Value::Null);
}

#[test]
fn a_repository_that_the_service_does_not_know_has_a_project() {
    let session = json!({"user": {"login": "alice", "provider": "GITHUB"}});
    let none = data(&json!({"session": session, "repositoryOverview": null}));
    goes_to_the_project(none, "CodSpeed has no repository acme/widgets");
}

#[test]
fn a_repository_that_one_may_not_write_to_has_a_project() {
    goes_to_the_project(
        overview("Repository", false),
        "you don't have write access to acme/widgets",
    );
}

#[test]
fn a_repository_that_is_not_enabled_has_a_project() {
    let answer = overview("AvailableRepository", true);
    goes_to_the_project(answer, "acme/widgets is not enabled at CodSpeed");
}

#[test]
fn a_folder_without_a_repository_has_a_project() {
    let (sandbox, api) = stranger();
    let sandbox = sandbox.with("CODSPEED_OAUTH_TOKEN", LOGIN);
    let run = codspeed_outside(&sandbox, quick(&[]));
    assert_eq!(run.code, 0, "{}", run.shown());
    assert_eq!(api.routes(), ["Mutation", "POST /upload", "PUT /storage", "FetchLocalRunReport"]);
    let [metadata] = metadata(&api).try_into().unwrap();
    assert_eq!(metadata["repositoryRootPath"], "/tmp");
    assert_eq!(metadata["repositoryProvider"], "PROJECT");
}

#[test]
fn a_repository_that_was_named_is_the_one_or_none() {
    let (sandbox, api) = user();
    api.on("SessionAndRepositoryOverview", [overview("Repository", false)]);
    let run = codspeed(&sandbox, quick(&["--repository", "acme/widgets"]));
    assert_eq!(run.code, 5, "{}", run.shown());
    assert!(run.stderr.contains("you don't have write access to acme/widgets"), "{}", run.stderr);
    assert_eq!(api.routes(), ["SessionAndRepositoryOverview"]);
    assert!(sandbox.path().join("profile/.codspeed/run.json").is_file());
}

#[test]
fn without_a_login_and_where_it_is_not_wanted_nobody_is_asked() {
    let (sandbox, api) = stranger();
    clone(&sandbox, "https://github.com/acme/widgets");
    let run = codspeed(&sandbox, quick(&[]));
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(run.stderr.contains("results kept locally"), "{}", run.stderr);
    let sandbox = sandbox.with("CODSPEED_OAUTH_TOKEN", LOGIN);
    let run = codspeed(&sandbox, quick(&["--skip-upload"]));
    assert_eq!(run.code, 0, "{}", run.shown());
    let run = codspeed(&sandbox, ["status"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    assert_eq!(api.routes(), [""; 0]);
}

#[test]
fn the_login_of_a_profile_counts() {
    let (sandbox, api) = stranger();
    clone(&sandbox, "https://github.com/acme/widgets");
    let login = sandbox.command("mkdir", ["-p", ".config/codspeed"]);
    assert_eq!(sandbox.run(login).code, 0);
    sandbox.file(
        ".config/codspeed/config.yaml",
        format!("version: 1\nprofiles:\n  default:\n    auth:\n      token: {LOGIN}\n"),
    );
    let run = codspeed(&sandbox, quick(&[]));
    assert_eq!(run.code, 0, "{}", run.shown());
    assert_eq!(asked(&api, "POST /upload")[0].header("authorization"), Some(LOGIN));
}

#[test]
fn several_parts_of_a_command_are_one_run() {
    let (sandbox, api) = user();
    let tracer = sandbox.c_program("memtrack", include_str!("../../../fixtures/memtrack.c"));
    let sandbox = sandbox.with("CODSPEED_MEMTRACK", tracer);
    let run = codspeed(&sandbox, quick(&["-m", "walltime,memory"]));
    assert_eq!(run.code, 0, "{}", run.shown());
    let [first, second] = metadata(&api).try_into().unwrap();
    assert_eq!(first["runPart"]["runId"], second["runPart"]["runId"]);
    let id = |metadata: &Value| metadata["runPart"]["runPartId"].as_str().unwrap().to_owned();
    assert_eq!(id(&first), r#"local-job-{"executor":"walltime","run-part-index":0}"#);
    assert_eq!(id(&second), r#"local-job-{"executor":"memory","run-part-index":1}"#);
    let both = json!({"expectedRunPartsCount": 2});
    assert_eq!((&first["localData"], &second["localData"]), (&both, &both));
    assert_eq!(asked(&api, "FetchLocalRunReport").len(), 1);
}

#[test]
fn a_token_without_a_repository_fails_before_anything_runs() {
    let (sandbox, api) = stranger();
    let sandbox = sandbox.with("CODSPEED_TOKEN", "of-a-repository");
    let run = exec(&sandbox, QUICK, &["touch", "made"]);
    assert_eq!(run.code, 5, "{}", run.stderr);
    assert!(run.stderr.contains("error: the run doesn't belong to a repository"), "{}", run.stderr);
    assert!(
        run.stderr.contains("use `--skip-upload` to measure without uploading"),
        "{}",
        run.stderr
    );
    assert!(!sandbox.path().join("made").exists() && api.requests().is_empty());
}
