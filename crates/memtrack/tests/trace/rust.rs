//! Programs in Rust, with allocators from the registry linked into them.

use std::path::{Path, PathBuf};

use crate::support::{TRACER, Track, Way, check_blocks};

/// The calls of one round of the program. Of an alignment the kinds of calls differ from allocator to allocator.
const ROUND: [&str; 9] = ["777", "free", "555", "free", "832", "free", "300", "900 of 300", "free"];

pub fn the_allocator_of_the_standard_library_is_exact(way: Way) {
    check(way, "system", &ROUND);
}

pub fn jemalloc_from_the_registry_is_exact(way: Way) {
    check(way, "jemalloc", &ROUND);
}

pub fn mimalloc_from_the_registry_is_exact(way: Way) {
    check(way, "mimalloc", &ROUND);
}

pub fn rpmalloc_from_the_registry_is_exact(way: Way) {
    // Its crate leaves it to the standard library to resize a block.
    let round = [&ROUND[..7], &["900", "free", "free"]].concat();
    check(way, "rpmalloc", &round);
}

pub fn snmalloc_from_the_registry_is_exact(way: Way) {
    check(way, "snmalloc", &ROUND);
}

/// By the library, which doesn't see their calls.
pub fn allocators_inside_of_a_program_are_named(way: Way) {
    for allocator in ["jemalloc", "mimalloc", "rpmalloc", "snmalloc"] {
        let notes = Track::by(way).run(&[program(allocator)]).succeeded().notes();
        let named = format!("contains an allocator of its own ({allocator})");
        assert!(notes.iter().any(|note| note.contains(&named)), "{allocator}: {notes:?}");
    }
}

fn program(allocator: &str) -> PathBuf {
    let program = Path::new(TRACER).with_file_name(format!("examples/allocators_{allocator}"));
    let missing = "is missing: `cargo build --workspace --all-targets` makes it";
    assert!(program.is_file(), "`{}` {missing}", program.display());
    program
}

#[track_caller]
fn check(way: Way, allocator: &str, expected: &[&str]) {
    let traced = Track::by(way).run(&[program(allocator)]).succeeded();
    assert_eq!(traced.stdout, "done\n");
    let events = traced.marked();
    check_blocks(events, false);
    let mut sizes = std::collections::HashMap::new();
    let story: Vec<String> = events
        .iter()
        .map(|event| {
            let before = event.old_addr.and_then(|old| sizes.remove(&old));
            let Some(size) = event.size else { return "free".to_owned() };
            sizes.insert(event.addr, size);
            before.map_or_else(|| size.to_string(), |old: u64| format!("{size} of {old}"))
        })
        .collect();
    for (at, round) in story.chunks(expected.len()).enumerate() {
        assert_eq!(round, expected, "round {at}");
    }
    assert_eq!(story.len(), 1000 * expected.len());
}
