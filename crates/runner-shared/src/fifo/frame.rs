//! Frames: a `u32` little-endian length, then that many bytes. Does no I/O; bytes come in any pieces.

/// The longest payload that is accepted, in bytes.
pub use crate::bounds::FRAME_BYTES as MAX_FRAME_LEN;

const PREFIX: usize = 4;

/// A length that no honest client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a frame claims {len} bytes, more than the {MAX_FRAME_LEN} that are allowed; {discarded} bytes were discarded"
)]
pub struct FrameError {
    /// The claimed length.
    pub len: u32,
    /// Bytes thrown away to find the next frame again.
    pub discarded: usize,
}

/// Cuts a stream of bytes into frames, however it is split.
///
/// Memory: what has arrived and was not taken yet, never what a length prefix promises.
#[derive(Debug, Default)]
pub struct FrameDecoder {
    buffer: Vec<u8>,
    /// Bytes of `buffer` that were handed out already.
    taken: usize,
}

impl FrameDecoder {
    /// Adds bytes in the order of their arrival.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.taken == self.buffer.len() {
            self.buffer.clear();
            self.taken = 0;
        } else if self.taken > MAX_FRAME_LEN {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The payload of the next complete frame, or `None` until more bytes arrive.
    ///
    /// After a nonsense length nothing in the buffer can be trusted: all of it is discarded and
    /// decoding starts afresh with the bytes that arrive next.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let waiting = self.buffer.get(self.taken..).unwrap_or_default();
        let Some((prefix, rest)) = waiting.split_first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let claimed = u32::from_le_bytes(*prefix);
        // A length that doesn't fit is too long as well.
        let len = usize::try_from(claimed).unwrap_or(usize::MAX);
        if len > MAX_FRAME_LEN {
            let discarded = waiting.len();
            self.reset();
            return Err(FrameError { len: claimed, discarded });
        }
        if rest.len() < len {
            return Ok(None);
        }
        let start = self.taken + PREFIX;
        self.taken = start + len;
        Ok(self.buffer.get(start..start + len))
    }

    /// Forgets an unfinished frame; for when its sender is gone. Returns how many bytes were lost.
    pub fn reset(&mut self) -> usize {
        let lost = self.buffer.len().saturating_sub(self.taken);
        self.buffer.clear();
        self.taken = 0;
        lost
    }
}

/// Prefixes `payload` with its length. A payload beyond `u32` does not exist: see [`MAX_FRAME_LEN`].
pub fn encode_frame(payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(PREFIX + payload.len());
    frame.extend_from_slice(&len.to_le_bytes());
    frame.extend_from_slice(payload);
    frame
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drain(decoder: &mut FrameDecoder) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        while let Some(frame) = decoder.next_frame().unwrap() {
            frames.push(frame.to_vec());
        }
        frames
    }

    proptest! {
        #[test]
        fn any_split_yields_the_same_frames(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20),
            cuts in prop::collection::vec(1usize..17, 1..40),
        ) {
            let stream: Vec<u8> = payloads.iter().flat_map(|payload| encode_frame(payload)).collect();
            let mut decoder = FrameDecoder::default();
            let mut got = Vec::new();
            let mut rest = stream.as_slice();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                decoder.push(piece);
                got.extend(drain(&mut decoder));
                rest = after;
            }
            prop_assert_eq!(got, payloads);
            prop_assert_eq!(decoder.reset(), 0);
        }

        #[test]
        fn noise_never_panics_and_never_grows_the_buffer(noise in prop::collection::vec(any::<u8>(), 0..4096)) {
            let mut decoder = FrameDecoder::default();
            for piece in noise.chunks(7) {
                decoder.push(piece);
                while matches!(decoder.next_frame(), Ok(Some(_)) | Err(_)) {}
            }
            prop_assert!(decoder.buffer.len() <= noise.len());
        }
    }

    #[test]
    fn exactly_the_limit_is_accepted_and_one_more_is_not() {
        let mut decoder = FrameDecoder::default();
        decoder.push(&encode_frame(&vec![7; MAX_FRAME_LEN]));
        assert_eq!(decoder.next_frame().unwrap().map(<[u8]>::len), Some(MAX_FRAME_LEN));

        let too_long = u32::try_from(MAX_FRAME_LEN + 1).unwrap();
        decoder.push(&too_long.to_le_bytes());
        decoder.push(&[1, 2, 3]);
        assert_eq!(decoder.next_frame(), Err(FrameError { len: too_long, discarded: 7 }));
    }

    #[test]
    fn a_nonsense_length_does_not_poison_what_comes_next() {
        let mut decoder = FrameDecoder::default();
        decoder.push(&0x7fff_ffff_u32.to_le_bytes());
        assert!(decoder.next_frame().is_err());
        decoder.push(&encode_frame(b"fine"));
        assert_eq!(decoder.next_frame(), Ok(Some(b"fine".as_slice())));
    }

    #[test]
    fn an_unfinished_frame_is_forgotten_with_its_sender() {
        let mut decoder = FrameDecoder::default();
        decoder.push(&encode_frame(b"whole"));
        decoder.push(&[9, 0, 0, 0, 1, 2]);
        assert_eq!(decoder.next_frame(), Ok(Some(b"whole".as_slice())));
        assert_eq!(decoder.next_frame(), Ok(None));
        assert_eq!(decoder.reset(), 6);
        decoder.push(&encode_frame(b"next"));
        assert_eq!(decoder.next_frame(), Ok(Some(b"next".as_slice())));
    }
}
