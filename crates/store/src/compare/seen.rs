//! A benchmark as a run has seen it.

use crate::{Environment, Part, Record, RecordedBenchmark};

/// A benchmark with all that is kept of its run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    pub record: &'a Record,
    pub part: &'a Part,
    pub benchmark: &'a RecordedBenchmark,
}

impl<'a> Seen<'a> {
    /// Returns the machine that measured it.
    pub(super) fn environment(&self) -> &'a Environment {
        self.record.environment_of(self.part)
    }
}
