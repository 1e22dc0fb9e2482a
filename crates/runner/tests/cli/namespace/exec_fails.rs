//! `codspeed exec` with commands that fail: what is said, and what of the measurement is kept.

use std::{fs, os::unix::fs::PermissionsExt};

use test_support::Sandbox;

use crate::stage::{QUICK, exec, sandbox, shown, the_exported};

const EXPORT: &[&str] = &["--warmup-time", "0", "--max-rounds", "10", "--export", "json=out.json"];

#[test]
fn a_failure_in_round_three_keeps_two_rounds_and_shows_stderr() {
    let sandbox = sandbox();
    let text = "echo x >> count; test $(wc -l < count) -lt 3 || { echo out of luck >&2; exit 7; }";
    let run = exec(&sandbox, &[EXPORT, &["--name", "third"]].concat(), &["sh", "-c", text]);
    insta::assert_snapshot!(shown(&sandbox, &run));
    let benchmark = the_exported(&sandbox);
    assert_eq!(benchmark["outcome"], "failed");
    assert_eq!(benchmark["failure"], "round 3: exit status 7");
    assert_eq!(benchmark["rounds"]["wall_ns"].as_array().unwrap().len(), 2);
    assert_eq!(sandbox.text("count"), "x\n".repeat(3), "no round after the failed one");
}

/// The whole outcome of a command that never yields a round.
#[track_caller]
fn fails(options: &[&str], command: &[&str]) -> String {
    let sandbox = sandbox();
    let script = sandbox.program("script", "echo x\n");
    assert_eq!(fs::metadata(script).unwrap().permissions().mode() & 0o777, 0o755);
    let run = exec(&sandbox, &[EXPORT, options].concat(), command);
    let benchmark = the_exported(&sandbox);
    assert_eq!(
        (&benchmark["outcome"], &benchmark["stats"]["rounds"]),
        (&"failed".into(), &0.into())
    );
    assert!(benchmark["rounds"].is_null());
    shown(&sandbox, &run)
}

/// The whole outcome of a command that is known to fail before anything runs.
#[track_caller]
fn refused(options: &[&str], command: &[&str]) -> String {
    let sandbox = sandbox();
    sandbox.file("plain", "text\n");
    let run = exec(&sandbox, &[EXPORT, options].concat(), command);
    for name in ["profile", "out.json"] {
        assert!(!sandbox.path().join(name).exists(), "{name}: {}", run.shown());
    }
    shown(&sandbox, &run)
}

#[test]
fn a_command_that_does_not_exist_is_named() {
    insta::assert_snapshot!(refused(&[], &["no-such-program", "x"]));
}

#[test]
fn a_path_that_does_not_exist_is_named() {
    insta::assert_snapshot!(refused(&[], &["./no/such"]));
}

#[test]
fn a_file_without_the_right_to_run_is_named() {
    insta::assert_snapshot!(refused(&[], &["./plain"]));
}

#[test]
fn a_script_without_its_first_line_is_explained() {
    insta::assert_snapshot!(fails(&[], &["./script"]));
}

#[test]
fn a_command_without_end_is_ended_by_the_timeout() {
    insta::assert_snapshot!(fails(&["--timeout", "0.2s"], &["sleep", "1000"]));
}

#[test]
fn a_stopped_command_need_not_want_the_terminal() {
    // A tracer stops it so when it can't keep up. Longer than we look away, and then the timeout.
    let said = fails(&["--timeout", "1.2s"], &["sh", "-c", "kill -STOP $$"]);
    assert!(said.contains("did not finish within"), "{said}");
}

#[test]
fn a_command_ended_by_a_signal_names_the_signal() {
    insta::assert_snapshot!(fails(&[], &["sh", "-c", "kill -SEGV $$"]));
}

#[test]
fn a_failing_prepare_command_is_told_from_the_round() {
    let prepare = ["--prepare", "sh -c 'echo no disk >&2; exit 4'"];
    insta::assert_snapshot!(fails(&prepare, &["true"]));
}

#[test]
fn options_of_the_measurement_that_make_no_sense_are_named() {
    let sandbox = sandbox();
    for option in ["--timeout=soon", "--ignore-failure=some"] {
        let run = exec(&sandbox, &[option], &["true"]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        insta::assert_snapshot!(shown(&sandbox, &run));
    }
    insta::assert_snapshot!(refused(&["--input", "no-such-file"], &["true"]));
    insta::assert_snapshot!(refused(&["--setup", "echo 'x"], &["true"]));
}

#[test]
fn a_flood_before_a_failure_is_shown_by_its_end_only() {
    let sandbox = sandbox();
    let text = "yes complaint | head -c 20000000 >&2; echo the end >&2; exit 1";
    let run = exec(&sandbox, QUICK, &["sh", "-c", text]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("  | complaint\n  | the end\n"), "{}", run.stderr);
    assert!(run.stderr.len() < 10_000, "{} bytes", run.stderr.len());
}

#[test]
fn accepted_failures_are_measured() {
    let accepted = |options: &[&str], command: &str| {
        let sandbox = sandbox();
        exec(&sandbox, &[QUICK, options].concat(), &["sh", "-c", command]).code
    };
    assert_eq!(accepted(&["--ignore-failure"], "exit 3"), 0);
    assert_eq!(accepted(&["--ignore-failure"], "kill -KILL $$"), 0);
    assert_eq!(accepted(&["--ignore-failure=2,3"], "exit 3"), 0);
    assert_eq!(accepted(&["--ignore-failure=2"], "exit 3"), 1);
}

/// Returns what `exec` says of a command that it can't start.
#[track_caller]
fn why(sandbox: &Sandbox, options: &[&str], command: &str) -> String {
    let run = exec(sandbox, &[QUICK, options].concat(), &[command]);
    assert_eq!(run.code, 1, "{}", run.shown());
    run.stderr
}

#[test]
fn what_keeps_a_program_from_being_run_is_told_as_what_it_is() {
    let sandbox = sandbox();
    let at = |name: &str| sandbox.path().join(name);
    fs::create_dir(at("folder")).unwrap();
    std::os::unix::fs::symlink("circle", at("circle")).unwrap();
    std::os::unix::fs::symlink("gone", at("dead")).unwrap();
    sandbox.file("file", "x");
    for (command, says) in [
        ("./folder", "`./folder` is a folder, not a program"),
        ("./circle", "its symbolic links form a loop"),
        ("./dead", "`./dead` is a link to something that does not exist"),
        ("./file/x", "a part of its path is a file, not a folder"),
        ("/dev/null", "is a device or a pipe, not a program"),
    ] {
        let said = why(&sandbox, &[], command);
        assert!(said.contains(says) && !said.contains("chmod"), "{command}: {said}");
    }
    let hook = why(&sandbox, &["--prepare", "no-such-program"], "true");
    let says = "the command of `--prepare` cannot be run: `no-such-program` was not found";
    assert!(hook.contains(says), "{hook}");
}
