//! Cuts a stream into lines with one buffer. Lines longer than any honest one are left out.

use std::io::{self, Read};

use runner_shared::bounds::LINE_BYTES;

/// Bytes per read.
const CHUNK: usize = 256 << 10;

/// The lines of a stream.
#[derive(Debug)]
pub struct Lines<R> {
    source: R,
    buffer: Vec<u8>,
    /// The bytes not handed out yet.
    start: usize,
    end: usize,
    /// Up to here there is no line break.
    searched: usize,
    done: bool,
    /// In a line that is too long: left out up to its end.
    skipping: bool,
    /// Lines that were left out.
    pub too_long: u64,
}

impl<R: Read> Lines<R> {
    /// Lines of what `source` yields.
    #[must_use]
    pub fn new(source: R) -> Self {
        Self {
            source,
            buffer: vec![0; CHUNK],
            start: 0,
            end: 0,
            searched: 0,
            done: false,
            skipping: false,
            too_long: 0,
        }
    }

    /// The next line without its end; `None` at the end of the stream.
    ///
    /// # Errors
    ///
    /// Those of the source.
    pub fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            let unseen = self.buffer.get(self.searched..self.end).unwrap_or_default();
            let line = match memchr::memchr(b'\n', unseen) {
                Some(at) => {
                    let line = (self.start, self.searched + at);
                    self.start = line.1 + 1;
                    self.searched = self.start;
                    line
                }
                None if self.done && self.start == self.end => {
                    self.too_long += u64::from(std::mem::take(&mut self.skipping));
                    return Ok(None);
                }
                None if self.done => {
                    let line = (self.start, self.end);
                    self.start = self.end;
                    self.searched = self.end;
                    line
                }
                None => {
                    self.searched = self.end;
                    self.refill()?;
                    continue;
                }
            };
            if self.skipping {
                self.skipping = false;
                self.too_long += 1;
                continue;
            }
            return Ok(self.buffer.get(line.0..line.1));
        }
    }

    /// Reads on behind the bytes that are left, which move to the front.
    fn refill(&mut self) -> io::Result<()> {
        if self.end - self.start > LINE_BYTES {
            self.skipping = true;
        }
        if self.skipping {
            self.start = self.end;
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.searched -= self.start;
        self.start = 0;
        if self.buffer.len() - self.end < CHUNK {
            self.buffer.resize(self.end + CHUNK, 0);
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        loop {
            match self.source.read(room) {
                Ok(0) => self.done = true,
                // A source that claims more than there is room for is not believed.
                Ok(read) => self.end += read.min(room.len()),
                Err(err) if err.kind() == io::ErrorKind::Interrupted => continue,
                Err(err) => return Err(err),
            }
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out a few bytes at a time.
    struct Drops<'a>(&'a [u8], usize);

    impl Read for Drops<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let (now, later) = self.0.split_at(self.0.len().min(self.1));
            self.0 = later;
            into[..now.len()].copy_from_slice(now);
            Ok(now.len())
        }
    }

    fn lines(bytes: &[u8], step: usize) -> Vec<String> {
        let mut lines = Lines::new(Drops(bytes, step));
        let mut found = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            found.push(String::from_utf8_lossy(line).into_owned());
        }
        found
    }

    #[test]
    fn lines_are_the_same_however_they_arrive() {
        for step in [1, 2, 3, 7, 1000] {
            assert_eq!(lines(b"a\n\nbc\nd", step), ["a", "", "bc", "d"]);
            assert_eq!(lines(b"a\n", step), ["a"]);
            assert!(lines(b"", step).is_empty());
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_left_out_alone() {
        let long = "x".repeat(LINE_BYTES + 3 * CHUNK);
        let text = format!("a\n{long}\nb");
        let mut lines = Lines::new(text.as_bytes());
        assert_eq!(lines.next_line().unwrap(), Some(b"a".as_slice()));
        assert_eq!(lines.next_line().unwrap(), Some(b"b".as_slice()));
        assert_eq!(lines.next_line().unwrap(), None);
        assert_eq!(lines.too_long, 1);
        assert!(lines.buffer.len() <= LINE_BYTES + 3 * CHUNK);
    }
}
