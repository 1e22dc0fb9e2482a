//! Limits of whoever starts us (`ulimit`): what was measured is shown, and what was not possible is said in words.

use test_support::{Run, Sandbox};

use crate::stage::{CODSPEED, QUICK, exec_words, nothing_is_left, sandbox};

/// Measures a command below a shell that has set a limit.
#[track_caller]
fn below(sandbox: &Sandbox, limit: &str) -> Run {
    let text = format!("ulimit {limit} && exec \"$0\" \"$@\"");
    let words = [&["-c", &text, CODSPEED][..], &exec_words(QUICK, &["true"])].concat();
    let run = sandbox.run(sandbox.private("/bin/bash", words));
    nothing_is_left(sandbox);
    run
}

/// All of it is measured.
#[track_caller]
fn is_shown(run: &Run) {
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("Median"), "{}", run.stdout);
}

#[test]
fn a_small_stack_is_enough() {
    is_shown(&below(&sandbox(), "-s 100"));
}

#[test]
fn no_locked_memory_is_needed() {
    is_shown(&below(&sandbox(), "-l 0"));
}

#[test]
fn too_few_files_are_told_and_leave_nothing() {
    // The configuration can't be read, or what a mode needs not be looked at.
    for (limit, code) in [("-n 8", 1), ("-n 12", 3)] {
        let run = below(&sandbox(), limit);
        assert_eq!(run.code, code, "{}", run.stderr);
        assert!(run.stderr.contains("run `ulimit -n`"), "{}", run.stderr);
    }
}

mod perf_records {
    use super::*;
    use crate::stage::profiling_sandbox;

    /// In which there is no room for a profile: less in a release.
    const LITTLE: &str = if cfg!(debug_assertions) { "100000" } else { "40000" };

    #[test]
    fn without_memory_for_a_profile_there_are_the_times() {
        for option in ["-v", "-d"] {
            let limit = if option == "-d" { "-d 12000".to_owned() } else { format!("-v {LITTLE}") };
            let run = below(&profiling_sandbox(), &limit);
            is_shown(&run);
            assert!(!run.stderr.contains("memory allocation"), "{}", run.stderr);
            let said = format!(
                "there is no profile: the resource limits of this process are too small (`ulimit {option}`)"
            );
            assert!(run.stderr.contains(&said), "{}", run.stderr);
        }
    }
}
