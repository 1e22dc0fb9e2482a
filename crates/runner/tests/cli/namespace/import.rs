//! `codspeed import`: results of other tools become runs, or another format.

use std::path::Path;

use serde_json::Value;
use store::{Kind, Record, RecordId, Store};
use test_support::{Run, Sandbox};

use crate::stage::{CODSPEED, codspeed, sandbox, shown};

/// A real output of a tool.
fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/fixtures/import");
    std::fs::read(folder.join(name)).unwrap()
}

fn import(sandbox: &Sandbox, args: &[&str]) -> Run {
    codspeed(sandbox, [&["import"], args].concat())
}

/// The record that a line names.
fn stored(sandbox: &Sandbox, line: &str) -> Record {
    let store = Store::open(&sandbox.path().join("store")).unwrap();
    let short = line.rsplit(' ').next().unwrap();
    let ids: Vec<RecordId> = store
        .entries(&store::Filter::default())
        .unwrap()
        .into_iter()
        .map(|entry| entry.id)
        .collect();
    let id = ids.into_iter().find(|id| id.short() == short).unwrap();
    store.get(id).unwrap()
}

/// A repository without a commit, whose runs are stored in it.
fn project() -> Sandbox {
    let sandbox = sandbox().with("CODSPEED_STORE", "store");
    for folder in [".git/objects", ".git/refs/heads"] {
        std::fs::create_dir_all(sandbox.path().join(folder)).unwrap();
    }
    sandbox.file(".git/HEAD", "ref: refs/heads/work\n");
    sandbox
}

#[test]
fn results_of_a_tool_become_a_run() {
    let sandbox = project();
    sandbox.file("a.json", fixture("hyperfine-2.0.0.json"));
    let options = ["--save-as", "before", "--label", "machine=quiet", "a.json"];
    let run = import(&sandbox, &options);
    assert_eq!(run.code, 0, "{}", shown(&sandbox, &run));
    let line = run.stdout.trim_end();
    assert!(line.starts_with("a.json: 2 benchmarks of hyperfine 2.0.0, stored as "), "{line}");
    let record = stored(&sandbox, line);
    assert_eq!((record.kind, record.name.as_deref()), (Kind::Import, Some("before")));
    assert_eq!(record.labels["machine"], "quiet");
    assert_eq!(record.benchmarks[0].uri, "hyperfine::sleep a bit");
    assert_eq!(record.benchmarks[0].rounds.as_ref().unwrap().wall_ns.len(), 6);
    assert_eq!(record.commit, None);
}

#[test]
fn standard_input_and_folders_are_read_as_well() {
    let sandbox = project();
    sandbox.file("go.txt", fixture("go-1.19.8.txt"));
    let text = format!("cat go.txt | {CODSPEED} import - --no-store --export bmf=-");
    let run = sandbox.run(sandbox.private("sh", ["-c", &text]));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let bmf: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(bmf["Sort/n=10"]["latency"]["value"], 356.5);
    assert_eq!(bmf["Sort/n=10"]["bytes-per-op"]["value"], 104.0);
    assert!(bmf.get("Fails").is_none(), "{bmf}");
    assert!(run.stderr.contains("standard input: 4 benchmarks of go\n"), "{}", run.stderr);
    assert!(run.stderr.contains("warning: standard input: 1 benchmark without a result"));
    let new = sandbox.path().join("target/criterion/sum/new");
    std::fs::create_dir_all(&new).unwrap();
    for name in ["benchmark", "estimates", "sample"] {
        let bytes = fixture(&format!("criterion-0.8.2/sum/new/{name}.json"));
        std::fs::write(new.join(format!("{name}.json")), bytes).unwrap();
    }
    let run = import(&sandbox, &["target"]);
    let line = run.stdout.trim_end();
    assert!(line.starts_with("target: 1 benchmark of criterion, stored as "), "{}", run.shown());
    assert_eq!(stored(&sandbox, line).benchmarks[0].uri, "criterion::sum");
}

