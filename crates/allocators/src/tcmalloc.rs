//! tcmalloc: that of gperftools, whose `malloc` and operators are aliases of `tc_` functions, and Google's own, whose
//! are aliases of `TCMallocInternal` ones.

use super::{
    Allocator, Group,
    call::{Call, Function, function, throwing},
    standard::{OPERATORS, STANDARD},
};

pub(super) const TCMALLOC: Allocator = Allocator {
    name: "tcmalloc",
    library: Some("tcmalloc"),
    marks: &[&["tc_malloc", "tc_free"], &["tc_version", "malloc"], &["TCMallocInternalMalloc"]],
    // The operators first: where one is an alias of a function that doesn't throw, it must still be known that it may.
    groups: &[
        Group::plain(OPERATORS),
        Group::prefixed(&["", "tc_"], STANDARD),
        Group::prefixed(&["tc_"], OWN),
        Group::plain(&[function("sdallocx", Call::Free { block: 0 })]),
        Group { internal: true, ..Group::prefixed(&["TCMallocInternal"], GOOGLES) },
    ],
    families: &["tc_", "TCMallocInternal"],
    ..Allocator::NONE
};

const OWN: &[Function] = &[
    function("malloc_skip_new_handler", Call::Malloc { size: 0 }),
    throwing("new", Call::Malloc { size: 0 }),
    throwing("newarray", Call::Malloc { size: 0 }),
    function("new_nothrow", Call::Malloc { size: 0 }),
    function("newarray_nothrow", Call::Malloc { size: 0 }),
    throwing("new_aligned", Call::Aligned { size: 0 }),
    throwing("newarray_aligned", Call::Aligned { size: 0 }),
    function("new_aligned_nothrow", Call::Aligned { size: 0 }),
    function("newarray_aligned_nothrow", Call::Aligned { size: 0 }),
    function("delete", Call::Free { block: 0 }),
    function("deletearray", Call::Free { block: 0 }),
    function("delete_sized", Call::Free { block: 0 }),
    function("deletearray_sized", Call::Free { block: 0 }),
    function("delete_nothrow", Call::Free { block: 0 }),
    function("deletearray_nothrow", Call::Free { block: 0 }),
    function("delete_aligned", Call::Free { block: 0 }),
    function("deletearray_aligned", Call::Free { block: 0 }),
    function("delete_sized_aligned", Call::Free { block: 0 }),
    function("deletearray_sized_aligned", Call::Free { block: 0 }),
    function("delete_aligned_nothrow", Call::Free { block: 0 }),
    function("deletearray_aligned_nothrow", Call::Free { block: 0 }),
];

const GOOGLES: &[Function] = &[
    function("Malloc", Call::Malloc { size: 0 }),
    function("Calloc", Call::Calloc { number: 0, size: 1 }),
    function("Realloc", Call::Realloc { block: 0, size: 1 }),
    function("AlignedAlloc", Call::Aligned { size: 1 }),
    function("Memalign", Call::Aligned { size: 1 }),
    function("PosixMemalign", Call::Out { out: 0, size: 2 }),
    function("Valloc", Call::Malloc { size: 0 }),
    function("Pvalloc", Call::Malloc { size: 0 }),
    function("Free", Call::Free { block: 0 }),
    function("Cfree", Call::Free { block: 0 }),
    function("FreeSized", Call::Free { block: 0 }),
    function("FreeAlignedSized", Call::Free { block: 0 }),
    function("Sdallocx", Call::Free { block: 0 }),
];
