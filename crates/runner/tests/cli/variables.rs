//! Variables about a run: empty values, wrong ones, and precedence.

use test_support::redact;

use crate::stage::{CODSPEED, sandbox};

/// Returns what `codspeed run` without a command says, with this variable set: either what is wrong with the variable,
/// or that
/// there is no command.
#[track_caller]
fn said(variable: (&str, &str), args: &[&str]) -> String {
    let sandbox = sandbox().with("XDG_RUNTIME_DIR", "").with(variable.0, variable.1);
    let args = [&["run", "-m", "walltime"], args].concat();
    let run = sandbox.run(sandbox.command(CODSPEED, args));
    assert_eq!(run.code, 2, "{variable:?}: {}", run.shown());
    redact(&run.shown(), &sandbox)
}

/// All variables that the parser of the command line reads.
const OPTIONS: &[&str] = &[
    "CODSPEED_TOKEN",
    "CODSPEED_UPLOAD_URL",
    "CODSPEED_REPOSITORY",
    "CODSPEED_PROVIDER",
    "CODSPEED_SKIP_UPLOAD",
    "CODSPEED_PERF_ENABLED",
    "CODSPEED_PROFILER_ENABLED",
    "CODSPEED_PERF_UNWINDING_MODE",
    "CODSPEED_PERF_STACK_SIZE",
    "CODSPEED_WALLTIME_PROFILER",
    "CODSPEED_GO_RUNNER_VERSION",
    "CODSPEED_SIMULATION_TOOL",
    "CODSPEED_CYCLE_ESTIMATION",
    "CODSPEED_EXCLUDE_ALLOCATIONS",
    "CODSPEED_EXPERIMENTAL_FAIR_SCHED",
];

#[test]
fn an_empty_variable_counts_as_unset() {
    for name in OPTIONS {
        let text = said((name, ""), &[]);
        assert!(text.contains("no command was given"), "{name}: {text}");
        assert!(!text.contains("warning"), "{name}: {text}");
    }
}

#[test]
fn old_names_are_deprecated() {
    for (name, value, says) in [
        ("CODSPEED_CONFIG_NAME", "other", "use `--profile` to choose an account"),
        ("CODSPEED_EXPERIMENTAL_CYCLE_ESTIMATION", "false", "`CODSPEED_CYCLE_ESTIMATION`"),
        ("CODSPEED_EXPERIMENTAL_EXCLUDE_ALLOCATIONS", "true", "`CODSPEED_EXCLUDE_ALLOCATIONS`"),
        ("CODSPEED_EXPERIMENTAL_FAIR_SCHED", "true", "it still works"),
        ("CODSPEED_EXPERIMENTAL_OTHER", "1", "the experiment has ended"),
    ] {
        let text = said((name, value), &[]);
        let warning = format!("warning: `{name}` is deprecated");
        assert_eq!(text.matches(&warning).count(), 1, "{text}");
        assert!(text.contains(says), "{text}");
        assert!(!said((name, ""), &[]).contains("deprecated"), "{name}");
    }
    let typed = said(("CODSPEED_CONFIG_NAME", ""), &["--config-name", "other"]);
    assert!(typed.contains("warning: `--config-name` is deprecated"), "{typed}");
}

#[test]
fn a_wrong_value_names_its_variable() {
    for (name, value) in [
        ("CODSPEED_SKIP_UPLOAD", "maybe"),
        ("CODSPEED_PERF_ENABLED", "2"),
        ("CODSPEED_UPLOAD_URL", "api"),
        ("CODSPEED_SIMULATION_TOOL", "massif"),
        ("CODSPEED_GO_RUNNER_VERSION", "v1"),
    ] {
        let text = said((name, value), &[]);
        let expected = format!("tip: the value comes from the variable {name}\n");
        assert!(text.contains(&expected), "{text}");
    }
    let typed = said(("CODSPEED_UPLOAD_URL", "https://x.test"), &["--upload-url", "api"]);
    assert!(!typed.contains("variable"), "{typed}");
}

#[test]
fn booleans_have_many_spellings_and_flags_win() {
    for value in ["1", "0", "yes", "no", "on", "off", "TRUE", "False"] {
        let text = said(("CODSPEED_SKIP_UPLOAD", value), &["--upload"]);
        assert!(text.contains("no command was given"), "{value}: {text}");
    }
    // A word after the flag is a word of the command.
    for flag in ["--enable-perf", "--enable-profiler", "--enable-perf=false"] {
        let text = said(("CODSPEED_PERF_ENABLED", "no"), &[flag, " "]);
        assert!(text.contains("the benchmark command is blank"), "{flag}: {text}");
    }
}

#[test]
fn an_old_name_of_a_mode_is_understood_with_a_warning() {
    let warning = "warning: mode `instrumentation` is deprecated: use `simulation`\n";
    let sandbox = sandbox().with("CODSPEED_RUNNER_MODE", "instrumentation");
    for args in [&["run"][..], &["run", "-m", "instrumentation"]] {
        let run = sandbox.run(sandbox.command(CODSPEED, args));
        assert_eq!(run.stderr.matches(warning).count(), 1, "{}", run.shown());
    }
}
