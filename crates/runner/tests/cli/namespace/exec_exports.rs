//! `--export`: to files, to standard output, to where nothing can be written.

use serde_json::Value;

use crate::stage::{QUICK, exec, sandbox, shown};

#[test]
fn all_formats_are_written_beside_the_table() {
    let sandbox = sandbox();
    let exports = [
        "json=a.json",
        "jsonl=a.jsonl",
        "csv=a.csv",
        "markdown=a.md",
        "asciidoc=a.adoc",
        "junit=a.xml",
        "bmf=a.bmf",
        "openmetrics=a.om",
        "github-action-benchmark=a.gab",
    ];
    let exports: Vec<&str> = exports.iter().flat_map(|export| ["--export", *export]).collect();
    let run = exec(&sandbox, &[QUICK, &exports[..]].concat(), &["true"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let json: Value = serde_json::from_str(&sandbox.text("a.json")).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["benchmarks"][0]["uri"], "exec_harness::true");
    let csv = sandbox.text("a.csv");
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines[0].starts_with("name,uri,integration,pid,outcome,"), "{csv}");
    assert!(lines[1].starts_with("true,exec_harness::true,exec-harness "), "{csv}");
    assert_eq!(lines.len(), 2);
    let markdown = sandbox.text("a.md");
    assert!(
        markdown.starts_with("| Benchmark | ") && markdown.contains(" Median | "),
        "{markdown}"
    );
    assert!(markdown.contains("\n| `true`"), "{markdown}");
    let asciidoc = sandbox.text("a.adoc");
    assert!(asciidoc.starts_with("[%header,cols=\"<,>"), "{asciidoc}");
    assert!(asciidoc.contains("\n| ``true``"), "{asciidoc}");
    let parsed = |name: &str| serde_json::from_str::<Value>(&sandbox.text(name)).unwrap();
    let median = json["benchmarks"][0]["stats"]["median_ns"].as_f64().unwrap();
    let line = parsed("a.jsonl");
    assert_eq!(
        (&line["event"], &line["uri"]),
        (&"benchmark_ran".into(), &"exec_harness::true".into())
    );
    assert_eq!(line["metrics"]["median_ns"]["value"].as_f64(), Some(median));
    assert_eq!(parsed("a.bmf")["true"]["latency"]["value"].as_f64(), Some(median));
    assert_eq!(parsed("a.gab")[0]["value"].as_f64(), Some(median));
    assert!(sandbox.text("a.xml").contains("<testcase name=\"true\" classname=\"exec_harness\""));
    assert!(sandbox.text("a.om").ends_with("# EOF\n"), "{}", sandbox.text("a.om"));
}

#[test]
fn a_failed_benchmark_is_exported_as_well() {
    let sandbox = sandbox();
    let run = exec(&sandbox, &[QUICK, &["--export", "csv=a.csv"]].concat(), &["false"]);
    assert_eq!(run.code, 1);
    let csv = sandbox.text("a.csv");
    assert!(csv.lines().nth(1).unwrap().contains(",failed,"), "{csv}");
}

#[test]
fn a_failed_export_is_named_and_the_table_is_shown() {
    // The folder goes while the command runs: what is wrong before is told before.
    for path in ["gone/out.json", "/dev/full"] {
        let sandbox = sandbox();
        std::fs::create_dir(sandbox.path().join("gone")).unwrap();
        let export = format!("json={path}");
        let command = ["rm", "-rf", "gone", "--", "true"];
        let run = exec(&sandbox, &[QUICK, &["--export", &export]].concat(), &command);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(run.stdout.contains("true"), "{}", run.stdout);
        let expected = format!("error: could not write the export `{path}`: ");
        assert!(run.stderr.contains(&expected), "{}", run.stderr);
        assert!(run.stderr.contains("run `codspeed inspect` with `--export`"), "{}", run.stderr);
        assert_eq!(run.stderr.contains("its folder does not exist"), path.contains("gone"));
    }
}

#[test]
fn an_old_export_is_replaced_as_a_whole() {
    let sandbox = sandbox();
    sandbox.file("a.csv", "old\n".repeat(10_000));
    let options = [QUICK, &["--no-store", "--export", "csv=a.csv"]].concat();
    let run = exec(&sandbox, &options, &["true"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(sandbox.text("a.csv").lines().count(), 2);
    let names: Vec<_> = std::fs::read_dir(sandbox.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with('.'))
        .collect();
    assert!(names.is_empty(), "an unfinished file was left: {names:?}");
}

#[test]
fn colours_come_only_when_asked_for() {
    let plain = sandbox();
    assert!(!exec(&plain, QUICK, &["true"]).stdout.contains('\u{1b}'));
    let forced = sandbox().with("CLICOLOR_FORCE", "1");
    // In bold, or in yellow on a busy machine.
    assert!(exec(&forced, QUICK, &["true"]).stdout.contains("\u{1b}["));
    let both = sandbox().with("CLICOLOR_FORCE", "1").with("NO_COLOR", "1");
    let run = exec(&both, QUICK, &["true"]);
    assert!(!run.stdout.contains('\u{1b}'), "{}", shown(&both, &run));
}

#[test]
fn a_token_among_the_words_of_the_command_is_in_no_export() {
    let token = "0123-token-of-mine";
    let sandbox = sandbox().with("CODSPEED_TOKEN", token);
    let exports = ["json=out.json", "csv=out.csv", "markdown=out.md", "json=-"];
    let exports = exports.iter().flat_map(|export| ["--export", export]);
    let options: Vec<&str> = ["--skip-upload"].into_iter().chain(exports).collect();
    let run = exec(&sandbox, &[QUICK, &options].concat(), &["echo", token]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for text in ["out.json", "out.csv", "out.md"].map(|name| sandbox.text(name)) {
        assert!(text.contains("echo ***") && !text.contains(token), "{text}");
    }
    assert!(!run.shown().contains(token), "{}", run.shown());
}
