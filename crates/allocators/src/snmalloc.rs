//! snmalloc: `sn_` (the crate `snmalloc-rs`), or the standard names where it replaces them.

use super::{
    Allocator, Group,
    call::{Call, Function, function},
    standard::{OPERATORS, STANDARD},
};

pub(super) const SNMALLOC: Allocator = Allocator {
    name: "snmalloc",
    library: Some("snmalloc"),
    marks: &[&["sn_rust_alloc"], &["sn_malloc"], &["__malloc_end_pointer", "malloc", "free"]],
    groups: &[
        Group::plain(OPERATORS),
        Group::prefixed(&["sn_", ""], STANDARD),
        Group::prefixed(&["sn_"], OF_RUST),
    ],
    internals: &["__malloc_end_pointer"],
    // Not `sn_`: functions of users begin with that as well.
    families: &["snmalloc::"],
};

const OF_RUST: &[Function] = &[
    function("rust_alloc", Call::Aligned { size: 1 }),
    function("rust_alloc_zeroed", Call::Zalloc { size: 1 }),
    function("rust_realloc", Call::Realloc { block: 0, size: 3 }),
    function("rust_dealloc", Call::Free { block: 0 }),
];
