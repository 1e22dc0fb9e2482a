//! Waits for the end of a process, for a signal to us, and for the clock, all at once.

use std::{io, os::fd::AsFd};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{SigSet, SigmaskHow, Signal, pthread_sigmask},
        signalfd::{SfdFlags, SignalFd},
    },
};
use runner_shared::clock::{Monotonic, now};
use system::{limits, signals::heeded};

use super::spawn::Child;

/// What ended the waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The process has ended, at this time.
    Ended(Monotonic),
    /// The time is up.
    Time,
    /// We are asked to stop.
    Signal,
}

/// Takes the signals that ask for an end for as long as the program runs.
#[derive(Debug)]
pub(crate) struct Watch {
    signals: SignalFd,
    original_mask: SigSet,
    stop: bool,
}

impl Watch {
    /// Blocks the signals and opens a descriptor for them.
    pub(crate) fn start() -> io::Result<Self> {
        let stop = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];
        let stop = heeded(SigSet::from_iter(stop));
        let mut original_mask = SigSet::empty();
        pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&stop), Some(&mut original_mask))?;
        let signals = SignalFd::with_flags(&stop, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        let original_mask = limits::usual(original_mask);
        Ok(Self { signals, original_mask, stop: false })
    }

    /// The signal mask that programs shall start with.
    pub(crate) fn original_mask(&self) -> SigSet {
        self.original_mask
    }

    /// Whether we were asked to stop; doesn't wait.
    pub(crate) fn stop_requested(&mut self) -> bool {
        if let Ok(Some(_)) = self.signals.read_signal() {
            self.stop = true;
        }
        self.stop
    }

    /// A stop that was asked for has been obeyed: what is run now to tidy up is only ended by
    /// another signal.
    pub(crate) fn acknowledge(&mut self) {
        self.stop = false;
    }

    /// Waits until `child` has ended, a stop signal arrives, or `until` has passed.
    pub(crate) fn wait(&mut self, child: &Child, until: Option<Monotonic>) -> io::Result<Seen> {
        loop {
            if self.stop {
                return Ok(Seen::Signal);
            }
            let timeout = match until {
                None => PollTimeout::NONE,
                Some(until) => {
                    // Rounded up: a poll that ends too early would only be repeated.
                    let millis = until.since(now()).div_ceil(1_000_000);
                    PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
                }
            };
            let mut watched = [
                PollFd::new(child.pidfd.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
            ];
            let ready = poll(&mut watched, timeout);
            // Before anything else: this is the end of the round.
            let time = now();
            match ready {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            let [ended, _] = watched.map(|fd| fd.any().unwrap_or(false));
            if ended {
                return Ok(Seen::Ended(time));
            }
            if self.stop_requested() {
                return Ok(Seen::Signal);
            }
            if until.is_some_and(|until| time >= until) {
                return Ok(Seen::Time);
            }
        }
    }
}
