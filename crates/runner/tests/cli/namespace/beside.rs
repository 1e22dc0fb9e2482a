//! Memory mode: processes beside a benchmark, which it has not started, count in its window, and that is said.

use std::path::Path;

use runner_shared::text::shown;
use test_support::Sandbox;

use crate::stage::{CODSPEED, codspeed, sandbox, the_exported};

#[track_caller]
fn with_programs() -> Sandbox {
    let tracer = Path::new(CODSPEED).with_file_name("codspeed-memtrack");
    assert!(tracer.is_file(), "`{}` is missing: `cargo xtask test` makes it", shown(&tracer));
    let sandbox = sandbox();
    sandbox.c_program("client", include_str!("../../../fixtures/client.c"));
    sandbox.c_program("other", include_str!("../../../fixtures/other.c"));
    for fifo in ["ready", "go", "done"] {
        sandbox.fifo(fifo);
    }
    sandbox
}

/// Returns the notes of the benchmark of this suite, and the number of its allocations besides its own 6.
#[track_caller]
fn notes(backend: &str, text: &str) -> (Vec<String>, u64) {
    let sandbox = with_programs();
    let words = ["run", "-m", "memory", "--backend", backend, "--profile-folder", "profile"];
    let words = [&words[..], &["--quiet", "--export", "json=out.json", "--", text]].concat();
    let run = codspeed(&sandbox, words);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let benchmark = the_exported(&sandbox);
    let notes = benchmark["notes"].as_array().unwrap().iter();
    let notes: Vec<String> = notes.map(|note| note.as_str().unwrap().to_owned()).collect();
    for note in &notes {
        assert!(run.stdout.contains(note), "{}", run.stdout);
    }
    (notes, benchmark["allocations"].as_u64().unwrap() - 6)
}

#[track_caller]
fn a_process_in_the_background_is_named(backend: &str) {
    for text in [
        "./other & read x < ready; ./client go done; wait",
        // It has lost its parent, and is older than the client.
        "(setsid ./other &); read x < ready; sh -c './client go done; wait'",
    ] {
        let (notes, calls) = notes(backend, text);
        assert_eq!(calls, 100, "{text}");
        let [note]: [String; 1] = notes.try_into().unwrap();
        let said = "at least 100 of its calls, for 6.3 KB, were made by other processes";
        assert!(note.starts_with(said) && note.contains(": `other` (process "), "{note}");
    }
}

#[track_caller]
fn what_is_above_a_benchmark_is_not(backend: &str) {
    assert_eq!(notes(backend, "./other above"), (vec![], 100));
    // Beside it, and idle.
    let idle = "./other & read x < ready; ./client; echo > go; read x < done; wait";
    assert_eq!(notes(backend, idle), (vec![], 0));
}

#[test]
fn a_process_in_the_background_is_named_by_the_library() {
    a_process_in_the_background_is_named("preload");
}

#[test]
fn what_is_above_a_benchmark_is_not_named_by_the_library() {
    what_is_above_a_benchmark_is_not("preload");
}

mod privileged {
    use super::*;

    #[test]
    fn a_process_in_the_background_is_named_from_the_kernel() {
        a_process_in_the_background_is_named("ebpf");
    }

    #[test]
    fn what_is_above_a_benchmark_is_not_named_from_the_kernel() {
        what_is_above_a_benchmark_is_not("ebpf");
    }
}
