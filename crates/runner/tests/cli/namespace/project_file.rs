//! What the project file lists is run where it says and as it says.

use std::fs;

use test_support::Sandbox;

use crate::stage::{CODSPEED, QUICK, codspeed, exported, sandbox, the_exported};

/// A sandbox with this project file.
fn project(text: &str) -> Sandbox {
    let sandbox = sandbox();
    fs::create_dir(sandbox.path().join(".git")).unwrap();
    fs::create_dir(sandbox.path().join("bench")).unwrap();
    sandbox.file("codspeed.yml", text);
    sandbox
}

const RUN: &[&str] =
    &["run", "-m", "walltime", "--profile-folder", "profile", "--export", "json=out.json"];

#[test]
fn all_commands_of_the_file_are_measured_with_their_own_options() {
    let sandbox = project(
        "options:\n  working-directory: bench\n  warmup-time: 0\n  max-rounds: 3\n\
         benchmarks:\n- name: one\n  exec: test -d ../bench\n- exec: \"true\"\n  options: {max-rounds: 2}\n",
    );
    let run = codspeed(&sandbox, RUN);
    assert_eq!(run.code, 0, "{}", run.shown());
    let found: Vec<_> = exported(&sandbox)
        .iter()
        .map(|one| {
            (one["name"].as_str().unwrap().to_owned(), one["stats"]["rounds"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(found, [("one".to_owned(), 3), ("true".to_owned(), 2)]);
}

#[test]
fn a_suite_of_the_file_is_run_in_the_folder_of_the_file() {
    let sandbox = project("benchmarks:\n- entrypoint: pwd > where\n");
    let words = [&["--config", "../codspeed.yml"], RUN, &["--allow-empty"]].concat();
    let mut command = sandbox.private(CODSPEED, words);
    command.current_dir(sandbox.path().join("bench"));
    let run = sandbox.run(command);
    assert_eq!(run.code, 0, "{}", run.shown());
    assert_eq!(sandbox.text("where").trim(), sandbox.path().display().to_string());
}

#[test]
fn exec_takes_what_it_is_not_told_from_the_file() {
    let sandbox =
        project("options:\n  warmup-time: 0\n  max-rounds: 4\n  working-directory: bench\n");
    let exec = |options: &[&str]| {
        let always = ["exec", "--profile-folder", "profile", "--export", "json=out.json"];
        let words = [&always, options, &["--", "test", "-d", "bench"]].concat();
        let run = codspeed(&sandbox, words);
        assert_eq!(run.code, 0, "{}", run.shown());
        the_exported(&sandbox)["stats"]["rounds"].as_u64().unwrap()
    };
    assert_eq!(exec(&[]), 4);
    assert_eq!(exec(QUICK), 3);
}

#[test]
fn benchmarks_of_the_file_are_listed_and_chosen_by_id_and_name() {
    let sandbox = project(
        "options: {warmup-time: 0, max-rounds: 2}\n\
         benchmarks:\n- {id: one, name: The first, exec: \"true\"}\n- {name: parse-a, exec: test 1}\n\
         - exec: test parse-b\n- {name: suite, entrypoint: \"exit 1\"}\n",
    );
    let list = codspeed(&sandbox, ["run", "--list"]);
    let expected = "one           exec: true\nparse-a       exec: test 1\n\
                    test parse-b  exec: test parse-b\nsuite         entrypoint: exit 1\n";
    assert_eq!((list.code, list.stdout.as_str()), (0, expected), "{}", list.shown());
    let names = |wanted: &[&str]| {
        let run = codspeed(&sandbox, [RUN, wanted].concat());
        assert_eq!(run.code, 0, "{}", run.shown());
        let named = exported(&sandbox).into_iter().map(|one| one["name"].to_string());
        named.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(&["--bench", "one"]), "\"The first\"");
    assert_eq!(names(&["--bench", "*parse-?"]), "\"parse-a\" \"test parse-b\"");
    assert_eq!(names(&["--bench", "parse-a", "--bench", "The*"]), "\"The first\" \"parse-a\"");
    let run = codspeed(&sandbox, [RUN, &["--bench", "parse-"]].concat());
    let expected = "error: no benchmark of the project file fits `--bench parse-`; did you mean `parse-a`?\n\
                    hint: `codspeed run --list` shows what there is\n";
    assert_eq!((run.code, run.stderr.as_str()), (2, expected), "{}", run.shown());
}
