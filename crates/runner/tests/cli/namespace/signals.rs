//! Ctrl-C and its relatives in the middle of a run: nothing runs on, nothing that was finished is lost.

use std::path::Path;

use nix::sys::signal::Signal;
use test_support::{Running, Sandbox};

use crate::stage::{RUN, exec_words, exported, nothing_is_left, sandbox, start, the_exported};

/// Says which processes it consists of (itself, a child, a grandchild in a session of its own), then waits for ever.
const FAMILY: &str = "\
sh -c 'read x < hold' &
child=$!
setsid sh -c 'echo $$ > grandchild; read x < hold' > /dev/null 2>&1 &
read grandchild < grandchild
echo $$ $child $grandchild > pids
wait
";

const EXEC: &[&str] = &["--warmup-time", "0", "--max-rounds", "5", "--export", "json=out.json"];

/// A sandbox, a run in it that is busy, and the processes of its benchmark.
fn busy(args: &[&str], script: &str) -> (Sandbox, Running, String) {
    let sandbox = sandbox();
    let mut pids = sandbox.notice("pids");
    for name in ["hold", "grandchild"] {
        sandbox.fifo(name);
    }
    sandbox.program("benchmark", &format!("#!/bin/sh\n{script}{FAMILY}"));
    let running = start(&sandbox, args);
    let pids = pids.wait();
    (sandbox, running, pids)
}

#[track_caller]
fn all_gone(pids: &str) {
    assert_eq!(pids.split(' ').count(), 3, "{pids}");
    for pid in pids.split(' ') {
        assert!(!Path::new("/proc").join(pid).exists(), "process {pid} of {pids} still runs");
    }
}

#[track_caller]
fn exec_is_interrupted_by(signal: Signal) {
    let script = "echo x >> count\ntest $(wc -l < count) -lt 2 && exit 0\n";
    let (sandbox, running, pids) = busy(&exec_words(EXEC, &["./benchmark"]), script);
    running.signal(signal);
    let run = running.end();
    assert_eq!(run.code, 130, "{}", run.stderr);
    assert!(run.stderr.contains("interrupted"), "{}", run.stderr);
    all_gone(&pids);
    let benchmark = the_exported(&sandbox);
    assert_eq!(benchmark["outcome"], "interrupted");
    assert_eq!(benchmark["rounds"]["wall_ns"].as_array().unwrap().len(), 1);
    nothing_is_left(&sandbox);
}

#[test]
fn ctrl_c_ends_a_command_and_keeps_the_finished_rounds() {
    exec_is_interrupted_by(Signal::SIGINT);
}

#[test]
fn sigterm_ends_a_command_and_keeps_the_finished_rounds() {
    exec_is_interrupted_by(Signal::SIGTERM);
}

#[test]
fn sighup_ends_a_command_and_keeps_the_finished_rounds() {
    exec_is_interrupted_by(Signal::SIGHUP);
}

#[track_caller]
fn suite_is_interrupted_by(signal: Signal) {
    let results = r#"{"creator":{"name":"ours","version":"1.0.0","pid":7},"instrument":{"type":"walltime"},"benchmarks":[{"name":"b","uri":"a::b","config":{},"stats":{"min_ns":1.0,"max_ns":1.0,"mean_ns":1.0,"stdev_ns":0.0,"q1_ns":1.0,"median_ns":1.0,"q3_ns":1.0,"rounds":3,"total_time":0.1,"iqr_outlier_rounds":0,"stdev_outlier_rounds":0,"iter_per_round":1,"warmup_iters":0}}]}"#;
    let script = format!(
        "mkdir $CODSPEED_PROFILE_FOLDER/results\necho '{results}' > $CODSPEED_PROFILE_FOLDER/results/7.json\n"
    );
    let args = [RUN, &["--export", "json=out.json", "--", "./benchmark"]].concat();
    let (sandbox, running, pids) = busy(&args, &script);
    running.signal(signal);
    let run = running.end();
    assert_eq!(run.code, 130, "{}", run.stderr);
    assert!(run.stderr.contains("interrupted; finished benchmarks kept: 1\n"), "{}", run.stderr);
    all_gone(&pids);
    assert_eq!(the_exported(&sandbox)["uri"], "a::b");
    nothing_is_left(&sandbox);
}

#[test]
fn ctrl_c_ends_a_suite_and_keeps_its_results() {
    suite_is_interrupted_by(Signal::SIGINT);
}

#[test]
fn sigterm_ends_a_suite_and_keeps_its_results() {
    suite_is_interrupted_by(Signal::SIGTERM);
}

#[test]
fn a_suite_that_ignores_ctrl_c_is_killed_by_the_second_one() {
    let args = [RUN, &["--export", "json=out.json", "--", "./benchmark"]].concat();
    let (sandbox, mut running, pids) = busy(&args, "trap '' INT\n");
    running.signal(Signal::SIGINT);
    running.says("stopping the benchmark; interrupt again to kill it");
    running.signal(Signal::SIGINT);
    running.says("killing the benchmark");
    let run = running.end();
    assert_eq!(run.code, 130, "{}", run.stderr);
    all_gone(&pids);
    assert!(exported(&sandbox).is_empty());
    nothing_is_left(&sandbox);
}

#[test]
fn the_clean_up_hook_runs_to_its_end_after_ctrl_c() {
    let hook = ["--cleanup", "sh -c 'echo half > cleaned; echo whole > cleaned'"];
    let options = [EXEC, &hook].concat();
    let args = exec_words(&options, &["./benchmark"]);
    let (sandbox, running, pids) = busy(&args, "");
    running.signal(Signal::SIGINT);
    assert_eq!(running.end().code, 130);
    assert_eq!(sandbox.text("cleaned"), "whole\n");
    all_gone(&pids);
}

#[test]
fn a_suite_that_clears_up_after_ctrl_c_has_the_time_for_it() {
    let args = [RUN, &["--", "./benchmark"]].concat();
    let (sandbox, running, pids) = busy(&args, "trap 'echo bye > cleared; exit 0' INT\n");
    running.signal(Signal::SIGINT);
    let run = running.end();
    assert_eq!(run.code, 130, "{}", run.stderr);
    assert_eq!(sandbox.text("cleared"), "bye\n");
    all_gone(&pids);
    nothing_is_left(&sandbox);
}

#[test]
fn a_command_that_ignores_ctrl_c_is_ended_by_the_first_one() {
    let (sandbox, running, pids) = busy(&exec_words(EXEC, &["./benchmark"]), "trap '' INT\n");
    running.signal(Signal::SIGINT);
    let run = running.end();
    assert_eq!(run.code, 130, "{}", run.stderr);
    all_gone(&pids);
    nothing_is_left(&sandbox);
}

#[test]
fn who_waits_for_another_run_can_be_interrupted() {
    let sandbox = sandbox();
    let (mut ready, hold) = (sandbox.notice("ready"), sandbox.fifo("hold"));
    let text = "echo ready > ready; read x < hold";
    let first = start(&sandbox, [RUN, &["--allow-empty", "--", text]].concat());
    ready.wait();
    let mut waiting = start(&sandbox, exec_words(&[], &["true"]));
    waiting.says("another codspeed run is in progress");
    waiting.signal(Signal::SIGINT);
    assert_eq!(waiting.end().code, 130);
    std::fs::write(hold, "go\n").unwrap();
    assert_eq!(first.end().code, 0);
    nothing_is_left(&sandbox);
}
