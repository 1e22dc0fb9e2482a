//! A run is not changed by things that our programs inherit from whoever starts them: signals that are ignored or blocked, streams
//! that are closed. A benchmark starts as a shell would start it.

use std::path::Path;

use nix::sys::signal::Signal;
use test_support::{Run, Sandbox};

use crate::stage::{CODSPEED, QUICK, RUN, nothing_is_left, sandbox};

/// Ignored on purpose: `SIGHUP`, `SIGINT`, `SIGQUIT`, and those of job control.
const STILL_IGNORED: u64 = 0x38_0007;

/// Signals 32 and 33, which its `posix_spawn` leaves ignored.
const OF_THE_C_LIBRARY: u64 = 0b11 << 31;

/// Runs one of our programs as a child of somebody with odd signals, and without streams if that is told by `-`.
#[track_caller]
fn oddly_started(sandbox: &Sandbox, closed: bool, program: &str, words: &[&str]) -> Run {
    let odd = sandbox.c_program("odd", include_str!("../../../fixtures/odd_start.c"));
    let program = Path::new(CODSPEED).with_file_name(program);
    let mut all = if closed { vec!["-"] } else { Vec::new() };
    all.push(program.to_str().unwrap());
    all.extend(words);
    let run = sandbox.run(sandbox.private(odd, all));
    nothing_is_left(sandbox);
    run
}

/// The benchmark that looks at itself blocks nothing and ignores what was ignored on purpose.
#[track_caller]
fn is_clean(sandbox: &Sandbox) {
    let seen = sandbox.text("seen");
    let mask = |name: &str| {
        let line = seen.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    let ignored = mask("SigIgn:") & !OF_THE_C_LIBRARY;
    assert_eq!((mask("SigBlk:"), ignored), (0, STILL_IGNORED), "{seen}");
}

const LOOK: &str = "cat /proc/self/status > seen";

#[test]
fn a_suite_starts_clean() {
    for closed in [false, true] {
        let sandbox = sandbox();
        let words = [RUN, &["--allow-empty", "--", LOOK]].concat();
        let run = oddly_started(&sandbox, closed, "codspeed", &words);
        assert_eq!(run.code, 0, "{}", run.stderr);
        is_clean(&sandbox);
    }
}

#[test]
fn a_command_starts_clean() {
    for closed in [false, true] {
        let sandbox = sandbox();
        let words =
            [&["exec", "--profile-folder", "profile"], QUICK, &["--", "sh", "-c", LOOK]].concat();
        let run = oddly_started(&sandbox, closed, "codspeed", &words);
        assert_eq!(run.code, 0, "{}", run.stderr);
        is_clean(&sandbox);
    }
}

#[test]
fn a_command_of_the_harness_alone_starts_clean() {
    let sandbox = sandbox();
    let words = [QUICK, &["--", "sh", "-c", LOOK]].concat();
    let run = oddly_started(&sandbox, true, "exec-harness", &words);
    assert_eq!(run.code, 0, "{}", run.stderr);
    is_clean(&sandbox);
}

#[test]
fn a_command_of_the_tracer_alone_starts_clean() {
    let sandbox = sandbox();
    let words = ["track", "--backend", "preload", "--", "sh", "-c", LOOK];
    let run = oddly_started(&sandbox, true, "codspeed-memtrack", &words);
    assert_eq!(run.code, 0, "{}", run.stderr);
    is_clean(&sandbox);
}

#[test]
fn a_run_under_nohup_survives_the_end_of_its_terminal() {
    let sandbox = sandbox();
    let (mut ready, hold) = (sandbox.notice("ready"), sandbox.fifo("hold"));
    let text = "echo ready > ready; read x < hold";
    let words = [&["-c", "trap '' HUP; exec \"$0\" \"$@\"", CODSPEED], RUN];
    let words = [&words.concat()[..], &["--allow-empty", "--", text]].concat();
    let running = sandbox.start(sandbox.private("/bin/sh", words));
    ready.wait();
    running.signal(Signal::SIGHUP);
    std::fs::write(hold, "go\n").unwrap();
    let run = running.end();
    assert_eq!(run.code, 0, "{}", run.stderr);
    nothing_is_left(&sandbox);
}

mod simulation {
    use super::*;

    #[test]
    fn a_command_is_counted() {
        let sandbox = sandbox();
        let words = ["exec", "-m", "simulation", "--profile-folder", "profile", "--", "true"];
        let run = oddly_started(&sandbox, false, "codspeed", &words);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
}
