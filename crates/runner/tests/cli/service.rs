//! Shared parts of the tests of uploads: a fake service that knows a user and a repository, and what it was told.

use std::{collections::BTreeMap, ffi::OsStr, io::Read, path::Path};

use runner_shared::text::shown;
use serde_json::{Value, json};
use test_support::{Answer, FakeApi, Request, Run, Sandbox, redact};

use crate::stage::{CODSPEED, QUICK, sandbox};

/// The login of the user.
pub(crate) const LOGIN: &str = "login-t0ken";

/// The requests of an upload of a user with a repository, in this order.
pub(crate) const LOCAL: &[&str] =
    &["SessionAndRepositoryOverview", "POST /upload", "PUT /storage", "FetchLocalRunReport"];

/// The requests of an upload of a CI job.
pub(crate) const JOB: &[&str] = &["POST /upload", "PUT /storage"];

/// A sandbox that uploads to a service, without a login.
#[track_caller]
pub(crate) fn stranger() -> (Sandbox, FakeApi) {
    let api = FakeApi::start();
    api.on("SessionAndRepositoryOverview", [overview("Repository", true)]);
    api.on(
        "FetchLocalRunReport",
        [report(&json!([{"id": "1", "impact": -0.25, "conclusion": "Failure"}]))],
    );
    let project = json!({"provider": "PROJECT", "owner": "alice", "name": "local-runs"});
    api.on("Mutation", [data(&json!({"getOrCreateProjectRepository": project}))]);
    let sandbox = sandbox()
        .with("CODSPEED_API_URL", api.graphql_url())
        .with("CODSPEED_UPLOAD_URL", api.upload_url());
    (sandbox, api)
}

/// The same with a login, in a clone of `acme/widgets`.
#[track_caller]
pub(crate) fn user() -> (Sandbox, FakeApi) {
    let (sandbox, api) = stranger();
    clone(&sandbox, "git@github.com:acme/widgets.git");
    (sandbox.with("CODSPEED_OAUTH_TOKEN", LOGIN), api)
}

/// A job of GitHub Actions for this event, which is described by `payload`.
#[track_caller]
pub(crate) fn job(event: &str, reference: &str, payload: &Value) -> (Sandbox, FakeApi) {
    let (sandbox, api) = stranger();
    clone(&sandbox, "https://github.com/acme/widgets");
    let path = sandbox.file("event.json", payload.to_string());
    let sandbox = sandbox
        .with("GITHUB_ACTIONS", "true")
        .with("GITHUB_REPOSITORY", "acme/widgets")
        .with("GITHUB_EVENT_PATH", path)
        .with("GITHUB_EVENT_NAME", event)
        .with("GITHUB_REF", reference)
        .with("GITHUB_JOB", "bench")
        .with("GITHUB_RUN_ID", "9001")
        .with("GITHUB_ACTOR", "alice")
        .with("GITHUB_ACTOR_ID", "42");
    (sandbox, api)
}

/// A job of a push that may ask for a token.
#[track_caller]
pub(crate) fn push() -> (Sandbox, FakeApi) {
    let private = json!({"repository": {"private": true}});
    let (sandbox, api) = job("push", "refs/heads/main", &private);
    let url = api.oidc_url();
    (
        sandbox
            .with("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "r3quest-token")
            .with("ACTIONS_ID_TOKEN_REQUEST_URL", url),
        api,
    )
}

/// Makes the sandbox a repository with one commit, which is always the same.
#[track_caller]
pub(crate) fn clone(sandbox: &Sandbox, remote: &str) {
    let git = |args: &[&str]| {
        let mut git = sandbox.command("git", args);
        for who in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{who}_NAME"), "Alice")
                .env(format!("GIT_{who}_EMAIL"), "alice@example.test")
                .env(format!("GIT_{who}_DATE"), "2026-01-01T00:00:00Z");
        }
        let run = sandbox.run(git);
        assert_eq!(run.code, 0, "{}", run.shown());
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["commit", "--quiet", "--allow-empty", "--message=begin"]);
    git(&["remote", "add", "origin", remote]);
}

/// The commit of [`clone`].
pub(crate) const COMMIT: &str = "1ca43834d398820f902f227cd39d14936ca2ac00";

/// `codspeed` in a folder that belongs to no repository.
#[track_caller]
pub(crate) fn codspeed_outside<S: AsRef<OsStr>>(
    sandbox: &Sandbox,
    args: impl IntoIterator<Item = S>,
) -> Run {
    let mut words =
        vec!["-c".into(), "cd /tmp && exec \"$@\"".into(), "sh".into(), CODSPEED.into()];
    words.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
    sandbox.run(sandbox.private("sh", words))
}

