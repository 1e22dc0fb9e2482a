//! Uploads of CI jobs: as whom, in how many parts, and what is not uploaded.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use test_support::{Answer, FakeApi, Gate, Sandbox};

use crate::{
    service::{
        COMMIT, JOB, LOGIN, asked, clone, job, metadata, push, quick, redacted, stranger, the_asked,
    },
    stage::{codspeed, start},
};

const OIDC: &[&str] = &["GET /oidc", "POST /upload", "PUT /storage"];

/// A pull request from a repository with this id; ours has the id 1.
fn pull_request(head: u64) -> Value {
    json!({"repository": {"private": false}, "pull_request": {"number": 7,
        "head": {"ref": "feat", "label": "forker:feat", "repo": {"id": head, "owner": {"login": "forker"}}},
        "base": {"ref": "main", "repo": {"id": 1}}}})
}

#[track_caller]
fn succeeds(sandbox: &Sandbox, options: &[&str]) -> String {
    let run = codspeed(sandbox, quick(options));
    assert_eq!(run.code, 0, "{}", run.shown());
    run.stdout
}

#[track_caller]
fn the_metadata(api: &FakeApi) -> Value {
    let [only] = metadata(api).try_into().unwrap();
    only
}

fn part_ids(api: &FakeApi) -> Vec<String> {
    let id = |metadata: &Value| metadata["runPart"]["runPartId"].as_str().map(str::to_owned);
    metadata(api).iter().filter_map(id).collect()
}

