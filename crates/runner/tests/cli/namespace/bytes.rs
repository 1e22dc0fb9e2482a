//! Arguments, names and paths that are not UTF-8: taken as they are, shown escaped, and never mixed up.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::ffi::OsStrExt,
    path::Path,
};

use serde_json::Value;
use test_support::{Run, Sandbox};

use crate::stage::{codspeed, sandbox};

/// The program says its arguments byte by byte; where it runs; and one of its variables.
const SCRIPT: &str = "#!/bin/sh\nprintf '%s|' \"$@\" \"${PWD##*/}\" \"$ODD\" >> \"$HOME/said\"\n";

fn bytes(text: &[u8]) -> OsString {
    OsStr::from_bytes(text).to_owned()
}

/// A sandbox with a folder, and in it a program, that are no text.
fn odd() -> Sandbox {
    let sandbox = sandbox().with("ODD", OsStr::from_bytes(b"v\xe4r"));
    let folder = sandbox.path().join(bytes(b"d\xefr"));
    fs::create_dir(&folder).unwrap();
    fs::rename(sandbox.program("script", SCRIPT), folder.join(bytes(b"caf\xe9.sh"))).unwrap();
    sandbox
}

/// The words of `codspeed` with a profile folder, a place for an export and a working directory that are no text.
fn words(options: &[&str], command: &[&[u8]]) -> Vec<OsString> {
    let (command_name, options) = options.split_at(1);
    let mut words: Vec<OsString> = command_name.iter().map(Into::into).collect();
    for (option, value) in [
        ("--profile-folder", &b"pr\xf6file"[..]),
        ("--export", b"json=\xfct.json"),
        ("--working-directory", b"d\xefr"),
    ] {
        words.extend([option.into(), bytes(value)]);
    }
    words.extend(options.iter().map(Into::into));
    words.push("--".into());
    words.extend(command.iter().map(|word| bytes(word)));
    words
}

#[track_caller]
fn benchmarks(sandbox: &Sandbox) -> Vec<Value> {
    let text = fs::read(sandbox.path().join(bytes(b"\xfct.json"))).unwrap();
    let json: Value = serde_json::from_slice(&text).unwrap();
    json["benchmarks"].as_array().unwrap().clone()
}

/// The command came as it was given, is called by its escaped words, and its profile folder can be read again.
#[track_caller]
fn is_measured(sandbox: &Sandbox, run: &Run, rounds: usize) {
    assert_eq!(run.code, 0, "{}", run.shown());
    let said = fs::read(sandbox.path().join("said")).unwrap();
    assert_eq!(said, b"x\xe8|\\xe8|d\xefr|v\xe4r|".repeat(rounds), "{}", said.escape_ascii());
    let name = r"./caf\xe9.sh x\xe8 \xe8";
    let [benchmark]: [Value; 1] = benchmarks(sandbox).try_into().unwrap();
    assert_eq!(benchmark["name"], name);
    assert_eq!(benchmark["uri"], format!("exec_harness::{name}"));
    assert!(run.stdout.contains(r"caf\xe9.sh"), "{}", run.shown());
    assert!(run.stderr.contains(r"/pr\xf6file"), "{}", run.shown());
    let again = codspeed(sandbox, [OsStr::new("inspect"), &bytes(b"pr\xf6file")]);
    assert_eq!(again.code, 0, "{}", again.shown());
    assert!(again.stdout.contains(r"caf\xe9.sh"), "{}", again.shown());
    for run in [run, &again] {
        assert!(!run.shown().contains('\u{fffd}'), "{}", run.shown());
    }
}

const COMMAND: &[&[u8]] = &[b"./caf\xe9.sh", b"x\xe8", br"\xe8"];

#[test]
fn walltime_takes_them() {
    let sandbox = odd();
    let run = ["exec", "--warmup-time", "0", "--max-rounds", "2"];
    is_measured(&sandbox, &codspeed(&sandbox, words(&run, COMMAND)), 2);
}

#[test]
fn memory_takes_them() {
    let sandbox = odd();
    let run = ["exec", "-m", "memory", "--backend", "preload"];
    is_measured(&sandbox, &codspeed(&sandbox, words(&run, COMMAND)), 1);
}

mod privileged {
    use super::*;

    #[test]
    fn simulation_takes_them() {
        let sandbox = odd();
        let run = codspeed(&sandbox, words(&["exec", "-m", "simulation"], COMMAND));
        is_measured(&sandbox, &run, 1);
    }
}

#[test]
fn a_comparison_a_suite_hooks_and_files_take_them() {
    let sandbox = odd();
    let quick = ["--warmup-time", "0", "--max-rounds", "2"];
    let mut both: Vec<OsString> = vec!["exec".into(), "--vs".into(), bytes(b"echo 'b\xe4 se'")];
    both.extend(quick.map(Into::into));
    for (option, value) in [
        ("--prepare", &b"touch 'pr\xe9'"[..]),
        ("--output", b"\xf4ut"),
        ("--input", b"\xeen"),
        ("--profile-folder", b"pr\xf6"),
    ] {
        both.extend([option.into(), bytes(value)]);
    }
    fs::write(sandbox.path().join(bytes(b"\xeen")), "input").unwrap();
    both.extend(["--".into(), "cat".into(), bytes(b"\xeen")]);
    let run = codspeed(&sandbox, both);
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(
        run.stdout.contains(r"echo b\xe4 se") && run.stdout.contains(r"cat \xeen"),
        "{}",
        run.shown()
    );
    assert!(sandbox.path().join(bytes(b"pr\xe9")).exists());
    assert!(Path::new(&sandbox.path().join(bytes(b"\xf4ut"))).exists());

    let mut suite = words(&["run", "-m", "walltime", "--allow-empty"], COMMAND);
    let run = codspeed(&sandbox, &suite);
    assert_eq!(run.code, 0, "{}", run.shown());
    assert_eq!(fs::read(sandbox.path().join("said")).unwrap(), b"x\xe8|\\xe8|d\xefr|v\xe4r|");
    // What is not there is named in the same way.
    suite.truncate(suite.len() - COMMAND.len());
    suite.extend([bytes(b"./n\xf6"), "x".into()]);
    let run = codspeed(&sandbox, &suite);
    assert!(run.stderr.contains(r"`./n\xf6` does not exist"), "{}", run.shown());
}
