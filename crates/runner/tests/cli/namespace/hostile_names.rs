//! Names that hold escape sequences, workflow commands, Markdown, HTML and characters that turn the direction of writing:
//! shown in every place where names are shown, they do nothing.

use test_support::Sandbox;

use crate::stage::{CODSPEED, codspeed, sandbox};

/// A name as bad as can be.
const NAME: &str = "\u{1b}[31mred\u{7} | <script>a</script> \u{202e}b\n::error::c ##[error]d";
/// The same in YAML.
const YAML: &str = r#"
benchmarks:
  - name: "\e[31mred\a | <script>a</script> \u202eb\n::error::c ##[error]d"
    exec: "true"
"#;

/// Asserts that a text shows the name and that nothing in it does anything.
#[track_caller]
fn is_harmless(text: &str, whose: &str) {
    assert!(text.contains("script"), "{whose} does not show it: {text}");
    assert!(!text.contains('\u{202e}') && !text.contains('\u{7}'), "{whose}: {text:?}");
    assert!(!text.contains("\u{1b}[31mred"), "{whose}: {text:?}");
    for line in text.lines() {
        assert!(!line.trim_start().starts_with("::error::c"), "{whose}: {line}");
    }
}

#[test]
fn nothing_happens_on_a_terminal_or_in_the_log_of_a_provider() {
    let providers =
        [("NONE", "1"), ("GITHUB_ACTIONS", "true"), ("GITLAB_CI", "true"), ("BUILDKITE", "true")];
    for (variable, value) in providers {
        let sandbox = sandbox().with(variable, value);
        let options = ["--skip-upload", "--max-rounds", "1", "--warmup-time", "0"];
        let folder = ["--profile-folder", "profile", "--export", "markdown=out.md"];
        let words = [&["exec"][..], &options, &folder, &["--name", NAME, "--", "true"]].concat();
        let run = codspeed(&sandbox, words);
        assert_eq!(run.code, 0, "{}", run.shown());
        // Providers show both streams as one.
        is_harmless(&run.shown(), variable);
        let markdown = sandbox.text("out.md");
        is_harmless(&markdown, "Markdown");
        // HTML and bars are code there.
        assert!(markdown.contains(r"red\u{7} \| <script>a</script>"), "{markdown}");
        is_harmless(&codspeed(&sandbox, ["inspect", "profile"]).shown(), "inspect");
        is_harmless(&sandbox.text("profile/runner.log"), "the log file");
    }
}

#[test]
fn json_keeps_every_name() {
    let sandbox = sandbox();
    let words = ["exec", "--message-format", "json", "--max-rounds", "1", "--name", NAME];
    let run =
        codspeed(&sandbox, [&words[..], &["--profile-folder", "profile", "--", "true"]].concat());
    let mut names = run.stdout.lines().filter_map(|line| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        event["name"].as_str().map(str::to_owned)
    });
    assert_eq!(names.next().as_deref(), Some(NAME), "{}", run.shown());
}

#[track_caller]
fn with_project_file() -> Sandbox {
    let sandbox = sandbox();
    sandbox.file("codspeed.yml", YAML);
    sandbox
}

#[test]
fn a_list_has_a_line_for_each_name() {
    for variable in ["NONE", "GITHUB_ACTIONS"] {
        let sandbox = with_project_file().with(variable, "true");
        let run = codspeed(&sandbox, ["run", "--list"]);
        assert_eq!(run.code, 0, "{}", run.shown());
        is_harmless(&run.shown(), "the list");
        let lines = run.stdout.lines().chain(run.stderr.lines());
        assert_eq!(lines.filter(|line| line.contains("script")).count(), 1, "{}", run.shown());
        assert!(!run.shown().contains("\nc "), "{}", run.shown());
    }
}

#[test]
fn errors_and_warnings_are_harmless() {
    let sandbox = with_project_file();
    let run = codspeed(&sandbox, ["run", "--bench", "script*nothing"]);
    assert_ne!(run.code, 0);
    is_harmless(&run.stderr, "an error");
    let json = r#"{"creator": {"name": "\u001b[31mred script", "version": "1", "pid": 1},
        "instrument": {"type": "walltime"}, "benchmarks": [], "\u001b[31mred\u0007": "#;
    std::fs::create_dir_all(sandbox.path().join("profile/results")).unwrap();
    sandbox.file("profile/results/\u{1b}[31mred script.json", json);
    let run = sandbox.run(sandbox.private(CODSPEED, ["inspect", "profile"]));
    assert_ne!(run.code, 0);
    is_harmless(&run.stderr, "a file name");
}
