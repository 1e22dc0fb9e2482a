//! Names of benchmarks and paths with everything that names and paths can hold.

use serde_json::json;

use crate::stage::{QUICK, exec, sandbox, shown, the_exported};

const EXPORT: &[&str] = &["--warmup-time", "0", "--max-rounds", "1", "--export", "json=out.json"];

/// Name and identity as exported.
#[track_caller]
fn named(options: &[&str], command: &[&str], name: &str, uri: &str) {
    let sandbox = sandbox();
    let run = exec(&sandbox, &[EXPORT, options].concat(), command);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let benchmark = the_exported(&sandbox);
    assert_eq!(json!([benchmark["name"], benchmark["uri"]]), json!([name, uri]));
}

#[test]
fn the_words_of_the_command_are_the_default_name() {
    named(&[], &["echo", "a  b", "c"], "echo a  b c", "exec_harness::echo a  b c");
    let odd = "gröber \"als\" 'α' 🦀";
    named(&["--name", odd], &["true"], odd, &format!("exec_harness::{odd}"));
}

#[test]
fn options_behind_the_dashes_belong_to_the_command() {
    let name = "echo --max-rounds 7 --unknown -q";
    let command: Vec<&str> = name.split(' ').collect();
    named(&[], &command, name, &format!("exec_harness::{name}"));
}

#[test]
fn a_long_name_is_cut_between_characters_but_not_its_uri() {
    let long = "ü".repeat(1000);
    named(&["--name", &long], &["true"], &"ü".repeat(462), &format!("exec_harness::{long}"));
}

#[test]
fn a_name_cannot_steer_the_terminal() {
    let sandbox = sandbox();
    let run = exec(&sandbox, &[QUICK, &["--name", "a\u{1b}[31mb\nc"]].concat(), &["true"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.stdout.contains('\u{1b}'), "{:?}", run.stdout);
    insta::assert_snapshot!(shown(&sandbox, &run).lines().nth(4).unwrap());
}

#[test]
fn a_profile_folder_may_have_any_name_and_need_not_exist() {
    let sandbox = sandbox();
    let folder = "new folder/it's \"here\" $HOME";
    let words = [&["exec", "--profile-folder", folder], QUICK, &["--", "true"]].concat();
    let run = crate::stage::codspeed(&sandbox, words);
    insta::assert_snapshot!(shown(&sandbox, &run));
    assert!(sandbox.path().join(folder).join("ExecutionTimestamps.msgpack").is_file());
}

#[test]
fn a_profile_folder_that_cannot_be_made_is_named() {
    let sandbox = sandbox();
    sandbox.file("file", "");
    let words = [&["exec", "--profile-folder", "file/below"], QUICK, &["--", "true"]].concat();
    insta::assert_snapshot!(shown(&sandbox, &crate::stage::codspeed(&sandbox, words)));
}
