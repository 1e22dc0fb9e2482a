//! The command line: help, version, and everything that is refused before anything runs.

use test_support::redact;

use crate::stage::{CODSPEED, sandbox};

/// Returns what the user sees of a command that measures nothing.
#[track_caller]
fn shown(args: &[&str]) -> String {
    // What the shell of the developer uses is none of our business.
    let sandbox = sandbox();
    let runtime = sandbox.path().to_owned();
    let sandbox = sandbox.with("XDG_RUNTIME_DIR", runtime);
    let run = sandbox.run(sandbox.command(CODSPEED, args));
    redact(&run.shown(), &sandbox)
}

/// The same for many command lines; each must be a usage error with nothing on standard output.
#[track_caller]
fn refused(lines: &[&[&str]]) -> String {
    let one = |args: &&[&str]| {
        let text = shown(args);
        let stderr = text.strip_prefix("exit code: 2\n--- stdout\n--- stderr\n");
        assert!(stderr.is_some(), "{args:?} is not refused: {text}");
        format!("$ codspeed {}\n{}", args.join(" "), stderr.unwrap_or_default())
    };
    lines.iter().map(one).collect::<Vec<_>>().join("\n")
}

#[test]
fn help_names_the_commands_and_exit_codes() {
    insta::assert_snapshot!(shown(&["--help"]));
}

#[test]
fn help_of_exec_lists_its_options() {
    insta::assert_snapshot!(shown(&["exec", "--help"]));
}

#[test]
fn help_of_ab_and_bisect_teaches() {
    insta::assert_snapshot!(shown(&["ab", "-h"]));
    insta::assert_snapshot!(shown(&["bisect", "-h"]));
}

#[test]
fn help_of_run_lists_its_options() {
    insta::assert_snapshot!(shown(&["run", "--help"]));
}

#[test]
fn the_version_is_that_of_the_workspace() {
    let expected = concat!(
        "exit code: 0\n--- stdout\ncodspeed-runner ",
        env!("CARGO_PKG_VERSION"),
        "\n--- stderr\n"
    );
    assert_eq!(shown(&["--version"]), expected);
}

#[test]
fn unknown_words_and_missing_ones_are_refused() {
    insta::assert_snapshot!(refused(&[
        &[],
        &["measure"],
        &["exec", "--rounds", "3", "--", "true"],
        &["exec"],
        &["exec", "--max-rounds", "3"],
        &["exec", "--max-rounds", "many", "--", "true"],
        &["exec", "-m", "memory", "--min-rounds", "0", "--", "true"],
    ]));
}

#[test]
fn modes_are_known_and_given() {
    insta::assert_snapshot!(refused(&[
        &["exec", "-m", "fast", "--", "true"],
        &["exec", "-m", "memory", "--backend", "magic", "--", "true"],
        &["exec", "-m", "memory", "--python-allocator", "jemalloc", "--", "true"],
        &["exec", "--export", "folded=x", "--", "true"],
        &["run", "-m", "waltime", "--", "true"],
        &["run", "-m", "walltime,fast", "--", "true"],
    ]));
}

#[test]
fn what_is_about_several_commands_needs_several_that_differ() {
    insta::assert_snapshot!(refused(&[
        &["exec", "--fail-if-slower", "5%", "--vs", "true", "--", "false"],
        &["exec", "--fail-if-slower", "--", "true"],
        &["exec", "--threshold", "1%", "--", "true"],
        &["exec", "--explain", "-L", "n=1", "--", "echo", "{n}"],
        &["exec", "--vs", "true", "--base", "nobody", "--", "false"],
        &["exec", "-L", "n", "1,2", "--", "echo", "{n}"],
        &["exec", "-L", "n=1,2", "--", "echo", "{m}"],
        &["exec", "-L", "n=1,2", "-L", "n=3", "--", "echo", "{n}"],
        &["exec", "--parameter-scan", "n", "8..1", "--", "echo", "{n}"],
        &["exec", "--parameter-scan", "n=1..2", "--", "echo", "{n}"],
        &[
            "exec",
            "--parameter-scan",
            "n",
            "1..100",
            "--parameter-scan",
            "m",
            "1..100",
            "--",
            "echo",
            "{n}{m}"
        ],
    ]));
}

