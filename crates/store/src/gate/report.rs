//! The outcome of a gate: one check after the other, worst first.

use std::{cmp::Ordering, collections::BTreeSet};

use serde::Serialize;

use super::rules::Subject;
use crate::{
    MetricUnit, Mode,
    compare::{Title, Verdict},
};

/// The outcome for a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateReport {
    /// Version of the keys in JSON.
    pub version: u32,
    /// Nothing failed.
    pub passed: bool,
    /// True if uncertain checks fail, too.
    pub strict: bool,
    /// The runs that are compared with; none if there was none.
    pub base: Vec<Title>,
    /// The runs that are judged.
    pub head: Vec<Title>,
    /// All checks, worst first.
    pub checks: Vec<Check>,
    /// Waivers that need the attention of their owners.
    pub waivers: Vec<WaiverNote>,
    /// Sentences on the whole.
    pub notes: Vec<String>,
    /// The benchmarks of head that came to their end.
    #[serde(skip)]
    pub(super) complete: BTreeSet<(Mode, String, u32)>,
}

/// One benchmark, one quantity, one limit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// The mode.
    pub mode: Mode,
    /// Name of the benchmark as shown.
    pub name: String,
    /// Its identity.
    pub uri: String,
    /// 1 for the first measurement of its identity in a run, 2 for the next.
    pub occurrence: u32,
    /// The kind of the check.
    pub kind: CheckKind,
    /// Key of the quantity; empty if the check is about none.
    pub metric: String,
    /// Its name in sentences.
    pub title: String,
    /// Its unit.
    pub unit: MetricUnit,
    /// Value of base.
    pub base: Option<f64>,
    /// Value of head.
    pub head: Option<f64>,
    /// Head divided by base.
    pub ratio: Option<f64>,
    /// Interval of the ratio: lower and upper end.
    pub interval: Option<[f64; 2]>,
    /// The largest loss as a share, or the largest value; `None` if there is no limit.
    pub limit: Option<f64>,
    /// The verdict of the comparison.
    pub verdict: Option<Verdict>,
    /// The outcome.
    pub status: Status,
    /// The reason for it, as a sentence without the name.
    pub reason: String,
}

/// The kind of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// The benchmark came to its end.
    Completion,
    /// A value is not worse than before.
    Regression,
    /// A value is within its budget.
    Budget,
}

/// The outcome of a check, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The limit is exceeded.
    Failed,
    /// It is not known: passes, but for `--strict`.
    Doubtful,
    /// It would fail, which a waiver permits.
    Waived,
    /// Better than before.
    Improved,
    /// Within the limit.
    Passed,
}

/// A waiver that does nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaiverNote {
    /// The pattern of its benchmarks.
    pub benchmarks: String,
    /// Its reason.
    pub reason: String,
    /// Its last day.
    pub until: String,
    /// That day is over; otherwise no check needed it.
    pub expired: bool,
}

impl Status {
    /// All of them, worst first.
    pub const ALL: [Self; 5] =
        [Self::Failed, Self::Doubtful, Self::Waived, Self::Improved, Self::Passed];

    /// As one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Doubtful => "not certain",
            Self::Waived => "waived",
            Self::Improved => "improved",
            Self::Passed => "passed",
        }
    }
}

impl CheckKind {
    /// As one word.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Completion => "completion",
            Self::Regression => "regression",
            Self::Budget => "budget",
        }
    }
}

impl Check {
    /// A check without values.
    pub(super) fn bare(subject: Subject<'_>, status: Status, reason: String) -> Self {
        Self {
            mode: subject.mode,
            name: subject.name.to_owned(),
            uri: subject.uri.to_owned(),
            occurrence: 1,
            kind: CheckKind::Completion,
            metric: String::new(),
            title: String::new(),
            unit: MetricUnit::Number,
            base: None,
            head: None,
            ratio: None,
            interval: None,
            limit: None,
            verdict: None,
            status,
            reason,
        }
    }

    /// Returns true if the check makes the gate fail; doubts do if that is wanted.
    pub(super) fn fails(&self, strict: bool) -> bool {
        self.status == Status::Failed || strict && self.status == Status::Doubtful
    }

    /// Adds a sentence to the reason.
    pub(super) fn add_reason(&mut self, text: &str) {
        if !self.reason.is_empty() {
            self.reason.push_str("; ");
        }
        self.reason.push_str(text);
    }
}

impl GateReport {
    /// The version of the keys in JSON.
    pub const VERSION: u32 = 1;

    /// Returns the checks with this outcome.
    pub fn with(&self, wanted: Status) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(move |check| check.status == wanted)
    }

    /// Returns the checks that make the gate fail.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        let strict = self.strict;
        self.checks.iter().filter(move |check| check.fails(strict))
    }

    /// Returns the sentence that sums it up.
    pub fn summary(&self) -> String {
        let counts = Status::ALL.iter().filter_map(|status| {
            let count = self.with(*status).count();
            (count > 0).then(|| format!("{count} {}", status.word()))
        });
        let counts = counts.collect::<Vec<_>>().join(", ");
        let counts = if counts.is_empty() { "nothing was checked".to_owned() } else { counts };
        format!("gate {}: {counts}", if self.passed { "passed" } else { "failed" })
    }

    /// Decides the whole, and puts the worst first.
    pub(super) fn settle(&mut self) {
        self.checks.sort_by(by_severity);
        let failed = self.failures().next().is_some();
        self.passed = !(failed || self.strict && self.says_nothing());
    }

    /// Returns true if nothing was compared and no budget was looked at.
    pub(super) fn says_nothing(&self) -> bool {
        let says = |check: &Check| check.kind != CheckKind::Completion;
        !self.checks.iter().any(says) && self.with(Status::Failed).next().is_none()
    }
}

/// Compares two checks: by outcome, then by how much worse they are, then by name.
fn by_severity(one: &Check, other: &Check) -> Ordering {
    fn which(of: &Check) -> (Mode, &str, &str, u32) {
        (of.mode, &of.name, &of.uri, of.occurrence)
    }
    let key = |check: &Check| (check.status, check.kind);
    key(one)
        .cmp(&key(other))
        .then_with(|| excess(other).total_cmp(&excess(one)))
        .then_with(|| which(one).cmp(&which(other)))
        .then_with(|| one.metric.cmp(&other.metric))
}

/// Returns how far a value is from the one that it is compared with; what was nothing before is furthest.
fn excess(check: &Check) -> f64 {
    match (check.ratio, check.head, check.limit) {
        (Some(ratio), _, _) if ratio > 0.0 => ratio.ln().abs(),
        (_, Some(head), Some(limit)) if limit > 0.0 && head > 0.0 => (head / limit).ln().abs(),
        (_, Some(head), _) if head > 0.0 => f64::MAX,
        _ => 0.0,
    }
}
