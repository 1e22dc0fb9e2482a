//! Being switched on and off by a client: the text protocol of `perf record --control`. One line, one answer.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::fd::{AsFd, BorrowedFd},
    path::Path,
};

use runner_shared::{
    fault::{Attempt, explain},
    text::shown,
};
use system::files;

/// A longer line is none of the protocol.
const LONGEST_LINE: usize = 256;
const ACK: &[u8] = b"ack\n\0";

/// A wish of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// Record from now on.
    Enable,
    /// Don't record any more.
    Disable,
    /// Are you there?
    Ping,
}

/// Both FIFOs.
#[derive(Debug)]
pub(crate) struct Control {
    requests: File,
    answers: File,
    line: Vec<u8>,
}

impl Control {
    /// Opens what the client has made.
    pub(crate) fn open(requests: &Path, answers: &Path) -> io::Result<Self> {
        let open = |path: &Path| {
            // Reading and writing: opening waits for nobody, and there is no end between clients.
            let opened = files::open_fifo(path, OpenOptions::new().read(true).write(true));
            opened.map_err(|err| {
                let why = explain(&err, Attempt::Read);
                io::Error::new(err.kind(), format!("`{}`: {why}", shown(path)))
            })
        };
        Ok(Self { requests: open(requests)?, answers: open(answers)?, line: Vec::new() })
    }

    /// The next complete request that has arrived; doesn't wait. What is not understood gets no answer, as from perf.
    pub(crate) fn next(&mut self) -> io::Result<Option<Request>> {
        loop {
            while let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.line.drain(..=end).filter(|byte| *byte != 0).collect();
                match line.trim_ascii() {
                    b"enable" => return Ok(Some(Request::Enable)),
                    b"disable" => return Ok(Some(Request::Disable)),
                    b"ping" => return Ok(Some(Request::Ping)),
                    _ => {}
                }
            }
            if self.line.len() > LONGEST_LINE {
                self.line.clear();
            }
            let mut chunk = [0; 256];
            match self.requests.read(&mut chunk) {
                Ok(0) => return Ok(None),
                Ok(len) => self.line.extend(chunk.iter().take(len)),
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
    }

    /// Tells the client that its wish is fulfilled.
    pub(crate) fn acknowledge(&mut self) -> io::Result<()> {
        self.answers.write_all(ACK)
    }
}

impl AsFd for Control {
    /// Readable when a request has arrived.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.requests.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use nix::{sys::stat::Mode, unistd::mkfifo};

    use super::*;

    #[test]
    fn requests_are_taken_line_by_line_and_answered_as_perf_does() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [folder.path().join("ctl"), folder.path().join("ack")];
        for path in &paths {
            mkfifo(path, Mode::S_IRWXU).unwrap();
        }
        let mut control = Control::open(&paths[0], &paths[1]).unwrap();
        assert_eq!(control.next().unwrap(), None);
        let mut client = OpenOptions::new().read(true).write(true).open(&paths[0]).unwrap();
        client.write_all(b"enable\n\0nonsense\n\0disa").unwrap();
        assert_eq!(control.next().unwrap(), Some(Request::Enable));
        assert_eq!(control.next().unwrap(), None);
        client.write_all(b"ble\n\0").unwrap();
        client.write_all(&[b'x'; 1000]).unwrap();
        client.write_all(b"\nping\n\0").unwrap();
        assert_eq!(control.next().unwrap(), Some(Request::Disable));
        assert_eq!(control.next().unwrap(), Some(Request::Ping));
        control.acknowledge().unwrap();
        let mut answer = [0; 5];
        File::open(&paths[1]).unwrap().read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"ack\n\0");
    }
}
