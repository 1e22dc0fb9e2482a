//! MessagePack as far as the files of memory mode need it: the shortest form out, every form in.
//!
//! Reading is by pieces: a record that is not there yet as a whole is no error, and lengths that a file claims are
//! compared with a limit before anything is waited for.

/// Appends a text in its shortest form.
pub(super) fn put_text(into: &mut Vec<u8>, text: &str) {
    put_length(into, text.len(), Some((0xa0, 31)), Some(0xd9), 0xda);
    into.extend_from_slice(text.as_bytes());
}

/// Appends the head of a list of so many values.
pub(super) fn put_array(into: &mut Vec<u8>, len: usize) {
    put_length(into, len, Some((0x90, 15)), None, 0xdc);
}

/// Appends the head of a map of so many pairs.
pub(super) fn put_map(into: &mut Vec<u8>, len: usize) {
    put_length(into, len, Some((0x80, 15)), None, 0xde);
}

/// A length: within the head up to a limit, else in one byte, two or four.
fn put_length(
    into: &mut Vec<u8>,
    len: usize,
    short: Option<(u8, u8)>,
    one_byte: Option<u8>,
    two_bytes: u8,
) {
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    match (u8::try_from(len), u16::try_from(len), short, one_byte) {
        (Ok(len), _, Some((head, most)), _) if len <= most => into.push(head | len),
        (Ok(len), _, _, Some(head)) => into.extend([head, len]),
        (_, Ok(len), _, _) => {
            into.push(two_bytes);
            into.extend_from_slice(&len.to_be_bytes());
        }
        (_, Err(_), _, _) => {
            into.push(two_bytes + 1);
            into.extend_from_slice(&len.to_be_bytes());
        }
    }
}

/// Appends a number of zero or more in its shortest form.
pub(super) fn put_unsigned(into: &mut Vec<u8>, value: u64) {
    put_line(into, |line| line.put_unsigned(value));
}

/// The longest record of an event has 97 bytes.
const LINE: usize = 128;

/// Appends a record of up to [`LINE`] bytes, which `write` makes in its place: its pieces have lengths that the compiler
/// knows, and there is room for all of them. A list that grows would cost several times as much, for each of millions of
/// events; and so would a record that is made elsewhere and then copied, since the processor would have to wait for its
/// small pieces before it could read them as a whole.
#[inline]
pub(super) fn put_line(into: &mut Vec<u8>, write: impl FnOnce(&mut Line<'_>)) {
    let start = into.len();
    into.extend_from_slice(&[0; LINE]);
    let len = match into.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
        Some(bytes) => {
            let mut line = Line { bytes, len: 0 };
            write(&mut line);
            line.len
        }
        None => 0,
    };
    into.truncate(start + len);
}

/// A record in the making.
#[derive(Debug)]
pub(super) struct Line<'a> {
    bytes: &'a mut [u8; LINE],
    len: usize,
}

impl Line<'_> {
    /// Appends bytes as they are. What doesn't fit is left out, which no event comes near to.
    #[inline]
    pub(super) fn put<const N: usize>(&mut self, piece: &[u8; N]) {
        let room = self.bytes.get_mut(self.len..).and_then(<[u8]>::first_chunk_mut);
        if let Some(room) = room {
            *room = *piece;
            self.len += N;
        }
    }

    /// Appends a number of zero or more in its shortest form.
    #[inline]
    pub(super) fn put_unsigned(&mut self, value: u64) {
        let bytes = value.to_be_bytes();
        let [_, _, _, _, high @ .., low] = bytes;
        match value {
            0..=0x7f => self.put(&[low]),
            0x80..=0xff => self.put(&[0xcc, low]),
            0x100..=0xffff => {
                let [_, _, high] = high;
                self.put(&[0xcd, high, low]);
            }
            0x1_0000..=0xffff_ffff => {
                self.put(&[0xce]);
                self.put(&high);
                self.put(&[low]);
            }
            0x1_0000_0000.. => {
                self.put(&[0xcf]);
                self.put(&bytes);
            }
        }
    }

    /// Appends a number in its shortest form.
    #[inline]
    pub(super) fn put_signed(&mut self, value: i32) {
        let [a, b, c, d] = value.to_be_bytes();
        match value {
            0.. => self.put_unsigned(u64::from(value.unsigned_abs())),
            -32..0 => self.put(&[d]),
            -0x80..-32 => self.put(&[0xd0, d]),
            -0x8000..-0x80 => self.put(&[0xd1, c, d]),
            ..-0x8000 => self.put(&[0xd2, a, b, c, d]),
        }
    }
}

