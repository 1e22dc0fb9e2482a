//! The reports of GitLab: metrics as `OpenMetrics` text, and findings as code quality.
//!
//! Sources: <https://docs.gitlab.com/ci/testing/metrics_reports>, <https://docs.gitlab.com/ci/testing/code_quality>,
//! <https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md>

use std::{collections::BTreeMap, io};

use serde_json::json;

use super::{
    super::report::{Check, GateReport, Status},
    escape::{self, label},
    words,
};
use crate::{RecordId, shown};

/// Returns the values of head as `OpenMetrics`: GitLab shows how they differ from those of the target branch.
pub(super) fn metrics(report: &GateReport) -> String {
    let mut families: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
    for check in &report.checks {
        let number = match check.occurrence {
            0..=1 => String::new(),
            number => format!(",occurrence=\"{number}\""),
        };
        let labels = format!(
            "benchmark=\"{}\",uri=\"{}\",mode=\"{}\"{number}",
            label(&check.name),
            label(&check.uri),
            shown::mode(check.mode)
        );
        if let Some(head) = check.head.filter(|head| head.is_finite()) {
            let family = format!("codspeed_{}", metric_name(&check.metric));
            families.entry(family).or_default().insert(labels.clone(), head);
        }
        let failed = if check.status == Status::Failed { 1.0 } else { 0.0 };
        let failures = families.entry("codspeed_gate_failed".to_owned()).or_default();
        let known = failures.entry(labels).or_insert(0.0);
        *known = known.max(failed);
    }
    let lines = families.into_iter().flat_map(|(family, values)| {
        let values = values.into_iter();
        let values: Vec<_> =
            values.map(|(labels, value)| format!("{family}{{{labels}}} {value}\n")).collect();
        std::iter::once(format!("# TYPE {family} gauge\n")).chain(values)
    });
    lines.chain(["# EOF\n".to_owned()]).collect()
}

/// Returns a key as the name of a metric.
fn metric_name(key: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    key.chars().take(64).map(letter).collect::<String>().to_ascii_lowercase()
}

/// Returns what failed or is not certain as findings of code quality.
pub(super) fn code_quality(report: &GateReport) -> io::Result<Vec<u8>> {
    let matters = |check: &&Check| match check.status {
        Status::Failed | Status::Doubtful | Status::Waived => true,
        Status::Improved | Status::Passed => false,
    };
    let findings = report.checks.iter().filter(matters).map(|check| {
        let severity = match check.status {
            Status::Failed => "major",
            Status::Doubtful | Status::Waived => "minor",
            Status::Improved | Status::Passed => "info",
        };
        json!({
            "description": format!("{}: {}", escape::benchmark(check), words::sentence(check)),
            "check_name": format!("codspeed-{}", check.kind.word()),
            "fingerprint": fingerprint(check),
            "severity": severity,
            "location": { "path": path(&check.uri), "lines": { "begin": 1 } },
        })
    });
    let mut bytes = serde_json::to_vec_pretty(&findings.collect::<Vec<_>>())?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Returns what GitLab knows a finding by: the same in each run.
fn fingerprint(check: &Check) -> String {
    let mode = shown::mode(check.mode);
    let occurrence = check.occurrence.to_string();
    let parts = [mode, &check.uri, &occurrence, &check.metric, check.kind.word()];
    RecordId::of(parts.join("\u{0}").as_bytes()).to_string()
}

/// Returns the file that an identity begins with, if it can be one of the project; else the file with the limits.
fn path(uri: &str) -> &str {
    const LIMITS: &str = "codspeed.yml";
    let Some((file, _)) = uri.split_once("::") else { return LIMITS };
    let is_usual = |letter: char| letter.is_ascii_alphanumeric() || "/._-".contains(letter);
    let is_within = !file.starts_with('/') && file.split('/').all(|part| part != "..");
    let is_file = file.len() <= 255 && file.contains('.') && file.chars().all(is_usual);
    if is_within && is_file { file } else { LIMITS }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_files_of_the_project() {
        for (uri, expected) in [
            ("benches/sort.rs::sort::quick", "benches/sort.rs"),
            ("../../etc/passwd.txt::x", "codspeed.yml"),
            ("/etc/passwd.txt::x", "codspeed.yml"),
            ("a b.rs::x", "codspeed.yml"),
            ("exec_harness::sleep 1", "codspeed.yml"),
            ("\u{1b}[31m.rs::x", "codspeed.yml"),
        ] {
            assert_eq!(path(uri), expected);
        }
    }

    #[test]
    fn names_of_metrics_have_usual_letters() {
        assert_eq!(metric_name("Ir"), "ir");
        assert_eq!(metric_name("a b\n{x=\"1\"} 2"), "a_b__x__1___2");
    }
}
