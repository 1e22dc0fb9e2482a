//! Waits for events, so that no test sleeps. The limit only turns a test that would hang into one that fails.

use std::{
    fs::{File, OpenOptions},
    io::Read,
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::Path,
};

use nix::{
    fcntl::OFlag,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

/// Far more than any healthy machine needs.
const LIMIT_MILLIS: u16 = 60_000;

/// The test's end of a FIFO through which a program says something.
#[derive(Debug)]
pub struct Notice(File);

impl Notice {
    /// Opens the FIFO, so that a writer never waits for us. Also for writing, as the FIFO would
    /// count as ended between two writers otherwise.
    pub(crate) fn on(path: &Path) -> Self {
        let flags = OFlag::O_NONBLOCK.bits();
        Self(OpenOptions::new().read(true).write(true).custom_flags(flags).open(path).unwrap())
    }

    /// Waits until something was written, and returns it without the final line break.
    #[track_caller]
    pub fn wait(&mut self) -> String {
        assert!(arrives(&self.0), "nobody said anything");
        let mut bytes = [0; 4096];
        let len = self.0.read(&mut bytes).unwrap();
        String::from_utf8_lossy(bytes.get(..len).unwrap_or_default()).trim_end().to_owned()
    }
}

/// Waits until `source` can be read without blocking. Returns whether that came true.
pub(crate) fn arrives(source: &impl AsFd) -> bool {
    let mut watched = [PollFd::new(source.as_fd(), PollFlags::POLLIN)];
    poll(&mut watched, PollTimeout::from(LIMIT_MILLIS)).unwrap() > 0
}
