//! The quantities that are counted in simulation and memory mode, and from when on a difference of one matters.
//!
//! Limits: `peers.md` 3.3, step 2.

use runner_shared::mode::Mode;

/// A quantity that a run has one number of for each benchmark.
#[derive(Debug, PartialEq)]
pub struct Counter {
    /// Name in exported files.
    pub id: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// Unit of its numbers.
    pub unit: Unit,
    /// The smallest difference that matters, as a share, unless the user says otherwise. `None`: it explains others and
    /// decides nothing.
    pub decides: Option<f64>,
    /// A difference below this never matters, in the unit of the readings.
    pub least: u64,
}

/// The unit of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Picoseconds.
    Time,
    /// A number of things.
    Count,
    /// Bytes.
    Bytes,
}

impl Unit {
    /// As in exported files.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Time => "ps",
            Self::Count => "1",
            Self::Bytes => "B",
        }
    }
}

const fn counter(
    id: &'static str,
    title: &'static str,
    unit: Unit,
    decides: Option<f64>,
    least: u64,
) -> Counter {
    Counter { id, title, unit, decides, least }
}

/// 500 cycles at 3.6 GHz, in picoseconds.
const LEAST_TIME: u64 = 500_000_000 / 3_600;

/// Of simulation mode, as its readings have them. The first one that matters decides.
pub(super) const SIMULATION: &[Counter] = &[
    counter("estimated_time", "estimated time", Unit::Time, Some(0.02), LEAST_TIME),
    counter("instructions", "instructions", Unit::Count, Some(0.02), 500),
    counter("l1_misses", "first-level cache misses", Unit::Count, None, 100),
    counter("ll_misses", "last-level cache misses", Unit::Count, None, 20),
    counter("syscalls", "system calls", Unit::Count, None, 5),
];

/// Of memory mode.
pub(super) const MEMORY: &[Counter] = &[
    counter("peak_memory", "peak memory", Unit::Bytes, Some(0.05), 4096),
    counter("total_allocated", "allocated bytes", Unit::Bytes, Some(0.01), 4096),
    counter("allocations", "allocations", Unit::Count, Some(0.01), 5),
];

/// A counter that only explains has moved from this share on.
pub(super) const EXPLAINS: f64 = 0.02;

/// The quantities of a mode; none of walltime, which has times.
pub(super) const fn of(mode: Mode) -> &'static [Counter] {
    match mode {
        Mode::Walltime => &[],
        Mode::Simulation => SIMULATION,
        Mode::Memory => MEMORY,
    }
}
