//! A benchmark that stops itself: the user hears which process it is and what to do, and the run can be ended.

use std::path::Path;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use test_support::{Running, Sandbox};

use crate::stage::{CODSPEED, RUN, nothing_is_left, sandbox};

/// Stops itself and, when it goes on, ends well.
const STOPS: &str = "sh -c 'kill -STOP $$; echo on'; true";

fn start<'a>(program: &str, words: impl IntoIterator<Item = &'a str>) -> (Sandbox, Running) {
    let sandbox = sandbox();
    let program = Path::new(CODSPEED).with_file_name(program);
    let running = sandbox.start(sandbox.private(program, words));
    (sandbox, running)
}

/// The process that the warning names.
#[track_caller]
fn named(running: &mut Running) -> Pid {
    let line = running.says("started by the benchmark and now stopped");
    let (_, advice) = line.split_once("`kill -CONT ").unwrap();
    Pid::from_raw(advice.split('`').next().unwrap().parse().unwrap())
}

/// Checks that the advice of the warning helps.
#[track_caller]
fn goes_on(program: &str, words: &[&str]) {
    let (sandbox, mut running) = start(program, words.iter().copied());
    let pid = named(&mut running);
    kill(pid, Signal::SIGCONT).unwrap();
    let run = running.end();
    assert_eq!(run.code, 0, "{}", run.stderr);
    nothing_is_left(&sandbox);
}

#[test]
fn a_suite_is_named_and_goes_on() {
    goes_on("codspeed", &[RUN, &["--allow-empty", "--", STOPS]].concat());
}

#[test]
fn a_traced_suite_is_named_and_goes_on() {
    let start = ["run", "-m", "memory", "--profile-folder", "profile", "--backend", "preload"];
    goes_on("codspeed", &[&start[..], &["--allow-empty", "--", STOPS]].concat());
}

#[test]
fn the_command_of_the_tracer_alone_is_named_and_goes_on() {
    goes_on("codspeed-memtrack", &["track", "--backend", "preload", "--", STOPS]);
}

#[test]
fn a_suite_is_ended_by_ctrl_c() {
    let (sandbox, mut running) = start("codspeed", [RUN, &["--", "kill -STOP $$"]].concat());
    named(&mut running);
    running.signal(Signal::SIGINT);
    let run = running.end();
    assert_eq!(run.code, 130, "{}", run.stderr);
    // It was let go on, and so heard of it.
    assert!(!run.stderr.contains("killing the benchmark"), "{}", run.stderr);
    nothing_is_left(&sandbox);
}

#[test]
fn a_command_is_named_and_its_time_out_counts() {
    for program in ["codspeed", "exec-harness"] {
        let words = ["--timeout", "15s", "--", "sh", "-c", "kill -TSTP $$"];
        let exec = if program == "codspeed" { &["exec", "--profile-folder", "p"][..] } else { &[] };
        let (sandbox, mut running) = start(program, [exec, &words].concat());
        named(&mut running);
        let run = running.end();
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(run.stderr.contains("did not finish within 15.00 s"), "{}", run.stderr);
        assert_eq!(run.stderr.matches("now stopped").count(), 1, "{}", run.stderr);
        nothing_is_left(&sandbox);
    }
}

mod simulation {
    use super::*;

    #[test]
    fn a_command_is_named_and_goes_on() {
        let start = ["exec", "-m", "simulation", "--profile-folder", "profile", "--"];
        goes_on("codspeed", &[&start[..], &["sh", "-c", "kill -STOP $$; exit 0"]].concat());
    }
}
