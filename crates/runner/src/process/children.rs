//! News of children, as a descriptor to poll.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use nix::sys::{
    signal::{SigSet, Signal},
    signalfd::{SfdFlags, SignalFd},
};

/// Tells when a child has ended or was stopped. `system::signals` keeps the signal from all threads for it.
#[derive(Debug)]
pub(crate) struct Children {
    descriptor: SignalFd,
}

impl Children {
    /// Listens. What has happened before is told, too.
    pub(crate) fn listen() -> io::Result<Self> {
        let wanted = SigSet::from(Signal::SIGCHLD);
        // It is so already where `main` has run.
        wanted.thread_block()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Self { descriptor: SignalFd::with_flags(&wanted, flags)? })
    }

    /// Returns whether a child has changed its state since this was asked last; doesn't wait.
    pub(crate) fn have_changed(&self) -> bool {
        let mut changed = false;
        while let Ok(Some(_)) = self.descriptor.read_signal() {
            changed = true;
        }
        changed
    }
}

impl AsFd for Children {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
