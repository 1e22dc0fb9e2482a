//! Stacks of programs that keep no frame pointers, beside those that heaptrack finds.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use crate::{
    artifact::Kind,
    output::{named_stacks, stacks},
    programs::Programs,
    support::{Traced, Track, Way},
};

/// The functions of `places.cpp`.
const PLACES: [&str; 8] = ["maps", "sorts", "joins", "digs", "both", "aligns", "works", "main"];

/// By the functions of the program on the way to them, outermost first: allocations, and bytes that are never freed.
type Places = BTreeMap<String, (u64, u64)>;

pub fn places_and_bytes_are_those_of_heaptrack(way: Way) {
    let programs = Programs::new();
    for (flag, options) in [
        ("-fomit-frame-pointer", &["--stacks"][..]),
        ("-fomit-frame-pointer", &["--stacks=dwarf"]),
        ("-fno-omit-frame-pointer", &["--stacks"]),
        ("-fno-omit-frame-pointer", &["--stacks=fp"]),
    ] {
        let program = programs.compile("places.cpp", &["-O2", flag]);
        let expected = heaptracked(&program, programs.path());
        let track = Track::by(way).with(options).with(&["--no-release-on-exit"]);
        let traced = track.run(&[&program]).succeeded();
        let notes = traced.stats["notes"].to_string();
        assert!(!notes.contains("lack callers"), "{flag} {options:?}: {notes}");
        let mut places = places(&traced);
        let mut expected = expected;
        if options == ["--stacks=fp"] {
            // The C library makes threads without frame pointers, and needs more of the stack than is copied.
            places.remove("main");
            expected.remove("main");
        }
        for (place, (calls, bytes)) in &expected {
            let (own_calls, own_bytes) = places.get(place).copied().unwrap_or_default();
            let near = |own: u64, other: u64| own.abs_diff(other) * 100 <= other;
            // The library of heaptrack has data of its own for each thread: what a thread takes is a little larger.
            let is_near = near(own_bytes, *bytes) || own_bytes.abs_diff(*bytes) <= 64;
            assert!(
                near(own_calls, *calls) && is_near,
                "{flag} {options:?} {place}: {own_calls} {own_bytes}, heaptrack {calls} {bytes}"
            );
        }
        assert_eq!(places.len(), expected.len(), "{places:?} {expected:?}");
        assert!(expected.len() > 60, "{expected:?}");
    }
}

pub fn nearly_all_stacks_reach_the_first_function(way: Way) {
    let programs = Programs::new();
    for flags in [&["-O2", "-fomit-frame-pointer"], &["-O2", "-fno-omit-frame-pointer"]] {
        let program = programs.compile("places.cpp", flags);
        let traced = Track::by(way).with(&["--stacks"]).run(&[&program]).succeeded();
        let (mut taken, mut aligned) = ([0, 0], 0);
        for (event, frames) in traced.events.iter().zip(stacks(&traced)) {
            let ends_in_main = frames.iter().any(|frame| frame.function == "main");
            // What starts a thread has no name in these libraries.
            let is_thread = frames.iter().any(|frame| frame.function == "works(int)")
                && frames.last().is_some_and(|frame| frame.module.contains("/libc.so"));
            let is_whole = ends_in_main || is_thread;
            if event.kind != Kind::Free {
                taken[usize::from(is_whole)] += 1;
            }
            if frames.first().is_some_and(|frame| frame.function.starts_with("aligns(")) {
                assert!(is_whole, "{frames:?}");
                aligned += 1;
            }
        }
        let [cut, whole] = taken;
        assert!(whole > 9000 && whole >= 99 * cut, "{flags:?}: {taken:?}");
        // 5 by each round of `main`, 3 by each of `works`.
        assert_eq!(aligned, 400, "{flags:?}");
    }
}

pub fn a_stack_beyond_the_copy_is_said(way: Way) {
    let programs = Programs::new();
    let program = programs.compile("places.cpp", &["-O2", "-fomit-frame-pointer"]);
    let program = program.to_str().unwrap();
    for (depth, is_whole) in [("100", true), ("5000", false)] {
        let traced = Track::by(way).with(&["--stacks"]).run(&[program, depth]).succeeded();
        let stacks = named_stacks(&traced);
        let at = traced.events.iter().position(|event| event.size == Some(777)).unwrap();
        let digs = stacks[at].iter().filter(|name| name.starts_with("digs(")).count();
        assert!(digs > 100, "{:?}", stacks[at]);
        assert_eq!(stacks[at].iter().any(|name| name == "main"), is_whole, "{:?}", stacks[at]);
        let notes = traced.stats["notes"].to_string();
        assert_eq!(notes.contains("deeper than the 15 KiB"), !is_whole, "{notes}");
    }
}

pub fn more_callers_than_frame_pointers_lead_to_are_said(way: Way) {
    let programs = Programs::new();
    let program = programs.compile("places.cpp", &["-O2", "-fno-omit-frame-pointer"]);
    let program = program.to_str().unwrap();
    for (depth, is_whole) in [("5", true), ("100", false)] {
        let traced = Track::by(way).with(&["--stacks=fp"]).run(&[program, depth]).succeeded();
        let notes = traced.stats["notes"].to_string();
        assert_eq!(notes.contains("more than 32 callers"), !is_whole, "{depth}: {notes}");
    }
}

