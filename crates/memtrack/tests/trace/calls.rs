//! Every call counts once, with the right address and size.

use std::process::Command;

use crate::{
    artifact::{Event, Kind},
    programs::Programs,
    support::{Traced, Track, Way, check_blocks, line},
};

/// The sizes that `pairs.c` asks for, and the slots that it puts the blocks into.
fn script() -> impl Iterator<Item = (usize, u64)> {
    let mut random = 88_172_645_463_325_252_u64;
    std::iter::repeat_with(move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (usize::try_from(random % 64).unwrap(), 16 + (random >> 32) % 1008)
    })
}

/// Checks every event of a run of `pairs.c` against what the program must have done.
#[track_caller]
fn check_pairs(traced: &Traced, count: usize) {
    let events = traced.marked();
    assert_eq!(events.len(), 2 * count);
    let mut events = events.iter();
    let mut slots = [None; 64];
    let is_free = |event: &Event, addr: u64| event.kind == Kind::Free && event.addr == addr;
    for (slot, size) in script().take(count) {
        if let Some(addr) = slots[slot] {
            assert!(is_free(events.next().unwrap(), addr));
        }
        let event = events.next().unwrap();
        assert_eq!((event.kind, event.size), (Kind::Malloc, Some(size)));
        assert_eq!((event.pid, event.tid), (traced.root, traced.root));
        slots[slot] = Some(event.addr);
    }
    for addr in slots.into_iter().flatten() {
        assert!(is_free(events.next().unwrap(), addr));
    }
    assert_eq!(events.next(), None);
}

pub fn few_pairs_are_exact(way: Way) {
    let programs = Programs::new();
    let pairs = programs.compile("pairs.c", &[]);
    for count in [1, 10_000] {
        let words = [pairs.to_str().unwrap(), &count.to_string()];
        check_pairs(&Track::by(way).run(&words).succeeded(), count);
    }
}

pub fn a_million_pairs_are_exact(way: Way) {
    let programs = Programs::new();
    let pairs = programs.compile("pairs.c", &[]);
    let traced = Track::by(way).run(&[pairs.to_str().unwrap(), "1000000"]).succeeded();
    check_pairs(&traced, 1_000_000);
}

/// The events that must come of `rows.c`, if its allocator keeps a block that is resized to nothing, and has `pvalloc`.
pub fn rows(keeps: bool, pvalloc: bool) -> Vec<&'static str> {
    let mut rows = vec!["Malloc 100", "Free"];
    rows.extend(["Malloc 101", "Realloc 5000", "Realloc 4000", "Free"]);
    rows.extend(["Malloc 102", "Free", "Malloc 103"]);
    rows.extend(if keeps { &["Realloc 0", "Free"][..] } else { &["Free"] });
    rows.extend(["Malloc 0", "Free", "Malloc 104", "Free"]);
    rows.extend(["AlignedAlloc 640", "Free", "AlignedAlloc 105", "Free"]);
    rows.extend(["AlignedAlloc 106", "Free", "Malloc 108", "Free"]);
    rows.extend(if pvalloc { &["Malloc 109", "Free"][..] } else { &[] });
    rows.extend(["Malloc 0", "Free", "Calloc 110", "Free"]);
    rows.extend(["Malloc 111", "Realloc 185", "Free", "Malloc 18", "Free"]);
    rows
}

/// Checks a run of `rows.c`, which has said what its allocator does.
#[track_caller]
pub fn check_rows(traced: Traced, pvalloc: bool) {
    let traced = traced.succeeded();
    let keeps = match traced.stdout.trim() {
        "kept" => true,
        "freed" => false,
        other => panic!("{other}"),
    };
    assert_eq!(traced.story(), rows(keeps, pvalloc));
    check_blocks(traced.marked(), false);
}

pub fn each_row_of_the_table_gives_what_it_must(way: Way) {
    let programs = Programs::new();
    check_rows(Track::by(way).run(&[programs.compile("rows.c", &[])]), true);
}

/// The calls that `operators.cpp` makes itself; the rest is done by the library that throws.
const OPERATORS: &[&str] = &[
    "Malloc 4",
    "Free",
    "Malloc 1001",
    "Free",
    "AlignedAlloc 192",
    "Free",
    "AlignedAlloc 384",
    "Free",
    "Malloc 301",
    "Free",
    "Malloc 302",
    "Free",
    "Malloc 303",
    "Free",
    "Malloc 8",
    "Malloc 16",
    "Free",
    "Malloc 32",
    "Free",
    "Malloc 64",
    "Free",
    "Free",
];
/// An exception with its header.
const EXCEPTION: u64 = 136;

/// Checks a run of `operators.cpp`, which throws and catches `std::bad_alloc`.
#[track_caller]
pub fn check_operators(traced: Traced) {
    let traced = traced.succeeded();
    assert_eq!(traced.stdout, "caught 2\n");
    check_blocks(traced.marked(), false);
    let mut exceptions = Vec::new();
    let mut own = Vec::new();
    for event in traced.marked() {
        if event.size == Some(EXCEPTION) {
            exceptions.push(event.addr);
        } else if event.kind == Kind::Free && exceptions.last() == Some(&event.addr) {
            exceptions.pop();
        } else {
            own.push(line(event));
        }
    }
    assert_eq!(exceptions, Vec::<u64>::new(), "an exception is freed at once");
    assert_eq!(own, OPERATORS);
}

pub fn operators_of_c_plus_plus_count_once_and_throw_as_ever(way: Way) {
    let programs = Programs::new();
    let program = programs.compile("operators.cpp", &["-fno-inline"]);
    let untraced = Command::new(&program).output().unwrap();
    assert_eq!((untraced.status.code(), &*untraced.stdout), (Some(0), &b"caught 2\n"[..]));
    check_operators(Track::by(way).run(&[program]));
}
