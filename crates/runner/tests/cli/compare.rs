//! `codspeed compare`: stored runs and files against each other, as the user sees them.

use store::{Kind, Part, Record, RecordedBenchmark};
use test_support::{Run, Sandbox, redact};

use crate::{
    stage::CODSPEED,
    stored::{keep, project, record_at, timed},
};

/// A benchmark with 40 rounds of about this many milliseconds.
fn benchmark(name: &str, millis: f64) -> RecordedBenchmark {
    let integration = Some("exec-harness 5.1.0".to_owned());
    RecordedBenchmark { integration, ..timed("suite.py", name, millis * 1e6) }
}

/// The record of a run in this minute, with benchmarks `b0`, `b1` and so on.
fn record(minute: u64, branch: &str, millis: &[f64]) -> Record {
    let names = (0..millis.len()).map(|at| format!("b{at}"));
    let hash = format!("{minute:x}a1b2c3d4e5f60718293a4b5c6d7e8f901234567");
    Record {
        kind: Kind::Exec,
        command: vec!["./sort".to_owned(), "in.txt".to_owned()],
        parts: vec![Part::default()],
        benchmarks: names.zip(millis).map(|(name, millis)| benchmark(&name, *millis)).collect(),
        ..record_at(minute, hash, branch)
    }
}

fn compare(sandbox: &Sandbox, words: &[&str]) -> Run {
    sandbox.run(sandbox.command(CODSPEED, [&["compare"], words].concat()))
}

#[test]
fn the_last_two_runs_are_compared_and_the_slower_is_named() {
    let sandbox = project();
    let records = [record(1, "main", &[10.0, 10.0, 10.0]), record(2, "main", &[12.5, 10.1, 10.4])];
    let ids = keep(&sandbox, &records);
    let run = compare(&sandbox, &[]);
    assert_eq!(run.code, 0, "{}", run.shown());
    let names = ids.iter().zip(["BASE", "HEAD"]);
    let shown = redact(&run.shown(), &sandbox);
    let shown = names.fold(shown, |shown, (id, name)| shown.replace(&id.short(), name));
    insta::assert_snapshot!(shown);
    let again = compare(&sandbox, &[]);
    assert_eq!(run.stdout, again.stdout, "the same input, the same bytes");
}

#[test]
fn the_base_is_the_newest_run_with_the_same_benchmarks() {
    let sandbox = project();
    let mut elsewhere = record(3, "main", &[10.0]);
    elsewhere.environment.processor.model = "Xeon".to_owned();
    let mut other = record(4, "main", &[10.0]);
    other.benchmarks[0].uri = "other.py::b9".to_owned();
    other.benchmarks[0].name = "b9".to_owned();
    let records = [record(1, "main", &[5.0]), record(2, "main", &[10.0]), elsewhere, other];
    let ids = keep(&sandbox, &records);
    keep(&sandbox, &[record(5, "main", &[13.0])]);
    let run = compare(&sandbox, &[]);
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(run.stdout.contains(&format!("base: run {}", ids[1].short())), "{}", run.stdout);
    let named = compare(&sandbox, &["last~2"]);
    assert!(named.stdout.contains("incomparable"), "{}", named.shown());
    assert!(named.stdout.contains("`Xeon` in base, `Zen 5` in head"), "{}", named.stdout);
    let forced = compare(&sandbox, &["last~2", "--force"]);
    assert!(forced.stdout.contains("regressed"), "{}", forced.shown());
    assert!(forced.stdout.contains("`--force`: differences"), "{}", forced.stdout);
}

#[test]
fn runs_are_named_by_id_name_label_branch_and_commit() {
    let sandbox = project();
    let mut named = record(2, "topic", &[11.5]);
    named.name = Some("try".to_owned());
    named.labels.insert("who".to_owned(), "me".to_owned());
    let ids = keep(&sandbox, &[record(1, "main", &[10.0]), named, record(3, "topic", &[20.0])]);
    let base = |word: &str| {
        let run = compare(&sandbox, &[word, "last"]);
        let line = run.stdout.lines().find(|line| line.starts_with("base: "));
        let line = line.unwrap_or_else(|| panic!("{word}: {}", run.shown())).to_owned();
        ids.iter().position(|id| line.contains(&id.short())).unwrap()
    };
    let short = ids[0].short();
    let words = [short.as_str(), "main", "try", "who=me", "topic", "last~1", "1a1b2c3d"];
    assert_eq!(words.map(base), [0, 0, 1, 1, 1, 1, 0]);
}

