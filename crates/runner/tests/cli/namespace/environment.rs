//! The environment of the benchmark: everything but our secrets, and what integrations expect.

use test_support::{Sandbox, redact};

use crate::stage::{QUICK, codspeed, exec, sandbox, suite};

fn with_secrets() -> Sandbox {
    sandbox()
        .with("CODSPEED_TOKEN", "secret")
        .with("CODSPEED_SKIP_UPLOAD", "true")
        .with("CODSPEED_OAUTH_TOKEN", "secret")
        .with("ACTIONS_ID_TOKEN_REQUEST_URL", "https://secret")
        .with("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "secret")
        .with("MINE", "two words")
}

/// Returns what `env` wrote, without what the machine or a shell adds.
fn seen(sandbox: &Sandbox) -> String {
    let text = redact(&sandbox.text("seen"), sandbox);
    let foreign = [
        "PATH=",
        "PWD=",
        "OLDPWD=",
        "SHLVL=",
        "_=",
        "ARCH=",
        "CODSPEED_PERF_ENABLED=",
        "CODSPEED_SKIP_UPLOAD=",
    ];
    let is_number = |c: char| c.is_ascii_digit();
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| !foreign.iter().any(|name| line.starts_with(name)))
        .map(|line| match line.strip_prefix("CODSPEED_GUARD=") {
            Some(mark) => format!("CODSPEED_GUARD={}", mark.replace(is_number, "0")),
            None => line.to_owned(),
        })
        .collect();
    lines.sort_unstable();
    lines.join("\n")
}

const EXPECTED: &str = "\
CODSPEED_ENV=runner
CODSPEED_GUARD=0000000000-00000000000000000000+0000000000-00000000000000000000
CODSPEED_PROFILE_FOLDER=[sandbox]/profile
CODSPEED_RUNNER_MODE=walltime
HOME=[sandbox]
MINE=two words
PYTHONHASHSEED=0
PYTHON_PERF_JIT_SUPPORT=0";

#[test]
fn a_command_sees_no_secret() {
    let sandbox = with_secrets();
    let run = exec(&sandbox, &[QUICK, &["--output", "seen"]].concat(), &["env"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(seen(&sandbox), EXPECTED);
}

#[test]
fn a_suite_sees_no_secret() {
    let sandbox = with_secrets();
    let run = suite(&sandbox, &["--allow-empty"], "env > seen");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(seen(&sandbox), EXPECTED);
}

#[test]
fn signals_reach_commands_and_suites() {
    // Blocked while a run lasts, and inherited by every program unless undone.
    let taken = [1, 2, 15].iter().fold(0, |mask, signal| mask | 1_u64 << (signal - 1));
    let sandbox = sandbox();
    let command = ["grep", "SigBlk:", "/proc/self/status"];
    let runs = [
        exec(&sandbox, &[QUICK, &["--output", "seen"]].concat(), &command),
        suite(&sandbox, &["--allow-empty"], &format!("{} >> seen", command.join(" "))),
    ];
    assert_eq!(runs.map(|run| run.code), [0, 0]);
    let text = sandbox.text("seen");
    let blocked: Vec<_> = text.lines().map(|line| line.trim_start_matches("SigBlk:\t")).collect();
    assert_eq!(blocked.len(), 2);
    for mask in blocked {
        assert_eq!(u64::from_str_radix(mask, 16).unwrap() & taken, 0, "{mask}");
    }
}

#[test]
fn the_mode_may_come_from_the_environment() {
    let sandbox = sandbox().with("CODSPEED_RUNNER_MODE", "walltime");
    let run =
        codspeed(&sandbox, ["run", "--profile-folder", "profile", "--allow-empty", "--", "true"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn a_harness_that_is_not_there_is_named() {
    let sandbox = sandbox().with("CODSPEED_EXEC_HARNESS", "/no/such/exec-harness");
    let run = exec(&sandbox, QUICK, &["true"]);
    insta::assert_snapshot!(crate::stage::shown(&sandbox, &run));
}

#[test]
fn a_run_without_a_mode_measures_time_and_says_so() {
    let sandbox = sandbox();
    let script = "echo measured in $CODSPEED_RUNNER_MODE";
    let words = [
        "run",
        "--no-perf",
        "--allow-empty",
        "--show-full-output",
        "--profile-folder",
        "profile",
        "--",
        script,
    ];
    let run = codspeed(&sandbox, words);
    assert_eq!(run.code, 0, "{}", run.shown());
    let shown = run.shown();
    assert!(shown.contains("mode: walltime (real time); use `-m` to choose another"), "{shown}");
    assert!(shown.contains("measured in walltime"), "{shown}");
}
