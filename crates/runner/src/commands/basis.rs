//! The measurements behind the verdicts of `ab` and `bisect`, from which `--explain` shows the arithmetic.

use results::{Report, Suite, SuiteComparison};

use crate::recording::Facts;

/// The measurements that verdicts are computed from.
pub(super) enum Basis {
    /// Whole runs of a suite, and what those of each side say of the measurement, base first.
    Runs(Suite, Box<[Option<Facts>; 2]>),
    /// Rounds of a command.
    Turns(Box<Report>),
    /// There are none.
    Nothing,
}

impl Basis {
    /// Returns the arithmetic of verdicts that come from this.
    pub(super) fn explain(&self, found: &SuiteComparison) -> String {
        match self {
            Self::Runs(suite, _) => suite.explain(found),
            Self::Turns(report) => results::explain_turns(report),
            Self::Nothing => String::new(),
        }
    }
}