/// Bytes that are not the records that they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The bytes end within a record: the writer was ended, or the file was cut.
    #[error("it ends within a record that begins at byte {offset}")]
    Truncated {
        /// The beginning of the record.
        offset: u64,
    },
    /// The bytes are no record.
    #[error("byte {offset}: {reason}")]
    Malformed {
        /// The beginning of the record.
        offset: u64,
        /// The fault in it.
        reason: &'static str,
    },
}

/// The reason why a record can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Its end is not there yet.
    More,
    /// It never will be one.
    Malformed(&'static str),
}

const TOO_LONG: Stop = Stop::Malformed("a record that is longer than any honest one");

/// The beginning of a value. Lengths are those of what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// A number of zero or more.
    Unsigned(u64),
    /// A number, written as one that may be negative.
    Signed(i64),
    /// Nothing.
    Nil,
    /// So many bytes of text.
    Text(u32),
    /// So many bytes of something that we never use.
    Opaque(u32),
    /// So many values.
    Array(u32),
    /// So many pairs of values.
    Map(u32),
}

/// Bytes and a place in them.
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    limit: usize,
}

impl<'a> Cursor<'a> {
    /// The next so many bytes.
    fn take(&mut self, len: u32) -> Result<&'a [u8], Stop> {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > self.limit {
            return Err(TOO_LONG);
        }
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Stop::More)?;
        self.rest = rest;
        Ok(taken)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Stop::More)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// A length of one, two or four bytes.
    fn length<const N: usize>(&mut self) -> Result<u32, Stop> {
        let bytes: [u8; N] = self.bytes()?;
        Ok(bytes.iter().fold(0, |sum, byte| (sum << 8) | u32::from(*byte)))
    }

    /// The next head.
    #[inline]
    pub(super) fn head(&mut self) -> Result<Head, Stop> {
        let [first] = self.bytes()?;
        Ok(match first {
            0x00..=0x7f => Head::Unsigned(first.into()),
            0x80..=0x8f => Head::Map(u32::from(first & 0x0f)),
            0x90..=0x9f => Head::Array(u32::from(first & 0x0f)),
            0xa0..=0xbf => Head::Text(u32::from(first & 0x1f)),
            0xc0 => Head::Nil,
            0xc1 => return Err(Stop::Malformed("a byte that begins no value")),
            0xc2 | 0xc3 => Head::Opaque(0),
            0xc4 => Head::Opaque(self.length::<1>()?),
            0xc5 => Head::Opaque(self.length::<2>()?),
            0xc6 => Head::Opaque(self.length::<4>()?),
            0xc7 => Head::Opaque(self.length::<1>()?.saturating_add(1)),
            0xc8 => Head::Opaque(self.length::<2>()?.saturating_add(1)),
            0xc9 => Head::Opaque(self.length::<4>()?.saturating_add(1)),
            0xca => Head::Opaque(4),
            0xcb => Head::Opaque(8),
            0xcc => Head::Unsigned(u8::from_be_bytes(self.bytes()?).into()),
            0xcd => Head::Unsigned(u16::from_be_bytes(self.bytes()?).into()),
            0xce => Head::Unsigned(u32::from_be_bytes(self.bytes()?).into()),
            0xcf => Head::Unsigned(u64::from_be_bytes(self.bytes()?)),
            0xd0 => Head::Signed(i8::from_be_bytes(self.bytes()?).into()),
            0xd1 => Head::Signed(i16::from_be_bytes(self.bytes()?).into()),
            0xd2 => Head::Signed(i32::from_be_bytes(self.bytes()?).into()),
            0xd3 => Head::Signed(i64::from_be_bytes(self.bytes()?)),
            0xd4 => Head::Opaque(2),
            0xd5 => Head::Opaque(3),
            0xd6 => Head::Opaque(5),
            0xd7 => Head::Opaque(9),
            0xd8 => Head::Opaque(17),
            0xd9 => Head::Text(self.length::<1>()?),
            0xda => Head::Text(self.length::<2>()?),
            0xdb => Head::Text(self.length::<4>()?),
            0xdc => Head::Array(self.length::<2>()?),
            0xdd => Head::Array(self.length::<4>()?),
            0xde => Head::Map(self.length::<2>()?),
            0xdf => Head::Map(self.length::<4>()?),
            0xe0..=0xff => Head::Signed(i8::from_be_bytes([first]).into()),
        })
    }

    /// A number of zero or more, in any width.
    pub(super) fn unsigned(&mut self) -> Result<u64, Stop> {
        match self.head()? {
            Head::Unsigned(value) => Ok(value),
            Head::Signed(value) => {
                u64::try_from(value).or(Err(Stop::Malformed("a number below zero")))
            }
            Head::Nil | Head::Text(_) | Head::Opaque(_) | Head::Array(_) | Head::Map(_) => {
                Err(Stop::Malformed("something that is no number where one belongs"))
            }
        }
    }

    /// The same, or nothing.
    pub(super) fn optional(&mut self) -> Result<Option<u64>, Stop> {
        if self.rest.first() == Some(&0xc0) {
            self.head()?;
            return Ok(None);
        }
        self.unsigned().map(Some)
    }

    /// A number of 32 bits, in any width.
    pub(super) fn signed(&mut self) -> Result<i32, Stop> {
        let value = match self.head()? {
            Head::Unsigned(value) => i32::try_from(value).ok(),
            Head::Signed(value) => i32::try_from(value).ok(),
            Head::Nil | Head::Text(_) | Head::Opaque(_) | Head::Array(_) | Head::Map(_) => None,
        };
        value.ok_or(Stop::Malformed("something that is no number of 32 bits where one belongs"))
    }

    /// The bytes of a text; `None` for a value of another kind, which is skipped.
    pub(super) fn text(&mut self) -> Result<Option<&'a [u8]>, Stop> {
        // Nearly all values that are asked for are short texts.
        if let Some((first @ 0xa0..=0xbf, rest)) = self.rest.split_first() {
            let (text, rest) =
                rest.split_at_checked(usize::from(first & 0x1f)).ok_or(Stop::More)?;
            self.rest = rest;
            return Ok(Some(text));
        }
        match self.head()? {
            Head::Text(len) => self.take(len).map(Some),
            other @ (Head::Unsigned(_)
            | Head::Signed(_)
            | Head::Nil
            | Head::Opaque(_)
            | Head::Array(_)
            | Head::Map(_)) => self.skip_rest(other).map(|()| None),
        }
    }

    /// Passes over a value of any kind.
    pub(super) fn skip(&mut self) -> Result<(), Stop> {
        let head = self.head()?;
        self.skip_rest(head)
    }

    /// Passes over what belongs to a head. Counts what is still to come, so that nesting costs no stack.
    pub(super) fn skip_rest(&mut self, head: Head) -> Result<(), Stop> {
        let mut pending = 0_u64;
        let mut next = Some(head);
        while let Some(head) = next {
            match head {
                Head::Unsigned(_) | Head::Signed(_) | Head::Nil => {}
                Head::Text(len) | Head::Opaque(len) => {
                    self.take(len)?;
                }
                Head::Array(len) => pending += u64::from(len),
                Head::Map(len) => pending += 2 * u64::from(len),
            }
            // Each value has a byte at least.
            if usize::try_from(pending).map_or(true, |pending| pending > self.limit) {
                return Err(TOO_LONG);
            }
            next = (pending > 0).then(|| self.head()).transpose()?;
            pending = pending.saturating_sub(1);
        }
        Ok(())
    }
}

