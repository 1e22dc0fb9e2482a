//! jemalloc: unprefixed (distributions), `je_`, and `_rjem_` (the crate `tikv-jemallocator`).

use super::{
    Allocator, Group,
    call::{Call, Function, function},
    standard::{OPERATORS, STANDARD},
};

pub(super) const JEMALLOC: Allocator = Allocator {
    name: "jemalloc",
    library: Some("jemalloc"),
    marks: &[
        &["_rjem_malloc"],
        &["_rjem_mallocx"],
        &["_rjem_je_malloc_default"],
        &["je_malloc"],
        &["je_malloc_default"],
        &["mallocx", "malloc", "free"],
    ],
    groups: &[
        Group::prefixed(&["", "je_", "_rjem_"], STANDARD),
        Group::prefixed(&["", "je_", "_rjem_"], EXTENDED),
        Group { internal: true, ..Group::prefixed(&["je_", "_rjem_je_"], SLOW_PATHS) },
        Group::plain(OPERATORS),
    ],
    families: &["je_", "_rjem_"],
    ..Allocator::NONE
};

const EXTENDED: &[Function] = &[
    function("mallocx", Call::Malloc { size: 0 }),
    function("rallocx", Call::Realloc { block: 0, size: 1 }),
    function("dallocx", Call::Free { block: 0 }),
    function("sdallocx", Call::Free { block: 0 }),
];

/// The functions of these names jump there; where they were inlined into Rust code these are the only ones called.
const SLOW_PATHS: &[Function] = &[
    function("malloc_default", Call::Malloc { size: 0 }),
    function("free_default", Call::Free { block: 0 }),
    function("sdallocx_default", Call::Free { block: 0 }),
];
