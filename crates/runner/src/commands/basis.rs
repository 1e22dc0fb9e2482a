//! The measurements behind the verdicts of `ab` and `bisect`, from which `--explain` shows the arithmetic.

use results::{Report, Suite, SuiteComparison};

use crate::report::AnyReport;

/// The measurements that verdicts are computed from.
pub(super) enum Basis {
    /// Whole runs of a suite.
    Runs(Suite),
    /// Rounds of a command.
    Turns(Box<Report>),
    /// There are none.
    Nothing,
}

impl Basis {
    /// Takes the rounds of a command from the report of their run.
    pub(super) fn of_turns(report: AnyReport) -> Self {
        match report {
            AnyReport::Walltime(report) => Self::Turns(Box::new(report)),
            AnyReport::Simulation(_) | AnyReport::Memory(_) => Self::Nothing,
        }
    }

    /// Returns the arithmetic of verdicts that come from this.
    pub(super) fn explain(&self, found: &SuiteComparison) -> String {
        match self {
            Self::Runs(suite) => suite.explain(found),
            Self::Turns(report) => results::explain_turns(report),
            Self::Nothing => String::new(),
        }
    }
}
