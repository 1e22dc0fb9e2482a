//! Addresses of code that mean the same in all processes.

use std::sync::Arc;

/// The place of code, whatever the process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Address {
    /// In a module with files in the folder, by the address that its file gives to it.
    Module { key: Arc<str>, svma: u64 },
    /// In a file of which nothing else is known, by its number.
    File(u32),
    /// A place where no file is mapped: generated code, if anything.
    Nowhere { pid: i32, address: u64 },
    /// In the kernel.
    Kernel,
}
