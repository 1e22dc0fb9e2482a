//! Every call counts once.

use std::process::Command;

use runner_shared::memory::EventKind;

use crate::support::{Programs, trace};

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
