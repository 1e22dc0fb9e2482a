//! `codspeed exec` with limits that can't be met: nothing runs, and the offending values are shown.

use crate::stage::{exec, sandbox, shown};

#[track_caller]
fn refused(options: &[&str]) -> String {
    let sandbox = sandbox();
    let run = exec(&sandbox, options, &["touch", "ran"]);
    assert!(!sandbox.path().join("ran").exists(), "the command was run");
    format!("$ codspeed exec {}\n{}", options.join(" "), shown(&sandbox, &run))
}

#[test]
fn limits_that_contradict_each_other_are_refused() {
    let lines: [&[&str]; 5] = [
        &["--min-time", "2s", "--max-time", "1s"],
        &["--min-rounds", "5", "--max-rounds", "4"],
        &["--max-time", "0"],
        &["--max-time", "0", "--warmup-time", "0"],
        &["--warmup-time", "inf", "--max-rounds", "1"],
    ];
    insta::assert_snapshot!(lines.map(refused).join("\n"));
}

#[test]
fn limits_that_are_no_limits_are_refused() {
    let lines: [&[&str]; 4] = [
        &["--max-time", "soon"],
        &["--min-time", "-1"],
        &["--max-rounds", "18446744073709551615"],
        &["--target-precision", "200%"],
    ];
    insta::assert_snapshot!(lines.map(refused).join("\n"));
}

#[test]
fn limits_of_different_kinds_may_be_mixed() {
    for options in
        [["--min-time", "1ms", "--max-rounds", "2"], ["--max-time", "1s", "--min-rounds", "2"]]
    {
        let sandbox = sandbox();
        let quick = ["--warmup-time", "0", "--max-time", "10ms"];
        let options: Vec<&str> = match options[0] {
            "--max-time" => [&quick[..], &options[2..]].concat(),
            _ => [&quick[..2], &options[..]].concat(),
        };
        let run = exec(&sandbox, &options, &["true"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
}