/// Bytes that arrive in pieces and are read record by record.
#[derive(Debug)]
pub(super) struct Pieces {
    buffer: Vec<u8>,
    /// The number of bytes of the buffer that were read.
    at: usize,
    /// The offset in the file of the buffer's beginning.
    offset: u64,
    /// No record is longer.
    limit: usize,
    /// The first error, which is final.
    failed: Option<RecordError>,
}

impl Pieces {
    /// Nothing yet; no record is longer than `limit` bytes.
    pub(super) const fn new(limit: usize) -> Self {
        Self { buffer: Vec::new(), at: 0, offset: 0, limit, failed: None }
    }

    /// The next bytes of the file.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.at);
        self.offset = self.place();
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Reads a record, if there is a whole one.
    pub(super) fn record<T>(
        &mut self,
        read: impl FnOnce(&mut Cursor<'_>) -> Result<T, Stop>,
    ) -> Result<Option<T>, RecordError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        let mut cursor = Cursor { rest, limit: self.limit };
        let reason = match read(&mut cursor) {
            Ok(record) => {
                self.at += rest.len() - cursor.rest.len();
                return Ok(Some(record));
            }
            Err(Stop::More) if rest.len() <= self.limit => return Ok(None),
            Err(Stop::More) => "a record that is longer than any honest one",
            Err(Stop::Malformed(reason)) => reason,
        };
        let failed = RecordError::Malformed { offset: self.place(), reason };
        self.failed = Some(failed);
        Err(failed)
    }