#[test]
fn a_run_without_a_command_needs_a_project_file() {
    insta::assert_snapshot!(refused(&[
        &["run", "-m", "walltime"],
        &["run", "-m", "walltime", "--config", "no/such.yml"],
        &["run", "-m", "walltime", "--config", "no/such.yml", "--", "true"],
        &["--config", "no/such.yml", "exec", "--", "true"],
    ]));
}

#[test]
fn help_of_the_commands_for_settings_has_examples() {
    let helps = [&["use", "--help"][..], &["profile", "--help"], &["profile", "set", "--help"]];
    insta::assert_snapshot!(helps.map(shown).join("\n"));
}

#[test]
fn exports_have_a_format_and_a_path_of_their_own() {
    insta::assert_snapshot!(refused(&[
        &["exec", "--export", "xml=out", "--", "true"],
        &["exec", "--export", "json", "--", "true"],
        &["exec", "--export", "json=", "--", "true"],
        &["exec", "--export", "json=out", "--export", "csv=out", "--", "true"],
        &["run", "-m", "walltime", "--export", "json=-", "--export", "csv=-", "--", "true"],
    ]));
}

#[test]
fn blank_commands_missing_folders_and_equal_names_are_refused() {
    insta::assert_snapshot!(refused(&[
        &["exec", "--", ""],
        &["exec", "--", " "],
        &["exec", "--name", " ", "--", "true"],
        &["exec", "--vs", "", "--", "true"],
        &["run", "-m", "walltime", "--", " "],
        &["exec", "--working-directory", "no/such", "--", "true"],
        &["exec", "--vs", "true", "--", "true"],
        &["exec", "--vs", "echo 'x", "--", "true"],
    ]));
}

#[test]
fn a_refused_command_line_leaves_nothing_behind() {
    let sandbox = sandbox();
    let run = sandbox.run(sandbox.command(
        CODSPEED,
        ["exec", "--export", "folded=x", "--profile-folder", "profile", "--", "touch", "ran"],
    ));
    assert_eq!(run.code, 2);
    assert!(!sandbox.path().join("profile").exists() && !sandbox.path().join("ran").exists());
}

#[test]
fn completions_are_scripts_for_the_shell() {
    let sandbox = sandbox();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = sandbox.run(sandbox.command(CODSPEED, ["completions", shell]));
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{shell}");
        assert!(run.stdout.contains("codspeed") && run.stdout.contains("max-rounds"), "{shell}");
        assert!(!run.stdout.contains("codspeed-runner"), "{shell} completes what users type");
    }
    let script = sandbox.run(sandbox.command(CODSPEED, ["completions", "bash"])).stdout;
    sandbox.file("complete.bash", script);
    // `codspeed exec --max-r<tab>`
    let text = ". ./complete.bash; COMP_WORDS=(codspeed exec --max-r) COMP_CWORD=2; \
        _codspeed codspeed --max-r exec; echo \"${COMPREPLY[@]}\"";
    let run = sandbox.run(sandbox.command("bash", ["-c", text]));
    assert_eq!(run.stdout, "--max-rounds\n", "{}", run.shown());
}

#[test]
fn manual_pages_are_printed_or_written() {
    let sandbox = sandbox();
    let run = sandbox.run(sandbox.command(CODSPEED, ["man", "exec"]));
    assert!(run.stdout.contains("\\-\\-max\\-rounds"), "{}", run.shown());
    let run = sandbox.run(sandbox.command(CODSPEED, ["man", "--out", "man/man1"]));
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.shown());
    assert!(sandbox.text("man/man1/codspeed-run.1").contains(".TH codspeed-run 1"));
}

#[test]
fn unknown_shells_and_pages_are_refused() {
    insta::assert_snapshot!(refused(&[
        &["completions", "csh"],
        &["man", "measure"],
        &["man", "exec", "--out", "x"],
    ]));
}
