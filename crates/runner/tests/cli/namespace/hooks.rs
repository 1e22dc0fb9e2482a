//! Hooks around the rounds, and their order.

use crate::stage::{exec, sandbox};

#[test]
fn hooks_run_around_the_benchmark_and_around_each_round() {
    let sandbox = sandbox();
    sandbox.program("say", "#!/bin/sh\necho \"$*\" >> log\n");
    let hooks = ["--setup", "./say setup", "--prepare", "./say prepare"];
    let others = ["--conclude", "./say 'to conclude'", "--cleanup", "./say cleanup"];
    let limits = ["--warmup-time", "0", "--max-rounds", "2"];
    let run = exec(&sandbox, &[&limits[..], &hooks, &others].concat(), &["./say", "round"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let round = ["prepare", "round", "to conclude"];
    let expected = [&["setup"][..], &round, &round, &["cleanup"]].concat();
    assert_eq!(sandbox.text("log").lines().collect::<Vec<_>>(), expected);
}

#[test]
fn the_clean_up_runs_after_a_failure_too() {
    let sandbox = sandbox();
    let hooks = ["--setup", "false", "--cleanup", "touch cleaned"];
    let run = exec(&sandbox, &hooks, &["touch", "ran"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("the setup command: exit status 1"), "{}", run.stderr);
    assert!(sandbox.path().join("cleaned").exists());
    assert!(!sandbox.path().join("ran").exists());
}

#[test]
fn hooks_are_shell_text_when_asked_for() {
    let sandbox = sandbox();
    let options = [
        "--shell",
        "--warmup-time",
        "0",
        "--max-rounds",
        "1",
        "--prepare",
        "echo a > x; cat x > y",
    ];
    let run = exec(&sandbox, &options, &["test -s y", "&&", "rm y"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!sandbox.path().join("y").exists());
}
