//! `JUnit` XML, as CI systems show it: a benchmark is a test case. One that failed, or got worse than its base, is a
//! failure; one that was interrupted is skipped.

use std::{io, time::Duration};

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};
use runner_shared::{mode::Mode, text::one_line};

use super::lines::symbol;
use crate::{
    measured::{End, Measured},
    metrics::Unit,
    model::Interval,
};

/// Writes a suite for each mode.
pub(super) fn write(all: &[Measured], out: &mut dyn io::Write) -> io::Result<()> {
    let mut report = Report::new("codspeed");
    let mut modes: Vec<Mode> = Vec::new();
    for of in all {
        if !modes.contains(&of.mode) {
            modes.push(of.mode);
        }
    }
    for mode in modes {
        let mut suite = TestSuite::new(mode.names().cli);
        suite.add_test_cases(all.iter().filter(|of| of.mode == mode).map(case));
        report.add_test_suite(suite);
    }
    report.serialize(out).map_err(io::Error::other)
}

fn case(of: &Measured) -> TestCase {
    let mut case = TestCase::new(one_line(&of.full_name()), status(&of.end));
    case.set_classname(one_line(of.uri.rsplit_once("::").map_or(&of.uri, |(place, _)| place)));
    let headline = of.headline().filter(|one| one.unit == Unit::Nanoseconds);
    let time = headline.map(|one| Duration::try_from_secs_f64(one.value / 1e9));
    if let Some(Ok(time)) = time {
        case.set_time(time);
    }
    case.add_property(Property::new("uri", one_line(&of.uri)));
    for one in &of.quantities {
        let interval = one.interval.map(|Interval { low, high }| format!(" ({low} to {high})"));
        let unit = match one.unit {
            Unit::Number | Unit::Word => String::new(),
            Unit::Nanoseconds | Unit::Bytes | Unit::Cycles | Unit::Share | Unit::PerSecond => {
                format!(" {}", symbol(one.unit))
            }
        };
        let value = format!("{}{unit}{}", one.value, interval.unwrap_or_default());
        case.add_property(Property::new(one_line(&one.key), value));
    }
    if !of.remarks.is_empty() {
        let remarks: Vec<String> = of.remarks.iter().map(|remark| one_line(remark)).collect();
        case.set_system_out(remarks.join("\n"));
    }
    case
}

fn status(end: &End) -> TestCaseStatus {
    let failure = |kind: &str, why: &str| {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type(kind).set_message(one_line(why));
        status
    };
    match end {
        End::Complete => TestCaseStatus::success(),
        End::Failed(why) => failure("failed", why),
        End::Regressed(why) => failure("regressed", why),
        End::Interrupted => {
            let mut status = TestCaseStatus::skipped();
            status.set_message("interrupted");
            status
        }
    }
}
