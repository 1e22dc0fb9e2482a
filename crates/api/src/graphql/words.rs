//! The words that the service has for a run, a report and a difference.

use serde::Deserialize;

/// The service's progress with a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RunStatus {
    /// The results are there.
    Completed,
    /// There will be none.
    Failure,
    /// It waits for its turn.
    Pending,
    /// It is being looked at.
    Processing,
    /// A word that came after us.
    #[serde(other)]
    Unknown,
}

/// The conclusion of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Conclusion {
    /// Slower, and somebody said that this is fine.
    AcknowledgedFailure,
    /// Slower.
    Failure,
    /// There is nothing to compare with.
    MissingBaseRun,
    /// As fast or faster.
    Success,
    /// A word that came after us.
    #[serde(other)]
    Unknown,
}

/// The category of a difference, as people set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum ComparisonCategory {
    /// Slower, and somebody said that this is fine.
    Acknowledged,
    /// Its benchmark is no longer looked at.
    Archived,
    /// Its benchmark doesn't count.
    Ignored,
    /// Faster.
    Improvement,
    /// Not in the base run.
    New,
    /// Slower.
    Regression,
    /// Not in the new run.
    Skipped,
    /// No difference.
    Untouched,
    /// A word that came after us.
    #[serde(other)]
    Unknown,
}

/// The status of a difference, by its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum ComparisonStatus {
    /// Faster.
    Improvement,
    /// Not in the new run.
    Missing,
    /// Not in the base run.
    New,
    /// As before.
    NoChange,
    /// Slower.
    Regression,
    /// A word that came after us.
    #[serde(other)]
    Unknown,
}
