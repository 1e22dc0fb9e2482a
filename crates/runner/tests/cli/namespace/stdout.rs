//! Standard output that is kept for data: it gets nothing else, whatever a suite prints and whoever looks on.

use serde_json::Value;
use test_support::{Run, Sandbox};

use crate::stage::{CODSPEED, QUICK, RUN, codspeed, exec, sandbox, shown, suite};

/// Runs a command that says something itself, with this export to standard output.
fn exported(sandbox: &Sandbox, format: &str) -> Run {
    let export = format!("{format}=-");
    let options = ["--output", "inherit", "--no-perf", "--export", &export];
    let run = exec(sandbox, &[QUICK, &options].concat(), &["echo", "said"]);
    assert_eq!(run.code, 0, "{}", shown(sandbox, &run));
    run
}

#[test]
fn an_export_has_standard_output_for_itself() {
    for exporter in results::EXPORTERS {
        let sandbox = sandbox();
        let run = exported(&sandbox, exporter.id);
        let table = run.stderr.lines().any(|line| line.trim_start().starts_with("Median "));
        assert!(table, "{}: {}", exporter.id, run.stderr);
        assert_eq!(run.stderr.lines().filter(|line| *line == "said").count(), 3, "{}", run.stderr);
        assert!(!run.stdout.lines().any(|line| line == "said"), "{}", run.stdout);
        // The same bytes as in a file of that run.
        let export = format!("{}=again", exporter.id);
        let again = codspeed(&sandbox, ["inspect", "profile", "--export", &export]);
        assert_eq!(again.code, 0, "{}", again.stderr);
        assert_eq!(sandbox.text("again"), run.stdout, "{}", exporter.id);
    }
}

#[test]
fn each_format_can_be_read_from_standard_output() {
    let stdout = |format| exported(&sandbox(), format).stdout;
    let json: Value = serde_json::from_str(&stdout("json")).unwrap();
    assert_eq!(json["benchmarks"][0]["stats"]["rounds"], 3);
    let csv = stdout("csv");
    assert!(csv.starts_with("name,uri,") && csv.lines().count() == 2, "{csv}");
    let lines = stdout("jsonl");
    let line: Value = serde_json::from_str(&lines).unwrap();
    assert_eq!((&line["event"], &line["schema"]), (&"benchmark_ran".into(), &1.into()));
    assert!(stdout("openmetrics").starts_with("# TYPE codspeed_"));
    assert!(stdout("junit").starts_with("<?xml "));
}

#[test]
fn what_a_suite_prints_is_not_among_the_data() {
    let sandbox = sandbox();
    let options = ["--allow-empty", "--export", "csv=-"];
    let run = suite(&sandbox, &options, "echo out; echo err >&2");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout.starts_with("name,uri,") && run.stdout.lines().count() == 1,
        "{}",
        run.stdout
    );
    assert!(
        run.stderr.starts_with("out\nerr\n") || run.stderr.starts_with("err\nout\n"),
        "{}",
        run.stderr
    );
}

#[test]
fn inspect_keeps_the_same_rule() {
    let sandbox = sandbox();
    assert_eq!(exec(&sandbox, QUICK, &["true"]).code, 0);
    let run = codspeed(&sandbox, ["inspect", "profile", "--export", "json=-"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["benchmarks"][0]["name"], "true");
    assert!(run.stderr.contains("Median "), "{}", run.stderr);
}

#[test]
fn two_exports_to_standard_output_are_refused_first() {
    let two = ["--export", "json=-", "--export", "csv=-"];
    let what = "error: two exports go to standard output (`-`), which can hold one\n";
    let sandbox = sandbox();
    let run = exec(&sandbox, &[QUICK, &two].concat(), &["touch", "ran"]);
    assert_eq!((run.code, run.stderr.as_str(), run.stdout.as_str()), (2, what, ""));
    assert!(!sandbox.path().join("ran").exists() && !sandbox.path().join("profile").exists());
    assert_eq!(exec(&sandbox, QUICK, &["true"]).code, 0);
    let run = codspeed(&sandbox, [&["inspect", "profile"], &two[..]].concat());
    assert_eq!((run.code, run.stderr.as_str(), run.stdout.as_str()), (2, what, ""));
}

#[test]
fn several_parts_need_a_format_that_can_hold_them() {
    let sandbox = sandbox();
    let several = |format: &str| {
        let words =
            ["run", "-m", "walltime,memory", "--allow-empty", "--export", format, "--", "true"];
        sandbox.run(sandbox.private(CODSPEED, words))
    };
    let run = several("junit=-");
    assert_eq!(run.code, 2, "{}", run.stderr);
    let what = "the run has several parts, and `junit` is a format for one";
    assert!(run.stderr.contains(what), "{}", run.stderr);
}

#[test]
fn output_becomes_lines_among_the_messages() {
    let sandbox = sandbox();
    let text = "printf 'a\\n\\033[31mb \\377\\r\\nhalf'; echo ' whole'; printf end";
    let words = [RUN, &["--allow-empty", "--message-format", "json", "--", text]].concat();
    let run = sandbox.run(sandbox.private(CODSPEED, words));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let lines: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said: Vec<_> = lines.iter().filter(|line| line["stream"] == "stdout").collect();
    let said: Vec<&str> = said.iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert_eq!(said, ["a", "\u{1b}[31mb \\xff", "half whole", "end"], "{}", run.stdout);
    assert!(!run.stderr.contains("half"), "{}", run.stderr);
    assert!(sandbox.text("profile/runner.log").contains("half"));
}