    /// The file has ended.
    pub(super) fn finish(&self) -> Result<(), RecordError> {
        match self.failed {
            Some(failed) => Err(failed),
            None if self.at < self.buffer.len() => {
                Err(RecordError::Truncated { offset: self.place() })
            }
            None => Ok(()),
        }
    }

    fn place(&self) -> u64 {
        self.offset.saturating_add(u64::try_from(self.at).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn integers_have_the_shortest_form() {
        let of = |value| {
            let mut bytes = Vec::new();
            put_unsigned(&mut bytes, value);
            bytes
        };
        for (value, len) in [(0, 1), (127, 1), (128, 2), (255, 2), (256, 3), (65_535, 3)] {
            assert_eq!(of(value).len(), len, "{value}");
        }
        assert_eq!(of(0xffff_ffff), [0xce, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(of(0x1_0000_0000), [0xcf, 0, 0, 0, 1, 0, 0, 0, 0]);
        let of = |value| {
            let mut bytes = Vec::new();
            put_line(&mut bytes, |line| line.put_signed(value));
            bytes
        };
        assert_eq!(of(-1), [0xff]);
        assert_eq!(of(-32), [0xe0]);
        assert_eq!(of(-33), [0xd0, 0xdf]);
        assert_eq!(of(-128), [0xd0, 0x80]);
        assert_eq!(of(-129), [0xd1, 0xff, 0x7f]);
        assert_eq!(of(-0x8000), [0xd1, 0x80, 0]);
        assert_eq!(of(-0x8001), [0xd2, 0xff, 0xff, 0x7f, 0xff]);
        assert_eq!(of(i32::MIN), [0xd2, 0x80, 0, 0, 0]);
        assert_eq!(of(i32::MAX), [0xce, 0x7f, 0xff, 0xff, 0xff]);
    }

    #[test]
    fn lengths_have_the_shortest_form() {
        let of = |put: fn(&mut Vec<u8>, usize), len| {
            let mut bytes = Vec::new();
            put(&mut bytes, len);
            bytes
        };
        assert_eq!(of(put_array, 15), [0x9f]);
        assert_eq!(of(put_array, 16), [0xdc, 0, 16]);
        assert_eq!(of(put_array, 0x1_0000), [0xdd, 0, 1, 0, 0]);
        assert_eq!(of(put_map, 2), [0x82]);
        for (len, head) in [(31, &[0xbf][..]), (32, &[0xd9, 32]), (256, &[0xda, 1, 0])] {
            let mut bytes = Vec::new();
            put_text(&mut bytes, &"x".repeat(len));
            assert!(bytes.starts_with(head), "{len}");
            assert_eq!(bytes.len(), len + head.len());
        }
    }

    /// Returns the bytes left after skipping one value.
    fn after(bytes: &[u8]) -> Result<&[u8], Stop> {
        let mut cursor = Cursor { rest: bytes, limit: 64 };
        cursor.skip().map(|()| cursor.rest)
    }

    #[test]
    fn values_of_every_kind_are_passed_over() {
        let kinds: &[&[u8]] = &[
            b"\x07",
            b"\xe0",
            b"\xc0",
            b"\xc2",
            b"\xc3",
            b"\xa2ab",
            b"\xd9\x02ab",
            b"\xda\0\x02ab",
            b"\xdb\0\0\0\x02ab",
            b"\xc4\x01a",
            b"\xc5\0\x01a",
            b"\xc6\0\0\0\x01a",
            b"\xc7\x01ta",
            b"\xc8\0\x01ta",
            b"\xc9\0\0\0\x01ta",
            b"\xca1234",
            b"\xcb12345678",
            b"\xcc\xff",
            b"\xcd12",
            b"\xce1234",
            b"\xcf12345678",
            b"\xd01",
            b"\xd112",
            b"\xd21234",
            b"\xd312345678",
            b"\xd4t1",
            b"\xd5t12",
            b"\xd6t1234",
            b"\xd7t12345678",
            b"\xd8t1234567812345678",
            b"\x92\x01\x02",
            b"\xdc\0\x02\x01\x02",
            b"\xdd\0\0\0\x01\x91\x90",
            b"\x81\xa1k\x82\x01\x02\x03\x04",
            b"\xde\0\x01\x01\x02",
            b"\xdf\0\0\0\x01\x01\x02",
        ];
        for kind in kinds {
            let whole = [kind, &b"!"[..]].concat();
            assert_eq!(after(&whole), Ok(&b"!"[..]), "{kind:02x?}");
            for end in 0..kind.len() {
                assert_eq!(after(&kind[..end]), Err(Stop::More), "{kind:02x?} cut at {end}");
            }
        }
        assert_eq!(after(b"\xc1"), Err(Stop::Malformed("a byte that begins no value")));
    }

    #[test]
    fn lengths_that_no_file_can_hold_are_refused_at_once() {
        for claim in [
            &b"\xdb\xff\xff\xff\xff"[..],
            b"\xc6\xff\xff\xff\xff",
            b"\xc9\xff\xff\xff\xff",
            b"\xdd\xff\xff\xff\xff",
            b"\xdf\xff\xff\xff\xff",
        ] {
            assert_eq!(after(claim), Err(TOO_LONG), "{claim:02x?}");
        }
        // Nested lists that double at each step.
        assert_eq!(after(&[0xdc, 0, 60, 0xdc, 0, 60]), Err(TOO_LONG));
        // A million open brackets.
        let mut pieces = Pieces::new(1000);
        pieces.push(&[0x91; 1001]);
        assert!(
            pieces.record(|cursor| cursor.head().and_then(|head| cursor.skip_rest(head))).is_err()
        );
    }

    proptest! {
        #[test]
        fn any_bytes_end_well(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(rest) = after(&bytes) {
                prop_assert!(rest.len() < bytes.len());
            }
        }
    }
}
