//! Simulation mode with the real Valgrind.

use crate::stage::{codspeed, exec, exported, sandbox, shown, the_exported};

const SIMULATION: &[&str] = &["-m", "simulation", "--export", "json=out.json"];
const SUITE: &[&str] = &["run", "--profile-folder", "profile", "-m", "simulation"];

const COUNT: &str = "#include <stdlib.h>
int main(int c, char **v) { volatile unsigned x = 1; for (int i = atoi(v[1]); i > 0; i--) x *= 3; return 0; }";

#[test]
fn counts_repeat_exactly_and_twice_the_work_costs_more() {
    let sandbox = sandbox();
    sandbox.c_program("count", COUNT);
    let instructions = |rounds: &str| {
        let run = exec(&sandbox, SIMULATION, &["./count", rounds]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        std::fs::remove_dir_all(sandbox.path().join("profile")).unwrap();
        the_exported(&sandbox)["instructions"].as_u64().unwrap()
    };
    let (one, again, two) = (instructions("1000"), instructions("1000"), instructions("2000"));
    assert_eq!(one, again);
    // A round is some instructions, and nothing else differs but a digit.
    assert!(two > one + 3000 && two < one + 20_000, "{one} and {two}");
}

#[test]
fn a_benchmark_alone_is_shown_by_its_figures() {
    let sandbox = sandbox();
    let run = exec(&sandbox, &["-m", "simulation", "--name", "x"], &["true"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let titles: Vec<&str> = run
        .stdout
        .lines()
        .take_while(|line| !line.is_empty())
        .map(|line| line.trim_start().split("  ").next().unwrap())
        .collect();
    assert_eq!(titles.get(..3), Some(&["x", "Instructions", "Est. time"][..]), "{}", run.stdout);
    assert!(titles.contains(&"Data reads") && !run.stdout.contains('─'), "{}", run.stdout);
}

#[test]
fn profiles_are_exported_and_allocations_can_be_left_out() {
    let sandbox = sandbox();
    let profiles = ["--export", "folded=stacks.txt", "--export", "speedscope=scope.json"];
    let run = exec(&sandbox, &[SIMULATION, &profiles].concat(), &["ls", "/"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let all = the_exported(&sandbox)["instructions"].as_u64().unwrap();
    let folded = sandbox.text("stacks.txt");
    let weight = |line: &str| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
    assert_eq!(folded.lines().map(weight).sum::<u64>(), all);
    let scope: serde_json::Value = serde_json::from_str(&sandbox.text("scope.json")).unwrap();
    assert_eq!(scope["profiles"].as_array().unwrap().len(), 1);

    let run = exec(&sandbox, &[SIMULATION, &["--exclude-allocations"]].concat(), &["ls", "/"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let without = the_exported(&sandbox)["instructions"].as_u64().unwrap();
    assert!(without > 0 && without < all, "{without} of {all}");
}

#[test]
fn what_a_run_left_is_shown_again() {
    let sandbox = sandbox();
    sandbox.c_program("count", COUNT);
    let first = exec(&sandbox, SIMULATION, &["./count", "1000"]);
    let again = codspeed(&sandbox, ["inspect", "profile", "--functions", "1"]);
    assert_eq!((first.code, again.code), (0, 0), "{}", again.stderr);
    let (table, functions) = again.stdout.split_once("\n\n./count 1000\n").unwrap();
    assert_eq!(table.trim_end(), first.stdout.trim_end());
    // A head and a function by self, and the same by total.
    assert_eq!(functions.lines().filter(|line| !line.is_empty()).count(), 4, "{functions}");

    std::fs::remove_dir_all(sandbox.path().join("profile")).unwrap();
    let timed = exec(&sandbox, crate::stage::QUICK, &["true"]);
    let again = codspeed(&sandbox, ["inspect", "profile"]);
    assert_eq!(again.stdout, timed.stdout);
    std::fs::create_dir(sandbox.path().join("empty")).unwrap();
    // Without a slash a folder that is no run is looked for among the stored runs.
    assert_eq!(codspeed(&sandbox, ["inspect", "./empty"]).code, 4);
    let unknown = codspeed(&sandbox, ["inspect", "empty"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("./empty"), "{}", unknown.shown());
    assert_eq!(codspeed(&sandbox, ["inspect", "nowhere"]).code, 2);
}

#[test]
fn a_command_that_fails_or_has_no_count_is_an_error() {
    let sandbox = sandbox();
    let failed = exec(&sandbox, SIMULATION, &["sh", "-c", "exit 3"]);
    assert_eq!(failed.code, 1);
    assert!(failed.stderr.contains("exit status 3"), "{}", failed.stderr);
    let children = exec(&sandbox, SIMULATION, &["sh", "-c", "ls /; ls /"]);
    assert_eq!(children.code, 1);
    assert!(children.stderr.contains("starts other processes"), "{}", children.stderr);
    assert!(exported(&sandbox).is_empty());
}

#[test]
fn a_suite_without_benchmarks_or_with_a_failure_says_so() {
    let sandbox = sandbox();
    let empty = codspeed(&sandbox, [SUITE, &["--", "true"]].concat());
    assert_eq!(empty.code, 4, "{}", empty.stderr);
    let allowed = codspeed(&sandbox, [SUITE, &["--allow-empty", "--", "true"]].concat());
    assert_eq!(allowed.code, 0, "{}", allowed.stderr);
    let failed = codspeed(&sandbox, [SUITE, &["--", "exit 7"]].concat());
    assert_eq!(failed.code, 1);
    assert!(failed.stderr.contains("exited with status 7"), "{}", failed.stderr);
}

#[test]
fn a_valgrind_that_is_none_is_a_missing_tool() {
    let broken = sandbox().with("CODSPEED_VALGRIND", "/bin/false");
    let run = exec(&broken, SIMULATION, &["true"]);
    assert_eq!(run.code, 3);
    insta::assert_snapshot!(shown(&broken, &run));
    let missing = sandbox().with("PATH", "/nowhere").with("CODSPEED_EXEC_HARNESS", "/bin/true");
    let mut command =
        missing.command(crate::stage::CODSPEED, ["exec", "-m", "simulation", "--", "x"]);
    command.env("TMPDIR", missing.path());
    let run = missing.run(command);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("`valgrind` was not found in PATH"), "{}", run.stderr);
}
