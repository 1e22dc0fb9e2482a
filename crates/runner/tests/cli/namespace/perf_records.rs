//! Runs that are profiled by the real perf.

use std::{collections::BTreeSet, fs, io::Read, path::Path};

use nix::sys::signal::Signal;
use runner_shared::text::shown;
use test_support::Sandbox;

use crate::stage::{
    CODSPEED, QUICK, RUN, WAIT_AFTER_READY, codspeed, exec, exec_words, exported, nothing_is_left,
    profiling_sandbox, start, suite, the_exported,
};

/// Shell text that prints the process of perf, seen from a suite.
const FIND_PERF: &str = r#"
perf() {
    for pid in $(cat /proc/$PPID/task/*/children); do
        [ "$(cat /proc/$pid/comm)" = perf ] && echo $pid
    done
}
"#;

/// Shell text that measures `true` once under this name.
fn measure(name: &str) -> String {
    let harness = Path::new(CODSPEED).with_file_name("exec-harness");
    format!("{} --quiet --warmup-time 0 --max-rounds 2 --name {name} true", shown(&harness))
}

/// Bytes that perf has written.
#[track_caller]
fn recorded(folder: &Path) -> u64 {
    fs::metadata(folder.join("perf.pipedata")).map_or(0, |data| data.len())
}

#[test]
fn a_folder_of_any_name_is_used_from_any_working_directory() {
    let sandbox = profiling_sandbox();
    fs::create_dir(sandbox.path().join("work")).unwrap();
    let folder = r#"it's a "folder", $HOME; here"#;
    let options = ["--working-directory", "work", "--profile-folder", folder];
    let words = [&["exec"], &options[..], QUICK, &["--", "true"]].concat();
    let run = codspeed(&sandbox, words);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("profiling with perf "), "{}", run.stderr);
    assert!(!run.stderr.contains("warning: "), "{}", run.stderr);
    let folder = sandbox.path().join(folder);
    assert!(recorded(&folder) > 0);
    assert!(folder.join("results").is_dir());
    assert!(fs::read_dir(sandbox.path().join("work")).unwrap().next().is_none());
}

#[test]
fn the_streams_and_the_exit_status_of_a_suite_stay_its_own() {
    let sandbox = profiling_sandbox();
    let run = suite(&sandbox, &["--allow-empty"], "echo to stdout; echo to stderr >&2; exit 3");
    assert_eq!((run.code, run.stdout.as_str()), (1, "to stdout\n"));
    assert!(run.stderr.contains("to stderr\n"), "{}", run.stderr);
    assert!(run.stderr.contains("exited with status 3"), "{}", run.stderr);
}

#[test]
fn results_have_the_same_shape_as_without_a_profile() {
    let sandbox = profiling_sandbox();
    let keys = |options: &[&str]| {
        let options = [QUICK, &["--export", "json=out.json"], options].concat();
        assert_eq!(exec(&sandbox, &options, &["true"]).code, 0);
        let benchmark = the_exported(&sandbox);
        benchmark.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(keys(&[]), keys(&["--no-perf"]));
    assert!(!sandbox.path().join("profile/perf.pipedata").exists(), "it is of the first run");
}

#[test]
fn a_perf_that_is_killed_costs_the_rest_of_the_profile_only() {
    let sandbox = profiling_sandbox();
    let text = format!("{FIND_PERF}{}; kill -9 $(perf); {}", measure("a"), measure("b"));
    let run = suite(&sandbox, &["--export", "json=out.json"], &text);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let uris: BTreeSet<_> = exported(&sandbox).iter().map(|one| one["uri"].to_string()).collect();
    assert_eq!(
        uris.iter().map(|uri| uri.trim_matches('"')).collect::<Vec<_>>(),
        ["exec_harness::a", "exec_harness::b"]
    );
    let warnings: Vec<_> =
        run.stderr.lines().filter(|line| line.starts_with("warning: ")).collect();
    let [warning] = warnings.try_into().unwrap();
    assert!(warning.contains("the profiler exited before the benchmark"), "{warning}");
}

#[test]
fn ctrl_c_ends_perf_too_and_leaves_the_benchmark_its_time() {
    let sandbox = profiling_sandbox();
    let (mut ready, _hold) = (sandbox.notice("ready"), sandbox.fifo("hold"));
    let text = format!(
        "{FIND_PERF}perf > perf; trap 'echo bye > cleared; exit 0' INT; {WAIT_AFTER_READY}"
    );
    let running = start(&sandbox, [RUN, &["--", &text]].concat());
    ready.wait();
    running.signal(Signal::SIGINT);
    let run = running.end();
    assert_eq!(run.code, 130, "{}", run.stderr);
    assert_eq!(sandbox.text("cleared"), "bye\n");
    let perf = sandbox.text("perf");
    assert!(!Path::new("/proc").join(perf.trim()).exists() && !perf.trim().is_empty());
    nothing_is_left(&sandbox);
}

#[test]
fn of_two_runs_the_second_waits_and_both_are_profiled() {
    let sandbox = profiling_sandbox();
    let (mut ready, hold) = (sandbox.notice("ready"), sandbox.fifo("hold"));
    let once = ["--warmup-time", "0", "--max-rounds", "1"];
    let first = start(&sandbox, exec_words(&once, &["sh", "-c", "echo > ready; read x < hold"]));
    ready.wait();
    let words = [&["exec", "--profile-folder", "second"], QUICK, &["--", "true"]].concat();
    let mut second = start(&sandbox, words);
    second.says("another codspeed run is in progress");
    fs::write(&hold, "go\n").unwrap();
    for run in [first.end(), second.end()] {
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(!run.stderr.contains("warning: "), "{}", run.stderr);
    }
    for folder in ["profile", "second"] {
        assert!(recorded(&sandbox.path().join(folder)) > 0);
    }
    nothing_is_left(&sandbox);
}

#[test]
fn the_machine_may_wrap_the_benchmark() {
    let sandbox = profiling_sandbox();
    fs::create_dir(sandbox.path().join("hooks")).unwrap();
    let log = sandbox.path().join("log");
    let log = shown(&log);
    let hook = |name: &str, text: &str| {
        sandbox.program(&format!("hooks/codspeed-{name}-bench"), &format!("#!/bin/sh\n{text}\n"));
    };
    hook("pre", &format!("echo before $1 >> {log}"));
    hook("wrap", &format!("echo around >> {log}\nexec \"$@\""));
    hook("post", &format!("echo after >> {log}"));
    let words = exec_words(QUICK, &["true"]).join(" ");
    let script = format!("mount --bind hooks /usr/local/bin && exec {CODSPEED} {words}");
    let lines = |sandbox: &Sandbox| {
        let run = sandbox.run(sandbox.private("/bin/sh", ["-c", &script]));
        assert_eq!(run.code, 0, "{}", run.stderr);
        let text = fs::read_to_string(sandbox.path().join("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let [before, around, after] = lines(&sandbox).try_into().unwrap();
    let pid = before.strip_prefix("before ").unwrap();
    assert!(pid.parse::<u32>().is_ok(), "{before}");
    assert_eq!([around, after], ["around", "after"]);
    fs::remove_file(sandbox.path().join("log")).unwrap();
    let refused = sandbox.with("CODSPEED_ISOLATION", "false");
    assert!(lines(&refused).is_empty());
}

#[test]
fn with_fixed_addresses_an_address_has_one_module_per_process() {
    let sandbox = profiling_sandbox().with("CODSPEED_LOG", "debug");
    // The shell is replaced by a program that lies at the same addresses.
    let words = exec_words(QUICK, &["sh", "-c", "exec sleep 0.01"]);
    let run = sandbox.run(sandbox.private("setarch", [&["-R", CODSPEED], &words[..]].concat()));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let lines = run.stderr.lines().filter_map(|line| line.split_once("the profile uses process "));
    let mut used = Vec::new();
    for (_, line) in lines {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap();
        let (process, range) = (word(), word());
        let (start, end) = range.split_once('-').unwrap();
        let hex = |digits| u64::from_str_radix(digits, 16).unwrap();
        used.push((process, hex(start), hex(end), line));
    }
    assert!(used.iter().any(|(.., line)| line.contains("/sleep (")), "{}", run.stderr);
    for (at, one) in used.iter().enumerate() {
        for other in used.iter().skip(at + 1).filter(|other| other.0 == one.0) {
            assert!(one.2 <= other.1 || other.2 <= one.1, "{one:?} {other:?}");
        }
    }
}

/// Calls itself with large frames, then computes.
const DEEP: &str = "
#include <string.h>
volatile double sink;
__attribute__((noinline)) void burn(long turns) {
    double x = 1;
    for (long i = 0; i < turns; i++) x = x * 1.0000001 + 0.5 / (x + i);
    sink = x;
}
__attribute__((noinline)) void deep(int depth) {
    char frame[2048];
    memset(frame, depth, sizeof frame);
    if (depth) deep(depth - 1); else burn(30000000);
    sink += frame[depth];
}
int main(void) { deep(6); return 0; }
";

/// Compiles [`DEEP`] as the program `deep`.
#[track_caller]
fn compile_deep(sandbox: &Sandbox, options: &[&str]) {
    fs::write(sandbox.path().join("deep.c"), DEEP).unwrap();
    let words = [&["-O2", "-o", "deep", "deep.c"], options].concat();
    let run = sandbox.run(sandbox.command("cc", words));
    assert_eq!(run.code, 0, "{}", run.stderr);
}

/// Share of the samples that have `main` in their stack, in percent.
#[track_caller]
fn below_main(sandbox: &Sandbox) -> f64 {
    let weight = |line: &str| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap();
    let text = sandbox.text("out.folded");
    let all: f64 = text.lines().map(weight).sum();
    let below: f64 = text.lines().filter(|line| line.contains(";main;")).map(weight).sum();
    below * 100.0 / all
}

#[test]
fn arguments_do_not_change_how_stacks_are_taken() {
    let sandbox = profiling_sandbox();
    compile_deep(&sandbox, &[]);
    let options = [QUICK, &["--export", "folded=out.folded"]].concat();
    let words = ["./deep", "4", "go", "java", "mvn", "gradle", "python3"];
    let run = exec(&sandbox, &options, &words);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains(", stacks from copies of 32768 bytes"), "{}", run.stderr);
    assert!(below_main(&sandbox) > 90.0, "{}", sandbox.text("out.folded"));
}

#[test]
fn stacks_that_break_off_are_said_with_what_helps() {
    let sandbox = profiling_sandbox();
    compile_deep(&sandbox, &["-fomit-frame-pointer"]);
    let said = |options: &[&str]| {
        let run = exec(&sandbox, &[QUICK, options].concat(), &["./deep"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stderr
    };
    let small = said(&["--perf-stack-size", "4096"]);
    assert!(small.contains("are deeper than the copies of 4096 bytes"), "{small}");
    assert!(small.contains("use `--perf-stack-size 65528` to copy more"), "{small}");
    let enough = said(&["--perf-stack-size", "65528"]);
    assert!(!enough.contains("truncated"), "{enough}");
    let pointers = said(&["--perf-unwinding-mode", "fp"]);
    assert!(pointers.contains("functions without frame pointers"), "{pointers}");
    assert!(pointers.contains("`--perf-unwinding-mode dwarf`"), "{pointers}");
}

/// Two threads with names work beside the first one.
const THREADS: &str = "
#define _GNU_SOURCE
#include <pthread.h>
__attribute__((noinline)) double burn(long turns) {
    volatile double x = 1;
    for (long i = 0; i < turns; i++)
        x = x * 1.0000001 + 0.5; /* line 6 */
    return x;
}
static void *work(void *name) {
    pthread_setname_np(pthread_self(), name);
    burn(30000000);
    return 0;
}
int main(void) {
    pthread_t one, two;
    pthread_create(&one, 0, work, \"one\");
    pthread_create(&two, 0, work, \"two\");
    burn(30000000);
    pthread_join(one, 0);
    pthread_join(two, 0);
    return 0;
}
";

#[test]
fn exports_have_the_programs_threads_lines_and_file() {
    let sandbox = profiling_sandbox();
    fs::write(sandbox.path().join("threads.c"), THREADS.trim_start()).unwrap();
    let words = ["-g", "-O1", "-pthread", "-o", "threads", "threads.c"];
    assert_eq!(sandbox.run(sandbox.command("cc", words)).code, 0);
    let exports = ["--export", "firefox=out.firefox", "--export", "speedscope=out.speedscope"];
    let run = exec(
        &sandbox,
        &[QUICK, &exports, &["--export", "pprof=out.pprof"]].concat(),
        &["./threads"],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    let json = |name| serde_json::from_str::<serde_json::Value>(&sandbox.text(name)).unwrap();
    let firefox = json("out.firefox");
    let threads = firefox["threads"].as_array().unwrap();
    // All rounds of the program together.
    let names: BTreeSet<&str> = threads.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["one", "threads", "two"].into());
    assert_eq!(threads.len(), 3);
    assert_eq!(threads[0]["name"], "threads");
    for thread in threads {
        assert_eq!(thread["isMainThread"], thread["name"] == "threads");
        let samples = &thread["samples"];
        assert_eq!(samples["weightType"], "tracing-ms");
        let weights = samples["weight"].as_array().unwrap();
        let sum: f64 = weights.iter().map(|weight| weight.as_f64().unwrap()).sum();
        // Milliseconds of three rounds, not nanoseconds.
        assert!((10.0..1e6).contains(&sum), "{sum}");
        assert!(thread["frameTable"]["line"].to_string().contains(",6,"), "{thread}");
    }
    assert_eq!(json("out.speedscope")["profiles"].as_array().unwrap().len(), 3);
    let mut pprof = Vec::new();
    let file = fs::File::open(sandbox.path().join("out.pprof")).unwrap();
    flate2::read::GzDecoder::new(file).read_to_end(&mut pprof).unwrap();
    let has = |text: &str| pprof.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(has("/threads") && has("threads.c") && has("nanoseconds"));
}
