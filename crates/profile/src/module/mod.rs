//! Mapped files: which they are, and what is in them.

mod debug_file;
mod elf;
mod lines;
mod open;
mod program;
mod symbols;
mod vdso;

pub(crate) use debug_file::DebugRoots;
pub(crate) use elf::{Elf, Load, load_bias};
pub(crate) use lines::{DebugInfos, Dwarf, DwarfContext};
pub(crate) use open::{Opened, Opener};
pub use program::is_built_by_go;
pub(crate) use symbols::{Symbols, write_symbol};
#[cfg(test)]
pub(crate) use vdso::own_vdso;
