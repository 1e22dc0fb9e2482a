//! Waits for the end of a process, for a signal to us, and for the clock, all at once.

use std::{io, os::fd::AsFd};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use runner_shared::clock::{Monotonic, now};
use system::signals::Signals;

use super::spawn::Child;

/// The reason why waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The process has ended, at this time.
    Ended(Monotonic),
    /// The time is up.
    Time,
    /// We are asked to stop.
    Signal,
}

/// Waits, and keeps in mind which requests for an end were obeyed.
#[derive(Debug)]
pub(crate) struct Watch {
    signals: Signals,
    /// Signals that were obeyed.
    obeyed: u32,
}

impl Watch {
    /// Nothing was obeyed so far.
    pub(crate) fn new(signals: &Signals) -> Self {
        Self { signals: signals.clone(), obeyed: 0 }
    }

    /// Returns true if we were asked to stop; doesn't wait.
    pub(crate) fn stop_requested(&self) -> bool {
        self.signals.count() > self.obeyed
    }

    /// The first request for an end has been obeyed: what is run now to tidy up is only ended by
    /// another signal.
    pub(crate) fn acknowledge(&mut self) {
        self.obeyed = 1;
    }

    /// Waits until `child` has ended, a stop signal arrives, or `until` has passed.
    pub(crate) fn wait(&self, child: &Child, until: Option<Monotonic>) -> io::Result<Seen> {
        loop {
            if self.stop_requested() {
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
            let [ended, heard] = watched.map(|fd| fd.any().unwrap_or(false));
            if ended {
                return Ok(Seen::Ended(time));
            }
            if heard {
                // All of them count; so they need not be looked at.
                while self.signals.next().is_some() {}
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
