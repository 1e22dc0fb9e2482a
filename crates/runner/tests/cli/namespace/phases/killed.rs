//! A run that is killed, as by a system without memory: what was finished by then can be seen, and the next run works.

use std::fs;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use test_support::Sandbox;

use super::{next_works, processes_of};
use crate::stage::{CODSPEED, sandbox, start};

const CUT: &str = "the run was killed";

/// Kills a run of this suite (or of the commands of `codspeed.yml`), which comes to a program that stays, with all its processes, or it alone.
#[track_caller]
fn killed(options: &[&str], text: &str, all: bool) -> Sandbox {
    let sandbox = sandbox();
    sandbox.c_program("client", include_str!("../../../../fixtures/client.c"));
    let mut ready = sandbox.notice("ready");
    sandbox.fifo("hold");
    sandbox.program("held", "#!/bin/sh\necho > ready; read x < hold\n");
    sandbox.file("codspeed.yml", "benchmarks:\n- exec: 'true'\n- exec: ./held\n");
    let suite: &[&str] = if text.is_empty() { &[] } else { &["--", text] };
    let words = [&["run", "--profile-folder", "profile"], options, suite].concat();
    let running = start(&sandbox, words);
    ready.wait();
    if all {
        // At once, so that nobody does anything for the others.
        for process in processes_of(&sandbox) {
            let pid = process.split(' ').next().unwrap().parse().unwrap();
            // It may have ended with another one.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    } else {
        running.signal(Signal::SIGKILL);
    }
    assert_eq!(running.end().code, -1);
    sandbox
}

/// Shows what is left. Returns the benchmarks.
#[track_caller]
fn left(sandbox: &Sandbox) -> Vec<Value> {
    let words = ["inspect", "profile", "--export", "json=kept.json"];
    for _ in 0..2 {
        let run = sandbox.run(sandbox.private(CODSPEED, words));
        assert!(run.stderr.contains(CUT), "{}", run.shown());
    }
    let json: Value = serde_json::from_str(&sandbox.text("kept.json")).unwrap();
    json["benchmarks"].as_array().unwrap().clone()
}

/// The next run replaces the FIFOs, and nothing runs on.
#[track_caller]
fn is_no_obstacle(sandbox: &Sandbox) {
    // Later runs remove those of the tracer, when they are a minute old.
    for name in sandbox.left_in_tmp() {
        let folder = sandbox.tmp().join(&name);
        if name.starts_with("codspeed") {
            // It has memory elsewhere, to which a link leads.
            for entry in fs::read_dir(&folder).unwrap().flatten() {
                if let Ok(segment) = fs::read_link(entry.path()) {
                    fs::remove_dir_all(segment.parent().unwrap()).unwrap();
                }
            }
            fs::remove_dir_all(folder).unwrap();
        }
    }
    next_works(sandbox);
    assert!(processes_of(sandbox).is_empty());
}

#[test]
fn of_a_walltime_run_names_and_windows_are_kept() {
    for all in [true, false] {
        let sandbox = killed(&["-m", "walltime"], "./client; ./held", all);
        assert_eq!(left(&sandbox).len(), 1);
        assert!(sandbox.path().join("profile/ExecutionTimestamps.msgpack").exists());
        assert!(!sandbox.path().join("profile/.codspeed/timestamps").exists());
        is_no_obstacle(&sandbox);
    }
}

#[test]
fn of_a_memory_run_names_and_windows_are_kept() {
    for all in [true, false] {
        let options = ["-m", "memory", "--backend", "preload"];
        let sandbox = killed(&options, "./client; ./held", all);
        let names: Vec<_> = left(&sandbox).iter().map(|one| one["name"].to_string()).collect();
        assert_eq!(names, ["\"split[70/20/10]\""], "all: {all}");
        is_no_obstacle(&sandbox);
    }
}

#[test]
fn a_run_that_goes_on_is_not_taken_for_one_that_was_cut_short() {
    let sandbox = sandbox();
    let mut ready = sandbox.notice("ready");
    sandbox.fifo("hold");
    sandbox.program("held", "#!/bin/sh\necho > ready; read x < hold\n");
    let words = ["run", "-m", "walltime", "--profile-folder", "profile", "--", "./held"];
    let running = start(&sandbox, words);
    ready.wait();
    let run = sandbox.run(sandbox.command(CODSPEED, ["inspect", "profile"]));
    assert!(run.stderr.contains("the run is in progress"), "{}", run.shown());
    let run = sandbox.run(sandbox.command(CODSPEED, ["upload", "profile"]));
    assert_eq!(run.code, 2, "{}", run.shown());
    assert!(run.stderr.contains("the run of `profile` is still in progress"), "{}", run.shown());
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().code, 130);
    let run = sandbox.run(sandbox.command(CODSPEED, ["inspect", "profile"]));
    assert!(run.stderr.contains("the run was interrupted"), "{}", run.shown());
}

mod simulation {
    use super::*;

    #[test]
    fn of_a_simulation_run_what_has_ended_is_kept() {
        let sandbox = killed(&["-m", "simulation"], "", true);
        let names: Vec<_> = left(&sandbox).iter().map(|one| one["name"].to_string()).collect();
        assert_eq!(names, ["\"true\""]);
        is_no_obstacle(&sandbox);
    }
}
