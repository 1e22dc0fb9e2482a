//! The results of a run in any mode, as far as the rest of the program cares.

use results::{Comparison, CountComparison, MemoryReport, Report, SimulationReport};
use runner_shared::artifact::Outcome;

/// The results of a measurement.
#[derive(Debug, Clone)]
pub(crate) enum AnyReport {
    /// Times.
    Walltime(Report),
    /// Counts.
    Simulation(SimulationReport),
    /// Allocations.
    Memory(MemoryReport),
}

impl AnyReport {
    /// Benchmarks of which anything is known.
    pub(crate) fn benchmarks(&self) -> usize {
        match self {
            Self::Walltime(report) => report.benchmarks.len(),
            Self::Simulation(report) => report.benchmarks.len(),
            Self::Memory(report) => report.benchmarks.len(),
        }
    }

    /// Benchmarks that failed.
    pub(crate) fn failed(&self) -> usize {
        match self {
            Self::Walltime(report) => {
                let failed = report.benchmarks.iter().filter(|bench| match bench.outcome {
                    Outcome::Failed { .. } => true,
                    Outcome::Complete | Outcome::Interrupted => false,
                });
                failed.count()
            }
            // What failed left no count, or was not named.
            Self::Simulation(_) | Self::Memory(_) => 0,
        }
    }

    /// Benchmarks that were measured to their end.
    pub(crate) fn complete(&self) -> usize {
        match self {
            Self::Walltime(report) => {
                report.benchmarks.iter().filter(|bench| bench.is_complete()).count()
            }
            Self::Simulation(report) => report.benchmarks.len(),
            Self::Memory(report) => report.benchmarks.len(),
        }
    }

    /// There is a number to show.
    pub(crate) fn is_worth_showing(&self) -> bool {
        match self {
            // What failed without a single round has been said already.
            Self::Walltime(report) => report.benchmarks.iter().any(|bench| bench.stats.rounds > 0),
            Self::Simulation(report) => {
                !report.benchmarks.is_empty() || !report.unattributed.is_empty()
            }
            Self::Memory(report) => !report.benchmarks.is_empty(),
        }
    }

    /// No process was counted, not even one without a benchmark.
    pub(crate) fn lacks_processes(&self) -> bool {
        match self {
            Self::Walltime(_) | Self::Memory(_) => false,
            Self::Simulation(report) => report.processes == 0,
        }
    }

    /// Returns what would have made the numbers better, if it had been allowed.
    pub(crate) fn missing(&self) -> Option<&str> {
        match self {
            Self::Walltime(report) => {
                let robust = report.benchmarks.iter().filter_map(|bench| bench.robust.as_ref());
                let mut missing = robust.map(|robust| robust.missing.as_str());
                missing.find(|missing| !missing.is_empty())
            }
            Self::Simulation(_) | Self::Memory(_) => None,
        }
    }

    /// Commands that were compared by counts.
    pub(crate) fn count_comparisons(&self) -> Vec<CountComparison> {
        match self {
            Self::Walltime(_) => Vec::new(),
            Self::Simulation(report) => report.comparisons(),
            Self::Memory(report) => report.comparisons(),
        }
    }

    /// The arithmetic of each verdict about commands that were compared, a paragraph each; empty if none were.
    pub(crate) fn explained(&self) -> String {
        let paragraphs: Vec<String> = match self {
            Self::Walltime(report) => report.comparisons.iter().map(Comparison::explain).collect(),
            Self::Simulation(_) | Self::Memory(_) => {
                self.count_comparisons().iter().map(CountComparison::explain).collect()
            }
        };
        paragraphs.join("\n")
    }

    /// Sentences about files that could not be used fully.
    pub(crate) fn warnings(&self) -> &[String] {
        match self {
            Self::Walltime(report) => &report.warnings,
            Self::Simulation(report) => &report.warnings,
            Self::Memory(report) => &report.warnings,
        }
    }
}
