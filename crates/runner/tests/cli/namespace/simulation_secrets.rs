//! Secrets of CI systems: with all that are known set at once, in a job of each system, in each mode. (Valgrind runs here,
//! so the name of this file begins with `simulation`.)

use runner_shared::env_names::{OIDC_REQUEST_URL, SECRETS};
use test_support::{FakeApi, Sandbox};

use super::upload_secrets::hidden;
use crate::{
    service::{clone, files, push, stranger},
    stage::codspeed,
};

/// Tells its environment everybody: a file of its mode, and both streams.
const LOOK: &str = r#"
#include <stdio.h>
#include <stdlib.h>
extern char **environ;
int main(void) {
  char name[64];
  snprintf(name, sizeof name, "seen-%s", getenv("CODSPEED_RUNNER_MODE"));
  FILE *seen = fopen(name, "a");
  for (char **it = environ; *it; it++) {
    fprintf(seen, "%s\n", *it);
    puts(*it);
    fprintf(stderr, "%s\n", *it);
  }
  return fclose(seen) != 0;
}
"#;

/// As programs know them.
const MODES: &[&str] = &["walltime", "memory", "instrumentation"];

/// Options of both commands: as loud as possible.
const LOUD: &[&str] = &[
    "-m",
    "walltime,memory,simulation",
    "--backend",
    "preload",
    "-vv",
    "--show-full-output",
    "--env-passthrough",
];
const EXEC: &[&str] =
    &["exec", "--profile-folder", "executed", "--max-rounds", "1", "--warmup-time", "0"];
const RUN: &[&str] =
    &["run", "--profile-folder", "suite", "--allow-empty", "--message-format", "json"];

/// The words of a job of another CI system about itself.
const GENERIC: &[(&str, &str)] = &[
    ("CODSPEED_CI_PROVIDER", "generic"),
    ("CODSPEED_CI_REPOSITORY", "https://github.com/acme/widgets"),
    ("CODSPEED_CI_REF", "refs/heads/main"),
    ("CODSPEED_CI_RUN_ID", "77"),
    ("CODSPEED_CI_JOB", "bench"),
];

const GITLAB: &[(&str, &str)] = &[
    ("GITLAB_CI", "true"),
    ("CI_PROJECT_NAMESPACE", "acme"),
    ("CI_PROJECT_NAME", "widgets"),
    ("CI_PROJECT_PATH", "acme/widgets"),
    ("CI_PIPELINE_SOURCE", "push"),
    ("CI_COMMIT_REF_NAME", "main"),
    ("CI_JOB_ID", "77"),
    ("CI_JOB_NAME", "bench"),
    ("GITLAB_USER_ID", "42"),
    ("GITLAB_USER_LOGIN", "alice"),
];

const BUILDKITE: &[(&str, &str)] = &[
    ("BUILDKITE", "true"),
    ("BUILDKITE_PULL_REQUEST", "false"),
    ("BUILDKITE_BRANCH", "main"),
    ("BUILDKITE_REPO", "git@github.com:acme/widgets.git"),
];

/// The value that is set for a secret. It begins with the name, so that a finding says whose it is.
fn marker(name: &str) -> String {
    format!("{name}-m4rker")
}

fn markers() -> Vec<String> {
    SECRETS.iter().map(|secret| marker(secret.name)).collect()
}

#[track_caller]
fn no_marker(place: &str, content: &[u8]) {
    let markers = markers();
    hidden(&markers.iter().map(String::as_str).collect::<Vec<_>>(), place, content);
}

fn with(sandbox: Sandbox, variables: &[(&str, &str)]) -> Sandbox {
    variables.iter().fold(sandbox, |sandbox, (name, value)| sandbox.with(name, value))
}

/// All secrets; but the address that is asked for a token has to be one.
fn with_all_secrets(sandbox: Sandbox) -> Sandbox {
    let secrets = SECRETS.iter().filter(|secret| **secret != OIDC_REQUEST_URL);
    secrets.fold(sandbox, |sandbox, secret| sandbox.with(secret.name, marker(secret.name)))
}

#[track_caller]
fn measure(sandbox: &Sandbox, words: &[&str], program: &str) -> String {
    let run = codspeed(sandbox, [words, LOUD, &["--", program]].concat());
    assert_eq!(run.code, 0, "{}", run.shown());
    // What a single command says is shown when it fails.
    assert!(words[0] == EXEC[0] || run.shown().contains("CODSPEED_ENV=runner"), "{}", run.shown());
    run.shown()
}

