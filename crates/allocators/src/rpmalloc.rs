//! rpmalloc: its functions have names of their own, with a prefix.

use super::{
    Allocator, Group,
    call::{Call, Function, function},
};

pub(super) const RPMALLOC: Allocator = Allocator {
    name: "rpmalloc",
    library: Some("rpmalloc"),
    marks: &[&["rpmalloc"], &["rpfree"], &["rpaligned_alloc"]],
    groups: &[Group::plain(FUNCTIONS), Group::prefixed(&["rpmalloc_heap_"], OF_A_HEAP)],
    internals: &["rpmalloc_usable_size"],
    families: &["_rpmalloc_"],
};

const FUNCTIONS: &[Function] = &[
    function("rpmalloc", Call::Malloc { size: 0 }),
    function("rpcalloc", Call::Calloc { number: 0, size: 1 }),
    function("rprealloc", Call::Realloc { block: 0, size: 1 }),
    function("rpaligned_alloc", Call::Aligned { size: 1 }),
    function("rpaligned_calloc", Call::Calloc { number: 1, size: 2 }),
    function("rpaligned_realloc", Call::Realloc { block: 0, size: 2 }),
    function("rpmemalign", Call::Aligned { size: 1 }),
    function("rpposix_memalign", Call::Out { out: 0, size: 2 }),
    function("rpfree", Call::Free { block: 0 }),
];

/// The first argument is the heap.
const OF_A_HEAP: &[Function] = &[
    function("alloc", Call::Malloc { size: 1 }),
    function("calloc", Call::Calloc { number: 1, size: 2 }),
    function("realloc", Call::Realloc { block: 1, size: 2 }),
    function("aligned_alloc", Call::Aligned { size: 2 }),
    function("aligned_calloc", Call::Calloc { number: 2, size: 3 }),
    function("aligned_realloc", Call::Realloc { block: 1, size: 3 }),
    function("free", Call::Free { block: 1 }),
];
