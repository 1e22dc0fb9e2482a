//! Every allocator of the table gives the same events, wherever it comes from.

use std::fs;

use crate::{
    calls::{check_operators, check_rows},
    programs::Programs,
    support::{Track, Way},
};

/// Debian's libraries, and whether they have `pvalloc`.
const LIBRARIES: &[(&str, bool)] = &[
    ("libjemalloc.so.2", false),
    ("libmimalloc.so.2.0", true),
    ("libtcmalloc_minimal.so.4", true),
];

pub fn place(library: &str) -> String {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"];
    let paths = folders.map(|folder| format!("{folder}/{library}"));
    paths.into_iter().find(|path| fs::exists(path).unwrap()).expect(library)
}

pub fn linked_allocators_are_exact(way: Way) {
    for (library, pvalloc) in LIBRARIES {
        let programs = Programs::new();
        let link = format!("-l:{library}");
        let flags =
            ["-Wl,--no-as-needed", &link, if *pvalloc { "-DPVALLOC" } else { "-DNO_PVALLOC" }];
        let program = programs.compile("rows.c", &flags);
        check_rows(Track::by(way).run(&[program]), *pvalloc);
    }
}

/// Not by the library, which doesn't take the place of operators; and not Debian's mimalloc, which is built without
/// exceptions and ends the program instead of throwing.
pub fn operators_of_linked_allocators_are_exact(way: Way) {
    for (library, _) in LIBRARIES.iter().filter(|(library, _)| !library.contains("mimalloc")) {
        let programs = Programs::new();
        let flags = ["-fno-inline", "-Wl,--no-as-needed", &format!("-l:{library}")];
        let traced = Track::by(way).run(&[programs.compile("operators.cpp", &flags)]);
        check_operators(traced);
    }
}

pub fn preloaded_allocators_are_exact(way: Way) {
    for (library, pvalloc) in LIBRARIES {
        let programs = Programs::new();
        let program =
            programs.compile("rows.c", &[if *pvalloc { "-DPVALLOC" } else { "-DNO_PVALLOC" }]);
        let traced = Track::by(way).preloading(way, &place(library)).run(&[program]);
        check_rows(traced, *pvalloc);
    }
}

pub fn an_allocator_that_is_loaded_late_is_seen_from_its_first_call(way: Way) {
    for (library, allocate, free) in [
        ("libjemalloc.so.2", "mallocx", "dallocx"),
        ("libjemalloc.so.2", "malloc", "free"),
        ("libmimalloc.so.2.0", "mi_malloc", "mi_free"),
        ("libtcmalloc_minimal.so.4", "tc_malloc", "tc_free"),
    ] {
        let programs = Programs::new();
        let program = programs.compile("plugin.c", &["-ldl"]);
        // Room for the thread local storage of a library that did not expect to be loaded late.
        let track = Track::by(way).env("GLIBC_TUNABLES", "glibc.rtld.optional_static_tls=16384");
        let words = [program.to_str().unwrap(), &place(library), allocate, free, "700"];
        let traced = track.run(&words).succeeded();
        let story = traced.story();
        let turn = |at: usize| {
            [
                format!("Malloc {}", 600 + at % 7),
                format!("Malloc {}", 500 + at % 7),
                "Free".into(),
                "Free".into(),
            ]
        };
        let expected: Vec<String> = (0..700).flat_map(turn).collect();
        assert_eq!(story, expected, "{library} {allocate}");
    }
}