#[test]
fn the_commit_is_that_of_the_file_of_the_user_or_here() {
    let sandbox = project();
    sandbox.file("pytest.json", fixture("pytest-benchmark-5.3.1.json"));
    sandbox.file("a.json", fixture("hyperfine-1.15.0.json"));
    sandbox.file(".git/refs/heads/work", format!("{}\n", "c".repeat(40)));
    let commit = |args: &[&str]| {
        let run = import(&sandbox, args);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let commit = stored(&sandbox, run.stdout.trim_end()).commit.unwrap();
        (commit.hash, commit.branch)
    };
    let file: Value = serde_json::from_slice(&fixture("pytest-benchmark-5.3.1.json")).unwrap();
    let of_file = file["commit_info"]["id"].as_str().unwrap().to_owned();
    assert_eq!(commit(&["pytest.json"]), (of_file, Some("main".to_owned())));
    assert_eq!(commit(&["a.json"]), ("c".repeat(40), Some("work".to_owned())));
    let told = "d".repeat(40);
    let named = ["a.json", "--commit", &told, "--branch", "old"];
    assert_eq!(commit(&named), (told.clone(), Some("old".to_owned())));
}

#[test]
fn what_is_wrong_with_one_file_keeps_no_other_out() {
    let sandbox = project();
    sandbox.file("odd.json", "{\"a\": 1}");
    sandbox.file("half.json", &fixture("hyperfine-1.15.0.json")[..300]);
    sandbox.file("a.json", fixture("hyperfine-1.15.0.json"));
    let run = import(&sandbox, &["missing.json", "odd.json", "half.json", "a.json"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stdout.starts_with("a.json: 2 benchmarks of hyperfine, stored as "));
    for text in [
        "error: could not read `missing.json`: ",
        "error: could not import `odd.json`\n  caused by: none of the known formats\n",
        "hint: run `codspeed import --help` to see all formats",
        "error: could not import `half.json`\n",
    ] {
        assert!(run.stderr.contains(text), "{text}: {}", run.stderr);
    }
    let named = import(&sandbox, &["--format", "jmh", "a.json"]);
    assert!(named.stderr.contains("caused by: not as jmh writes it\n"), "{}", named.stderr);
    let two = import(&sandbox, &["-", "-"]);
    assert_eq!(
        (two.code, two.stderr.as_str()),
        (2, "error: standard input (`-`) can be read once\n")
    );
    let table = import(&sandbox, &["--export", "markdown=-", "a.json"]);
    assert_eq!(table.code, 2, "{}", table.stderr);
    assert!(
        table.stderr.contains("hint: the formats are jsonl, junit, bmf, openmetrics, "),
        "{}",
        table.stderr
    );
}

#[test]
fn hostile_names_are_harmless_where_people_read_them() {
    let sandbox = project();
    let name = "x\u{1b}]0;owned\u{7}\n::error::y";
    let json = serde_json::json!({"results": [{"command": name, "mean": 1.5, "exit_codes": [1]}]});
    sandbox.file("\u{1b}[2Ja.json", json.to_string());
    let run = import(&sandbox, &["\u{1b}[2Ja.json", "--export", "junit=out.xml"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.shown().contains('\u{1b}') && !run.shown().contains('\u{7}'), "{}", run.shown());
    let xml = sandbox.text("out.xml");
    assert!(!xml.contains('\u{1b}') && xml.contains("::error::y"), "{xml}");
    let record = stored(&sandbox, run.stdout.trim_end());
    assert_eq!(record.benchmarks[0].name, name, "the record has it as it is");
}

#[test]
fn secrets_in_the_results_of_a_tool_are_masked() {
    let sandbox = project().with("CODSPEED_TOKEN", "very-secret-token");
    let command = "curl -H very-secret-token";
    let json = serde_json::json!({"results": [{"command": command, "mean": 1.5}]});
    sandbox.file("a.json", json.to_string());
    let run = import(&sandbox, &["a.json", "--label", "token=very-secret-token"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let record = stored(&sandbox, run.stdout.trim_end());
    let texts = [&record.benchmarks[0].name, &record.benchmarks[0].uri, &record.labels["token"]];
    for text in texts {
        assert!(!text.contains("secret"), "{text}");
    }
}
