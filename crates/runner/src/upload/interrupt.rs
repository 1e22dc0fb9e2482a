//! Ctrl-C while results are sent: the archive is dropped where it can't be finished, and kept where it can't be sent.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::process::{Heard, Signals};

/// Takes the signals that want an end, for as long as it lives. To be made before another thread exists.
#[derive(Debug)]
pub(crate) struct Interrupt {
    signals: Signals,
    heard: AtomicBool,
}

impl Interrupt {
    /// Takes them.
    pub(crate) fn take() -> io::Result<Self> {
        Ok(Self { signals: Signals::take()?, heard: AtomicBool::new(false) })
    }
}

impl api::Stop for Interrupt {
    fn is_wanted(&self) -> bool {
        while let Some(heard) = self.signals.next() {
            if matches!(heard, Heard::Stop(_)) {
                self.heard.store(true, Ordering::Relaxed);
            }
        }
        self.heard.load(Ordering::Relaxed)
    }
}
