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
