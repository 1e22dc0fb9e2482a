//! Tells a client how far a trace is: a line a second, `EVENTS NANOSECONDS BACKEND`, into a FIFO that the client has made.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use runner_shared::clock::{Monotonic, now};
use system::files;

/// Nobody reads faster.
const INTERVAL_NS: u64 = 1_000_000_000;

/// The FIFO.
#[derive(Debug)]
pub(crate) struct Progress {
    fifo: File,
    backend: &'static str,
    start: Monotonic,
    told: Monotonic,
}

impl Progress {
    /// Opens what the client has made and reads from, and tells at once that we are there: a client gives up a tracer that
    /// says nothing. Time counts from here.
    pub(crate) fn open(path: &Path, backend: &'static str) -> io::Result<Self> {
        let fifo = files::open_fifo(path, OpenOptions::new().write(true))?;
        let start = now();
        let mut progress = Self { fifo, backend, start, told: start };
        progress.write(0, start);
        Ok(progress)
    }

    /// So many events were recorded so far; says so if the last word is a second old.
    pub(crate) fn tell(&mut self, events: u64) {
        let now = now();
        if now.since(self.told) < INTERVAL_NS {
            return;
        }
        self.told = now;
        self.write(events, now);
    }

    fn write(&mut self, events: u64, now: Monotonic) {
        let line = format!("{events} {} {}\n", now.since(self.start), self.backend);
        // Who doesn't read doesn't want to know.
        drop(self.fifo.write_all(line.as_bytes()));
    }
}
