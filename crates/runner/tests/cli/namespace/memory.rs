//! Memory mode with a tracer that follows a script: what the runner makes of it.

use std::fs;

use nix::sys::signal::Signal;
use runner_shared::{
    artifact::{Artifact, ExecutionTimestamps},
    fifo::{Command, IntegrationMode, MarkerType},
};
use test_support::{RawClient, Run, Sandbox};

use crate::stage::{
    codspeed, exec, exported, nothing_is_left, sandbox, shown, start, the_exported,
};

const MEMORY: &[&str] = &["-m", "memory", "--export", "json=out.json"];
const SUITE: &[&str] = &["run", "-m", "memory", "--profile-folder", "profile"];

fn with_tracer() -> Sandbox {
    let sandbox = sandbox();
    let tracer = sandbox.c_program("memtrack", include_str!("../../../fixtures/memtrack.c"));
    sandbox.with("CODSPEED_MEMTRACK", tracer)
}

fn suite(sandbox: &Sandbox, options: &[&str], text: &str) -> Run {
    codspeed(sandbox, [SUITE, options, &["--", text]].concat())
}

#[test]
fn a_command_is_traced_and_its_allocations_are_shown() {
    let sandbox = with_tracer();
    let run = exec(&sandbox, MEMORY, &["echo", "hello"]);
    insta::assert_snapshot!(shown(&sandbox, &run));
    let benchmark = the_exported(&sandbox);
    assert_eq!(benchmark["uri"], "exec_harness::echo hello");
    assert_eq!(benchmark["peak_bytes"], 3000 + (1 << 20));
    assert_eq!(benchmark["total_bytes"], 4500 + (1 << 20));
    assert_eq!((&benchmark["allocations"], &benchmark["leaked_bytes"]), (&4.into(), &3000.into()));
    let bytes = fs::read(sandbox.path().join("profile/results/ExecutionTimestamps.msgpack"));
    let ExecutionTimestamps { uri_by_ts, markers } =
        ExecutionTimestamps::decode(&bytes.unwrap()).unwrap();
    let [MarkerType::SampleStart(start), MarkerType::SampleEnd(end)] = markers[..] else {
        panic!("one window: {markers:?}");
    };
    assert!(start < end && end < uri_by_ts[0].0);
}

