//! Benchmarks of the project file are run where it says and as it says.

use std::{fmt::Write as _, fs};

use runner_shared::text::shown;
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
    assert_eq!(sandbox.text("where").trim(), shown(sandbox.path()));
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
    let expected = "error: no benchmark of the project file matches `--bench parse-`; did you mean `parse-a`?\n\
                    hint: run `codspeed run --list` to see them all\n";
    assert_eq!((run.code, run.stderr.as_str()), (2, expected), "{}", run.shown());
}

/// Returns what each of these texts says on its standard output, as `sh` would run it: in the project file, and in
/// full.
#[test]
fn a_command_in_one_text_means_what_sh_makes_of_it() {
    let sandbox = sandbox().with("WHO", "me");
    let texts = [
        ("printf '%s,' a 'b c' \"d e\"", "a,b c,d e,"),
        ("printf a &&printf b", "ab"),
        ("printf a; printf b", "ab"),
        ("X=1 sh -c 'printf $X'", "1"),
        ("printf $WHO", "me"),
        ("printf '$WHO'", "$WHO"),
        ("printf $(echo x)", "x"),
        ("printf %s, p?x*", "p1x,p2x,"),
        ("printf a\nprintf b\n", "ab"),
        ("cd / && pwd", "/\n"),
    ];
    sandbox.file("p1x", "");
    sandbox.file("p2x", "");
    let mut file = "options: {warmup-time: '0', max-rounds: 1}\nbenchmarks:\n".to_owned();
    for (index, (text, _)) in texts.iter().enumerate() {
        // Around it, so that it stays one text.
        let told = format!("{{ {text}\n}} > out{index}");
        let plain = index == 0;
        let told = if plain { format!("{text} > out0") } else { told };
        let exec = serde_json::to_string(&told).unwrap();
        writeln!(file, "- name: n{index}\n  exec: {exec}").unwrap();
    }
    sandbox.file("codspeed.yml", file);
    let run = codspeed(&sandbox, ["run", "-m", "walltime", "--profile-folder", "profile"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for (index, (text, said)) in texts.iter().enumerate() {
        assert_eq!(sandbox.text(&format!("out{index}")), *said, "{text}");
    }
}

#[test]
fn lines_without_a_name_are_named_in_one_line() {
    let sandbox = sandbox();
    sandbox.file("codspeed.yml", "benchmarks:\n- exec: |\n    true\n    echo  x\n  options: {warmup-time: '0', max-rounds: 1}\n");
    let words =
        ["run", "-m", "walltime", "--profile-folder", "profile", "--export", "json=out.json"];
    let run = codspeed(&sandbox, words);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(the_exported(&sandbox)["uri"], "exec_harness::true echo x");
}
