//! Names of code that comes and goes, and programs that end while we look.

use crate::{
    output::named_stacks,
    programs::Programs,
    support::{Track, Way},
};

pub fn code_in_the_place_of_other_code_has_its_own_name(way: Way) {
    let programs = Programs::new();
    let library = |name: &str, size: u64| {
        let place = programs.path().join(format!("{name}.so"));
        let [name, size] = [format!("-DNAME={name}"), format!("-DSIZE={size}")];
        let flags = ["-fno-optimize-sibling-calls", "-shared", "-fPIC", &name, &size];
        std::fs::rename(programs.compile("reload.c", &flags), &place).unwrap();
        place.display().to_string()
    };
    let [first, second] = [library("from_first", 1111), library("from_second", 2222)];
    let program = programs.compile("reload.c", &["-ldl"]).display().to_string();
    let traced = Track::by(way)
        .with(&["--stacks"])
        .run(&[program.as_str(), &first, &second, "41"])
        .succeeded();
    let moved: u32 = traced.stdout.trim().parse().unwrap();
    assert!(moved > 20, "libraries must be where others were: {moved}");
    let mut calls = [0, 0];
    for (event, names) in traced.events.iter().zip(named_stacks(&traced)) {
        let (at, name) = match event.size {
            Some(1111) => (0, "from_first"),
            Some(2222) => (1, "from_second"),
            _ => continue,
        };
        assert_eq!(names.first().map(String::as_str), Some(name), "{calls:?} {names:?}");
        assert!(names.iter().any(|name| name == "main"), "{calls:?} {names:?}");
        calls[at] += 1;
    }
    assert_eq!(calls, [21, 20]);
}

pub fn a_program_ends_whatever_signals_come(way: Way) {
    let programs = Programs::new();
    let program = programs.compile("interrupted.c", &["-pthread"]).display().to_string();
    let line = format!("for i in 1 2 3 4 5 6 7 8 9 10; do {program} & {program} & wait; done");
    let traced = Track::by(way).with(&["--stacks"]).run(&["bash", "-c", &line]).succeeded();
    assert_eq!(traced.allocations(1234..=1234), 20);
}
