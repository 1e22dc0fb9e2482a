//! Programs that call allocators in unusual ways, or have little memory: counted, or named, and never hurt.

use std::process::Command;

use runner_shared::memory::EventKind;

use crate::{
    programs::Programs,
    support::{Traced, trace},
};

const FLAGS: &[&str] = &["-pthread", "-ldl"];

#[track_caller]
fn traced(command: &mut Command) -> (Traced, usize) {
    let traced = trace(command);
    assert_eq!(traced.status.code(), Some(3), "{command:?} {}", traced.stdout);
    assert_eq!(traced.coverage.lost, 0);
    let count = traced.count(|kind| *kind == EventKind::Malloc { size: 500 });
    (traced, count)
}

#[test]
fn unusual_calls_are_counted_and_leave_no_note() {
    let programs = Programs::new();
    let program = programs.compile("ways.c", FLAGS);
    for way in [
        "pairs",
        "libc",
        "dlsym libc",
        "dlvsym libc",
        "dlvsym next",
        "dlvsym default",
        "raw execve",
        "wild",
    ] {
        let (traced, count) = traced(Command::new(&program).arg(way));
        assert_eq!((count, &traced.coverage.notes[..]), (100, &[][..]), "{way}");
    }
}

#[test]
fn what_is_not_seen_is_named() {
    let programs = Programs::new();
    let program = programs.compile("ways.c", FLAGS);
    for (way, words) in [
        ("raw execve without", "without the variables"),
        ("copy without", "without the variables"),
        ("strict", "strict mode of seccomp"),
        ("raw strict", "strict mode of seccomp"),
    ] {
        let (traced, _) = traced(Command::new(&program).arg(way));
        let notes = &traced.coverage.notes;
        assert!(matches!(&notes[..], [note] if note.contains(words)), "{way} {notes:?}");
    }
}

#[test]
fn a_limit_of_memory_leaves_a_program_nearly_all_of_it() {
    let programs = Programs::new();
    let program = programs.compile("ways.c", FLAGS);
    for way in ["setrlimit", "prlimit", "raw prlimit"] {
        assert_eq!(traced(Command::new(&program).arg(way)).1, 100, "{way}");
    }
    for megabytes in [60, 500, 3000] {
        let line = format!(
            "ulimit -v {}; exec {} memory {}",
            megabytes << 10,
            program.display(),
            megabytes - 20
        );
        assert_eq!(traced(Command::new("bash").args(["-c", &line])).1, 100, "{line}");
    }
}

#[test]
fn the_segment_is_not_locked_into_memory() {
    let code = "import ctypes, threading
libc = ctypes.CDLL(None)
libc.mlockall(1)
[locked] = [line for line in open('/proc/self/status') if line.startswith('VmLck')]
assert int(locked.split()[1]) < 60_000, locked
together = threading.Barrier(64)
def work():
    together.wait()
    for _ in range(100):
        libc.free(ctypes.c_void_p(libc.malloc(500)))
    together.wait()
libc.malloc.restype = ctypes.c_void_p
threads = [threading.Thread(target=work) for _ in range(64)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]";
    let traced = trace(Command::new("python3").args(["-c", code])).succeeded();
    assert_eq!(traced.coverage.lost, 0);
    let count = traced.count(|kind| *kind == EventKind::Malloc { size: 500 });
    assert!(count >= 6400, "{count}");
}

#[test]
fn an_allocator_that_is_loaded_later_is_named() {
    let code = "import ctypes\nctypes.CDLL('libmimalloc.so.2').mi_malloc(500)";
    let traced = trace(Command::new("python3").args(["-c", code])).succeeded();
    let notes = &traced.coverage.notes;
    let named = |note: &String| note.contains("libmimalloc.so.2") && note.contains("`dlsym`");
    assert!(notes.iter().any(named), "{notes:?}");
}

#[test]
fn an_allocator_that_is_looked_up_by_name_is_counted() {
    let code = "import ctypes
program = ctypes.CDLL(None)
program.mi_malloc.restype = ctypes.c_void_p
for _ in range(100):
    program.mi_free(ctypes.c_void_p(program.mi_malloc(500)))
exit(3)";
    let programs = Programs::new();
    let library = programs.compile("mimalloc_names.c", &["-shared", "-fPIC"]);
    let mut command = Command::new("python3");
    let (traced, count) = traced(command.args(["-c", code]).env("LD_PRELOAD", library));
    assert!(count >= 100, "{count} {:?}", traced.coverage.notes);
}

#[test]
fn functions_of_a_program_are_not_called_by_the_library() {
    let programs = Programs::new();
    let watch = programs.compile("watch.c", &["-shared", "-fPIC"]);
    let program = programs.compile("pairs_500.c", &[]);
    let (_, count) = traced(Command::new(&program).env("LD_PRELOAD", &watch));
    assert_eq!(count, 100);
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/watch.c");
    let program = programs.compile("pairs_500.c", &["-rdynamic", own]);
    assert_eq!(traced(&mut Command::new(&program)).1, 100);
}

#[test]
fn operators_that_look_for_the_next_malloc_are_counted() {
    let programs = Programs::new();
    let shim = programs.compile("operators_shim.cpp", &["-shared", "-fPIC", "-ldl"]);
    let program = programs.compile("operators_500.cpp", &[]);
    let (_, count) = traced(Command::new(&program).env("LD_PRELOAD", &shim));
    assert_eq!(count, 100);
}

mod sanitized {
    use super::*;

    #[test]
    fn programs_with_a_sanitizer_run_and_are_counted() {
        let programs = Programs::new();
        for sanitizer in ["address", "thread", "leak"] {
            let flag = format!("-fsanitize={sanitizer}");
            let program = programs.compile("pairs_500.c", &[&flag]);
            let (_, count) = traced(&mut Command::new(&program));
            assert_eq!(count, 100, "{sanitizer}");
        }
    }
}
