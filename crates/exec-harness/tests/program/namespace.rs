//! Input, exit codes, files. Each run has an empty `/tmp` of its own: no other run on the machine is disturbed, or
//! disturbs it.

use std::fs::File;

use runner_shared::{
    artifact::{Artifact, Outcome, RoundLog},
    walltime::WalltimeResults,
};
use test_support::{Run, Sandbox, redact};

const HARNESS: &str = env!("CARGO_BIN_EXE_exec-harness");

fn sandbox() -> Sandbox {
    Sandbox::new(env!("CARGO_TARGET_TMPDIR"))
}

fn harness(sandbox: &Sandbox, words: &[&str]) -> Run {
    sandbox.run(sandbox.private(HARNESS, words))
}

/// Runs the program with a list of benchmarks as its standard input.
fn with_list(sandbox: &Sandbox, list: &str) -> Run {
    let mut command = sandbox.private(HARNESS, ["-"]);
    command.stdin(File::open(sandbox.file("list.json", list)).unwrap());
    sandbox.run(command)
}

/// The results JSON files and logs below `.codspeed/results`.
fn results(sandbox: &Sandbox) -> (Vec<WalltimeResults>, Vec<RoundLog>) {
    let read = |ending: &str| -> Vec<Vec<u8>> {
        let Ok(entries) = std::fs::read_dir(sandbox.path().join(".codspeed/results")) else {
            return Vec::new();
        };
        let paths = entries.map(|entry| entry.unwrap().path());
        let wanted = paths.filter(|path| path.to_string_lossy().ends_with(ending));
        wanted.map(|path| std::fs::read(path).unwrap()).collect()
    };
    let json = read(".json").iter().map(|bytes| serde_json::from_slice(bytes).unwrap()).collect();
    let logs =
        read(".RoundLog.msgpack").iter().map(|bytes| RoundLog::decode(bytes).unwrap()).collect();
    (json, logs)
}

fn names(results: &[WalltimeResults]) -> Vec<&str> {
    results.iter().flat_map(|file| &file.benchmarks).map(|bench| bench.name.as_str()).collect()
}

const QUICK: &str = r#""walltime_args":{"warmup_time":"0","max_rounds":2}"#;

#[test]
fn version_and_help_have_the_shape_that_runners_parse() {
    let sandbox = sandbox();
    let version = harness(&sandbox, &["--version"]);
    assert_eq!(version.stdout, format!("exec-harness {}\n", env!("CARGO_PKG_VERSION")));
    insta::assert_snapshot!(harness(&sandbox, &["--help"]).stdout);
}

#[test]
fn wrong_options_are_usage_errors() {
    let sandbox = sandbox();
    for words in [&["--max-round", "3", "true"][..], &[], &["-m", "fast", "true"]] {
        assert_eq!(harness(&sandbox, words).code, 2, "{words:?}");
    }
    let sandbox = sandbox.with("CODSPEED_RUNNER_MODE", "Walltime");
    assert_eq!(harness(&sandbox, &["true"]).code, 2);
}

#[test]
fn a_list_without_an_end_is_refused() {
    let sandbox = sandbox();
    let mut command = sandbox.private(HARNESS, ["-"]);
    command.stdin(File::open("/dev/zero").unwrap());
    let run = sandbox.run(command);
    assert_eq!(run.code, 1, "{}", run.shown());
    let expected =
        "error: could not read the list of benchmarks from `/dev/zero`: it has more than 16 MiB\n";
    assert_eq!(run.stderr, expected);
}

#[test]
fn malformed_lists_run_nothing() {
    let sandbox = sandbox();
    let lists = [
        "",
        "[]",
        "[{}]",
        r#"[{"command":[]}]"#,
        r#"[{"command":["true"],"walltime_args":null}]"#,
        r#"[{"command":["true"],"walltime_args":{"warmup_time":0}}]"#,
        r#"[{"command":["true"],"walltime_args":{"max_rounds":"2"}}]"#,
        r#"[{"command":["true"]}] trailing"#,
        r#"[{"command":["true"],"walltime_args":{"warmup_time":"soon"}}]"#,
        r#"[{"command":["true"]},{"command":["true"],"name":"x","walltime_args":{"min_rounds":3,"max_rounds":2}}]"#,
    ];
    let said: Vec<String> = lists
        .iter()
        .map(|list| {
            let run = with_list(&sandbox, list);
            let planned = list.contains("soon") || list.contains("min_rounds");
            assert_eq!(run.code, if planned { 2 } else { 1 }, "{list}");
            run.stderr
        })
        .collect();
    insta::assert_snapshot!(said.concat());
    assert!(!sandbox.path().join(".codspeed").exists());
}

