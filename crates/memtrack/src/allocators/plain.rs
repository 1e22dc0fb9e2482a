//! Anything that defines `malloc` and `free`: musl, older glibc, static programs, allocators that nobody has described.

use super::{Allocator, standard};

pub(super) const PLAIN: Allocator =
    Allocator { name: "malloc", marks: &[&["malloc", "free"]], functions: &[standard!("")] };