pub fn debug_information_gives_lines_and_inlined_functions(way: Way) {
    let source = include_str!("../programs/places.cpp");
    let line_of = |text: &str| {
        let at = source.lines().position(|line| line.contains(text)).unwrap();
        u32::try_from(at + 1).unwrap()
    };
    let programs = Programs::new();
    for option in ["--stacks", "--stacks=fp"] {
        let program = programs.compile("places.cpp", &["-O2", "-g", "-fno-omit-frame-pointer"]);
        let traced = Track::by(way).with(&[option]).run(&[&program]).succeeded();
        let (mut digs, mut inlined) = (0, 0);
        for frames in stacks(&traced) {
            if frames.first().is_some_and(|frame| frame.function.starts_with("digs(")) {
                let first = &frames[0];
                assert!(first.file.ends_with("tests/programs/places.cpp"), "{first:?}");
                assert_eq!(first.line, line_of("kept = malloc(size);"), "{first:?}");
                digs += 1;
            }
            let maps = frames.iter().position(|frame| frame.function.starts_with("maps("));
            let inner = maps.map_or(&[][..], |at| &frames[..at]);
            let of_program = |module: &str| module == program.to_str().unwrap();
            inlined += u32::from(inner.iter().any(|frame| {
                of_program(&frame.module) && frame.function.starts_with("std::") && frame.line > 0
            }));
        }
        // 20 by `main`, 50 by each `works`.
        assert_eq!(digs, 120, "{option}");
        assert!(inlined > 2000, "{option}: {inlined}");
    }
}

/// Only of programs whose functions were to keep frame pointers and don't: the shell and the C library go without.
pub fn callers_that_frame_pointers_would_show_are_missed_aloud(way: Way) {
    let programs = Programs::new();
    for (level, flag, is_cut) in [
        ("-O2", "-fomit-frame-pointer", true),
        ("-O1", "-fomit-frame-pointer", true),
        ("-O2", "-fno-omit-frame-pointer", false),
        ("-O0", "-fno-omit-frame-pointer", false),
    ] {
        let program = programs.compile("places.cpp", &[level, flag]);
        let program = program.to_str().unwrap();
        for line in [&[program, "100"][..], &["sh", "-c", "\"$0\" 100; true", program]] {
            let traced = Track::by(way).with(&["--stacks=fp"]).run(line).succeeded();
            let notes = traced.stats["notes"].to_string();
            let is_said = notes.contains("keep no frame pointers, such as `digs");
            assert_eq!(is_said, is_cut, "{level} {flag} {line:?}: {notes}");
            assert_eq!(notes.contains("use `--stacks=dwarf`, or build with"), is_cut, "{notes}");
        }
    }
    for options in ["--stacks", "--stacks=fp"] {
        let traced = Track::by(way).with(&[options]).run(&["sh", "-c", "ls / | cat"]).succeeded();
        assert!(!traced.stats["notes"].to_string().contains("lack callers"), "{}", traced.stats);
    }
}

fn places(traced: &Traced) -> Places {
    let mut places = Places::new();
    let mut live = BTreeMap::new();
    for (event, names) in traced.events.iter().zip(named_stacks(traced)) {
        let here = (event.pid, event.addr);
        if event.kind == Kind::Free {
            live.remove(&here);
            continue;
        }
        let place = place(names.iter().rev().map(String::as_str));
        places.entry(place.clone()).or_default().0 += 1;
        live.insert(here, (place, event.size.unwrap()));
    }
    for (place, size) in live.into_values() {
        places.entry(place).or_default().1 += size;
    }
    places.remove("");
    places
}

/// The program's own functions of a stack that begins with the outermost.
fn place<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let short = names.map(|name| name.split(['(', '<']).next().unwrap_or(name));
    short.filter(|name| PLACES.contains(name)).collect::<Vec<_>>().join(";")
}

fn heaptracked(program: &Path, folder: &Path) -> Places {
    let traced = Command::new("heaptrack").arg("-o").arg(folder.join("heap")).arg(program).output();
    let traced = traced.unwrap();
    assert!(traced.status.success(), "{}", String::from_utf8_lossy(&traced.stderr));
    let is_trace = |path: &std::path::PathBuf| path.file_stem().is_some_and(|stem| stem == "heap");
    let mut files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let trace = files.find(is_trace).unwrap();
    let mut places = Places::new();
    let mut read = |cost: &str, add: fn(&mut (u64, u64), u64)| {
        let stacks = folder.join(cost);
        let printed = Command::new("heaptrack_print")
            .arg(&trace)
            .args(["--flamegraph-cost-type", cost, "--print-flamegraph"])
            .arg(&stacks)
            .output()
            .unwrap();
        assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
        for line in fs::read_to_string(&stacks).unwrap().lines() {
            let (stack, count) = line.rsplit_once(' ').unwrap();
            add(places.entry(place(stack.split(';'))).or_default(), count.parse().unwrap());
        }
    };
    read("allocations", |(calls, _), count| *calls += count);
    read("leaked", |(_, bytes), count| *bytes += count);
    fs::remove_file(trace).unwrap();
    places.remove("");
    places
}
