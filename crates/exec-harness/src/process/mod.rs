//! Processes: resolve a program once, start it cheaply, watch its end.

mod counters;
mod executable;
mod spawn;
mod stamper;
mod stamps;
mod stdio;
mod tick;
mod watch;

pub(crate) use counters::Counters;
pub(crate) use executable::{Executable, ExecutableError, find};
pub(crate) use spawn::{Ended, Launch, NulError, Status, own_peak_bytes};
pub(crate) use stamper::Stamper;
pub(crate) use stamps::Stamps;
pub(crate) use stdio::{Output, Rewind, Stdio, StdioError, Tail};
pub(crate) use tick::tick_ns;
pub(crate) use watch::{Seen, Watch};

/// Reads records of the kernel, for `fuzzing`.
pub(crate) fn fuzz_records(bytes: &[u8]) {
    let mut records = Vec::new();
    system::perf::parse(bytes, &mut records);
    let _ = stamps::stamps(&mut records, 7, 1);
}
