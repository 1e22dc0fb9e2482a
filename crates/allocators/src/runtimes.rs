//! Languages with an allocating layer of their own. It ends in one of the allocators, which is the one that is watched;
//! in profiles its cost belongs to allocating.

use super::Allocator;

pub(super) const RUST: Allocator = Allocator {
    name: "rust",
    internals: &[
        "__rdl_alloc",
        "__rdl_alloc_zeroed",
        "__rdl_dealloc",
        "__rdl_realloc",
        "__rg_alloc",
        "__rg_alloc_zeroed",
        "__rg_dealloc",
        "__rg_realloc",
        "__rust_alloc",
        "__rust_alloc_zeroed",
        "__rust_dealloc",
        "__rust_realloc",
    ],
    ..Allocator::NONE
};

pub(super) const PYTHON: Allocator = Allocator {
    name: "python",
    families: &[
        "PyMem_",
        "_PyMem_",
        "PyObject_Malloc",
        "PyObject_Calloc",
        "PyObject_Realloc",
        "PyObject_Free",
        "_PyObject_Malloc",
        "_PyObject_Calloc",
        "_PyObject_Realloc",
        "_PyObject_Free",
    ],
    ..Allocator::NONE
};
