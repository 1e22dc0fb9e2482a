//! `codspeed exec --vs`: commands in turns, each compared with the first.

use serde_json::Value;

use crate::stage::{codspeed, exec, exported, sandbox, the_exported};

/// Next to nothing, and about ten milliseconds of computing, at any load more than a tenth more.
const LITTLE: &str = "sh -c :";
const MUCH: &[&str] = &["sh", "-c", "i=0; while [ $i -lt 9000 ]; do i=$((i+1)); done"];
const BRIEF: &[&str] = &["--warmup-time", "0", "--max-time", "0.4", "--export", "json=out.json"];

#[test]
fn both_commands_are_measured_and_the_verdict_follows_the_table() {
    let sandbox = sandbox();
    let run = exec(&sandbox, &[BRIEF, &["--vs", LITTLE]].concat(), MUCH);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let uris: Vec<_> = exported(&sandbox).iter().map(|one| one["uri"].clone()).collect();
    assert_eq!(uris.len(), 2);
    let verdict = run.stdout.lines().last().unwrap();
    assert!(verdict.starts_with("`sh -c i=0;"), "{verdict}");
    assert!(verdict.contains(" against `sh -c :`: +"), "{verdict}");
    // The number of pairs depends on how much time the machine has.
    assert!(verdict.contains("x slower (99 % interval +"), "{verdict}");
    assert!(verdict.contains(" pairs of undisturbed times)"), "{verdict}");

    let json: Value =
        serde_json::from_slice(&std::fs::read(sandbox.path().join("out.json")).unwrap()).unwrap();
    let comparison = &json["comparisons"][0];
    assert_eq!(comparison["base"]["uri"], uris[0]);
    assert_eq!(comparison["head"]["uri"], uris[1]);
    assert_eq!(
        (&comparison["verdict"], &comparison["time"]),
        (&"regressed".into(), &"undisturbed".into())
    );
    assert!(comparison["judged"]["pairs"].as_u64().unwrap() >= 8, "{comparison}");
    assert!(comparison["judged"]["interval"]["low"].as_f64().unwrap() > 1.0, "{comparison}");
    assert!(comparison["wall"]["ratio"].is_f64() && comparison["seed"].is_u64(), "{comparison}");
    assert_eq!(comparison["threshold"], 0.03);
    let shown = codspeed(&sandbox, ["inspect", "profile"]);
    assert!(shown.stdout.contains(verdict), "{}", shown.stdout);
}

#[test]
fn a_slower_command_fails_the_run_only_if_that_is_asked_for() {
    let sandbox = sandbox();
    let asked = [BRIEF, &["--fail-if-slower=5%", "--threshold", "4%", "--vs", LITTLE]].concat();
    let run = exec(&sandbox, &asked, MUCH);
    assert_eq!(run.code, 6, "{}", run.stderr);
    let error = "error: slower by 5% or more (`--fail-if-slower`): `sh -c i=0;";
    assert!(run.stderr.contains(error), "{}", run.stderr);
    let words = ["--threshold", "4%", "--fail-if-slower=1%", "--vs", LITTLE];
    let refused = exec(&sandbox, &words, MUCH);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("is smaller than `--threshold 4%`"), "{}", refused.stderr);
    // Faster is no failure.
    let text = format!("sh -c '{}'", MUCH[2]);
    let run =
        exec(&sandbox, &[BRIEF, &["--fail-if-slower", "--vs", &text]].concat(), &["sh", "-c", ":"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("x faster ("), "{}", run.stdout);
}

