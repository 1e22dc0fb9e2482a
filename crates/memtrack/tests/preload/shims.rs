//! Programs that define `malloc` themselves, and look for the next one on their own.

use std::{path::Path, process::Command};

use runner_shared::memory::EventKind;

use crate::{programs::Programs, support::trace};

const SHIM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/shim.c");

#[track_caller]
fn counted(command: &mut Command) {
    let traced = trace(command).succeeded();
    let events = traced.marked();
    let count =
        |wanted: fn(&EventKind) -> bool| events.iter().filter(|event| wanted(&event.kind)).count();
    assert_eq!(count(|kind| *kind == EventKind::Malloc { size: 500 }), 100);
    assert_eq!(count(|kind| matches!(kind, EventKind::Realloc { size: 501, .. })), 100);
    assert_eq!(count(|kind| *kind == EventKind::Calloc { size: 502 }), 100);
    assert_eq!(count(|kind| *kind == EventKind::Free), 200);
    assert_eq!(events.len(), 500);
}

fn shim(programs: &Programs, more: &[&str]) -> std::path::PathBuf {
    programs.compile("shim.c", &[&["-shared", "-fPIC", "-ldl"], more].concat())
}

#[test]
fn a_shim_that_is_preloaded_finds_the_next_functions() {
    let programs = Programs::new();
    let program = programs.compile("shimmed.c", &["-ldl"]);
    counted(Command::new(&program).env("LD_PRELOAD", shim(&programs, &[])));
    let old_table = shim(&programs, &["-Wl,--hash-style=sysv"]);
    counted(Command::new(&program).env("LD_PRELOAD", old_table));
}

#[test]
fn a_shim_that_is_linked_finds_the_next_functions() {
    let programs = Programs::new();
    let shim = shim(&programs, &[]);
    let shim: &Path = &shim;
    let program =
        programs.compile("shimmed.c", &["-Wl,--no-as-needed", shim.to_str().unwrap(), "-ldl"]);
    counted(&mut Command::new(program));
}

#[test]
fn a_shim_inside_of_the_program_finds_ours() {
    let programs = Programs::new();
    for style in ["-Wl,--hash-style=gnu", "-Wl,--hash-style=sysv"] {
        let program = programs.compile("shimmed.c", &["-rdynamic", SHIM, style, "-ldl"]);
        counted(&mut Command::new(program));
    }
}
