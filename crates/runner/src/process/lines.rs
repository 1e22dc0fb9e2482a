//! Cuts what arrives in pieces into whole lines. No I/O, and never more than a little memory.

use runner_shared::bounds::OUTPUT_LINE_BYTES;

/// Bytes of a stream that have arrived and not been passed on.
#[derive(Debug, Default)]
pub(super) struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// Takes the next piece. Returns all that ends with a line break or a carriage return; of an endless line also
    /// what is too much to keep.
    pub(super) fn push(&mut self, piece: &[u8]) -> Option<Vec<u8>> {
        let end =
            piece.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(0, |at| at + 1);
        let (whole, rest) = piece.split_at(end);
        if whole.is_empty() {
            self.rest.extend_from_slice(rest);
            return if self.rest.len() > OUTPUT_LINE_BYTES { self.rest() } else { None };
        }
        let mut lines = std::mem::replace(&mut self.rest, rest.to_owned());
        lines.extend_from_slice(whole);
        Some(lines)
    }

    /// Returns what has no end yet, and may never have one.
    pub(super) fn rest(&mut self) -> Option<Vec<u8>> {
        Some(std::mem::take(&mut self.rest)).filter(|rest| !rest.is_empty())
    }

    /// Nothing is kept.
    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_passed_on_when_it_ends() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(b"a"), None);
        assert_eq!(lines.push(b"b\nc\nd").as_deref(), Some(&b"ab\nc\n"[..]));
        assert_eq!(lines.push(b" 50 %\r 60").as_deref(), Some(&b"d 50 %\r"[..]));
        assert_eq!(lines.rest().as_deref(), Some(&b" 60"[..]));
        assert!(lines.is_empty() && lines.rest().is_none());
    }

    #[test]
    fn an_endless_line_takes_little_memory() {
        let mut lines = Lines::default();
        let mut seen = 0;
        for _ in 0..1000 {
            seen += lines.push(&[0; 1000]).map_or(0, |piece| piece.len());
            assert!(lines.rest.len() <= OUTPUT_LINE_BYTES);
        }
        assert_eq!(seen + lines.rest.len(), 1_000_000);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_is_added(pieces in prop::collection::vec("[ab\n\r]{0,9}", 0..20)) {
            let mut lines = Lines::default();
            let mut seen = Vec::new();
            for piece in &pieces {
                seen.extend(lines.push(piece.as_bytes()).unwrap_or_default());
            }
            seen.extend(lines.rest().unwrap_or_default());
            prop_assert_eq!(seen, pieces.concat().into_bytes());
        }
    }
}
