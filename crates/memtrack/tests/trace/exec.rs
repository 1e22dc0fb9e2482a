//! However a program is started and linked, its first call is seen.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use crate::{
    calls::check_rows,
    programs::Programs,
    support::{Traced, Track, Way},
};

#[track_caller]
fn pairs(way: Way, words: &[&str], expected: usize) -> Traced {
    let traced = Track::by(way).run(words).succeeded();
    assert_eq!(traced.pairs(), expected, "{words:?}");
    traced
}

fn script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

pub fn shells_and_scripts_are_followed(way: Way) {
    let programs = Programs::new();
    let program = programs.compile("crowd.c", &[]);
    let crowd = program.display();
    pairs(way, &["bash", "-c", &format!("{crowd} pairs 10; {crowd} pairs 20")], 30);
    // A single word is a line for the shell.
    pairs(way, &[&format!("{crowd} pairs 10 && {crowd} pairs 20")], 30);
    pairs(
        way,
        &["bash", "-c", "cd \"$0\" && ./crowd_c pairs 40", programs.path().to_str().unwrap()],
        40,
    );
    let [inner, outer] = ["inner", "outer"].map(|name| programs.path().join(name));
    script(&inner, &format!("#!/bin/sh\nexec {crowd} pairs 50\n"));
    script(&outer, &format!("#!{}\n", inner.display()));
    pairs(way, &[outer.to_str().unwrap()], 50);
}

pub fn an_empty_environment_hides_nothing(way: Way) {
    let programs = Programs::new();
    let program = programs.compile("crowd.c", &[]);
    pairs(way, &["env", "-i", program.to_str().unwrap(), "pairs", "10"], 10);
}

pub fn programs_without_a_path_are_seen(way: Way) {
    let programs = Programs::new();
    let program = programs.compile("crowd.c", &["-static"]);
    for path in ["/proc/self/fd/9", "/dev/fd/9"] {
        let line = format!(
            "cp \"$0\" \"$0.gone\"; exec 9<\"$0.gone\"; rm \"$0.gone\"; exec {path} pairs 10"
        );
        pairs(way, &["bash", "-c", &line, program.to_str().unwrap()], 10);
    }
    let python = "import os, sys\nfd = os.memfd_create('x')\nos.write(fd, open(sys.argv[1], 'rb').read())\nos.execve(fd, \
                  ['x', 'pairs', '10'], {})";
    let traced =
        Track::by(way).run(&["python3", "-c", python, program.to_str().unwrap()]).succeeded();
    // Python itself asks for such sizes, too, in another order.
    let sizes = traced.events.iter().filter_map(|event| event.size);
    let sizes: Vec<u64> = sizes.filter(|size| (500..=506).contains(size)).collect();
    assert!(sizes.ends_with(&[500, 501, 502, 503, 504, 505, 506, 500, 501, 502]), "{sizes:?}");
}

pub fn static_programs_are_exact(way: Way) {
    for (compiler, flags, pvalloc) in [
        ("cc", &["-static"][..], true),
        ("cc", &["-static-pie", "-fPIE"], true),
        ("musl-gcc", &["-static", "-DNO_PVALLOC"], false),
        ("musl-gcc", &["-DNO_PVALLOC"], false),
    ] {
        let programs = Programs::new();
        let program = programs.compile_with(compiler, "rows.c", flags);
        let traced = Track::by(way).run(&[&program]);
        assert_eq!(traced.notes(), Vec::<String>::new(), "{compiler} {flags:?}");
        check_rows(traced, pvalloc);
    }
}

pub fn a_static_program_without_symbols_is_named(way: Way) {
    let programs = Programs::new();
    let program = programs.compile("rows.c", &["-static"]);
    assert!(Command::new("strip").arg(&program).status().unwrap().success());
    let traced = Track::by(way).run(&[&program]).succeeded();
    let notes = traced.notes();
    assert!(notes.iter().any(|note| note.contains(program.to_str().unwrap())), "{notes:?}");
}

pub fn a_program_with_an_allocator_of_its_own_is_seen_or_named(way: Way) {
    let programs = Programs::new();
    let program = programs.compile("own.c", &[]);
    let traced = Track::by(way).run(&[&program]).succeeded();
    let notes = traced.notes();
    if way == Way::Preload {
        let named = |note: &String| {
            note.contains(program.to_str().unwrap()) && note.contains("an allocator of its own")
        };
        assert!(matches!(&notes[..], [note] if named(note)), "{notes:?}");
    } else {
        assert_eq!((traced.allocations(500..=500), notes), (100, Vec::new()));
    }
}
