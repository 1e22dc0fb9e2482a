//! A single benchmark is shown by its name and its figures, without a table (simulation mode: `simulation.rs`).

use crate::stage::{exec, sandbox};

/// Name and titles of what was shown, once it is sure that each title has a figure beside it.
#[track_caller]
fn titles(stdout: &str) -> Vec<&str> {
    assert!(!stdout.contains('─'), "a table:\n{stdout}");
    let shown = stdout.lines().take_while(|line| !line.is_empty());
    // It is known where the kernel stamps processes, and comes first on a noisy machine.
    let shown = shown.filter(|line| !line.trim_start().starts_with("Undisturbed "));
    shown
        .map(|line| {
            let line = line.trim_start().trim_end_matches(" (noisy)");
            line.split_once("  ").map_or(line, |(title, figure)| {
                assert!(!figure.trim().is_empty(), "{stdout}");
                title
            })
        })
        .collect()
}

#[test]
fn walltime_shows_times_with_intervals_and_counters() {
    let sandbox = sandbox();
    let options = ["--warmup-time", "0", "--max-rounds", "6", "--name", "x"];
    let run = exec(&sandbox, &options, &["true"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let shown = titles(&run.stdout);
    let expected =
        ["x", "Median", "95 % interval", "Min", "Deviation", "Processor", "Max RSS", "Rounds"];
    assert_eq!(shown.get(..8), Some(&expected[..]), "{}", run.stdout);
    for title in ["Outliers", "Mean", "Max", "Page faults", "Context switches"] {
        assert!(shown.contains(&title), "no {title}: {}", run.stdout);
    }
}

#[test]
fn memory_shows_bytes_and_calls() {
    let sandbox = sandbox();
    let tracer = sandbox.c_program("memtrack", include_str!("../../../fixtures/memtrack.c"));
    let sandbox = sandbox.with("CODSPEED_MEMTRACK", tracer);
    let run = exec(&sandbox, &["-m", "memory", "--name", "x"], &["echo", "hello"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let shown = titles(&run.stdout);
    let expected = ["x", "Peak", "Total allocated", "Allocations"];
    assert_eq!(shown.get(..4), Some(&expected[..]), "{}", run.stdout);
    assert!(shown.contains(&"Largest"), "{}", run.stdout);
}