/// Measures in all modes with both commands, uploads, and looks for the secrets everywhere.
#[track_caller]
fn nobody_sees(sandbox: &Sandbox, api: &FakeApi) {
    let program = sandbox.c_program("look", LOOK);
    let program = program.to_str().unwrap();
    for words in [EXEC, RUN] {
        no_marker("output", measure(sandbox, words, program).as_bytes());
    }
    for mode in MODES {
        let seen = sandbox.text(&format!("seen-{mode}"));
        assert!(seen.matches("CODSPEED_ENV=runner").count() >= 2, "{mode}: {seen}");
        for secret in SECRETS {
            let begin = format!("{}=", secret.name);
            assert!(!seen.lines().any(|line| line.starts_with(&begin)), "{mode}: {begin}");
        }
    }
    // All that is left: what the program has seen, profile folders, logs, the summary of the job.
    for (name, content) in files(sandbox.path()) {
        no_marker(&name, &content);
    }
    assert!(api.routes().iter().any(|route| route == "POST /upload"));
    for request in api.requests() {
        no_marker(&request.route, &request.body);
        no_marker(&request.route, request.target.as_bytes());
        let others = request.headers.iter().filter(|(name, _)| name != "authorization");
        others.for_each(|(_, value)| no_marker(&request.route, value.as_bytes()));
        let is_told = request.route == "POST /upload";
        let expected = is_told.then(|| marker("CODSPEED_TOKEN"));
        assert_eq!(request.header("authorization"), expected.as_deref(), "{}", request.route);
    }
}

#[track_caller]
fn nobody_sees_in_a_job(variables: &[&[(&str, &str)]]) {
    let (sandbox, api) = stranger();
    clone(&sandbox, "https://github.com/acme/widgets");
    let folder = sandbox.path().to_owned();
    let sandbox = with(sandbox.with("CI_PROJECT_DIR", folder), &variables.concat());
    nobody_sees(&with_all_secrets(sandbox), &api);
}

/// A test for each CI system: its name, and how its jobs are known.
macro_rules! systems {
    ($($name:ident: $variables:expr;)*) => {$(
        #[test]
        fn $name() {
            nobody_sees_in_a_job($variables);
        }
    )*};
}

systems! {
    gitlab: &[GITLAB];
    buildkite: &[BUILDKITE];
    circleci: &[GENERIC, &[("CI", "true"), ("CIRCLECI", "true"), ("CIRCLE_JOB", "bench")]];
    jenkins: &[GENERIC, &[("JENKINS_URL", "https://jenkins.test/"), ("BUILD_NUMBER", "7")]];
    azure: &[GENERIC, &[("TF_BUILD", "True"), ("BUILD_BUILDID", "7")]];
    bitbucket: &[GENERIC, &[("CI", "true"), ("BITBUCKET_BUILD_NUMBER", "7")]];
    travis: &[GENERIC, &[("CI", "true"), ("TRAVIS", "true"), ("TRAVIS_BUILD_ID", "7")]];
    teamcity: &[GENERIC, &[("TEAMCITY_VERSION", "2026.1"), ("BUILD_NUMBER", "7")]];
    drone: &[GENERIC, &[("CI", "true"), ("DRONE", "true"), ("DRONE_BUILD_NUMBER", "7")]];
    woodpecker: &[GENERIC, &[("CI", "woodpecker"), ("CI_PIPELINE_NUMBER", "7")]];
    semaphore: &[GENERIC, &[("CI", "true"), ("SEMAPHORE", "true"), ("SEMAPHORE_JOB_ID", "7")]];
    forgejo: &[GENERIC, &[("CI", "true"), ("FORGEJO_ACTIONS", "true")]];
}

#[test]
fn github() {
    let (sandbox, api) = push();
    let summary = sandbox.file("summary.md", "");
    let sandbox = with_all_secrets(sandbox.with("GITHUB_STEP_SUMMARY", summary));
    nobody_sees(&sandbox, &api);
    assert!(sandbox.text("summary.md").contains("Median"), "{}", sandbox.text("summary.md"));
}

/// Variables are hidden by the command line and by the project file.
#[test]
fn what_the_user_hides_is_hidden_as_well() {
    const TOKENS: &[&str] = &["by-h4nd-1", "by-h4nd-2", "by-h4nd-3"];
    let (sandbox, api) = stranger();
    let given = [("GITHUB_TOKEN", TOKENS[0]), ("NPM_TOKEN", TOKENS[1]), ("GH_TOKEN", TOKENS[2])];
    let others = [("NPM_CONFIG", "kept"), ("CODSPEED_SKIP_UPLOAD", "true")];
    let sandbox = with(with(sandbox, &given), &others);
    let program = sandbox.c_program("look", LOOK);
    let program = program.to_str().unwrap();
    for words in [EXEC, RUN] {
        measure(&sandbox, words, program);
    }
    for mode in MODES {
        let seen = sandbox.text(&format!("seen-{mode}"));
        assert!(TOKENS.iter().all(|token| seen.matches(token).count() >= 2), "{seen}");
        std::fs::remove_file(sandbox.path().join(format!("seen-{mode}"))).unwrap();
    }
    sandbox.file("codspeed.yml", "options:\n  hide-env: [G*_TOKEN]\n");
    for words in [EXEC, RUN] {
        let shown =
            measure(&sandbox, &[words, &["--hide-env", "NPM_TOKEN,NONE"]].concat(), program);
        hidden(TOKENS, "output", shown.as_bytes());
    }
    for mode in MODES {
        let seen = sandbox.text(&format!("seen-{mode}"));
        assert!(seen.matches("NPM_CONFIG=kept").count() >= 2, "{seen}");
    }
    for (name, content) in files(sandbox.path()) {
        hidden(TOKENS, &name, &content);
    }
    assert!(api.requests().is_empty());
}