#[test]
fn the_tracer_is_told_what_the_user_wants() {
    let sandbox = with_tracer();
    let told = ["-m", "memory", "--backend", "preload", "--export", "folded=stacks.txt"];
    let run = exec(&sandbox, &told, &["true"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("fake 1.0, preload"), "{}", run.stdout);
    assert_eq!(sandbox.text("stacks.txt"), format!("true;parse {}\n", 4500 + (1 << 20)));
    let again = codspeed(&sandbox, ["inspect", "profile"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(again.stdout.starts_with(&run.stdout), "{}", again.stdout);
    insta::assert_snapshot!(again.stdout.replace(" ns", " µs").split("live:").next().unwrap());
    assert!(
        again.stdout.contains("Live at end:\n      2.9 KB   100 %  parse (demo)"),
        "{}",
        again.stdout
    );
}

#[test]
fn a_suite_is_traced_benchmark_by_benchmark() {
    let sandbox = with_tracer();
    sandbox.c_program("client", include_str!("../../../fixtures/client.c"));
    let run = suite(&sandbox, &["--export", "json=out.json"], "./client && ./client");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let calls: Vec<_> = exported(&sandbox).iter().map(|of| of["allocations"].clone()).collect();
    assert_eq!(calls, [4, 4]);
    assert!(run.stderr.contains("was measured 2 times"), "{}", run.stderr);
}

/// Returns what the benchmark sees of some variables.
#[track_caller]
fn environment(sandbox: &Sandbox, options: &[&str]) -> String {
    let text =
        "echo $CODSPEED_RUNNER_MODE $PYTHONHASHSEED $PYTHON_PERF_JIT_SUPPORT $PYTHONMALLOC > seen";
    let run = suite(sandbox, &[options, &["--allow-empty"]].concat(), text);
    assert_eq!(run.code, 0, "{}", run.stderr);
    sandbox.text("seen")
}

#[test]
fn the_benchmark_sees_what_integrations_expect() {
    let sandbox = with_tracer();
    assert_eq!(environment(&sandbox, &[]), "memory 0 0 malloc\n");
    assert_eq!(environment(&sandbox, &["--python-allocator", "own"]), "memory 0 0\n");
    let sandbox = sandbox.with("PYTHONMALLOC", "pymalloc");
    assert_eq!(environment(&sandbox, &[]), "memory 0 0 pymalloc\n");
}

#[test]
fn python_s_arenas_are_explained() {
    let sandbox = with_tracer();
    sandbox.program("tool", "#!/usr/bin/env python3\n");
    for (allocator, said) in [("malloc", "PYTHONMALLOC=malloc"), ("own", "not counted")] {
        let options = ["-m", "memory", "--python-allocator", allocator, "--name", "x"];
        let run = exec(&sandbox, &options, &["sh", "-c", ": ./tool"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stdout.contains(said), "{}", run.stdout);
    }
}

#[test]
fn a_long_trace_shows_progress_and_a_hint_for_slow_python() {
    let sandbox = with_tracer().with("FAKE", "crawl");
    sandbox.program("tool", "#!/usr/bin/env python3\n");
    let run = exec(&sandbox, &["-m", "memory", "--name", "x"], &["sh", "-c", ": ./tool"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let lines: Vec<&str> =
        run.stderr.lines().filter(|line| line.contains("allocator calls")).collect();
    assert_eq!(lines, ["2.0 million allocator calls, 211 thousand per second"]);
    assert_eq!(
        run.stderr.matches("hint: use `--python-allocator own`").count(),
        1,
        "{}",
        run.stderr
    );
    // What is no Python has no use for it.
    let run = exec(&sandbox, &["-m", "memory"], &["true"]);
    assert!(!run.stderr.contains("python"), "{}", run.stderr);
}

#[test]
fn a_suite_without_benchmarks_is_empty() {
    let sandbox = with_tracer();
    let run = suite(&sandbox, &[], "true");
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert!(run.stderr.contains("no benchmark reported a result"), "{}", run.stderr);
    let run = suite(&sandbox, &["--allow-empty"], "true");
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn a_benchmark_that_fails_is_told_from_a_tracer_that_does() {
    let sandbox = with_tracer();
    let failed = exec(&sandbox, MEMORY, &["sh", "-c", "exit 3"]);
    assert_eq!(failed.code, 1);
    assert!(failed.stderr.contains("exit status 3"), "{}", failed.stderr);
    assert!(exported(&sandbox).is_empty());
    for text in ["exit 3", "kill -SEGV $$"] {
        let run = suite(&sandbox, &[], text);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(run.stderr.contains("the benchmark command exited with status"), "{}", run.stderr);
    }
}

#[test]
fn a_tracer_without_rights_is_a_missing_right() {
    let sandbox = with_tracer().with("FAKE", "refuse");
    let run = exec(&sandbox, MEMORY, &["touch", "ran"]);
    insta::assert_snapshot!(shown(&sandbox, &run));
    assert!(!sandbox.path().join("ran").exists());
}

#[test]
fn a_tracer_that_is_not_there_is_named() {
    let sandbox = sandbox().with("CODSPEED_MEMTRACK", "/no/such/tracer");
    let run = exec(&sandbox, &["-m", "memory"], &["true"]);
    insta::assert_snapshot!(shown(&sandbox, &run));
}

#[test]
fn a_tracer_that_dies_ends_the_run_and_keeps_what_it_saw() {
    let sandbox = with_tracer().with("FAKE", "die");
    sandbox.c_program("client", include_str!("../../../fixtures/client.c"));
    let run = suite(&sandbox, &["--export", "json=out.json"], "./client; ./client; sleep 60");
    insta::with_settings!({filters => [(r"of process \d+", "of process [pid]")]}, {
        insta::assert_snapshot!(shown(&sandbox, &run));
    });
    assert_eq!(the_exported(&sandbox)["allocations"], 4);
}

#[test]
fn lost_events_are_said_beside_the_numbers() {
    let sandbox = with_tracer().with("FAKE", "lossy");
    let run = exec(&sandbox, MEMORY, &["true"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("1 event lost"), "{}", run.stdout);
}

#[test]
fn an_interrupted_run_keeps_what_was_measured() {
    let sandbox = with_tracer();
    sandbox.c_program("client", include_str!("../../../fixtures/client.c"));
    let mut ready = sandbox.notice("ready");
    sandbox.fifo("hold");
    let text = "./client; echo ready > ready; read x < hold";
    let running = start(&sandbox, [SUITE, &["--", text]].concat());
    ready.wait();
    running.signal(Signal::SIGINT);
    let run = running.end();
    nothing_is_left(&sandbox);
    assert_eq!(run.code, 130, "{}", run.stderr);
    assert!(run.stderr.contains("finished benchmarks kept: 1"), "{}", run.stderr);
    assert!(run.stdout.contains("split[70/20/10]"), "{}", run.stdout);
}

/// Talks in the place of a benchmark until it is refused.
#[track_caller]
fn refused(messages: &[Command]) -> String {
    let sandbox = with_tracer();
    let mut ready = sandbox.notice("ready");
    sandbox.fifo("hold");
    let running = start(&sandbox, [SUITE, &["--", "echo ready > ready; read x < hold"]].concat());
    ready.wait();
    let mut client = RawClient::connect(&sandbox.tmp());
    let payload = |message: &Command| message.encode().split_off(4);
    let (last, before) = messages.split_last().unwrap();
    for message in before {
        assert_ne!(client.ask(&payload(message)), Command::Err, "{message:?}");
    }
    assert_eq!(client.ask(&payload(last)), Command::Err);
    let run = running.end();
    nothing_is_left(&sandbox);
    run.shown()
}

#[test]
fn integrations_that_don_t_know_memory_mode_are_refused() {
    let integration = |name: &str, version: &str| Command::SetIntegration {
        name: name.to_owned(),
        version: version.to_owned(),
    };
    insta::assert_snapshot!(refused(&[Command::SetVersion(1)]));
    let messages = [Command::SetVersion(2), integration("pytest-codspeed", "4.2.0")];
    insta::assert_snapshot!(refused(&messages));
    insta::assert_snapshot!(refused(&[integration("codspeed-go", "1.0.0")]));
}

#[test]
fn the_mode_is_analysis() {
    let sandbox = with_tracer();
    let mut ready = sandbox.notice("ready");
    let hold = sandbox.fifo("hold");
    let words = [SUITE, &["--allow-empty", "--", "echo ready > ready; read x < hold"]].concat();
    let running = start(&sandbox, words);
    ready.wait();
    let mut client = RawClient::connect(&sandbox.tmp());
    let mode = Command::IntegrationModeResponse(IntegrationMode::Analysis);
    assert_eq!(client.ask(&Command::GetIntegrationMode.encode()[4..]), mode);
    assert_eq!(client.ask(&Command::PingPerf.encode()[4..]), Command::Ack);
    fs::write(hold, "go\n").unwrap();
    assert_eq!(running.end().code, 0);
}