#[test]
fn several_commands_are_compared_with_the_first() {
    let sandbox = sandbox();
    let others = ["--vs", LITTLE, "--vs", "sh -c 'exit 0'", "--name", "slow"];
    let run = exec(&sandbox, &[BRIEF, &others].concat(), MUCH);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(exported(&sandbox).len(), 3);
    let verdicts: Vec<_> =
        run.stdout.lines().filter(|line| line.contains(" against `sh -c :`: ")).collect();
    let [other, slow] = verdicts[..] else { panic!("{}", run.stdout) };
    assert!(other.starts_with("`sh -c exit 0` against "), "{other}");
    assert!(slow.starts_with("`slow` against ") && slow.contains("x slower ("), "{slow}");
    // The fastest comes first in the table.
    let mut rows = run.stdout.lines();
    assert!(rows.next().unwrap().starts_with(" Benchmark "), "{}", run.stdout);
    assert!(rows.nth(3).unwrap().starts_with(" slow "), "{}", run.stdout);
    assert!(
        run.stdout.contains(" Relative  ") && run.stdout.contains(" 1.000x  "),
        "{}",
        run.stdout
    );
}

#[test]
fn commands_that_wait_are_compared_by_wall_times() {
    let sandbox = sandbox();
    let run = exec(&sandbox, &[BRIEF, &["--vs", "sleep 0.05"]].concat(), &["sleep", "0.1"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains(" pairs of wall times)"), "{}", run.stdout);
    let last = run.stdout.lines().last().unwrap();
    assert_eq!(last, "wall times are compared, because most of the time is spent waiting");
}

#[test]
fn a_failed_base_gives_no_verdict_but_a_measurement() {
    let sandbox = sandbox();
    let options = ["--warmup-time", "0", "--max-time", "0.1", "--export", "json=out.json"];
    let run = exec(&sandbox, &[&options[..], &["--vs", "false"]].concat(), &["true"]);
    assert_eq!(run.code, 1);
    assert!(!run.stdout.contains(" against `"), "{}", run.stdout);
    let benchmarks = exported(&sandbox);
    let outcomes: Vec<_> = benchmarks.iter().map(|one| one["outcome"].clone()).collect();
    assert_eq!(outcomes, ["failed", "complete"]);
    assert!(run.stderr.contains("error: 1 of 2 benchmarks failed"), "{}", run.stderr);
}

#[test]
fn robust_times_are_marked_in_the_export() {
    let sandbox = sandbox();
    let options =
        ["--robust", "--warmup-time", "0", "--max-rounds", "3", "--export", "json=out.json"];
    let run = exec(&sandbox, &options, &["true"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let benchmark = the_exported(&sandbox);
    assert_eq!(benchmark["robust"]["in_stats"], true);
    assert_eq!(benchmark["robust"]["median_ns"], benchmark["stats"]["median_ns"]);
}

#[test]
fn the_verdict_is_in_csv_markdown_and_lines_of_json() {
    let sandbox = sandbox();
    let exports = ["--export", "csv=out.csv", "--export", "markdown=out.md"];
    let options = [BRIEF, &exports, &["--message-format", "json", "--vs", LITTLE]].concat();
    let run = exec(&sandbox, &options, MUCH);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let rows: Vec<Vec<String>> = sandbox
        .text("out.csv")
        .lines()
        .map(|row| row.rsplit(',').map(str::to_owned).collect())
        .collect();
    let [heads, base, head] = &rows[..] else { panic!("{rows:?}") };
    let of = |row: &[String], name: &str| {
        row[heads.iter().position(|head| head == name).unwrap()].clone()
    };
    assert_eq!((of(base, "verdict"), of(head, "verdict")), (String::new(), "regressed".to_owned()));
    assert!(of(head, "ratio_low").parse::<f64>().unwrap() > 1.0);
    assert_eq!(of(head, "judged_time"), "undisturbed");
    assert!(
        sandbox.text("out.md").contains("x slower (99 % interval"),
        "{}",
        sandbox.text("out.md")
    );
    let line = run.stdout.lines().find(|line| line.contains(r#""event":"compared""#)).unwrap();
    let event: Value = serde_json::from_str(line).unwrap();
    assert_eq!(event["comparison"]["verdict"], "regressed");
    assert_eq!(event["comparison"]["base"]["name"], LITTLE);
}