#[test]
fn unknown_keys_and_equal_names_are_warned_of() {
    let sandbox = sandbox();
    let list =
        format!(r#"[{{"command":["true"],"rounds":3,{QUICK}}},{{"command":["true"],{QUICK}}}]"#);
    let run = with_list(&sandbox, &list);
    assert_eq!(run.code, 0);
    assert!(run.stderr.contains("the unknown key `0.rounds`"), "{}", run.stderr);
    assert!(run.stderr.contains("two benchmarks have the name `true`"), "{}", run.stderr);
    let (results, _) = results(&sandbox);
    assert_eq!(names(&results), ["true", "true"]);
}

#[test]
fn a_list_with_a_missing_program_is_not_measured() {
    let sandbox = sandbox();
    let list = format!(
        r#"[{{"command":["touch","ran"],{QUICK}}},{{"command":["no-such"]}},{{"command":["./no/such"]}}]"#
    );
    let run = with_list(&sandbox, &list);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let expected = "error: benchmark `no-such`: the command cannot be run: `no-such` was not found in any folder of PATH
error: benchmark `./no/such`: the command cannot be run: `./no/such` does not exist
";
    assert_eq!(run.stderr, expected);
    for name in ["ran", ".codspeed", "profile"] {
        assert!(!sandbox.path().join(name).exists(), "{name}");
    }
}

#[test]
fn what_was_measured_before_a_failure_is_kept() {
    let sandbox = sandbox();
    let list = format!(
        r#"[{{"command":["true"],{QUICK}}},{{"command":["false"],{QUICK}}},{{"command":["echo","x"],{QUICK}}}]"#
    );
    let run = with_list(&sandbox, &list);
    assert_eq!(run.code, 1);
    let (results, logs) = results(&sandbox);
    assert_eq!(names(&results), ["true", "echo x"]);
    let outcomes: Vec<_> = logs[0].benchmarks.iter().map(|bench| bench.outcome.clone()).collect();
    let reason = "round 1: exit status 1".to_owned();
    assert_eq!(outcomes, [Outcome::Complete, Outcome::Failed { reason }, Outcome::Complete]);
}

#[test]
fn a_failed_round_keeps_its_last_output_and_earlier_rounds() {
    let sandbox = sandbox();
    let script =
        "#!/bin/sh\necho x >> count\n[ $(wc -l < count) -lt 3 ] || { echo no more >&2; exit 9; }\n";
    sandbox.program("third-time", script);
    let run = harness(&sandbox, &["--warmup-time", "0", "--max-rounds", "9", "./third-time"]);
    assert_eq!(run.code, 1);
    insta::assert_snapshot!(
        redact(&run.stderr, &sandbox).lines().take(4).collect::<Vec<_>>().join("\n")
    );
    let (results, logs) = results(&sandbox);
    assert_eq!(results, []);
    assert_eq!(logs[0].benchmarks[0].rounds.len(), 2);
}

#[test]
fn each_rounds_kernel_times_agree_with_the_wall_clock() {
    let sandbox = sandbox();
    sandbox
        .c_program("spin", "int main() { for (volatile int i = 0; i < 3000000; i++); return 0; }");
    let run = harness(&sandbox, &["--warmup-time", "0", "--max-rounds", "5", "./spin"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let (_, logs) = results(&sandbox);
    let bench = &logs[0].benchmarks[0];
    let rounds = &bench.rounds;
    assert_eq!(rounds.len(), 5);
    for index in 0..rounds.len() {
        let wall = rounds.wall_ns[index];
        assert!(rounds.minor_faults[index] > 0);
        // The processor time of one thread can't exceed the wall time, but for its granularity.
        let cpu = rounds.user_ns[index] + rounds.system_ns[index];
        assert!(cpu > 0 && cpu < wall + 4_000_000, "{cpu} of {wall}");
        if let Some(kernel) = rounds.kernel_ns[index] {
            assert!(kernel < wall, "exec to exit lies within the round");
        }
    }
    assert!(rounds.start_ns.is_sorted());
}

#[test]
fn no_round_is_too_short_on_a_busy_processor() {
    let sandbox = sandbox();
    let pinned =
        |words: &[&str]| sandbox.private("taskset", [&["--cpu-list", "0"][..], words].concat());
    let competitor = sandbox.start(pinned(&["sh", "-c", "while :; do :; done"]));
    let rounds = ["--warmup-time", "0", "--max-rounds", "300", "true"];
    let run = sandbox.run(pinned(&[&[HARNESS][..], &rounds].concat()));
    drop(competitor);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let (_, logs) = results(&sandbox);
    let rounds = &logs[0].benchmarks[0].rounds;
    assert_eq!(rounds.len(), 300);
    let mut work: Vec<u64> = rounds
        .kernel_ns
        .iter()
        .zip(&rounds.preempted_ns)
        .filter_map(|of| {
            let (kernel, preempted) = (*of.0, *of.1);
            Some(kernel?.saturating_sub(preempted?))
        })
        .collect();
    work.sort_unstable();
    // What the fastest round needed by itself, where the kernel tells, and something in any case:
    // a stamp that is taken too late yields rounds of a few microseconds.
    let least = work.first().copied().unwrap_or(0).max(50_000);
    assert!(rounds.wall_ns.iter().all(|wall| *wall >= least), "{least}: {:?}", rounds.wall_ns);
}

#[test]
fn output_is_redirected_and_input_is_rewound_in_each_round() {
    let sandbox = sandbox();
    let quick = ["--warmup-time", "0", "--max-rounds", "2"];
    let run = |words: &[&str]| harness(&sandbox, &[&quick, words].concat());
    assert_eq!(run(&["echo", "hidden"]).stdout, "");
    assert_eq!(run(&["--output", "inherit", "echo", "shown"]).stdout, "shown\nshown\n");
    sandbox.file("in", "line\n");
    assert_eq!(run(&["--output", "out", "--input", "in", "cat"]).code, 0);
    assert_eq!(std::fs::read_to_string(sandbox.path().join("out")).unwrap(), "line\n");
    let missing = run(&["--input", "nowhere", "cat"]);
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("could not open `nowhere`"), "{}", missing.stderr);
    assert!(!sandbox.path().join("nowhere").exists());
}

#[test]
fn a_round_that_never_ends_is_ended_with_all_that_it_started() {
    let sandbox = sandbox();
    // The grandchild holds the FIFO open for as long as it lives.
    let fifo = sandbox.path().join("alive");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    sandbox.program("never", "#!/bin/sh\nsleep 1000 > alive &\nwait\n");
    let reader = std::thread::spawn(move || std::fs::read(fifo).unwrap());
    let run = harness(&sandbox, &["--warmup-time", "0", "--timeout", "300ms", "./never"]);
    assert_eq!(run.code, 1);
    let cause = "round 1: did not finish within 300.0 ms; use `--timeout` to allow more";
    assert!(run.stderr.contains(cause), "{}", run.stderr);
    assert_eq!(reader.join().unwrap(), b"");
}

#[test]
fn compared_benchmarks_take_turns_in_an_order_set_by_the_seed() {
    let sandbox = sandbox();
    let args = r#""walltime_args":{"warmup_time":"0","max_time":"10ms"}"#;
    let list = format!(
        r#"[{{"command":["true"],"name":"a",{args}}},{{"command":["true"],"name":"b",{args}}}]"#
    );
    let mut command = sandbox.private(HARNESS, ["--interleave", "--seed", "7", "-"]);
    command.stdin(File::open(sandbox.file("list.json", list)).unwrap());
    assert_eq!(sandbox.run(command).code, 0);
    let (_, logs) = results(&sandbox);
    let [a, b] = &logs[0].benchmarks[..] else { panic!("two benchmarks") };
    for bench in [a, b] {
        let mut blocks = bench.rounds.block.clone();
        blocks.dedup();
        assert!(blocks.len() >= 8 && blocks.is_sorted(), "{blocks:?}");
    }
    let first = |rounds: &runner_shared::artifact::Rounds, block| {
        let index = rounds.block.iter().position(|of| *of == block).unwrap();
        rounds.start_ns[index]
    };
    let order: Vec<bool> =
        (0..8).map(|turn| first(&a.rounds, turn) < first(&b.rounds, turn)).collect();
    let mut random = runner_shared::statistics::Xoshiro256::seeded(7);
    // Of two, the last changes places with the first half of the time.
    let expected: Vec<bool> = (0..8).map(|_| random.two_below(2)[0] == 1).collect();
    assert_eq!(order, expected);
    let turns = logs[0].turns.as_ref().unwrap();
    assert_eq!((turns.seed, turns.threshold.total_cmp(&0.03)), (7, std::cmp::Ordering::Equal));
}

#[test]
fn what_a_command_leaves_running_is_said() {
    let sandbox = sandbox();
    sandbox.fifo("hold");
    let leaves = "read x < hold & echo $! >> pids";
    let another_session = "setsid sh -c 'read x < hold' & echo $! >> pids";
    let orphan_of_an_orphan = "((read x < hold) & echo $! >> pids) & wait";
    for (setup, text, left) in [
        ("true", leaves, 2),
        ("true", another_session, 2),
        ("true", orphan_of_an_orphan, 2),
        ("true", "(:) & wait", 0),
        ("true", ": | :", 0),
        // A server that the benchmark needs is none of its processes.
        (leaves, "true", 0),
    ] {
        let hook = ["--setup", setup, "--warmup-time", "0", "--max-rounds", "2"];
        let words = [&hook[..], &["sh", "-c", text]].concat();
        let run = harness(&sandbox, &words);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let (_, logs) = results(&sandbox);
        let notes: Vec<_> =
            logs.iter().flat_map(|log| &log.benchmarks).flat_map(|of| &of.notes).collect();
        let said =
            format!("in {left} of 2 rounds, a process started by the command was still running");
        let count = notes.iter().filter(|note| note.starts_with(&said)).count();
        assert_eq!(count, usize::from(left > 0), "{text}: {notes:?}");
        std::fs::remove_dir_all(sandbox.path().join(".codspeed")).unwrap();
    }
    for pid in sandbox.text("pids").lines() {
        let pid = nix::unistd::Pid::from_raw(pid.parse().unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    }
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let sandbox = sandbox().with("CODSPEED_RUNNER_MODE", "");
    let run = harness(&sandbox, &["--max-rounds", "1", "true"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    let sandbox = sandbox.with("CODSPEED_RUNNER_MODE", "odd");
    let run = harness(&sandbox, &["--max-rounds", "1", "true"]);
    assert_eq!(run.code, 2, "{}", run.shown());
}
