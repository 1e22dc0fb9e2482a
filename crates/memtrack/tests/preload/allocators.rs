//! Allocators that come as libraries: linked, or loaded before everything else.

use std::process::Command;

use crate::{
    programs::Programs,
    support::{Traced, trace},
};

/// An allocator: its name, its library for the linker, its file.
const ALLOCATORS: [(&str, &str, &str); 3] = [
    ("jemalloc", "-ljemalloc", "libjemalloc.so.2"),
    ("mimalloc", "-lmimalloc", "libmimalloc.so.2.0"),
    ("tcmalloc", "-ltcmalloc_minimal", "libtcmalloc_minimal.so.4"),
];

/// The sizes that were asked for; the internals of the C++ library don't matter.
fn story(traced: &Traced) -> String {
    let story = traced.story();
    let lines = story.iter().map(|line| line.split(" #").next().unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// An argument for an allocator that can't say no, and what the program then prints.
fn caught(allocator: &str) -> (Option<&'static str>, &'static str) {
    if allocator == "mimalloc" { (Some("without"), "caught 1\n") } else { (None, "caught 2\n") }
}

#[track_caller]
fn has(traced: &Traced, allocator: &str) {
    let objects = &traced.coverage.objects;
    assert!(objects.iter().any(|object| object.allocators == [allocator]), "{objects:?}");
}

#[test]
fn c_and_c_plus_plus_below_a_preloaded_allocator_count_once() {
    let programs = Programs::new();
    let rows = programs.compile("rows.c", &[]);
    let operators = programs.compile("operators.cpp", &["-fno-inline"]);
    for (allocator, _, file) in ALLOCATORS {
        let without_pvalloc = (allocator == "jemalloc").then_some("without");
        let mut command = Command::new(&rows);
        let traced = trace(command.args(without_pvalloc).env("LD_PRELOAD", file)).succeeded();
        has(&traced, allocator);
        insta::assert_snapshot!(format!("rows_{allocator}"), story(&traced));
        let (without_huge, caught) = caught(allocator);
        let mut command = Command::new(&operators);
        let traced = trace(command.args(without_huge).env("LD_PRELOAD", file)).succeeded();
        assert_eq!(traced.stdout, caught, "{allocator}");
        insta::assert_snapshot!(format!("operators_{allocator}"), story(&traced));
    }
}

#[test]
fn c_plus_plus_with_a_linked_allocator_counts_once() {
    let programs = Programs::new();
    for (allocator, library, _) in ALLOCATORS {
        for binding in ["-Wl,-z,lazy", "-Wl,-z,now"] {
            let flags = ["-fno-inline", binding, "-Wl,--no-as-needed", library];
            let program = programs.compile("operators.cpp", &flags);
            let (without_huge, caught) = caught(allocator);
            let traced = trace(Command::new(program).args(without_huge)).succeeded();
            has(&traced, allocator);
            assert_eq!(traced.stdout, caught, "{allocator}");
            insta::assert_snapshot!(format!("operators_{allocator}"), story(&traced));
        }
    }
}

#[test]
fn functions_with_a_name_of_their_own_count_once() {
    let programs = Programs::new();
    for (allocator, library, _) in ALLOCATORS {
        let define = format!("-D{}", allocator.to_uppercase());
        let program = programs.compile("named.c", &[&define, "-Wl,--no-as-needed", library]);
        let traced = trace(&mut Command::new(program)).succeeded();
        insta::assert_snapshot!(format!("named_{allocator}"), story(&traced));
    }
}

#[test]
fn pairs_below_each_allocator_are_exact() {
    let programs = Programs::new();
    let pairs = programs.compile("pairs.c", &[]);
    for (_, _, file) in ALLOCATORS {
        let mut command = Command::new(&pairs);
        let traced = trace(command.args(["50000", "1"]).env("LD_PRELOAD", file)).succeeded();
        assert_eq!(traced.marked().len(), 100_000, "{file}");
    }
}
