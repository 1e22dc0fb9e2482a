//! Two runs at the same time: one after the other, or a refusal, but never a mixture.

use std::{fs, path::Path};

use nix::sys::signal::Signal;

use runner_shared::text::shown;
use test_support::{Running, Sandbox};

use crate::stage::{CODSPEED, exec_words, nothing_is_left, sandbox, start};

const ONE_ROUND: &[&str] = &["--warmup-time", "0", "--max-rounds", "1"];

/// A run that is in the middle of its round until something is written to `hold`.
fn busy() -> (Sandbox, Running) {
    let sandbox = sandbox();
    let mut ready = sandbox.notice("ready");
    sandbox.fifo("hold");
    let text = "echo ready > ready; read x < hold";
    let first = start(&sandbox, exec_words(ONE_ROUND, &["sh", "-c", text]));
    ready.wait();
    (sandbox, first)
}

fn second<'a>(options: &[&'a str]) -> Vec<&'a str> {
    let options = [&["exec", "--profile-folder", "second"], options, ONE_ROUND].concat();
    [&options[..], &["--", "true"]].concat()
}

#[test]
fn the_second_run_waits_for_the_first_and_says_so() {
    let (sandbox, first) = busy();
    let mut waiting = start(&sandbox, second(&[]));
    let line = waiting.says("another codspeed run is in progress");
    assert!(line.contains(&format!("(pid {})", first.pid())), "{line}");
    assert!(line.contains("--no-wait"), "{line}");
    fs::write(sandbox.path().join("hold"), "go\n").unwrap();
    for run in [first.end(), waiting.end()] {
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(!run.stderr.contains("lost "), "{}", run.stderr);
    }
    for folder in ["profile", "second"] {
        let timestamps = sandbox.path().join(folder).join("ExecutionTimestamps.msgpack");
        assert!(timestamps.is_file(), "{} is missing", shown(&timestamps));
    }
    nothing_is_left(&sandbox);
}

#[test]
fn the_second_run_fails_at_once_when_it_shall_not_wait() {
    let (sandbox, first) = busy();
    let run = start(&sandbox, second(&["--no-wait"])).end();
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    let expected = format!("error: another codspeed run is in progress (pid {})\n", first.pid());
    assert!(run.stderr.contains(&expected), "{}", run.stderr);
    assert!(run.stderr.contains("hint: leave out `--no-wait`"), "{}", run.stderr);
    fs::write(sandbox.path().join("hold"), "go\n").unwrap();
    let first = first.end();
    assert_eq!(first.code, 0, "{}", first.stderr);
    nothing_is_left(&sandbox);
}

#[test]
fn a_run_within_a_run_is_refused_at_once() {
    let sandbox = sandbox();
    let inner = format!("{} exec --max-rounds 1 -- true", env!("CARGO_BIN_EXE_codspeed"));
    let outer = start(&sandbox, exec_words(ONE_ROUND, &["sh", "-c", &inner]));
    let expected = format!("this run was started by another codspeed run (pid {})", outer.pid());
    let run = outer.end();
    assert_ne!(run.code, 0);
    assert!(run.stderr.contains(&expected), "{}", run.stderr);
    nothing_is_left(&sandbox);
}

#[test]
fn a_run_in_a_container_of_a_run_is_refused_at_once() {
    let sandbox = sandbox();
    let inner = format!("{} exec --max-rounds 1 -- true", env!("CARGO_BIN_EXE_codspeed"));
    let tracer = shown(&Path::new(CODSPEED).with_file_name("codspeed-memtrack")).into_owned();
    let inner = format!("'{tracer}' track --backend preload -- {inner}");
    let inner = format!("unshare --pid --fork --mount-proc {inner}");
    let outer = start(&sandbox, exec_words(ONE_ROUND, &["sh", "-c", &inner]));
    let expected = format!(
        "this run was started by another codspeed run (pid {} in another PID namespace)",
        outer.pid()
    );
    let run = outer.end();
    assert_ne!(run.code, 0);
    assert!(run.stderr.contains(&expected), "{}", run.stderr);
    nothing_is_left(&sandbox);
}

