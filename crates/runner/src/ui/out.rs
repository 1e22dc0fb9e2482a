//! One stream that we write to: knows whether it is in the middle of a line, and survives a reader who has gone.

use std::io::{self, Write};

/// A stream.
#[derive(Debug)]
pub(super) struct Out<W> {
    to: W,
    mid_line: bool,
    /// Nobody reads it any more: the run goes on.
    closed: bool,
}

impl<W: Write> Out<W> {
    /// At the beginning of a line.
    pub(super) const fn new(to: W) -> Self {
        Self { to, mid_line: false, closed: false }
    }

    /// Writes these bytes and nothing else.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        if let Some(last) = bytes.last() {
            self.mid_line = *last != b'\n';
        }
        match self.write(bytes) {
            // `| head` has seen enough.
            Err(err) if err.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            other => other,
        }
    }

    /// Writes a line of its own.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        let fresh = if self.mid_line { "\n" } else { "" };
        self.pass(format!("{fresh}{text}\n").as_bytes())
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.to.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => bytes = bytes.get(len..).unwrap_or_default(),
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes three bytes, then fails like this.
    struct Small(Vec<u8>, io::ErrorKind);

    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.len() >= 3 {
                return Err(self.1.into());
            }
            self.0.extend(&bytes[..1]);
            Ok(1)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_begins_on_a_fresh_line() {
        let mut out = Out::new(Vec::new());
        for bytes in ["a", "b\n", "c", ""] {
            out.pass(bytes.as_bytes()).unwrap();
        }
        out.line("line").unwrap();
        out.line("line").unwrap();
        assert_eq!(String::from_utf8(out.to).unwrap(), "ab\nc\nline\nline\n");
    }

    #[test]
    fn a_reader_who_has_gone_is_no_error_and_a_full_disk_is_one() {
        let mut out = Out::new(Small(Vec::new(), io::ErrorKind::BrokenPipe));
        out.line("long").unwrap();
        out.line("more").unwrap();
        let mut out = Out::new(Small(Vec::new(), io::ErrorKind::StorageFull));
        assert_eq!(out.line("long").unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
