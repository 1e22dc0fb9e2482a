//! The signals that matter to a run, as a descriptor to poll.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use nix::sys::{
    signal::{SigSet, SigmaskHow, Signal, pthread_sigmask},
    signalfd::{SfdFlags, SignalFd},
};
use system::{limits, signals::heeded};

/// What a signal means for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The user or the system wants an end; pass this on.
    Stop(Signal),
    /// A child has changed its state.
    Child,
}

/// Blocks the signals for as long as the run lasts; programs are started without the block.
#[derive(Debug)]
pub(crate) struct Signals {
    descriptor: SignalFd,
    before: SigSet,
}

/// What is taken while a run lasts.
fn taken() -> SigSet {
    let mut taken = stops();
    taken.add(Signal::SIGCHLD);
    taken
}

/// The signals by which somebody wants an end.
pub(super) fn stops() -> SigSet {
    heeded(SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT]))
}

/// Undoes the block in a process that was just forked: the program in it shall hear of signals.
/// Only makes an async-signal-safe call.
pub(super) fn release() -> io::Result<()> {
    limits::be_ended_by_large_files()?;
    Ok(taken().thread_unblock()?)
}

impl Signals {
    /// Blocks them. To be called before another thread exists, so that all threads inherit it.
    pub(crate) fn take() -> io::Result<Self> {
        let wanted = taken();
        let mut before = SigSet::empty();
        pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&wanted), Some(&mut before))?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Self { descriptor: SignalFd::with_flags(&wanted, flags)?, before })
    }

    /// The next signal, if one came; doesn't wait.
    pub(crate) fn next(&self) -> Option<Heard> {
        let signal = self.descriptor.read_signal().ok().flatten()?;
        let number = i32::try_from(signal.ssi_signo).ok()?;
        let signal = Signal::try_from(number).ok()?;
        Some(if signal == Signal::SIGCHLD { Heard::Child } else { Heard::Stop(signal) })
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // What came while nobody looked must not end us now that the run is over.
        while self.next().is_some() {}
        // Restoring the mask that was there can't fail.
        let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&self.before), None);
    }
}
