//! The end of a benchmark that somebody wants, or that can't be served: asked first, and more than asked when it does not go.

use nix::sys::signal::Signal;
use runner_shared::clock::{Monotonic, now};
use system::signals::{Heard, Heeding, Signals};

use crate::{event::RunEvent, process::Child};

/// A benchmark that was asked to stop has this long to put its things in order.
const GRACE_NS: u64 = 5_000_000_000;
/// A benchmark that is to end at once has this long: ours among it remove what is temporary, and others learn of it.
const LAST_NS: u64 = 250_000_000;
/// A benchmark that can't be served has this long to end.
const REFUSED_NS: u64 = 1_000_000_000;
/// The stage of ending the benchmark.
pub(super) struct Stop<'a> {
    /// The second signal is ours as well: it ends the benchmark, and what was finished is shown all the same.
    heeding: Heeding<'a>,
    /// By the user.
    requested: bool,
    refused: bool,
    /// It was asked for the last time.
    last: bool,
    /// Then more is done than was asked.
    pub(super) deadline: Option<Monotonic>,
}

impl<'a> Stop<'a> {
    /// Nobody wants an end yet.
    pub(super) fn new(signals: &'a Signals) -> Self {
        let heeding = signals.heed(2);
        Self { heeding, requested: false, refused: false, last: false, deadline: None }
    }

    /// The benchmark has ended. Returns whether somebody wanted that.
    pub(super) fn end(self) -> bool {
        let Self { heeding, requested, .. } = self;
        drop(heeding);
        requested
    }

    /// The first request is passed on, the second one is the end.
    pub(super) fn request(&mut self, child: &Child, heard: Heard, tell: &dyn Fn(RunEvent)) {
        if self.requested {
            return self.kill(child, tell);
        }
        self.requested = true;
        self.deadline = Some(now().plus(GRACE_NS));
        tell(RunEvent::Stopping);
        child.signal_group(heard.to_pass_on());
        // One that is stopped would not hear of it.
        child.signal_group(Signal::SIGCONT);
    }

    /// Ends a benchmark that can't be served: a tracer around it removes its files, and nothing of it is worth waiting for.
    pub(super) fn refuse(&mut self, child: &Child) {
        if !self.refused {
            self.refused = true;
            self.deadline = Some(now().plus(REFUSED_NS));
            child.signal_group(Signal::SIGTERM);
        }
    }

    /// Does more once the time that it had is over.
    pub(super) fn look_at_the_clock(&mut self, child: &Child, tell: &dyn Fn(RunEvent)) {
        if self.deadline.is_none_or(|deadline| now() < deadline) {
            return;
        }
        if self.last {
            self.deadline = None;
            child.signal_group(Signal::SIGKILL);
        } else {
            self.kill(child, tell);
        }
    }

    /// Whoever does not go by itself now is killed.
    fn kill(&mut self, child: &Child, tell: &dyn Fn(RunEvent)) {
        if self.last {
            return;
        }
        self.last = true;
        self.deadline = Some(now().plus(LAST_NS));
        child.signal_group(Signal::SIGTERM);
        if self.requested {
            tell(RunEvent::Killing);
        }
    }
}
