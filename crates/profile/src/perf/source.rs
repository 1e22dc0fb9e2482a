//! The records of a recording one after the other, from a pipe or a file, compressed or not.
//!
//! Memory is bounded: one record as it lies in the file, and one piece of the inflated stream.

use std::io::{self, Read};

use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

use crate::bytes::Bytes;

/// Kinds of records that perf's tools add to those of the kernel.
mod kind {
    pub(super) const TRACING_DATA: u32 = 66;
    pub(super) const AUXTRACE: u32 = 71;
    pub(super) const COMPRESSED: u32 = 81;
    pub(super) const COMPRESSED2: u32 = 83;
}

/// Bytes of `{u32 kind, u16 misc, u16 size}` before every record.
const HEADER: usize = 8;
/// Bytes that are inflated at a time; more than any record has.
const PIECE: usize = 128 * 1024;

/// A record without its header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) kind: u32,
    pub(crate) misc: u16,
    pub(crate) body: &'a [u8],
}

/// The reason why there are no more records before the end of the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The file ends inside a record.
    Truncated,
    /// The bytes can't be what perf writes.
    Damaged,
}

/// Reads records.
pub(crate) struct Source<R> {
    input: R,
    /// Bytes of records that are left in `input`.
    left: u64,
    /// The record that was read last from `input`, without its header.
    outer: Vec<u8>,
    decoder: Option<Decoder<'static>>,
    /// The place in `outer` of the compressed bytes that have not been inflated.
    packed: Option<usize>,
    /// Inflated bytes.
    plain: Vec<u8>,
    /// The place in `plain` where the next record begins.
    plain_at: usize,
    broken: Option<Broken>,
}

/// The place of the next record.
enum Place {
    Outer { kind: u32, misc: u16 },
    Plain { kind: u32, misc: u16, start: usize, end: usize },
}

impl<R: Read> Source<R> {
    /// The next `left` bytes of the input are records.
    pub(crate) fn new(input: R, left: u64) -> Self {
        Self {
            input,
            left,
            outer: Vec::new(),
            decoder: None,
            packed: None,
            plain: Vec::new(),
            plain_at: 0,
            broken: None,
        }
    }

    /// Returns the reason why the last record was the last.
    pub(crate) const fn broken(&self) -> Option<Broken> {
        self.broken
    }

