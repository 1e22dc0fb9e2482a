//! A file of encoded values in one zstd frame, compressed in large pieces.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

/// Compressing value by value would cost many times as much.
const PIECE: usize = 256 * 1024;
/// The fastest of the usual levels, as in files of today's tracer.
const LEVEL: i32 = 1;

/// The file.
pub(super) struct Frames {
    encoder: zstd::stream::write::Encoder<'static, File>,
    buffer: Vec<u8>,
}

impl Frames {
    /// Makes it; one of the same name is replaced.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let encoder = zstd::stream::write::Encoder::new(File::create(path)?, LEVEL)?;
        Ok(Self { encoder, buffer: Vec::with_capacity(PIECE + PIECE / 4) })
    }

    /// Appends what `encode` appends.
    pub(super) fn put(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        encode(&mut self.buffer);
        if self.buffer.len() >= PIECE {
            self.encoder.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Completes the file.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.encoder.write_all(&self.buffer)?;
        self.encoder.finish().map(drop)
    }
}

impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frames").field("buffered", &self.buffer.len()).finish_non_exhaustive()
    }
}
