//! Processes: resolve a program once, start it cheaply, watch its end.

mod executable;
mod ring;
mod ring_records;
mod spawn;
mod stdio;
mod tick;
mod watch;

pub(crate) use executable::{Executable, ExecutableError, find};
pub(crate) use ring::Stamper;
pub(crate) use ring_records::Stamps;
pub(crate) use spawn::{Ended, Launch, NulError, Status};
pub(crate) use stdio::{Output, Rewind, Stdio, StdioError, Tail};
pub(crate) use tick::tick_ns;
pub(crate) use watch::{Seen, Watch};

/// Reads records of the kernel, for `fuzzing`.
pub(crate) fn fuzz_records(bytes: &[u8]) {
    let mut records = Vec::new();
    ring_records::parse(bytes, &mut records);
    let _ = ring_records::stamps(&mut records, 7, 1);
}
