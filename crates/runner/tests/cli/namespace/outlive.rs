//! Processes that outlive a suite: they are named, and go on; others of ours are not taken for them.

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use test_support::{Run, Sandbox};

use crate::stage::{CODSPEED, RUN, codspeed, nothing_is_left, profiling_sandbox, sandbox, suite};

const SAID: &str = "was still running at its end and is left running";

/// Shell text that starts a process which leaves our group, our session and its parent, and goes on once it runs.
const DAEMON: &str = "setsid sh -c './daemon > /dev/null 2>&1 &'; read x < runs";

/// A sandbox with a benchmark, and programs for the background.
fn with_programs(sandbox: Sandbox) -> Sandbox {
    sandbox.c_program("client", include_str!("../../../fixtures/client.c"));
    sandbox.program("daemon", "#!/bin/sh\necho $$ > pid; echo > runs; read x < hold\n");
    for fifo in ["runs", "hold"] {
        sandbox.fifo(fifo);
    }
    sandbox
}

/// Ends the daemon, which must be there.
#[track_caller]
fn end(pid: &str) {
    kill(Pid::from_raw(pid.parse().unwrap()), Signal::SIGKILL).unwrap();
}

/// It is said once, of this process.
#[track_caller]
fn is_said(sandbox: &Sandbox, run: &Run, pid: &str) {
    assert_eq!(run.code, 0, "{}", run.stderr);
    let said = format!("{SAID}: `daemon` (process {pid}); ");
    assert_eq!(run.stderr.matches(SAID).count(), 1, "{}", run.stderr);
    assert!(run.stderr.contains(&said), "{}", run.stderr);
    let json: serde_json::Value = serde_json::from_str(&sandbox.text("out.json")).unwrap();
    let warnings = json["warnings"].as_array().unwrap();
    let is_it = |text: &&serde_json::Value| text.as_str().unwrap().contains(&said);
    assert_eq!(warnings.iter().filter(is_it).count(), 1, "{warnings:?}");
}

#[test]
fn what_a_suite_leaves_running_is_named_and_goes_on() {
    // With a profiler, where there is one: it is none of them.
    for sandbox in [sandbox(), profiling_sandbox()].map(with_programs) {
        let mut pid = sandbox.notice("pid");
        let options = ["--quiet", "--export", "json=out.json"];
        let run = suite(&sandbox, &options, &format!("{DAEMON}; ./client"));
        let pid = pid.wait();
        is_said(&sandbox, &run, &pid);
        end(&pid);
    }
}

#[test]
fn processes_that_end_with_a_suite_are_not_said() {
    let sandbox = with_programs(sandbox());
    // Its output ends before the process does: neither is collected when the suite ends.
    sandbox.program("brief", "#!/bin/sh\necho\n");
    let brief = "for i in 1 2 3 4 5 6 7 8 9; do : $(setsid sh -c './brief &'); done";
    let run = suite(&sandbox, &[], &format!("./client; {brief}"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.stderr.contains("still running"), "{}", run.stderr);
}

#[test]
fn what_ran_before_is_neither_said_nor_ended() {
    let sandbox = with_programs(sandbox());
    let mut pid = sandbox.notice("pid");
    // The shell becomes the runner, which has its children.
    let before = "./daemon > /dev/null 2>&1 & read x < runs; exec \"$0\" \"$@\"";
    for (text, code) in [("./client", 0), ("exit 3", 1)] {
        let words = [&["-c", before, CODSPEED], RUN, &["--", text]].concat();
        let run = sandbox.run(sandbox.private("/bin/sh", words));
        nothing_is_left(&sandbox);
        assert_eq!(run.code, code, "{}", run.stderr);
        assert!(!run.stderr.contains("still running"), "{}", run.stderr);
        end(&pid.wait());
    }
}

#[test]
fn what_an_earlier_part_has_left_is_said_once() {
    let sandbox = with_programs(sandbox());
    let mut pid = sandbox.notice("pid");
    let words = ["run", "-m", "walltime,walltime", "--profile-folder", "profile", "--"];
    let text = format!("test -e started || {{ echo > started; {DAEMON}; }}; ./client");
    let run = codspeed(&sandbox, [&words[..], &[&text]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stderr.matches(SAID).count(), 1, "{}", run.stderr);
    end(&pid.wait());
}

mod simulation {
    use super::*;

    #[test]
    fn what_a_suite_leaves_running_is_named_and_goes_on() {
        let sandbox = with_programs(sandbox());
        let mut pid = sandbox.notice("pid");
        let words = ["run", "-m", "simulation", "--profile-folder", "profile", "--allow-empty"];
        let run = codspeed(&sandbox, [&words[..], &["--", DAEMON]].concat());
        let pid = pid.wait();
        assert!(run.stderr.contains(&format!("{SAID}: ")), "{}", run.stderr);
        assert!(run.stderr.contains(&format!("(process {pid}); ")), "{}", run.stderr);
        end(&pid);
    }
}
