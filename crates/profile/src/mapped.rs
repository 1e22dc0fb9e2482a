//! A whole file as bytes, without reading what nobody looks at.

use std::{fs::File, io, ops::Deref};

/// The bytes of a file, or bytes that never were one.
#[derive(Debug)]
pub(crate) enum Mapped {
    File(memmap2::Mmap),
    Memory(Vec<u8>),
}

impl Mapped {
    /// Maps a file. An empty one can't be mapped, and has no bytes.
    #[expect(unsafe_code, reason = "mapping a file has no safe form")]
    pub(crate) fn file(file: &File) -> io::Result<Self> {
        if file.metadata()?.len() == 0 {
            return Ok(Self::Memory(Vec::new()));
        }
        // SAFETY: the bytes are only read, as data of unknown content. Modules and finished
        // artifacts are replaced, not rewritten, by all tools that install or write them.
        let map = unsafe { memmap2::Mmap::map(file) };
        map.map(Self::File)
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::File(map) => map,
            Self::Memory(bytes) => bytes,
        }
    }
}
