//! The end of the pipe: a file that knows how long it is and what its MD5 is.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
};

use md5::{Digest, Md5};

use super::{CHUNK, base64_of};

/// Writes to a file.
pub(super) struct Sink {
    file: BufWriter<File>,
    hash: Md5,
    size: u64,
}

impl Sink {
    pub(super) fn new(file: File) -> Self {
        Self { file: BufWriter::with_capacity(CHUNK, file), hash: Md5::new(), size: 0 }
    }

    /// Returns how many bytes were written, and their MD5 in base64.
    pub(super) fn finish(mut self) -> io::Result<(u64, String)> {
        self.file.flush()?;
        Ok((self.size, base64_of(self.hash)))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.file.write(bytes)?;
        let written = bytes.get(..len).unwrap_or_default();
        self.hash.update(written);
        self.size += u64::try_from(len).unwrap_or_default();
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
