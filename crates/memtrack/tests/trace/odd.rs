//! Programs that do odd things behave as ever, and are counted all the same.

use std::{collections::BTreeSet, process::Command};

use crate::{
    allocators::place,
    artifact::Kind,
    programs::Programs,
    support::{Traced, Track, Way},
};

pub fn calls_left_by_jumps_or_stack_switches_leave_nothing_behind(way: Way) {
    let programs = Programs::new();
    let program = programs.compile("jumps.cpp", &[]);
    let traced = Track::by(way).run(&[&program]).succeeded();
    check_jumps(&traced, "the C library");
    // Operators that throw can't be followed and left alone by turns before there were sessions.
    if matches!(way, Way::Multi | Way::PerfEvent) {
        return;
    }
    for library in ["libtcmalloc_minimal.so.4", "libjemalloc.so.2"] {
        let traced = Track::by(way).preloading(way, &place(library)).run(&[&program]);
        check_jumps(&traced.succeeded(), library);
    }
}

#[track_caller]
fn check_jumps(traced: &Traced, allocator: &str) {
    assert_eq!(traced.stdout, "1000\n", "{allocator}");
    let pairs = traced.events.iter().filter(|event| event.size == Some(500));
    let live: BTreeSet<u64> = pairs.clone().map(|event| event.addr).collect();
    assert_eq!(pairs.count(), 600, "{allocator}");
    let freed = traced.events.iter().filter(|event| event.kind == Kind::Free && event.tid != 0);
    assert!(freed.filter(|event| live.contains(&event.addr)).count() >= 600, "{allocator}");
}

/// The smallest ring that still holds everything back in time; only the kernel's part has one.
const SMALL_RING: [&str; 2] = ["--ring-size", "262144"];

/// Runs `stops.c` and compares with what it says it has done. Returns the lines before that.
#[track_caller]
fn stops(track: Track, words: &[&str]) -> (String, Traced) {
    let programs = Programs::new();
    let program = programs.compile("stops.c", &[]);
    let mut line = vec![program.to_str().unwrap()];
    line.extend(words);
    let traced = track.run(&line).succeeded();
    let mut lines: Vec<&str> = traced.stdout.lines().collect();
    let pairs: usize = lines.pop().unwrap().parse().unwrap();
    assert_eq!(traced.pairs(), pairs, "{words:?}");
    (lines.join("\n"), traced)
}

pub fn who_stops_itself_goes_on_when_its_parent_says_so(way: Way) {
    stops(Track::by(way), &["itself", "20"]);
    stops(Track::by(way).with(&SMALL_RING), &["itself", "100"]);
}

pub fn a_handler_of_sigcont_is_called_only_for_want_of_room(way: Way) {
    // 20 000 records are a small part of the usual ring.
    let (continued, _) = stops(Track::by(way), &["handler", "10000"]);
    assert_eq!(continued, "0");
    let (continued, traced) = stops(Track::by(way).with(&SMALL_RING), &["handler", "100000"]);
    // From three quarters to one quarter, in records of 56 bytes with what is before them.
    let most = traced.events.len() * 56 / (262_144 / 2) + 1;
    assert!(continued.parse::<usize>().unwrap() <= most, "{continued} of {most}");
}

pub fn debuggers_and_filters_of_a_program_work_as_ever(way: Way) {
    stops(Track::by(way), &["debugged"]);
    stops(Track::by(way), &["sandbox"]);
}

/// Made without a C library, which for 32 bits few machines have.
fn compile_for_32_bits(programs: &Programs) -> String {
    let flags = ["-m32", "-nostdlib", "-static", "-fno-pie", "-no-pie", "-fno-stack-protector"];
    programs.compile("bits32.c", &flags).display().to_string()
}

pub fn a_32_bit_program_is_named_and_runs_as_ever(way: Way) {
    let programs = Programs::new();
    let program = compile_for_32_bits(&programs);
    let line = format!("{program}; echo $?");
    let traced = Track::by(way).run(&["bash", "-c", &line]).succeeded();
    assert_eq!(traced.stdout, "7\n");
    assert_eq!(traced.allocations(1_234_567..=1_234_567), 0);
    let notes = traced.notes();
    assert!(
        matches!(&notes[..], [note] if note.contains(&program) && note.contains("32-bit")),
        "{notes:?}"
    );
}

pub fn what_a_32_bit_program_starts_is_seen(way: Way) {
    let programs = Programs::new();
    let program = compile_for_32_bits(&programs);
    let crowd = programs.compile("crowd.c", &["-static"]).display().to_string();
    assert!(Command::new(&program).args([&crowd, "pairs", "10"]).status().unwrap().success());
    let traced = Track::by(way).run(&[&program, &crowd, "pairs", "10"]).succeeded();
    assert_eq!(traced.pairs(), 10);
}
