//! `codspeed compare`: stored runs and files against each other, as the user sees them.

use std::fs;

use store::{Kind, Module, Outcome, Part, PartState, Record, RecordId, RecordedBenchmark};
use test_support::{Run, Sandbox, record_file, redact};

use crate::{
    stage::CODSPEED,
    stored::{keep, project, record_at, store_of, timed},
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
fn a_base_with_one_of_many_benchmarks_is_the_last_choice() {
    let sandbox = project();
    let ids = keep(&sandbox, &[record(1, "main", &[10.0; 4]), record(2, "main", &[20.0])]);
    keep(&sandbox, &[record(3, "main", &[13.0; 4])]);
    for words in [&[][..], &["main"]] {
        let run = compare(&sandbox, words);
        assert_eq!(run.code, 0, "{}", run.shown());
        assert!(run.stdout.contains(&format!("base: run {}", ids[0].short())), "{}", run.stdout);
        assert!(!run.stderr.contains("of the 4 benchmarks"), "{}", run.stderr);
    }
    let sandbox = project();
    let ids = keep(&sandbox, &[record(2, "main", &[20.0]), record(3, "main", &[13.0; 4])]);
    let run = compare(&sandbox, &[]);
    let said = format!("the base {} has only 1 of the 4 benchmarks", ids[0].short());
    assert!(run.stderr.contains(&said), "{}", run.shown());
}

/// A run that was interrupted before its last benchmark.
fn interrupted(minute: u64, millis: &[f64]) -> Record {
    let mut record = record(minute, "main", millis);
    record.parts[0].state = PartState::Interrupted;
    record.benchmarks.last_mut().unwrap().outcome = Outcome::Interrupted;
    record
}

/// Returns the ID of base in a comparison.
fn base_of(run: &Run) -> Option<RecordId> {
    let json: serde_json::Value = serde_json::from_str(&run.stdout).ok()?;
    json["base"][0]["id"].as_str()?.parse().ok()
}

#[test]
fn an_interrupted_run_is_a_base_only_if_no_other_is() {
    let sandbox = project();
    let mut elsewhere = record(2, "main", &[10.0, 10.0]);
    elsewhere.environment.processor.model = "Xeon".to_owned();
    let records = [
        record(1, "main", &[10.0, 10.0]),
        elsewhere,
        interrupted(3, &[10.0, 10.0]),
        interrupted(4, &[10.0]),
        record(5, "main", &[13.0, 10.0]),
    ];
    let ids = keep(&sandbox, &records);
    assert_eq!(base_of(&compare(&sandbox, &["--json"])), Some(ids[0]));
    fs::remove_dir_all(store_of(&sandbox)).unwrap();
    keep(&sandbox, &records[1..]);
    let run = compare(&sandbox, &["--json"]);
    assert_eq!(base_of(&run), Some(ids[2]), "a finished benchmark of the same environment");
    fs::remove_dir_all(store_of(&sandbox)).unwrap();
    keep(&sandbox, &records[3..]);
    let none = compare(&sandbox, &[]);
    assert_eq!(none.code, 2, "{}", none.shown());
    assert!(none.stderr.contains("there is no earlier run"), "{}", none.stderr);
    keep(&sandbox, &[interrupted(6, &[10.0])]);
    let none = compare(&sandbox, &[]);
    assert_eq!(none.code, 2, "{}", none.shown());
    assert!(none.stderr.contains("has finished no benchmark"), "{}", none.stderr);
}

#[test]
fn a_damaged_run_is_left_out_with_a_warning() {
    let sandbox = project();
    let records: Vec<Record> = (1..=5).map(|minute| record(minute, "main", &[10.0])).collect();
    let ids = keep(&sandbox, &records);
    for id in &ids[2..4] {
        fs::write(record_file(&store_of(&sandbox), id), "noise").unwrap();
    }
    for words in [&["--json"][..], &["main", "--json"], &["last~3", "last", "--json"]] {
        let run = compare(&sandbox, words);
        assert_eq!((run.code, base_of(&run)), (0, Some(ids[1])), "{}", run.shown());
        for id in &ids[2..4] {
            let said = format!("the stored run {} can't be read, so it is left out", id.short());
            assert_eq!(run.stderr.matches(&said).count(), 1, "{}", run.stderr);
        }
        assert!(run.stderr.contains("`codspeed store check`"), "{}", run.stderr);
    }
    let asked = compare(&sandbox, &["last~2", "last"]);
    assert_eq!(asked.code, 1, "who asks for it has to know: {}", asked.shown());
}

#[test]
fn noise_is_learnt_from_earlier_runs_only() {
    let sandbox = project();
    // The same program each time.
    let of = |minute: u64| {
        let millis = if minute.is_multiple_of(2) { 10.0 } else { 10.04 };
        let mut record = record(minute, "main", &[millis]);
        record.environment.modules = vec![Module { path: "/bin/sort".into(), id: "aa".into() }];
        record.parts[0].modules = vec![0];
        record.parts[0].modules_decide = true;
        record
    };
    keep(&sandbox, &(1..=12).map(of).collect::<Vec<_>>());
    let source = |words: &[&str]| {
        let run = compare(&sandbox, &[words, &["--json"]].concat());
        let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        json["benchmarks"][0]["quantities"][0]["floor_source"].clone()
    };
    assert_eq!(source(&["last~1", "last"]), "history");
    assert_eq!(source(&["last~11", "last~10"]), "assumed", "all others are later ones");
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
    let json = |words: &[&str]| -> serde_json::Value {
        serde_json::from_str(&compare(&sandbox, words).stdout).unwrap()
    };
    // A branch may begin like a word for a single run.
    let mut branch: Vec<Record> =
        (1..=6_u32).map(|at| of(u64::from(at), "0011223344", 9.0)).collect();
    for record in &mut branch {
        record.commit.as_mut().unwrap().branch = Some("last-resort".to_owned());
    }
    keep(&sandbox, &branch);
    let of_branch = json(&["last-resort", "abcdef0123", "--json"]);
    assert_eq!(of_branch["base"].as_array().unwrap().len(), 6, "{of_branch}");
    let json = json(&["0123456789", "abcdef0123", "--json"]);
    assert_eq!(json["base"].as_array().unwrap().len(), 6, "{json}");
    assert_eq!(json["benchmarks"][0]["verdict"], "regressed", "{json}");
    assert!(json["benchmarks"][0]["quantities"][0]["p"].as_f64().unwrap() < 0.01);
}

#[test]
fn exported_files_need_no_store() {
    let sandbox = project();
    for (name, millis) in [("old.json", 10.0), ("new.json", 20.0), ("half.json", 15.0)] {
        let record = record(1, "main", &[millis]);
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
    for (limit, code) in [("40%", 6), ("60%", 0), ("150%", 2)] {
        let limit = format!("--fail-if-slower={limit}");
        let run = compare(&sandbox, &["old.json", "half.json", &limit]);
        assert_eq!(run.code, code, "{limit}: {}", run.shown());
    }
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
    // The others count all the same.
    assert!(run.stdout.contains("geometric mean of 2 benchmarks"), "{}", run.stdout);
    let none = compare(&sandbox, &["--benchmark", "x*"]);
    assert_eq!(none.code, 4, "{}", none.shown());
    assert!(none.stderr.contains("`--benchmark` takes a name"), "{}", none.stderr);
    let said = "none of the benchmarks that both runs have fits `--benchmark`";
    assert!(none.stderr.contains(said), "{}", none.stderr);
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