#[test]
fn a_push_requests_its_token_when_the_archive_is_ready() {
    let (sandbox, api) = push();
    let gate = Gate::new();
    api.on("GET /oidc", [Answer::json(r#"{"value": "0idc-token"}"#).held(&gate)]);
    let running = start(&sandbox, quick(&[]));
    api.wait_for(1);
    assert!(sandbox.path().join("profile/.codspeed/archive.tar").is_file());
    gate.open();
    let run = running.end();
    assert_eq!(run.code, 0, "{}", run.shown());
    assert_eq!(api.routes(), OIDC);
    let post = the_asked(&api, "POST /upload");
    assert_eq!(post.header("authorization"), Some("0idc-token"));
    insta::assert_snapshot!("push", redacted(&post.json(), &sandbox));
}

#[test]
fn a_pull_request_is_uploaded_as_such() {
    let (sandbox, api) = job("pull_request", "refs/pull/7/merge", &pull_request(1));
    let sandbox = sandbox.with("GITHUB_BASE_REF", "main").with("CODSPEED_TOKEN", "stat1c-token");
    succeeds(&sandbox, &[]);
    assert_eq!(api.routes(), JOB);
    assert_eq!(the_asked(&api, "POST /upload").header("authorization"), Some("stat1c-token"));
    let told = the_metadata(&api);
    assert_eq!((&told["ref"], &told["headRef"]), (&"refs/pull/7/merge".into(), &"feat".into()));
    assert_eq!((&told["baseRef"], &told["event"]), (&"main".into(), &"pull_request".into()));
}

#[test]
fn a_fork_uploads_without_a_token_and_prints_a_hash() {
    let (sandbox, api) = job("pull_request", "refs/pull/7/merge", &pull_request(2));
    let stdout = succeeds(&sandbox, &[]);
    assert_eq!(api.routes(), JOB);
    let post = the_asked(&api, "POST /upload");
    assert_eq!(post.header("authorization"), None);
    assert_eq!(post.json()["headRef"], "forker:feat");
    assert_eq!(post.json()["tokenless"], true);
    let hash: Vec<String> =
        Sha256::digest(&post.body).iter().map(|byte| format!("{byte:02x}")).collect();
    let line = format!("CodSpeed Run Hash: \"{}\"", hash.concat());
    assert!(stdout.lines().any(|printed| printed == line), "{stdout}");
}

#[test]
fn a_private_repository_without_a_token_fails_early() {
    let private = json!({"repository": {"private": true}});
    let (sandbox, api) = job("push", "refs/heads/main", &private);
    let run = codspeed(&sandbox, ["exec", "--profile-folder", "profile", "--", "touch", "ran"]);
    assert_eq!(run.code, 5, "{}", run.shown());
    assert!(run.stdout.contains("id-token: write"), "{}", run.shown());
    assert!(run.stdout.contains("--skip-upload"), "{}", run.shown());
    assert!(!sandbox.path().join("ran").exists());
    assert_eq!(api.routes(), [""; 0]);
}

#[test]
fn each_part_is_uploaded_and_a_later_command_goes_on_counting() {
    let (sandbox, api) = push();
    let tracer = sandbox.c_program("memtrack", include_str!("../../../fixtures/memtrack.c"));
    let sandbox = sandbox.with("CODSPEED_MEMTRACK", tracer);
    succeeds(&sandbox, &["-m", "walltime,memory"]);
    succeeds(&sandbox, &[]);
    assert_eq!(
        part_ids(&api),
        [
            r#"bench-{"executor":"walltime","run-index":0,"run-part-index":0}"#,
            r#"bench-{"executor":"memory","run-index":1,"run-part-index":1}"#,
            r#"bench-{"executor":"walltime","run-index":2}"#,
        ]
    );
    let second = &metadata(&api)[1]["runPart"];
    assert_eq!(
        second["metadata"],
        json!({"executor": "memory", "run-index": 1, "run-part-index": 1})
    );
    assert_eq!(second["runId"], "9001");
    assert!(metadata(&api).iter().all(|metadata| metadata["localData"].is_null()));
    // A token lives for minutes, and a part may take longer.
    assert_eq!(asked(&api, "GET /oidc").len(), 3);
    let status = sandbox.run(sandbox.command("git", ["status", "--porcelain", ".codspeed"]));
    assert_eq!(status.stdout, "", "what is counted is not seen");
}

#[test]
fn a_part_that_fails_does_not_lose_the_others() {
    let (sandbox, api) = push();
    let tracer = sandbox.c_program("memtrack", include_str!("../../../fixtures/memtrack.c"));
    let sandbox = sandbox.with("CODSPEED_MEMTRACK", tracer);
    let script = "test $CODSPEED_RUNNER_MODE = walltime";
    let words =
        ["exec", "--max-rounds", "3", "-m", "memory,walltime", "--profile-folder", "profile", "--"];
    let run = codspeed(&sandbox, [&words[..], &["sh", "-c", script]].concat());
    assert_ne!(run.code, 0, "{}", run.shown());
    assert_eq!(api.routes(), OIDC);
    assert_eq!(the_metadata(&api)["runner"]["executor"], "walltime");
}

#[test]
fn an_upload_that_failed_is_not_counted() {
    let (sandbox, api) = push();
    api.on("POST /upload", [Answer::text(403, r#"{"error": "no"}"#), api.accepts("run-1")]);
    assert_eq!(codspeed(&sandbox, quick(&[])).code, 5);
    succeeds(&sandbox, &[]);
    let first = r#"bench-{"executor":"walltime","run-index":0}"#;
    assert_eq!(part_ids(&api), [first, first]);
}

#[test]
fn an_event_unknown_to_the_service_is_measured_anyway() {
    let payload = json!({"repository": {"private": true}});
    let (sandbox, api) = job("gollum", "refs/heads/main", &payload);
    let url = api.oidc_url();
    let sandbox = sandbox
        .with("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "r3quest-token")
        .with("ACTIONS_ID_TOKEN_REQUEST_URL", url);
    let stdout = succeeds(&sandbox, &[]);
    assert!(stdout.contains("::warning::results will not be uploaded: "), "{stdout}");
    assert!(sandbox.path().join("profile/results").is_dir());
    assert_eq!(api.routes(), [""; 0]);
}

#[test]
fn an_event_that_the_service_does_not_know_needs_no_token() {
    let payload = json!({"repository": {"private": true}});
    let (sandbox, _api) = job("gollum", "refs/heads/main", &payload);
    succeeds(&sandbox, &[]);
}

#[test]
fn who_waits_in_a_job_asks_with_the_login() {
    let (sandbox, api) = push();
    let sandbox = sandbox.with("CODSPEED_OAUTH_TOKEN", LOGIN);
    let run = codspeed(&sandbox, quick(&["--wait"]));
    assert_eq!(run.code, 6, "{}", run.shown());
    assert_eq!(api.routes(), [OIDC, &["FetchLocalRunReport"]].concat());
    assert_eq!(the_asked(&api, "FetchLocalRunReport").header("authorization"), Some(LOGIN));
}

#[test]
fn gitlab_uploads_without_or_with_the_token_of_the_job() {
    let (sandbox, api) = stranger();
    clone(&sandbox, "https://gitlab.com/grp/sub/proj");
    let folder = sandbox.path().to_owned();
    let sandbox = sandbox
        .with("GITLAB_CI", "true")
        .with("CI_PROJECT_NAMESPACE", "grp/sub")
        .with("CI_PROJECT_NAME", "proj")
        .with("CI_PROJECT_PATH", "grp/sub/proj")
        .with("CI_PIPELINE_SOURCE", "push")
        .with("CI_COMMIT_REF_NAME", "main")
        .with("CI_JOB_ID", "77")
        .with("CI_JOB_NAME", "bench")
        .with("GITLAB_USER_ID", "42")
        .with("GITLAB_USER_LOGIN", "alice")
        .with("CI_PROJECT_DIR", folder);
    let stdout = succeeds(&sandbox, &[]);
    let post = the_asked(&api, "POST /upload");
    assert!(stdout.contains(&format!("CodSpeed Run Hash: \"{}\"", post.body_sha256)), "{stdout}");
    insta::assert_snapshot!("gitlab", redacted(&post.json(), &sandbox));
    succeeds(&sandbox.with("CODSPEED_TOKEN", "stat1c-token"), &[]);
    assert_eq!(asked(&api, "POST /upload")[1].header("authorization"), Some("stat1c-token"));
}

#[test]
fn buildkite_uploads_with_a_token() {
    let (sandbox, api) = stranger();
    clone(&sandbox, "https://github.com/acme/widgets");
    let sandbox = sandbox
        .with("BUILDKITE", "true")
        .with("BUILDKITE_PULL_REQUEST", "12")
        .with("BUILDKITE_PULL_REQUEST_BASE_BRANCH", "main")
        .with("BUILDKITE_REPO", "git@github.com:acme/widgets.git")
        .with("BUILDKITE_BRANCH", "feat");
    let run = codspeed(&sandbox, quick(&[]));
    assert_eq!(run.code, 5, "{}", run.shown());
    assert!(run.stdout.contains("CODSPEED_TOKEN"), "{}", run.shown());
    assert_eq!(api.routes(), [""; 0]);
    succeeds(&sandbox.with("CODSPEED_TOKEN", "stat1c-token"), &[]);
    let told = the_metadata(&api);
    assert_eq!((&told["ref"], &told["headRef"]), (&"refs/pull/12/merge".into(), &"feat".into()));
    assert_eq!(
        (&told["runEnvironment"], &told["commitHash"]),
        (&"BUILDKITE".into(), &COMMIT.into())
    );
}

#[test]
fn another_ci_system_says_itself_what_it_measures() {
    let (sandbox, api) = stranger();
    clone(&sandbox, "https://github.com/acme/widgets");
    let sandbox = sandbox
        .with("CODSPEED_CI_PROVIDER", "generic")
        .with("CODSPEED_CI_REPOSITORY", "https://gitlab.com/grp/sub/proj.git")
        .with("CODSPEED_CI_REF", "refs/heads/main")
        .with("CODSPEED_CI_RUN_ID", "77")
        .with("CODSPEED_CI_JOB", "bench")
        .with("CODSPEED_TOKEN", "stat1c-token");
    succeeds(&sandbox, &[]);
    let told = the_metadata(&api);
    assert_eq!((&told["owner"], &told["repository"]), (&"grp/sub".into(), &"proj".into()));
    assert_eq!((&told["ref"], &told["commitHash"]), (&"refs/heads/main".into(), &COMMIT.into()));
    assert_eq!(told["runPart"]["runId"], "77");
}

#[test]
fn a_refusal_of_the_ci_system_is_not_told_as_one_of_the_service() {
    let (sandbox, api) = push();
    api.on("GET /oidc", [Answer::text(404, "")]);
    let run = codspeed(&sandbox, quick(&[]));
    let shown = run.shown();
    assert_eq!(run.code, 5, "{shown}");
    assert!(shown.contains("the CI system rejected the token request"), "{shown}");
    assert!(!shown.contains("repository: check the spelling"), "{shown}");
    assert_eq!(api.routes(), ["GET /oidc"]);
}