#[test]
fn several_runs_of_a_clean_commit_are_compared_together() {
    let sandbox = project();
    let of = |minute, commit: &str, millis: f64| {
        let mut record = record(minute, commit, &[millis]);
        record.commit.as_mut().unwrap().hash = commit.repeat(4);
        record
    };
    let base = (1..=6_u32).map(|at| of(u64::from(at), "0123456789", 10.0 + 0.05 * f64::from(at)));
    let head =
        (1..=6_u32).map(|at| of(9 + u64::from(at), "abcdef0123", 10.7 + 0.05 * f64::from(at)));
    keep(&sandbox, &base.chain(head).collect::<Vec<_>>());
    let run = compare(&sandbox, &["0123456789", "abcdef0123", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["base"].as_array().unwrap().len(), 6, "{json}");
    assert_eq!(json["benchmarks"][0]["verdict"], "regressed", "{json}");
    assert!(json["benchmarks"][0]["quantities"][0]["p"].as_f64().unwrap() < 0.01);
}

#[test]
fn exported_files_need_no_store() {
    let sandbox = project();
    for (name, record) in
        [("old.json", record(1, "main", &[10.0])), ("new.json", record(2, "main", &[20.0]))]
    {
        sandbox.file(name, serde_json::to_vec(&record).unwrap());
    }
    let run = compare(&sandbox, &["old.json", "new.json", "--fail-if-slower"]);
    assert_eq!(run.code, 6, "{}", run.shown());
    assert!(run.stderr.contains("got worse (`--fail-if-slower`): `b0`"), "{}", run.stderr);
    let kinds = ["json=out.json", "csv=out.csv", "markdown=out.md"];
    let exports: Vec<&str> = kinds.iter().flat_map(|kind| ["--export", *kind]).collect();
    let run = compare(&sandbox, &[&["old.json", "new.json"], exports.as_slice()].concat());
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(sandbox.text("out.json").contains("\"verdict\":\"regressed\""));
    assert!(sandbox.text("out.csv").contains("b0,suite.py::b0,walltime,regressed"));
    assert!(sandbox.text("out.md").contains("| `b0` |"));
    let far = compare(&sandbox, &["old.json", "new.json", "--fail-if-slower=150%"]);
    assert_eq!(far.code, 2, "{}", far.shown());
    let enough = compare(&sandbox, &["new.json", "old.json", "--fail-if-slower"]);
    assert_eq!(enough.code, 0, "{}", enough.shown());
}

#[test]
fn one_benchmark_is_explained() {
    let sandbox = project();
    keep(&sandbox, &[record(1, "main", &[10.0, 10.0]), record(2, "main", &[10.0, 12.0])]);
    let run = compare(&sandbox, &["--benchmark", "*1", "--explain"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(run.stdout.contains("`b1`, step by step:"), "{}", run.stdout);
    assert!(!run.stdout.contains("b0"), "{}", run.stdout);
    let none = compare(&sandbox, &["--benchmark", "x*"]);
    assert_eq!(none.code, 4, "{}", none.shown());
    assert!(none.stderr.contains("`--benchmark` takes a name"), "{}", none.stderr);
}

#[test]
fn what_cannot_be_compared_is_told_with_a_way_out() {
    let sandbox = project();
    let none = compare(&sandbox, &[]);
    assert_eq!(none.code, 2, "{}", none.shown());
    assert!(none.stderr.contains("there is no store"), "{}", none.stderr);
    keep(&sandbox, &[record(1, "main", &[10.0])]);
    let single = compare(&sandbox, &[]);
    assert_eq!(single.code, 2, "{}", single.shown());
    assert!(single.stderr.contains("there is no earlier run"), "{}", single.stderr);
    let same = compare(&sandbox, &["last", "last"]);
    assert_eq!(same.code, 2, "{}", same.shown());
    let unknown = compare(&sandbox, &["nowhere"]);
    assert_eq!(unknown.code, 2, "{}", unknown.shown());
    assert!(unknown.stderr.contains("`nowhere`"), "{}", unknown.stderr);
    sandbox.file("bad.json", "{\"x\": 1}");
    let bad = compare(&sandbox, &["bad.json", "last"]);
    assert_eq!(bad.code, 2, "{}", bad.shown());
    let stacks = compare(&sandbox, &["--export", "folded=out"]);
    assert_eq!(stacks.code, 2, "{}", stacks.shown());
    assert!(stacks.stderr.contains("verdicts can't be exported as `folded`"), "{}", stacks.stderr);
}
