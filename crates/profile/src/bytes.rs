//! Reads little-endian fields from bytes that nobody vouches for.

/// The bytes left to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(head)
    }

    /// As many bytes as a field of the data says.
    pub(crate) fn take64(&mut self, length: u64) -> Option<&'a [u8]> {
        self.take(usize::try_from(length).ok()?)
    }

    /// Passes over that many bytes.
    pub(crate) fn skip(&mut self, length: usize) -> Option<()> {
        self.take(length).map(drop)
    }

    /// Passes over `count` numbers of 64 bits.
    pub(crate) fn skip_u64s(&mut self, count: u64) -> Option<()> {
        self.take64(count.checked_mul(8)?).map(drop)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*head)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Text up to a zero byte, which is passed over; all that is left when there is none.
    pub(crate) fn c_str(&mut self) -> &'a [u8] {
        let end = self.rest.iter().position(|byte| *byte == 0);
        let (text, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest.get(1..).unwrap_or_default();
        text
    }
}

/// A length or index as a number of 64 bits.
pub(crate) fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// The numbers of 64 bits in these bytes; an incomplete one at the end is left out.
pub(crate) fn u64s(bytes: &[u8]) -> impl DoubleEndedIterator<Item = u64> + ExactSizeIterator {
    bytes.as_chunks().0.iter().map(|chunk| u64::from_le_bytes(*chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_in_order_and_never_past_the_end() {
        let mut bytes = Bytes::new(&[1, 2, 0, 3, 0, 0, 0, b'a', 0, b'b']);
        assert_eq!(bytes.u8(), Some(1));
        assert_eq!(bytes.u16(), Some(2));
        assert_eq!(bytes.u32(), Some(3));
        assert_eq!(bytes.c_str(), b"a");
        assert_eq!(bytes.u64(), None);
        assert_eq!(bytes.skip_u64s(u64::MAX), None);
        assert_eq!(bytes.c_str(), b"b");
        assert_eq!(bytes.c_str(), b"");
    }
}
