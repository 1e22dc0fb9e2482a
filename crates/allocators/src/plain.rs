//! Anything that defines `malloc` and `free`: musl, older glibc, static programs, allocators that nobody has described.

use super::{Allocator, Group, standard::STANDARD};

/// The name of an allocator that nobody has described.
pub(super) const NAME: &str = "malloc";

pub(super) const PLAIN: Allocator = Allocator {
    name: NAME,
    marks: &[&["malloc", "free"]],
    groups: &[Group::plain(STANDARD)],
    ..Allocator::NONE
};