/// A quick benchmark, into the folder `profile`.
pub(crate) fn quick<'a>(options: &[&'a str]) -> Vec<&'a str> {
    [&["exec", "--profile-folder", "profile"], QUICK, options, &["--", "true"]].concat()
}

/// An answer of GraphQL.
pub(crate) fn data(data: &Value) -> Answer {
    Answer::json(&json!({ "data": data }).to_string())
}

/// A refusal of GraphQL.
pub(crate) fn refusal(code: &str) -> Answer {
    let error = json!({"message": "no", "extensions": {"code": code}});
    Answer::json(&json!({"data": null, "errors": [error]}).to_string())
}

/// The user, and what they may do with `acme/widgets`, which is of this kind.
pub(crate) fn overview(kind: &str, may_write: bool) -> Answer {
    let session = json!({"user": {"login": "alice", "provider": "GITHUB"}});
    let repository = json!({"__typename": kind, "owner": "acme", "name": "widgets",
        "provider": "GITHUB", "hasWriteAccess": may_write});
    data(&json!({"session": session, "repositoryOverview": repository}))
}

/// Returns what the service has found out about a run.
pub(crate) fn report(head_reports: &Value) -> Answer {
    let result = json!({"benchmark": {"name": "true", "executor": "walltime"}, "value": 0.00123,
        "valgrind": null, "walltime": {"iterations": 3, "stdev": 0.000_01, "totalTime": 0.004},
        "memory": null});
    let run = json!({"id": "run-1", "status": "COMPLETED", "url": "http://service.test/run-1",
        "headReports": head_reports, "results": [result]});
    let repository = json!({"settings": {"allowedRegression": 0.1}, "run": run});
    data(&json!({ "repository": repository }))
}

/// The requests of a route.
pub(crate) fn asked(api: &FakeApi, route: &str) -> Vec<Request> {
    api.requests().into_iter().filter(|request| request.route == route).collect()
}

/// The one request of a route.
#[track_caller]
pub(crate) fn the_asked(api: &FakeApi, route: &str) -> Request {
    let [only] = asked(api, route).try_into().unwrap();
    only
}

/// The metadata of all uploads.
pub(crate) fn metadata(api: &FakeApi) -> Vec<Value> {
    asked(api, "POST /upload").iter().map(Request::json).collect()
}

/// Whether a value may be true.
type IsSensible = fn(&Value) -> bool;

/// Returns what of metadata is the same on every machine.
#[track_caller]
pub(crate) fn redacted(metadata: &Value, sandbox: &Sandbox) -> String {
    const RUNNER: &[(&str, IsSensible)] = &[
        ("version", |value| value == env!("CARGO_PKG_VERSION")),
        ("os", is_filled),
        ("osVersion", is_filled),
        ("arch", |value| value == std::env::consts::ARCH),
        ("host", is_filled),
        ("user", is_filled),
        ("cpuBrand", is_filled),
        ("cpuName", |value| value == "cpu0"),
        ("cpuVendorId", is_filled),
        ("cpuCores", is_positive),
        ("totalMemoryGb", is_positive),
        ("cpuFlags", Value::is_array),
    ];
    let mut metadata = metadata.clone();
    for (name, is_sensible) in RUNNER {
        let value = &mut metadata["runner"][name];
        assert!(is_sensible(value), "{name}: {value}");
        *value = format!("[{name}]").into();
    }
    assert_eq!(metadata["profileMd5"].as_str().unwrap().len(), 24);
    metadata["profileMd5"] = "[md5]".into();
    if metadata["event"] == "local" {
        let id = &mut metadata["runPart"]["runId"];
        assert_eq!(id.as_str().map(str::len), Some(36), "{id}");
        *id = "[uuid]".into();
    }
    redact(&serde_json::to_string_pretty(&metadata).unwrap(), sandbox)
}

fn is_filled(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty())
}

fn is_positive(value: &Value) -> bool {
    value.as_u64().is_some_and(|number| number > 0)
}

/// The files of an archive.
#[track_caller]
pub(crate) fn unpacked(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(archive).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        if entry.header().entry_type().is_file() {
            files.insert(shown(&*entry.path().unwrap()).into_owned(), content);
        }
    }
    files
}

/// The files of a folder and what is below it, without those of `.codspeed`.
#[track_caller]
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = shown(&path.strip_prefix(folder).unwrap()).into_owned();
            if path.is_dir() && name != ".codspeed" {
                folders.push(path);
            } else if path.is_file() {
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Returns what lies in a folder, by name.
#[track_caller]
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