    /// The next record. Only an input that can't be read is an error; a broken stream just ends.
    pub(crate) fn next(&mut self) -> io::Result<Option<Record<'_>>> {
        let place = loop {
            if self.broken.is_some() {
                return Ok(None);
            }
            if let Some(place) = self.inflated_record() {
                break place;
            }
            if self.inflate() {
                continue;
            }
            match self.read_record()? {
                Some(place) => break place,
                None if self.packed.is_some() => {}
                None => {
                    // Half a record in the inflated bytes, and nothing follows.
                    if self.broken.is_none() && self.plain_at < self.plain.len() {
                        self.broken = Some(Broken::Truncated);
                    }
                    return Ok(None);
                }
            }
        };
        Ok(match place {
            Place::Outer { kind, misc } => Some(Record { kind, misc, body: &self.outer }),
            Place::Plain { kind, misc, start, end } => {
                self.plain.get(start..end).map(|body| Record { kind, misc, body })
            }
        })
    }

    /// The next whole record among the inflated bytes.
    fn inflated_record(&mut self) -> Option<Place> {
        let mut header = Bytes::new(self.plain.get(self.plain_at..)?);
        let (kind, misc, size) = (header.u32()?, header.u16()?, usize::from(header.u16()?));
        if size < HEADER {
            self.broken = Some(Broken::Damaged);
            return None;
        }
        let start = self.plain_at.checked_add(HEADER)?;
        let end = self.plain_at.checked_add(size)?;
        if end > self.plain.len() {
            return None;
        }
        self.plain_at = end;
        Some(Place::Plain { kind, misc, start, end })
    }

    /// Inflates one more piece. `false`: there is nothing to inflate.
    fn inflate(&mut self) -> bool {
        let Some(at) = self.packed else { return false };
        let packed = self.outer.get(at..).unwrap_or_default();
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            empty => match Decoder::new() {
                Ok(decoder) => empty.insert(decoder),
                Err(_) => return self.damaged(),
            },
        };
        self.plain.drain(..self.plain_at);
        self.plain_at = 0;
        let old = self.plain.len();
        self.plain.resize(old.saturating_add(PIECE), 0);
        let mut input = InBuffer::around(packed);
        let produced = {
            let space = self.plain.get_mut(old..).unwrap_or_default();
            let mut output = OutBuffer::around(space);
            match decoder.run(&mut input, &mut output) {
                Ok(_) => Some(output.pos()),
                Err(_) => None,
            }
        };
        let Some(produced) = produced else {
            self.plain.truncate(old);
            return self.damaged();
        };
        self.plain.truncate(old.saturating_add(produced));
        let next = at.saturating_add(input.pos());
        // Output that filled its space may have more behind it, even when all input is used up.
        let is_done = next >= self.outer.len() && produced < PIECE;
        self.packed = (!is_done).then_some(next);
        if produced == 0 && input.pos() == 0 && !is_done {
            return self.damaged();
        }
        true
    }

    fn damaged(&mut self) -> bool {
        self.broken = Some(Broken::Damaged);
        self.packed = None;
        false
    }

    /// Reads a record from the input. `None`: the end, or one whose content has to be inflated.
    fn read_record(&mut self) -> io::Result<Option<Place>> {
        let mut header = [0; HEADER];
        match self.fill(&mut header)? {
            0 => return Ok(None),
            HEADER => {}
            _ => return Ok(self.truncated()),
        }
        let mut header = Bytes::new(&header);
        let (Some(kind), Some(misc), Some(size)) = (header.u32(), header.u16(), header.u16())
        else {
            return Ok(self.truncated());
        };
        let Some(length) = usize::from(size).checked_sub(HEADER) else {
            self.broken = Some(Broken::Damaged);
            return Ok(None);
        };
        let mut outer = std::mem::take(&mut self.outer);
        outer.resize(length, 0);
        let read = self.fill(&mut outer);
        self.outer = outer;
        if read? < length {
            return Ok(self.truncated());
        }
        self.packed = match kind {
            kind::COMPRESSED => Some(0),
            kind::COMPRESSED2 => self.trim_padding(),
            _ => None,
        };
        if self.packed.is_some() {
            return Ok(None);
        }
        if !self.skip_payload(kind)? {
            return Ok(self.truncated());
        }
        Ok(Some(Place::Outer { kind, misc }))
    }

    fn truncated(&mut self) -> Option<Place> {
        self.broken = Some(Broken::Truncated);
        None
    }

    /// The second form of a compressed record says how many of its bytes are data.
    fn trim_padding(&mut self) -> Option<usize> {
        let mut bytes = Bytes::new(&self.outer);
        let length = usize::try_from(bytes.u64()?).ok()?;
        self.outer.truncate(length.saturating_add(8));
        Some(8)
    }

    /// Passes over the bytes that follow some records and are not in their size.
    fn skip_payload(&mut self, kind: u32) -> io::Result<bool> {
        let mut body = Bytes::new(&self.outer);
        let length = match kind {
            kind::AUXTRACE => body.u64(),
            kind::TRACING_DATA => body.u32().map(|size| u64::from(size).next_multiple_of(8)),
            _ => return Ok(true),
        };
        let length = length.unwrap_or(0).min(self.left);
        let skipped = io::copy(&mut self.input.by_ref().take(length), &mut io::sink())?;
        self.left = self.left.saturating_sub(skipped);
        Ok(skipped == length)
    }

    /// Fills the buffer as far as there are bytes.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let mut buffer = buffer.get_mut(..most).unwrap_or_default();
        let mut filled = 0_usize;
        while !buffer.is_empty() {
            match self.input.read(buffer) {
                Ok(0) => break,
                Ok(read) => {
                    filled = filled.saturating_add(read);
                    buffer = buffer.get_mut(read..).unwrap_or_default();
                }
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
        self.left = self.left.saturating_sub(crate::bytes::wide(filled));
        Ok(filled)
    }
}
