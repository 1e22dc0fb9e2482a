//! Reads and writes the files of the repository, and those that xtask itself has made: nobody else has a hand in them.
#![expect(
    clippy::disallowed_methods,
    reason = "xtask uses nothing of the workspace, and what it reads is its own"
)]

use std::{fs, io, path::Path};

pub(crate) fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    fs::read(path)
}

pub(crate) fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    fs::read_to_string(path)
}

pub(crate) fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    fs::write(path, bytes)
}

pub(crate) fn open(path: impl AsRef<Path>) -> io::Result<fs::File> {
    fs::File::open(path)
}

/// Makes a file of this length that takes no room.
pub(crate) fn write_sparse(path: impl AsRef<Path>, length: u64) -> io::Result<()> {
    fs::File::create(path)?.set_len(length)
}

pub(crate) fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
    fs::copy(from, to)
}
