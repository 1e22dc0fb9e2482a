//! What a run runs, as plain data.

use runner_shared::harness;

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Workload {
    /// A suite with an integration, as shell text.
    Suite(String),
    /// Commands that `exec-harness` turns into benchmarks.
    Commands {
        /// The commands.
        targets: Vec<harness::Target>,
        /// In turns.
        interleave: bool,
        /// Results hold the noise-robust times.
        robust: bool,
        /// No progress.
        quiet: bool,
    },
}

/// How a run is profiled besides being measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profiling {
    /// Not at all.
    Off,
    /// If it is possible.
    On {
        /// The user asked for it, and wants to know if it is not.
        insists: bool,
        /// How stacks are taken, if not as suits the language.
        unwinding: Option<UnwindingMode>,
    },
}

/// How stacks are taken, as far as users choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnwindingMode {
    /// By frame pointers.
    FramePointers,
    /// From a copy of the stack.
    Dwarf,
}
