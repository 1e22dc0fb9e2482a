//! Several commands of `codspeed exec`: parameters, the base, the arithmetic of verdicts, the start of a shell.

use serde_json::Value;

use crate::stage::{codspeed, exec, exported, sandbox};

const FEW: &[&str] = &["--warmup-time", "0", "--max-rounds", "9", "--export", "json=out.json"];

#[test]
fn parameters_become_commands_with_names_of_their_own() {
    let sandbox = sandbox();
    let scans = ["-L", "code=exit 0,true", "--parameter-scan", "n", "1..2", "--base", "3"];
    let options = [FEW, &scans, &["--setup", "touch ran-{n}"]].concat();
    let run = exec(&sandbox, &options, &["sh", "-c", "{code} # {other}"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let names: Vec<_> = exported(&sandbox).iter().map(|one| one["uri"].clone()).collect();
    let expected = [
        "true # {other} [n=1]",
        "exit 0 # {other} [n=1]",
        "exit 0 # {other} [n=2]",
        "true # {other} [n=2]",
    ];
    assert_eq!(names, expected.map(|name| format!("exec_harness::sh -c {name}")));
    for name in ["ran-1", "ran-2"] {
        assert!(sandbox.path().join(name).is_file(), "{name}");
    }
    let against = "against `sh -c true # {other} [n=1]`: ";
    assert_eq!(run.stdout.matches(against).count(), 3, "{}", run.stdout);
    assert!(run.stdout.contains(" Relative  "), "{}", run.stdout);
}

#[test]
fn a_verdict_is_explained_in_the_same_words_at_any_time() {
    let sandbox = sandbox();
    let run = exec(&sandbox, &[FEW, &["--vs", "sh -c :", "--explain"]].concat(), &["true"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let (table, steps) =
        run.stdout.split_once("\n`true` against `sh -c :`, step by step:\n").unwrap();
    let shown = codspeed(&sandbox, ["inspect", "profile", "--explain"]);
    assert_eq!(shown.stdout, run.stdout);
    let json: Value = serde_json::from_str(&sandbox.text("out.json")).unwrap();
    let comparison = &json["comparisons"][0];
    let of = |name: &str| {
        let line = steps.lines().find(|line| line.trim_start().starts_with(name));
        line.unwrap_or_else(|| panic!("{name}: {steps}")).to_owned()
    };
    assert!(of("order").contains(&format!("the seed {} ", comparison["seed"])), "{steps}");
    assert!(of("pairs").contains(" 8: "), "{steps}");
    let ratio = comparison["judged"]["ratio"].as_f64().unwrap();
    assert!(of("estimate").ends_with(&format!("head / base = {ratio:.8}")), "{steps}");
    assert!(of("interval").contains("exact: of the 36 means of two d, number 1 "), "{steps}");
    assert!(of("rule").contains(comparison["verdict"].as_str().unwrap()), "{steps}");
    assert!(!table.contains("step by step"));
}

#[test]
fn the_start_of_a_shell_is_named_and_taken_off_on_request() {
    let sandbox = sandbox();
    let text = ["i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; true | true"];
    let run = exec(&sandbox, FEW, &text);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let [with] = exported(&sandbox).try_into().unwrap();
    assert_eq!(with["shell"]["subtracted"], false);
    assert!(with["shell"]["wall_ns"].as_u64().unwrap() > 0, "{with}");
    assert!(run.stdout.contains("use `--subtract-shell` to subtract it"), "{}", run.stdout);

    let run = exec(&sandbox, &[FEW, &["--subtract-shell"]].concat(), &text);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let [without] = exported(&sandbox).try_into().unwrap();
    assert_eq!(without["shell"]["subtracted"], true);
    assert!(run.stdout.contains("without shell"), "{}", run.stdout);
    assert!(run.stdout.contains("is subtracted from each round"), "{}", run.stdout);

    // Without a shell there is nothing to say.
    let run = exec(&sandbox, FEW, &["true"]);
    assert!(exported(&sandbox)[0].get("shell").is_none() && !run.stdout.contains("shell"));
}

#[test]
fn two_programs_behind_each_other_are_likely_meant_otherwise() {
    let sandbox = sandbox();
    for name in ["one", "two"] {
        sandbox.program(name, "#!/bin/sh\n");
    }
    let hint = "use `codspeed exec --vs ./one -- ./two` to compare them";
    let run = exec(&sandbox, FEW, &["./one", "./two"]);
    assert_eq!((run.code, run.stderr.matches(hint).count()), (0, 1), "{}", run.stderr);
    let run = exec(&sandbox, FEW, &["./one", "two"]);
    assert_eq!((run.code, run.stderr.matches("to compare them").count()), (0, 0), "{}", run.stderr);
}
