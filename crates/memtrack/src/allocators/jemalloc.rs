//! jemalloc: unprefixed (distributions), `je_`, and `_rjem_` (the crate `tikv-jemallocator`).
//!
//! `*_default` are the slow paths of the functions before them, which jump there; where the fast path was inlined into
//! Rust code they are the only ones that are called.

use super::{Allocator, OPERATORS, extended, standard};

pub(super) const JEMALLOC: Allocator = Allocator {
    name: "jemalloc",
    marks: &[
        &["_rjem_malloc"],
        &["_rjem_mallocx"],
        &["_rjem_je_malloc_default"],
        &["je_malloc"],
        &["je_malloc_default"],
        &["mallocx", "malloc", "free"],
    ],
    functions: &[
        standard!(""),
        extended!("", ""),
        standard!("je_"),
        extended!("je_", ""),
        standard!("je_", "_default"),
        extended!("je_", "_default"),
        standard!("_rjem_"),
        extended!("_rjem_", ""),
        standard!("_rjem_je_"),
        extended!("_rjem_je_", ""),
        standard!("_rjem_je_", "_default"),
        extended!("_rjem_je_", "_default"),
        OPERATORS,
    ],
};
