//! Every call counts once.

use std::process::Command;

use runner_shared::memory::EventKind;

use crate::{programs::Programs, support::trace};

#[test]
fn pairs_of_one_thread_are_counted_exactly() {
    let programs = Programs::new();
    let pairs = programs.compile("pairs.c", &[]);
    for count in [1, 10_000, 1_000_000] {
        let traced = trace(Command::new(&pairs).arg(count.to_string())).succeeded();
        let events = traced.marked();
        let frees = events.iter().filter(|event| event.kind == EventKind::Free).count();
        assert_eq!((events.len(), frees), (2 * count, count));
        assert!(events.iter().all(|event| event.pid == traced.pid && event.tid == traced.pid));
    }
}

#[test]
fn each_row_of_the_table_gives_what_it_must() {
    let programs = Programs::new();
    let traced = trace(&mut Command::new(programs.compile("rows.c", &[]))).succeeded();
    insta::assert_snapshot!(traced.story().join("\n"));
}

#[test]
fn operators_of_c_plus_plus_count_once_and_throw_as_ever() {
    let programs = Programs::new();
    let program = programs.compile("operators.cpp", &["-fno-inline"]);
    let traced = trace(&mut Command::new(program)).succeeded();
    assert_eq!(traced.stdout, "caught 2\n");
    insta::assert_snapshot!(traced.story().join("\n"));
}
