//! The GNU C library, from 2.34 on.
//!
//! Before 2.34 `malloc` and `calloc` called themselves once through hooks, so they were no leaves; that libc is
//! treated as a plain one. The mark that tells them apart: `dlopen` moved into libc in 2.34.

use super::{
    Allocator, Group,
    call::{Call, Function, function, leaf},
};

pub(super) const GLIBC: Allocator = Allocator {
    name: "glibc",
    marks: &[&["gnu_get_libc_version", "dlopen", "malloc", "free"]],
    groups: &[Group::plain(FUNCTIONS)],
    internals: &[
        "malloc_consolidate",
        "malloc_usable_size",
        "sysmalloc",
        "systrim",
        "unlink_chunk",
        "tcache_init",
        "ptmalloc_init",
        "alloc_perturb",
        "free_perturb",
    ],
    families: &[
        "_int_malloc",
        "_int_free",
        "_int_realloc",
        "_int_memalign",
        "__libc_malloc",
        "__libc_free",
        "__libc_calloc",
        "__libc_realloc",
        "__libc_memalign",
        "_mid_memalign",
        // The operators of C++ as profiles show them, whoever defines them.
        "operator new",
        "operator delete",
    ],
    ..Allocator::NONE
};

const FUNCTIONS: &[Function] = &[
    leaf("malloc", Call::Malloc { size: 0 }),
    leaf("calloc", Call::Calloc { number: 0, size: 1 }),
    function("realloc", Call::Realloc { block: 0, size: 1 }),
    function("reallocarray", Call::ReallocArray { block: 0, number: 1, size: 2 }),
    function("aligned_alloc", Call::Aligned { size: 1 }),
    function("memalign", Call::Aligned { size: 1 }),
    function("posix_memalign", Call::Out { out: 0, size: 2 }),
    function("valloc", Call::Malloc { size: 0 }),
    function("pvalloc", Call::Malloc { size: 0 }),
    function("free", Call::Free { block: 0 }),
    function("cfree", Call::Free { block: 0 }),
    function("free_sized", Call::Free { block: 0 }),
    function("free_aligned_sized", Call::Free { block: 0 }),
];
