//! Tools that misbehave when they are asked something: each is named, none is waited for long, nothing is left of it.

use std::{fs, path::PathBuf, thread::scope};

use runner_shared::text::{as_text, shown};
use test_support::{Run, Sandbox};

use crate::stage::{CODSPEED, sandbox};

/// Writes for ever.
const ENDLESS: &str = "#!/bin/sh\nwhile :; do printf %65536s y; done\n";

/// Waits for ever, as does a process that it has started.
fn silent(sandbox: &Sandbox, name: &str) -> PathBuf {
    let hold = sandbox.fifo("hold");
    let alive = sandbox.fifo("alive");
    let (hold, alive) = (as_text(&hold), as_text(&alive));
    let text = format!("#!/bin/sh\nexec 3> '{alive}'\n(read x < '{hold}') & read x < '{hold}'\n");
    sandbox.program(name, &text)
}

/// Runs `codspeed` with so little memory that nothing without end has room in it.
#[track_caller]
fn bounded(sandbox: &Sandbox, args: &[&str]) -> Run {
    let words = ["-c", "ulimit -v 800000; exec \"$0\" \"$@\"", CODSPEED];
    sandbox.run(sandbox.private("sh", [&words, args].concat()))
}

#[test]
fn who_writes_without_end_is_named_and_memory_stays_small() {
    let cases: [(&str, &[&str], i32); 3] = [
        ("CODSPEED_PERF", &["status"], 0),
        ("CODSPEED_VALGRIND", &["exec", "-m", "simulation", "--", "true"], 3),
        ("CODSPEED_EXEC_HARNESS", &["exec", "--", "true"], 3),
    ];
    for (variable, args, code) in cases {
        let sandbox = sandbox();
        let tool = sandbox.program("tool", ENDLESS);
        let sandbox = sandbox.with(variable, &tool);
        let run = bounded(&sandbox, args);
        assert_eq!(run.code, code, "{variable}: {}", run.shown());
        let expected = format!("`{}` wrote too much output", shown(&tool));
        assert!(run.shown().contains(&expected), "{variable}: {}", run.shown());
    }
}

/// Runs `codspeed exec` in each mode, after the shell text `before`.
#[track_caller]
fn in_each_mode(before: &str, code: i32, expected: &str) {
    for mode in ["walltime", "memory", "simulation"] {
        let sandbox = sandbox();
        fs::create_dir(sandbox.path().join("empty")).unwrap();
        let text = format!("{before}; exec \"$0\" exec --max-rounds 2 -m {mode} -- true");
        let run = sandbox.run(sandbox.private("sh", ["-c", &text, CODSPEED]));
        assert_eq!(run.code, code, "{mode}: {}", run.shown());
        assert!(run.stderr.contains(expected), "{mode}: {}", run.shown());
    }
}

#[test]
fn what_the_system_lacks_is_named_in_each_mode() {
    in_each_mode("mount --bind empty /proc", 3, "error: `/proc` is not mounted");
    in_each_mode("mount --rbind empty /dev", 3, "`/dev` is not mounted");
}

#[test]
fn limits_of_the_process_are_named_in_each_mode() {
    in_each_mode("ulimit -n 10", 3, "run `ulimit -n`");
    in_each_mode("ulimit -f 0", 1, "run `ulimit -f`");
}

#[test]
fn a_list_of_benchmarks_that_can_t_be_read_is_named() {
    let sandbox = sandbox();
    let harness = std::path::Path::new(CODSPEED).with_file_name("exec-harness");
    let mut command = sandbox.command(harness, ["-"]);
    command.stdin(fs::File::open(sandbox.path()).unwrap());
    let run = sandbox.run(command);
    let expected = format!("the list of benchmarks from `{}`", shown(&sandbox.path()));
    assert!(run.code != 0 && run.stderr.contains(&expected), "{}", run.shown());
}

#[test]
fn invalid_results_are_told_before_the_table() {
    let sandbox = sandbox();
    let run = crate::stage::exec(&sandbox, crate::stage::QUICK, &["true"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    fs::write(sandbox.path().join("profile/results/1.json"), results("1e308")).unwrap();
    // Both to the same place, as a user sees them.
    let text = "exec \"$0\" inspect profile 2>&1";
    let run = sandbox.run(sandbox.private("sh", ["-c", text, CODSPEED]));
    assert_eq!(run.code, 1, "{}", run.shown());
    let at =
        |text: &str| run.stdout.find(text).unwrap_or_else(|| panic!("{text}: {}", run.shown()));
    assert!(at("1e308 is not a duration") < at("Median"), "{}", run.shown());
}

/// Results of a benchmark that took so long.
fn results(median_ns: &str) -> String {
    format!(
        r#"{{"creator": {{"name": "x", "version": "1.0.0", "pid": 1}}, "instrument": {{"type": "walltime"}},
        "benchmarks": [{{"name": "a", "uri": "a", "config": {{}}, "stats": {{"min_ns": 1.0, "max_ns": 1.0,
        "mean_ns": 1.0, "stdev_ns": 0.0, "q1_ns": 1.0, "median_ns": {median_ns}, "q3_ns": 1.0, "rounds": 1,
        "total_time": 1.0, "iqr_outlier_rounds": 0, "stdev_outlier_rounds": 0, "iter_per_round": 1,
        "warmup_iters": 0}}}}]}}"#
    )
}

#[test]
fn who_is_silent_is_named_in_time_and_nothing_is_left_of_it() {
    let asked = |variable: Option<&str>, name: &str, args: &[&str], code: i32| {
        let sandbox = sandbox();
        let tool = silent(&sandbox, name);
        let path = format!("{}:/usr/bin:/bin", as_text(&sandbox.path()));
        let sandbox = match variable {
            Some(variable) => sandbox.with(variable, &tool),
            None => sandbox.with("PATH", path),
        };
        // At its end once nobody of them is left.
        let alive = sandbox.path().join("alive");
        let left = std::thread::spawn(move || fs::read(alive));
        let run = bounded(&sandbox, args);
        assert_eq!(run.code, code, "{name}: {}", run.shown());
        let expected = format!("`{}` did not answer within 10 s", shown(&tool));
        assert!(run.shown().contains(&expected), "{name}: {}", run.shown());
        assert_eq!(left.join().unwrap().unwrap(), b"");
    };
    let memory = ["exec", "-m", "memory", "--backend", "preload", "--", "true"];
    // At the same time, as each takes as long as we are patient.
    scope(|scope| {
        scope.spawn(|| asked(Some("CODSPEED_PERF"), "perf", &["status"], 0));
        scope.spawn(|| {
            let args = ["exec", "-m", "simulation", "--", "true"];
            asked(Some("CODSPEED_VALGRIND"), "valgrind", &args, 3);
        });
        scope.spawn(|| asked(None, "python", &memory, 0));
    });
}
