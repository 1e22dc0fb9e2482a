//! The report as annotations of a CI system: few, as systems show only the first ones.

use super::{
    super::report::{Check, GateReport, Status},
    escape, words,
};

/// GitHub shows ten errors and ten warnings of a step.
const MOST: usize = 10;

/// A remark that a CI system shows beside the changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// It is why the gate failed.
    pub failed: bool,
    /// In a few words.
    pub title: String,
    /// The whole, on one line.
    pub text: String,
}

/// Returns a remark for each of the worst checks.
pub fn annotations(report: &GateReport) -> Vec<Annotation> {
    let remark = |failed, check: &Check| Annotation {
        failed,
        title: format!("codspeed: {}", check.status.word()),
        text: format!("{}: {}", escape::benchmark(check), words::sentence(check)),
    };
    let failed = report.failures().take(MOST).map(|check| remark(true, check));
    let doubtful = report.with(Status::Doubtful).filter(|_| !report.strict).take(MOST);
    failed.chain(doubtful.map(|check| remark(false, check))).collect()
}
