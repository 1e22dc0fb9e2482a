//! Threads and processes come and go, and no call is lost.

use std::{collections::BTreeSet, path::Path, process::Command};

use runner_shared::memory::EventKind;

use crate::{
    programs::Programs,
    support::{Kept, Traced, trace},
};

/// The events that the program speaks of: allocations of 500 to 506 bytes.
fn counted(traced: &Traced) -> usize {
    traced.count(|kind| matches!(kind, EventKind::Malloc { size: 500..=506 }))
}

#[track_caller]
fn check(program: &Path, what: &str, number: usize) -> Traced {
    let mut command = Command::new(program);
    let traced = trace(command.arg(what).arg(number.to_string())).succeeded();
    let expected: usize = traced.stdout.trim().parse().unwrap();
    assert_eq!(counted(&traced), expected, "{what}");
    assert_eq!(traced.coverage.notes, Vec::<String>::new());
    traced
}

fn exits(traced: &Traced) -> usize {
    let pids = traced.records.iter().filter_map(|record| match record {
        Kept::Exit { pid, .. } => Some(*pid),
        Kept::Call { .. } | Kept::Exec { .. } => None,
    });
    let pids: Vec<i32> = pids.collect();
    assert!(pids.contains(&traced.pid), "the command has ended");
    pids.len()
}

#[test]
fn threads_that_come_and_go_are_all_counted() {
    let programs = Programs::new();
    let program = programs.compile("crowd.c", &[]);
    let traced = check(&program, "threads", 2000);
    assert_eq!(exits(&traced), 1);
    check(&program, "together", 64);
    check(&program, "exits", 500);
}

#[test]
fn a_block_passed_between_threads_is_always_live_or_freed() {
    let programs = Programs::new();
    let traced = check(&programs.compile("crowd.c", &[]), "pass", 20_000);
    let mut live = BTreeSet::new();
    for event in traced.events() {
        match event.kind {
            EventKind::Free => {
                live.remove(&event.addr);
            }
            EventKind::Realloc { old_addr, .. } => {
                live.remove(&old_addr.unwrap());
                assert!(live.insert(event.addr), "{event:?} twice");
            }
            _ => assert!(live.insert(event.addr), "{event:?} twice"),
        }
    }
}

#[test]
fn short_lived_processes_are_all_counted_and_end() {
    let programs = Programs::new();
    let program = programs.compile("crowd.c", &[]);
    for (what, number) in [("forks", 2000), ("execs", 300), ("spawns", 300)] {
        let traced = check(&program, what, number);
        assert_eq!(exits(&traced), number + 1, "{what}");
    }
}

#[test]
fn odd_families_are_counted() {
    let programs = Programs::new();
    let program = programs.compile("crowd.c", &[]);
    check(&program, "daemon", 0);
    check(&program, "inherit", 0);
    check(&program, "raw", 0);
}

#[test]
fn a_process_killed_while_it_allocates_leaves_nothing_behind() {
    let programs = Programs::new();
    let program = programs.compile("crowd.c", &[]);
    let traced = trace(Command::new(program).arg("killed")).succeeded();
    assert_eq!(exits(&traced), 2);
    assert!(counted(&traced) > 0);
}

#[test]
fn a_program_that_becomes_another_says_so() {
    let programs = Programs::new();
    let program = programs.compile("crowd.c", &[]);
    let script = format!("exec {} pairs 10", program.display());
    let traced = trace(Command::new("bash").args(["-c", &script])).succeeded();
    let last = |wanted: fn(&Kept) -> bool| traced.records.iter().rposition(wanted);
    let exec = traced.records.iter().position(|record| matches!(record, Kept::Exec { .. }));
    assert!(exec < last(|record| matches!(record, Kept::Call { .. })));
    assert_eq!(last(|record| matches!(record, Kept::Exit { .. })), Some(traced.records.len() - 1));
    assert_eq!((exits(&traced), counted(&traced)), (1, 10));
}

#[test]
fn programs_of_another_c_library_are_counted_too() {
    let programs = Programs::new();
    let program = programs.compile_with("musl-gcc", "crowd.c", &[]);
    for (what, number) in [("threads", 200), ("forks", 50), ("spawns", 50), ("together", 8)] {
        check(&program, what, number);
    }
}
