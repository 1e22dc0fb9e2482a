//! The report as test results: a suite for each mode, a test for each check.

use std::io;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{
    super::report::{Check, GateReport, Status},
    escape, words,
};
use crate::{Mode, shown};

/// Writes the report.
pub(super) fn write(report: &GateReport) -> io::Result<Vec<u8>> {
    let mut junit = Report::new("codspeed gate");
    for mode in [Mode::Walltime, Mode::Simulation, Mode::Memory] {
        let checks: Vec<&Check> = report.checks.iter().filter(|check| check.mode == mode).collect();
        if checks.is_empty() {
            continue;
        }
        let word = shown::mode(mode);
        let mut suite = TestSuite::new(word);
        suite.add_test_cases(checks.into_iter().map(|check| case(check, word, report.strict)));
        junit.add_test_suite(suite);
    }
    let mut bytes = Vec::new();
    junit.serialize(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

fn case(check: &Check, mode: &str, strict: bool) -> TestCase {
    let failed = |kind: &str| {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(words::sentence(check)).set_type(kind);
        status
    };
    let status = match check.status {
        Status::Failed => failed(check.kind.word()),
        Status::Doubtful if strict => failed("doubt"),
        Status::Doubtful | Status::Waived => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(words::sentence(check));
            status
        }
        Status::Improved | Status::Passed => TestCaseStatus::success(),
    };
    let title = if check.title.is_empty() { "completion" } else { &check.title };
    let mut case = TestCase::new(format!("{}: {title}", escape::benchmark(check)), status);
    case.set_classname(format!("{mode}.{}", escape::name(&check.uri)));
    case
}
