//! Counts by the name of their event.

use std::sync::Arc;

use runner_shared::walltime::as_float;

use crate::callgrind::INSTRUCTIONS;

/// Counts in the order of the file. Which there are depends on the tool and its options.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events(Vec<(Arc<str>, Option<u64>)>);

impl Events {
    /// Instructions.
    pub const INSTRUCTIONS: &'static str = INSTRUCTIONS;
    /// Instructions, data and caches: what the service knows.
    pub const OF_CACHES: &'static [&'static str] =
        &["Ir", "Dr", "Dw", "I1mr", "D1mr", "D1mw", "ILmr", "DLmr", "DLmw"];
    /// System calls.
    pub const SYSCALLS: &'static str = "sysCount";
    /// Nanoseconds in system calls.
    pub const SYSCALL_TIME: &'static str = "sysTime";

    /// Names and counts; `None` is a counter that ran backwards and means nothing.
    pub fn new(counts: impl IntoIterator<Item = (Arc<str>, Option<u64>)>) -> Self {
        Self(counts.into_iter().collect())
    }

    /// A count; `None` if it was not taken or means nothing.
    pub fn get(&self, name: &str) -> Option<u64> {
        self.0.iter().find(|(event, _)| &**event == name)?.1
    }

    /// All names and counts.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<u64>)> {
        self.0.iter().map(|(name, count)| (&**name, *count))
    }

    /// Nothing was counted.
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|(_, count)| count.unwrap_or(0) == 0)
    }

    /// These counts less the others, never below 0.
    pub(super) fn without(&self, others: &Self) -> Self {
        let less = |(name, count): &(Arc<str>, Option<u64>)| {
            let other = others.0.iter().find(|(event, _)| event == name);
            let other = other.map_or(Some(0), |(_, count)| *count);
            (Arc::clone(name), count.zip(other).map(|(count, other)| count.saturating_sub(other)))
        };
        Self(self.0.iter().map(less).collect())
    }
}

/// A share of a whole that isn't 0.
pub(super) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| as_float(part) / as_float(whole))
}
