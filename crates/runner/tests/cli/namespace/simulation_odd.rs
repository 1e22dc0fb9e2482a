//! Simulation mode where something stands in its way: a container, an odd environment, benchmarks
//! whose work is done elsewhere, a Valgrind that fails.

use runner_shared::text::shown;
use serde_json::Value;
use test_support::Sandbox;

use crate::stage::{CODSPEED, codspeed, exec, exported, sandbox, the_exported};

const SIMULATION: &[&str] = &["-m", "simulation", "--export", "json=out.json"];
const COUNT: &str = "int main(int c, char **v) { volatile unsigned x = 1; for (int i = 1000; i > 0; i--) x *= 3; return 0; }";

/// A sandbox with the integration in C.
fn with_integration() -> Sandbox {
    let sandbox = sandbox();
    let header = include_str!("../../../../exec-harness/preload/client_request.h");
    sandbox.file("client_request.h", header);
    sandbox.c_program("counted", include_str!("../../../fixtures/counted.c"));
    sandbox
}

/// Runs the integration, and returns name and instructions of each benchmark.
#[track_caller]
fn counts(sandbox: &Sandbox, words: &str) -> Vec<(String, u64)> {
    let command = format!("./counted {words}");
    let always = [&["run", "--profile-folder", "profile"], SIMULATION].concat();
    let run = codspeed(sandbox, [&always[..], &["--", &command]].concat());
    assert_eq!(run.code, 0, "{}", run.shown());
    let name = |one: &Value| one["name"].as_str().unwrap().to_owned();
    let count = |one: &Value| one["instructions"].as_u64().unwrap();
    exported(sandbox).iter().map(|one| (name(one), count(one))).collect()
}

#[test]
fn a_container_that_forbids_personality_is_no_obstacle() {
    let sandbox = sandbox();
    sandbox.c_program("count", COUNT);
    let filter =
        sandbox.c_program("no_personality", include_str!("../../../fixtures/no_personality.c"));
    let filter = shown(&filter).into_owned();
    let words = ["exec", "--profile-folder", "profile"];
    let words = [&[CODSPEED], &words[..], SIMULATION, &["--", "./count"]].concat();
    let run = sandbox.run(sandbox.private(&filter, words));
    assert_eq!(run.code, 0, "{}", run.shown());
    let inside = the_exported(&sandbox)["instructions"].clone();
    let run = exec(&sandbox, SIMULATION, &["./count"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    assert_eq!(the_exported(&sandbox)["instructions"], inside);
}

#[test]
fn the_users_valgrind_settings_do_not_change_counts() {
    let plain = sandbox();
    plain.c_program("count", COUNT);
    let count = |sandbox: &Sandbox| {
        let run = exec(sandbox, SIMULATION, &["./count"]);
        assert_eq!(run.code, 0, "{}", run.shown());
        the_exported(sandbox)["instructions"].as_u64()
    };
    let expected = count(&plain);
    let options = "--collect-atstart=no --toggle-collect=nothing --tool=massif";
    let odd = sandbox().with("VALGRIND_OPTS", options);
    odd.file(".valgrindrc", "--callgrind:dump-before=main\n--error-exitcode=9\n");
    odd.c_program("count", COUNT);
    assert_eq!(count(&odd), expected);
}

#[test]
fn counts_repeat_whatever_the_environment_holds() {
    let sandbox = sandbox();
    sandbox.c_program("count", COUNT);
    let options = [SIMULATION, &["--stable-env"]].concat();
    let events = |bytes: usize| {
        let words = [&["exec", "--profile-folder", "profile"], &options[..], &["--", "./count"]];
        let mut command = sandbox.private(CODSPEED, words.concat());
        command.env("BRANCH", "x".repeat(bytes));
        let run = sandbox.run(command);
        assert_eq!(run.code, 0, "{}", run.shown());
        let mut events = the_exported(&sandbox)["events"].clone();
        // Real time in the kernel.
        for name in ["sysTime", "sysCpuTime"] {
            events.as_object_mut().unwrap().remove(name);
        }
        events
    };
    let first = events(0);
    assert!(first["Ir"].as_u64() > Some(3000), "{first}");
    for run in 1..10 {
        assert_eq!(events(run * 1024 / 9), first);
    }
}

#[test]
fn threads_count_and_other_processes_are_shown_separately() {
    let sandbox = with_integration();
    let counts = counts(&sandbox, "one two threads exec fork");
    let names: Vec<_> = counts.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["one", "two", "threads", "exec", "fork"]);
    let [one, two, threads, exec, fork] = counts.iter().map(|(_, n)| *n).collect::<Vec<_>>()[..]
    else {
        unreachable!()
    };
    assert!(one > 30_000 && one.abs_diff(two) < 100, "{one} and {two}");
    assert!(threads > 2 * one, "{threads}");
    assert!(exec < one && fork < one, "{exec} and {fork}");
    let json: Value = serde_json::from_str(&sandbox.text("out.json")).unwrap();
    let apart = json["unattributed"].as_array().unwrap();
    let instructions: Vec<_> = apart.iter().map(|one| one["events"]["Ir"].as_u64()).collect();
    assert_eq!(apart.len(), 1, "the copy of the process: {apart:?}");
    assert!(instructions[0] > Some(one - 100), "{apart:?}");
}

#[test]
fn counts_from_before_an_exec_are_kept() {
    let sandbox = with_integration();
    let counts = counts(&sandbox, "one two become three");
    let names: Vec<_> = counts.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["one", "two", "three"]);
    assert!(counts.iter().all(|(_, count)| *count > 30_000), "{counts:?}");
}

