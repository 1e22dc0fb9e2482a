//! Stores that can't be used, files that are none of ours, and repositories of unusual kinds: what is said, and what helps.

use std::{env, fs};

use store::{Filter, Store};
use test_support::{Run, Sandbox, record_file};

use crate::{
    stage::{CODSPEED, sandbox},
    stored::{keep, project, record_at, store_of, timed},
};

fn codspeed(sandbox: &Sandbox, words: &[&str]) -> Run {
    sandbox.run(sandbox.command(CODSPEED, words))
}

#[track_caller]
fn says(run: &Run, code: i32, all: &[&str]) {
    assert_eq!(run.code, code, "{}", run.shown());
    for text in all {
        assert!(run.stderr.contains(text), "`{text}`: {}", run.shown());
    }
}

/// A project with two runs.
fn two_runs() -> Sandbox {
    let sandbox = project();
    let run = |minute: u64| store::Record {
        parts: vec![store::Part::default()],
        benchmarks: vec![timed("suite.py", "sort", 1e6)],
        ..record_at(minute, format!("{minute:x}").repeat(40), "main")
    };
    keep(&sandbox, &[run(1), run(2)]);
    sandbox
}

#[test]
fn a_store_that_can_not_be_used_has_a_way_out() {
    let sandbox = sandbox();
    sandbox.file("bench.txt", "BenchmarkSort-8 100 384.5 ns/op\n");
    sandbox.file("file", "");
    let sandbox = sandbox.with("CODSPEED_STORE", "file");
    let hint = "hint: set CODSPEED_STORE to a folder of yours";
    for words in
        [&["store", "list"][..], &["store", "check"], &["compare"], &["import", "bench.txt"]]
    {
        let run = codspeed(&sandbox, words);
        says(&run, 1, &["error: could not ", hint]);
        assert!(!run.stderr.contains("caused by"), "said twice: {}", run.stderr);
    }
    says(&codspeed(&sandbox, &["store", "path"]), 0, &["it is a file, so nothing can be stored"]);
}

#[test]
fn data_is_alone_on_standard_output_in_ci_as_well() {
    let sandbox = two_runs().with("GITHUB_ACTIONS", "true").with("GITLAB_CI", "true");
    let store = store_of(&sandbox);
    let damaged = Store::open(&store).unwrap().entries(&Filter::default()).unwrap()[0].id;
    fs::write(record_file(&store, damaged), "damaged").unwrap();
    fs::remove_file(store.join("index")).unwrap();
    for words in [&["store", "list", "--json"][..], &["history", "--json"], &["schema", "record"]] {
        let run = codspeed(&sandbox, words);
        assert_eq!(run.code, 0, "{}", run.shown());
        serde_json::from_str::<serde_json::Value>(&run.stdout)
            .unwrap_or_else(|err| panic!("{words:?}: {err}: {}", run.stdout));
    }
    let run = codspeed(&sandbox, &["store", "list", "--json"]);
    assert!(run.stderr.contains("unreadable"), "{}", run.stderr);
}

#[test]
fn a_missing_file_is_said_once() {
    let sandbox = project();
    for words in [&["import", "none.txt"][..], &["store", "import", "none.txt"]] {
        let run = codspeed(&sandbox, words);
        says(&run, 2, &["error: could not read `none.txt`: it does not exist\n"]);
        assert!(!run.stderr.contains("caused by"), "{}", run.stderr);
    }
    let run = codspeed(&sandbox, &["import", "."]);
    says(&run, 4, &["hint: a folder is read as criterion's"]);
}

#[test]
fn files_that_are_no_runs_are_not_quoted() {
    let sandbox = two_runs();
    // The library would quote the checksum of the header.
    let secret = format!("{}s3cret{}", "x".repeat(146), "y".repeat(600));
    sandbox.file("secret.tar", secret);
    for words in [
        &["store", "show", "secret.tar"][..],
        &["store", "import", "secret.tar"],
        &["gate", "--untrusted", "secret.tar"],
        &["compare", "secret.tar", "last"],
    ] {
        let run = codspeed(&sandbox, words);
        assert!(matches!(run.code, 1 | 2), "{}", run.shown());
        says(&run, run.code, &["this is not an export of stored runs, or it is damaged"]);
        assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
    }
    assert_eq!(codspeed(&sandbox, &["store", "export", "-o", "all.tar"]).code, 0);
    let several = codspeed(&sandbox, &["store", "show", "all.tar"]);
    says(&several, 2, &["there are several runs in it", "hint: run `codspeed store import`"]);
    let folder = codspeed(&sandbox, &["store", "export", "-o", "."]);
    says(&folder, 2, &["could not write the export `.`: it is a folder"]);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let sandbox = two_runs();
    // More than a pipe holds.
    let file = record_file(&store_of(&sandbox), keep(&sandbox, &[large()])[0]);
    assert!(fs::metadata(file).unwrap().len() > 1 << 16);
    let line = "\"$CODSPEED\" store export last -o - | head -c 1 >/dev/null";
    let sandbox = sandbox.with("CODSPEED", CODSPEED);
    let run = sandbox.run(sandbox.command("bash", ["-o", "pipefail", "-c", line]));
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.shown());
    let run = sandbox.run(sandbox.command("sh", ["-c", "\"$CODSPEED\" schema record >&-"]));
    says(&run, 2, &["the schema can't be written: standard output is closed"]);
    assert!(!run.stderr.contains("--export"), "there is no such option: {}", run.stderr);
}

