//! Reads what `perf record` has written: framing, attributes, records, order in time.
//!
//! The layouts are those of the kernel's `perf_event.h` and of `perf.data-file-format.txt`.

mod attr;
mod event;
mod order;
mod sample;
mod scan;
mod source;

pub(crate) use attr::Attr;
pub(crate) use event::{Event, Identity, Mmap};
pub(crate) use sample::Sample;
pub(crate) use scan::{Summary, Visitor, scan, scan_input};
