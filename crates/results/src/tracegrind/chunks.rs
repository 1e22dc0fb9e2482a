//! The container: a short head, then packed chunks, then eight zero bytes.

use std::io::{self, Read};

use super::TraceError;

/// The first bytes of a file.
const MAGIC: &[u8; 4] = b"TGMP";
/// The version that is described.
const VERSION: u32 = 3;
/// Chunks have about 4096 rows; no honest one comes near this.
const MOST_BYTES: u32 = 64 << 20;

/// The chunks of a file.
pub(super) struct Chunks<R> {
    source: R,
}

impl<R: Read> Chunks<R> {
    /// Reads the head.
    pub(super) fn open(mut source: R) -> Result<Self, TraceError> {
        let mut head = [0; 8];
        source.read_exact(&mut head)?;
        let [a, b, c, d, version @ ..] = head;
        let version = u32::from_le_bytes(version);
        if [a, b, c, d] != *MAGIC || version != VERSION {
            return Err(TraceError::Unknown);
        }
        Ok(Self { source })
    }

    /// The next chunk, unpacked; `None` at the end. A file without an end was cut.
    pub(super) fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, TraceError> {
        let (unpacked, packed) = (self.number()?, self.number()?);
        if (unpacked, packed) == (0, 0) {
            return Ok(None);
        }
        if unpacked > MOST_BYTES || packed > MOST_BYTES {
            return Err(TraceError::Damaged("a chunk is too large"));
        }
        let mut bytes = Vec::new();
        let got = (&mut self.source).take(u64::from(packed)).read_to_end(&mut bytes)?;
        if u32::try_from(got) != Ok(packed) {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let size = usize::try_from(unpacked).unwrap_or(usize::MAX);
        let chunk = lz4_flex::block::decompress(&bytes, size);
        chunk.map(Some).map_err(|_unsaid| TraceError::Damaged("a chunk can't be decompressed"))
    }

    fn number(&mut self) -> io::Result<u32> {
        let mut bytes = [0; 4];
        self.source.read_exact(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }
}