/// A run whose record can't be made small.
fn large() -> store::Record {
    let mut benchmark = timed("suite.py", "sort", 1e6);
    let mut state = 1_u64;
    let mut noise = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        1e6 + f64::from(u32::try_from(state >> 40).unwrap()) / 7.0
    };
    benchmark.rounds.as_mut().unwrap().wall_ns = (0..40_000).map(|_| noise()).collect();
    store::Record {
        parts: vec![store::Part::default()],
        benchmarks: vec![benchmark],
        ..record_at(9, "9".repeat(40), "main")
    }
}

#[test]
fn a_trusted_job_without_a_home_needs_no_store() {
    let sandbox = two_runs();
    for (name, run) in [("base.tar", "last~1"), ("head.tar", "last")] {
        assert_eq!(codspeed(&sandbox, &["store", "export", run, "-o", name]).code, 0);
    }
    let homeless = sandbox.with("HOME", "").with("XDG_DATA_HOME", "");
    let words = ["gate", "--untrusted", "head.tar", "--base", "base.tar"];
    assert_eq!(codspeed(&homeless, &words).code, 0);
    let stored = codspeed(&homeless, &["gate"]);
    says(&stored, 2, &["there is no folder for stored runs", "hint: set CODSPEED_STORE"]);
}

#[test]
fn an_import_asks_git_nothing() {
    let sandbox = project();
    sandbox.file("bench.txt", "BenchmarkSort-8 100 384.5 ns/op\n");
    fs::create_dir_all(sandbox.path().join(".git/refs/heads")).unwrap();
    sandbox.file(".git/refs/heads/main", "1".repeat(40));
    sandbox.program("git", "#!/bin/sh\ntouch asked\nexit 1\n");
    let path = env::var_os("PATH").unwrap_or_default();
    let paths = [sandbox.path().to_owned()].into_iter().chain(env::split_paths(&path));
    let path = env::join_paths(paths).unwrap();
    let sandbox = sandbox.with("PATH", path);
    assert_eq!(codspeed(&sandbox, &["import", "bench.txt"]).code, 0);
    assert!(!sandbox.path().join("asked").exists());
    let run = codspeed(&sandbox, &["store", "list", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["runs"][0]["commit"]["hash"], "1".repeat(40));
}

#[track_caller]
fn git(sandbox: &Sandbox, words: &[&str]) {
    let name = ["-c", "user.name=me", "-c", "user.email=me@example.com"];
    let run = sandbox.run(sandbox.command("git", [&name, words].concat()));
    assert_eq!(run.code, 0, "{}", run.shown());
}

#[test]
fn all_working_trees_of_a_repository_are_one_project() {
    let sandbox = sandbox();
    git(&sandbox, &["init", "-q", "-b", "main", "main"]);
    git(&sandbox, &["-C", "main", "commit", "-q", "--allow-empty", "-m", "first"]);
    git(&sandbox, &["-C", "main", "worktree", "add", "-q", "../side"]);
    sandbox.file("bench.txt", "BenchmarkSort-8 100 384.5 ns/op\n");
    let in_folder = |folder: &str, words: &[&str]| {
        let mut command = sandbox.command(CODSPEED, words);
        command.current_dir(sandbox.path().join(folder));
        sandbox.run(command)
    };
    assert_eq!(in_folder("main", &["import", "../bench.txt"]).code, 0);
    let list = in_folder("side", &["store", "list"]);
    assert!(list.stdout.contains("main@"), "{}", list.shown());
    let elsewhere = codspeed(&sandbox, &["store", "list"]);
    says(&elsewhere, 0, &["no run of `", "`--all-projects` lists 1 run of others"]);
    let history = codspeed(&sandbox, &["history"]);
    says(&history, 2, &["no run of `", "`codspeed store list --all-projects` lists 1 run"]);
}

#[test]
fn a_clone_without_history_is_named_as_the_reason() {
    let sandbox = sandbox();
    git(&sandbox, &["init", "-q", "-b", "main", "origin"]);
    for title in ["first", "second"] {
        git(&sandbox, &["-C", "origin", "commit", "-q", "--allow-empty", "-m", title]);
    }
    let from = test_support::folder_address(&sandbox.path().join("origin"));
    git(&sandbox, &["clone", "-q", "--depth", "1", &from, "clone"]);
    sandbox.file("clone/bench.txt", "BenchmarkSort-8 100 384.5 ns/op\n");
    let in_clone = |words: &[&str]| {
        let mut command = sandbox.command(CODSPEED, words);
        command.current_dir(sandbox.path().join("clone"));
        sandbox.run(command)
    };
    assert_eq!(in_clone(&["import", "bench.txt"]).code, 0);
    says(&in_clone(&["compare", "HEAD~1"]), 2, &["hint: this clone has only the latest commits"]);
    let typo = in_clone(&["compare", "typo"]);
    assert!(!typo.stderr.contains("this clone"), "{}", typo.stderr);
}
