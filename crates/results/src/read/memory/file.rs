//! Streams of zstd frames, in pieces of bounded size.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use system::files::{self, Links};
use zstd::stream::read::Decoder;

/// The number of bytes that are decompressed at a time.
const PIECE: usize = 128 * 1024;

/// A compressed file, read once from its beginning to its end. Any number of frames in a row is one stream.
pub(super) struct Compressed {
    decoder: Decoder<'static, BufReader<File>>,
    piece: Vec<u8>,
}

impl Compressed {
    /// Opens it. A file without a single frame is a damaged one.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = files::open(path, Links::Refuse)?;
        if file.metadata()?.len() == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is empty"));
        }
        Ok(Self { decoder: Decoder::new(file)?, piece: vec![0; PIECE] })
    }

    /// The next bytes; none at the end.
    pub(super) fn next_piece(&mut self) -> io::Result<&[u8]> {
        let len = self.decoder.read(&mut self.piece)?;
        Ok(self.piece.get(..len).unwrap_or_default())
    }
}
