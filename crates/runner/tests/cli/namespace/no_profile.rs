//! Whatever is wrong with perf, the times are measured, and it is said once why there is no profile.

use test_support::{Run, Sandbox};

use crate::stage::{QUICK, codspeed, exec, exec_words, profiling_sandbox, the_exported};

/// The start of a perf that says who it is and finds its control FIFOs.
const PERF: &str = r#"#!/bin/sh
if [ "$1" = version ]; then echo "perf version 6.1.0"; exit 0; fi
for word; do case "$word" in --control=fifo:*) fifos="${word#--control=fifo:}";; esac; done
exec 3<> "${fifos%,*}" 4<> "${fifos#*,}"
ack() { read -r line <&3 && printf 'ack\n\0' >&4; }
"#;

/// A sandbox whose perf is this script.
fn with_perf(script: &str) -> Sandbox {
    let sandbox = profiling_sandbox();
    let perf = sandbox.program("perf", script);
    sandbox.with("CODSPEED_PERF", perf)
}

/// The benchmark was measured, and its results are of the usual shape. Returns what was said.
#[track_caller]
fn measured(sandbox: &Sandbox) -> String {
    let run = exec(sandbox, &[QUICK, &["--export", "json=out.json"]].concat(), &["true"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(the_exported(sandbox)["stats"]["rounds"], 3);
    assert!(!sandbox.path().join("profile/perf.pipedata").exists());
    run.stderr
}

/// The one line about the profile.
#[track_caller]
fn reason(stderr: &str) -> &str {
    let mut lines =
        stderr.lines().filter(|line| line.contains("profile") && !line.contains("folder:"));
    let line = lines.next().unwrap_or_default();
    assert_eq!(lines.next(), None, "{stderr}");
    line
}

#[test]
fn a_perf_that_is_not_there() {
    let sandbox = profiling_sandbox().with("CODSPEED_PERF", "/no/such/perf");
    let stderr = measured(&sandbox);
    let line = reason(&stderr);
    assert!(
        line.starts_with("no profile is recorded, only times: `/no/such/perf` does not run"),
        "{line}"
    );
}

#[test]
fn a_perf_that_is_too_old() {
    let stderr = measured(&with_perf("#!/bin/sh\necho perf version 4.19.152\n"));
    let line = reason(&stderr);
    assert!(line.contains("is version 4.19.152, and profiling needs 5.10 or newer"), "{line}");
}

#[test]
fn a_perf_that_dies_at_its_start_is_quoted() {
    let perf = with_perf(&format!("{PERF}printf 'Error:\\nno such thing\\n' >&2\nexit 129\n"));
    let stderr = measured(&perf);
    assert_eq!(
        reason(&stderr),
        "no profile is recorded, only times: perf 6.1.0 can't record: no such thing"
    );
}

#[test]
fn a_perf_that_never_answers_is_given_up() {
    let stderr = measured(&with_perf(&format!("{PERF}exec tail -f /dev/null\n")));
    let line = reason(&stderr);
    assert!(line.ends_with("the profiler did not answer within 5 s"), "{line}");
}

#[test]
fn a_perf_that_falls_silent_costs_one_wait_and_one_warning() {
    let sandbox = with_perf(&format!("{PERF}ack\nexec tail -f /dev/null\n"));
    let stderr = measured(&sandbox);
    assert!(
        stderr.contains("profiling with perf 6.1.0, stacks from copies of 32768 bytes\n"),
        "{stderr}"
    );
    let warnings: Vec<_> = stderr.lines().filter(|line| line.starts_with("warning: ")).collect();
    let [warning] = warnings.try_into().unwrap();
    assert!(warning.contains("the profiler did not answer within 5 s"), "{warning}");
}

#[test]
fn a_perf_that_dies_within_a_benchmark_costs_one_warning() {
    let sandbox = with_perf(&format!("{PERF}ack\nack\necho 'disk full' >&2\nexit 1\n"));
    let stderr = measured(&sandbox);
    let warnings: Vec<_> = stderr.lines().filter(|line| line.starts_with("warning: ")).collect();
    let [warning] = warnings.try_into().unwrap();
    assert!(warning.contains("exited before the benchmark (disk full)"), "{warning}");
}

#[test]
fn a_perf_that_floods_its_answers_is_given_up_at_once() {
    let stderr =
        measured(&with_perf(&format!("{PERF}ack\nread -r line <&3\nexec yes nonsense >&4\n")));
    let warnings: Vec<_> = stderr.lines().filter(|line| line.starts_with("warning: ")).collect();
    let [warning] = warnings.try_into().unwrap();
    assert!(warning.contains("expected `ack`"), "{warning}");
}

#[test]
fn endless_output_of_perf_is_bounded_and_its_start_kept() {
    // More than any pipe holds: who waited for a reader would not answer any more.
    let flood = "echo 'disk full' >&2; head -c 2000000 /dev/zero | tr '\\0' x >&2";
    let sandbox = with_perf(&format!("{PERF}ack\n{flood}\nack\nexit 1\n"));
    let stderr = measured(&sandbox);
    let warnings: Vec<_> = stderr.lines().filter(|line| line.starts_with("warning: ")).collect();
    let [warning] = warnings.try_into().unwrap();
    assert!(warning.contains("exited before the benchmark (disk full)"), "{warning}");
}

#[test]
fn who_insists_is_warned() {
    let sandbox = with_perf("#!/bin/sh\nexit 1\n").with("CODSPEED_PROFILER_ENABLED", "on");
    let stderr = measured(&sandbox);
    assert!(
        reason(&stderr).starts_with("warning: no profile is recorded, only times: "),
        "{stderr}"
    );
}

#[test]
fn who_wants_no_profile_hears_nothing_of_perf() {
    let refused = |sandbox: Sandbox, options: &[&str]| {
        let run = exec(&sandbox, &[QUICK, options].concat(), &["true"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(!run.stderr.contains("perf"), "{}", run.stderr);
        assert!(!sandbox.path().join("profile/perf.pipedata").exists());
    };
    let broken = || with_perf("#!/bin/sh\necho started > $HOME/perf-was-started\nexit 1\n");
    refused(broken(), &["--no-perf"]);
    refused(broken(), &["--enable-perf=no"]);
    refused(broken().with("CODSPEED_PERF_ENABLED", "0"), &[]);
    refused(broken().with("CODSPEED_PROFILER_ENABLED", "OFF"), &[]);
}

#[test]
fn an_export_without_a_profile_is_refused_or_fails() {
    let sandbox = with_perf("#!/bin/sh\nexit 1\n");
    let words = |option| {
        exec_words(&[QUICK, &["--export", "folded=out", option]].concat(), &["true"]).join(" ")
    };
    let refused = codspeed(&sandbox, words("--no-perf").split(' '));
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    let Run { code, stderr, .. } = codspeed(&sandbox, words("--quiet").split(' '));
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("could not write the export `out`"), "{stderr}");
    assert!(!sandbox.path().join("out").exists());
}
