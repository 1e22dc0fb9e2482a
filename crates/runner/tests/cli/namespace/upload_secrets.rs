//! Tokens: nothing that is printed, kept or sent to anybody else has one, not even when the service repeats it.

use test_support::{Answer, FakeApi, Sandbox};

use crate::{
    service::{LOGIN, files, push, the_asked, user},
    stage::codspeed,
};

const STATIC: &str = "stat1c-token";
const OIDC: &str = "0idc-token";
const REQUEST: &str = "r3quest-token";

fn echo(token: &str) -> Answer {
    Answer::text(401, &format!(r#"{{"error": "what is {token}?"}}"#))
}

/// Measures something that looks around, uploads as loudly as possible, and looks for the tokens everywhere.
#[track_caller]
fn nobody_shows(tokens: &[&str], sandbox: &Sandbox, api: &FakeApi, options: &[&str], code: i32) {
    let sent = the_loud_run(tokens, sandbox, options, code);
    assert!(sent.contains("***"), "the echo was not shown at all: {sent}");
    for request in api.requests().iter().filter(|request| request.route.starts_with("PUT")) {
        hidden(tokens, "archive", &request.body);
    }
}

#[track_caller]
fn the_loud_run(tokens: &[&str], sandbox: &Sandbox, options: &[&str], code: i32) -> String {
    let look = "env; tr '\\0' '\\n' < /proc/$PPID/environ; cat /proc/$PPID/cmdline";
    let script = format!("({look}) > seen");
    let words =
        ["exec", "--max-rounds", "1", "--profile-folder", "profile", "-vv", "--show-full-output"];
    let run = codspeed(sandbox, [&words[..], options, &["--", "sh", "-c", &script]].concat());
    assert_eq!(run.code, code, "{}", run.shown());
    hidden(tokens, "stdout", run.stdout.as_bytes());
    hidden(tokens, "stderr", run.stderr.as_bytes());
    hidden(tokens, "environment", sandbox.text("seen").as_bytes());
    assert!(sandbox.text("seen").contains("CODSPEED_RUNNER_MODE"));
    let folder = sandbox.path().join("profile");
    for (name, content) in files(&folder).into_iter().chain(files(&folder.join(".codspeed"))) {
        hidden(tokens, &name, &content);
    }
    run.stdout + &run.stderr
}

#[track_caller]
pub(super) fn hidden(tokens: &[&str], place: &str, content: &[u8]) {
    for token in tokens {
        let is_there = content.windows(token.len()).any(|window| window == token.as_bytes());
        assert!(!is_there, "{place} has the token {token}: {}", String::from_utf8_lossy(content));
    }
}

#[test]
fn a_login_is_never_shown() {
    let (sandbox, api) = user();
    api.on("POST /upload", [echo(LOGIN)]);
    nobody_shows(&[LOGIN], &sandbox, &api, &[], 5);
}

#[test]
fn a_login_that_graphql_repeats_is_never_shown() {
    let (sandbox, api) = user();
    api.on("FetchLocalRunReport", [echo(LOGIN)]);
    nobody_shows(&[LOGIN], &sandbox, &api, &[], 0);
}

#[test]
fn a_token_of_the_command_line_is_never_shown() {
    let (sandbox, api) = user();
    api.on("POST /upload", [echo(STATIC)]);
    nobody_shows(&[STATIC, LOGIN], &sandbox, &api, &["--token", STATIC], 5);
}

#[test]
fn a_token_of_the_environment_is_never_shown() {
    let (sandbox, api) = push();
    let sandbox = sandbox.with("CODSPEED_TOKEN", STATIC);
    api.on("PUT /storage", [echo(STATIC)]);
    nobody_shows(&[STATIC, REQUEST], &sandbox, &api, &[], 5);
}

#[test]
fn a_token_of_the_ci_system_is_never_shown() {
    let (sandbox, api) = push();
    api.on("GET /oidc", [Answer::json(&format!(r#"{{"value": "{OIDC}"}}"#))]);
    api.on("POST /upload", [echo(OIDC)]);
    nobody_shows(&[OIDC, REQUEST], &sandbox, &api, &[], 5);
    assert_eq!(the_asked(&api, "POST /upload").header("authorization"), Some(OIDC));
}

#[test]
fn what_proves_to_the_ci_system_who_asks_is_never_shown() {
    let (sandbox, api) = push();
    api.on("GET /oidc", [echo(REQUEST)]);
    nobody_shows(&[REQUEST], &sandbox, &api, &[], 5);
}

#[test]
fn a_login_of_a_profile_in_a_job_is_never_shown() {
    let (sandbox, api) = push();
    let login = sandbox.command("mkdir", ["-p", ".config/codspeed"]);
    assert_eq!(sandbox.run(login).code, 0);
    let text = format!("version: 1\nprofiles: {{default: {{auth: {{token: {LOGIN}}}}}}}\n");
    sandbox.file(".config/codspeed/config.yaml", text);
    api.on("FetchLocalRunReport", [echo(LOGIN)]);
    nobody_shows(&[LOGIN, REQUEST], &sandbox, &api, &["--wait"], 0);
}
