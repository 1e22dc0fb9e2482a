//! `--pin` and `--no-aslr`, proven by programs that tell where they are; and the same stack for commands that are compared.

use std::collections::BTreeSet;

use serde_json::Value;
use test_support::Sandbox;

use crate::stage::{QUICK, codspeed, exec, sandbox, suite};

/// Appends the addresses of a variable on the stack and of code to the file of its first argument.
const ADDRESSES: &str = r#"
#include <stdio.h>
int main(int count, char **words) {
    int local = count;
    FILE *file = fopen(words[1], "a");
    fprintf(file, "%p %p\n", (void *)&local, (void *)main);
    return fclose(file);
}
"#;

/// Appends the processors that it may use to the file `where`.
const WHERE: &str = "grep Cpus_allowed_list: /proc/self/status | tr -d '\\t' >> where";

/// The lines of a file that differ.
fn lines(sandbox: &Sandbox, file: &str) -> BTreeSet<String> {
    sandbox.text(file).lines().map(str::to_owned).collect()
}

/// The last processor that the test may use.
fn last() -> String {
    system::processors::allowed().unwrap().last().unwrap().to_string()
}

#[test]
fn compared_commands_of_any_length_have_the_same_stack() {
    let sandbox = sandbox();
    let program = sandbox.c_program("short", ADDRESSES);
    let long = "a-program-with-a-name-that-is-much-longer";
    std::fs::copy(program, sandbox.path().join(long)).unwrap();
    let other = format!("./{long}");
    let words = [&other, "b", "and", "some", "more words", ""];
    let run = exec(&sandbox, &[QUICK, &["--no-aslr", "--vs", "./short a"]].concat(), &words);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let (a, b) = (lines(&sandbox, "a"), lines(&sandbox, "b"));
    assert_eq!(a.len(), 1, "{a:?}");
    assert_eq!(a, b);
    // Without, addresses differ.
    let run = exec(&sandbox, QUICK, &["./short", "random"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(lines(&sandbox, "random").len() > 1);
}

#[test]
fn scripts_that_are_compared_have_the_same_stack() {
    let sandbox = sandbox();
    let program = sandbox.c_program("interpreter", ADDRESSES);
    let shown = program.display();
    // The interpreter gets the path of the script as its first argument, and appends to it.
    sandbox.program("s", &format!("#!{shown}\n"));
    sandbox.program("a-longer-script", &format!("#! {shown} out\n"));
    let run = exec(
        &sandbox,
        &[QUICK, &["--no-aslr", "--vs", "./s"]].concat(),
        &["./a-longer-script", "word"],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    let last = |file: &str| sandbox.text(file).lines().last().unwrap().to_owned();
    assert_eq!(last("s"), last("out"));
}

#[test]
fn all_commands_run_on_the_processors_that_are_named() {
    let sandbox = sandbox();
    let (last, options) = (last(), ["--export", "json=out.json"]);
    let pin = format!("--pin={last}");
    let words = ["sh", "-c", WHERE];
    let run = exec(
        &sandbox,
        &[QUICK, &options, &[&pin, "--name", "x", "--vs", &format!("sh -c \"{WHERE}\"")]].concat(),
        &words,
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(lines(&sandbox, "where"), BTreeSet::from([format!("Cpus_allowed_list:{last}")]));
    assert!(
        run.stderr.contains(&format!("the benchmark runs on processor {last}; ")),
        "{}",
        run.stderr
    );
    let sentence = format!("Measured on processor {last} (`--pin`)");
    assert!(run.stdout.contains(&sentence), "{}", run.stdout);
    let json: Value = serde_json::from_str(&sandbox.text("out.json")).unwrap();
    assert_eq!(json["conditions"]["processors"].to_string(), format!("[{last}]"));
    let shown = codspeed(&sandbox, ["inspect", "profile"]);
    assert!(shown.stdout.contains(&sentence), "{}", shown.stdout);
    // The next run in the same folder is as usual.
    let run = exec(&sandbox, QUICK, &["true"]);
    assert!(!run.stdout.contains("Measured on"), "{}", run.stdout);
}

#[test]
fn a_suite_runs_on_the_idlest_processor() {
    let sandbox = sandbox();
    let run = suite(&sandbox, &["--pin", "--allow-empty"], WHERE);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let found = lines(&sandbox, "where").into_iter().next().unwrap();
    let number = found.strip_prefix("Cpus_allowed_list:").unwrap();
    assert!(number.parse::<usize>().is_ok(), "{found}");
    assert!(run.stderr.contains(&format!("runs on processor {number} (")), "{}", run.stderr);
}

#[test]
fn threads_that_share_a_processor_are_told() {
    let sandbox = sandbox();
    let run = exec(&sandbox, &[QUICK, &["--pin"]].concat(), &["sh", "-c", "true & true; wait"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stderr.contains(
            "has several threads or processes but only one processor to run on (`--pin`)"
        ),
        "{}",
        run.stderr
    );
}

#[test]
fn processors_that_are_not_there_are_a_wrong_option() {
    let sandbox = sandbox();
    for (pin, what) in
        [("--pin=8000", "`--pin=8000`: this"), ("--pin=auto:999", "`--pin=auto:999`")]
    {
        let run = exec(&sandbox, &[pin], &["true"]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(
            run.stderr.contains(what) && run.stderr.contains("hint: run `taskset"),
            "{}",
            run.stderr
        );
    }
    let run = exec(&sandbox, &["--pin=many"], &["true"]);
    assert!(run.code == 2 && run.stderr.contains("expected `auto`"), "{}", run.stderr);
}

#[test]
fn memory_mode_has_fixed_addresses_as_well() {
    let sandbox = sandbox();
    sandbox.c_program("program", ADDRESSES);
    for _ in 0..2 {
        let options = ["-m", "memory", "--backend", "preload", "--no-aslr", "--pin"];
        let run = exec(&sandbox, &options, &["./program", "out"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let told = "warning: `--pin` has no effect in mode `memory`, which doesn't measure time";
        assert!(run.stderr.contains(told), "{}", run.stderr);
    }
    let code: BTreeSet<String> = lines(&sandbox, "out")
        .iter()
        .map(|line| line.split_once(' ').unwrap().1.to_owned())
        .collect();
    assert_eq!(code.len(), 1, "{code:?}");
}