#[test]
fn a_lock_file_that_is_none_is_named_at_once() {
    let sandbox = sandbox();
    nix::unistd::mkfifo(&sandbox.tmp().join("runner.lock"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let run = start(&sandbox, exec_words(ONE_ROUND, &["true"])).end();
    assert_eq!(run.code, 1, "{}", run.stderr);
    insta::assert_snapshot!(run.stderr, @"
    mode: walltime (real time); use `-m` to choose another
    error: could not use the lock file `/tmp/runner.lock`
      caused by: it is a pipe (FIFO), not a regular file
    hint: every run needs this lock: remove the file, or ask its owner
    ");
}

#[test]
fn what_others_write_into_the_lock_file_is_not_shown() {
    let (sandbox, first) = busy();
    fs::write(sandbox.tmp().join("runner.lock"), "pid 1\u{1b}[2J\n::error::boo").unwrap();
    let run = start(&sandbox, second(&["--no-wait"])).end();
    assert!(run.stderr.contains(&format!("(pid {})", first.pid())), "{}", run.stderr);
    assert!(!run.stderr.contains("boo"), "{}", run.stderr);
    fs::write(sandbox.path().join("hold"), "go\n").unwrap();
    assert_eq!(first.end().code, 0);
}

/// The other programs alone.
const ALONE: [(&str, &[&str]); 2] = [
    ("exec-harness", &["--warmup-time", "0", "--max-rounds", "1"]),
    ("codspeed-memtrack", &["track", "--backend", "preload"]),
];

#[test]
fn the_harness_and_the_tracer_alone_wait_as_well() {
    let (sandbox, first) = busy();
    let alone = |(program, options): (&str, &[&str]), more: &[&str]| {
        let program = Path::new(CODSPEED).with_file_name(program);
        let words = [options, more, &["--", "true"]].concat();
        sandbox.start(sandbox.private(program, words))
    };
    let said = format!("another codspeed run is in progress (pid {})", first.pid());
    for program in ALONE {
        let run = alone(program, &["--no-wait"]).end();
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert_eq!(run.stderr, format!("error: {said}\n"));
    }
    let mut waiting = ALONE.map(|program| alone(program, &[]));
    for run in &mut waiting {
        let line = run.says(&said);
        assert!(line.contains("--no-wait"), "{line}");
    }
    fs::write(sandbox.path().join("hold"), "go\n").unwrap();
    for run in [first].into_iter().chain(waiting).map(Running::end) {
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    nothing_is_left(&sandbox);
}

#[test]
fn alone_they_keep_secrets_of_the_job_as_well() {
    for (program, options) in ALONE {
        let sandbox = sandbox().with("CI_JOB_TOKEN", "s3cret").with("SEEN", "yes");
        let program = Path::new(CODSPEED).with_file_name(program);
        let words = [options, &["--", "sh", "-c", "env > environment"]].concat();
        let run = sandbox.start(sandbox.private(program, words)).end();
        assert_eq!(run.code, 0, "{}", run.stderr);
        let seen = fs::read_to_string(sandbox.path().join("environment")).unwrap();
        assert!(seen.contains("SEEN=yes") && !seen.contains("s3cret"), "{seen}");
    }
}

#[test]
fn one_that_waits_alone_can_be_ended() {
    let (sandbox, first) = busy();
    for (program, options) in ALONE {
        let program = Path::new(CODSPEED).with_file_name(program);
        let words = [options, &["--", "true"]].concat();
        let mut waiting = sandbox.start(sandbox.private(program, words));
        waiting.says("another codspeed run is in progress");
        waiting.signal(Signal::SIGINT);
        assert_eq!(waiting.end().code, 130);
    }
    fs::write(sandbox.path().join("hold"), "go\n").unwrap();
    assert_eq!(first.end().code, 0);
}

#[test]
fn within_a_run_they_have_its_lock() {
    let sandbox = sandbox();
    let of = |program| shown(&Path::new(CODSPEED).with_file_name(program)).into_owned();
    let (harness, tracer) = (of("exec-harness"), of("codspeed-memtrack"));
    let inner = format!(
        "'{harness}' --max-rounds 1 --no-wait -- '{tracer}' track --no-wait --backend preload -- true"
    );
    let words = [crate::stage::RUN, &["--allow-empty", "--", &inner]].concat();
    let run = start(&sandbox, words).end();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.stderr.contains("another codspeed run"), "{}", run.stderr);
    nothing_is_left(&sandbox);
}