#[test]
fn a_failed_valgrind_differs_from_a_failed_benchmark() {
    let sandbox = sandbox();
    let fake = "#!/bin/sh\ncase \"$*\" in *--version) echo valgrind-3.24.0;; *--help) ;; \
        *) echo 'valgrind: no more' >&2; exit 1;; esac\n";
    let fake = shown(&sandbox.program("fake", fake)).into_owned();
    let words = ["run", "-m", "simulation", "--profile-folder", "p", "--valgrind", &fake];
    let run = codspeed(&sandbox, [&words[..], &["--", "true"]].concat());
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("Valgrind could not run the benchmark"), "{}", run.stderr);
    let words = ["run", "-m", "simulation", "--profile-folder", "p"];
    for (command, code) in [("exit 3", 3), ("kill -KILL $$", 9), ("exec no-such-command", 127)] {
        let run = codspeed(&sandbox, [&words[..], &["--", command]].concat());
        assert_eq!(run.code, 1);
        assert!(
            run.stderr.contains(&code.to_string()) || run.stderr.contains("SIGKILL"),
            "{}",
            run.stderr
        );
        assert!(!run.stderr.contains("Valgrind could not"), "{command}: {}", run.stderr);
    }
}

#[test]
fn a_fork_and_a_tracer_are_demanded_where_they_are_not() {
    let sandbox = sandbox();
    let fake = "#!/bin/sh\ncase \"$*\" in *--version) echo valgrind-3.24.0;; *--help) ;; esac\n";
    let fake = shown(&sandbox.program("fake", fake)).into_owned();
    let words = ["run", "-m", "simulation", "--valgrind", &fake];
    for (option, expected) in [
        ("--require-fork", "is not CodSpeed's fork of Valgrind"),
        ("--simulation-tool=tracegrind", "doesn't include the tool tracegrind"),
    ] {
        let run = codspeed(&sandbox, [&words[..], &[option, "--", "true"]].concat());
        assert_eq!(run.code, 3, "{}", run.stderr);
        assert!(run.stderr.contains(expected), "{}", run.stderr);
        assert!(run.stderr.contains("codspeed setup -m simulation"), "{}", run.stderr);
    }
}
