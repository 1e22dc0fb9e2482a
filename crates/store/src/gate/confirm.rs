//! Two measurements of the same state: what failed in the first has to fail in the second as well.

use crate::Mode;

use super::report::{Check, CheckKind, GateReport, Status};

impl GateReport {
    /// Returns what both say. A check that failed is taken back only if the second measurement has the same check, can be
    /// compared, and does not fail; what it lacks stays failed. If doubts fail, those of the second count as well.
    #[must_use]
    pub fn confirmed_by(mut self, second: &Self) -> Self {
        for check in self.checks.iter_mut().filter(|check| check.status == Status::Failed) {
            match again(check, second) {
                Again::Failed => check.add_reason("measured twice"),
                Again::Unknown(why) => check.add_reason(why),
                Again::Passed => {
                    check.status = Status::Doubtful;
                    check.add_reason("not so when it was measured again");
                }
            }
        }
        if self.strict {
            self.add_doubts(second);
        }
        self.settle();
        self
    }

    /// Returns the report of a measurement whose repetition says nothing, for this reason.
    #[must_use]
    pub fn unconfirmed(mut self, why: &str) -> Self {
        for check in self.checks.iter_mut().filter(|check| check.status == Status::Failed) {
            check.add_reason(why);
        }
        self
    }

    /// Doubts of the second measurement where the first had none.
    fn add_doubts(&mut self, second: &Self) {
        for doubt in second.failures() {
            match self.checks.iter_mut().find(|check| is_same(check, doubt)) {
                Some(Check { status: Status::Failed | Status::Doubtful, .. }) => {}
                Some(check) => {
                    check.status = Status::Doubtful;
                    check.add_reason("not so when it was measured again");
                }
                None => {
                    let mut doubt = Check { status: Status::Doubtful, ..doubt.clone() };
                    doubt.add_reason("found when it was measured again");
                    self.checks.push(doubt);
                }
            }
        }
    }
}

/// The second measurement on a check that failed.
enum Again {
    Failed,
    Passed,
    /// It says nothing, for this reason.
    Unknown(&'static str),
}

fn again(check: &Check, second: &GateReport) -> Again {
    const MISSING: Again = Again::Unknown("missing when it was measured again");
    let same = || second.checks.iter().filter(|other| is_same(check, other));
    if same().any(|other| other.status == Status::Failed && is_same_quantity(check, other)) {
        return Again::Failed;
    }
    if check.kind == CheckKind::Completion {
        let key = (check.mode, check.uri.clone(), check.occurrence);
        return if second.complete.contains(&key) { Again::Passed } else { MISSING };
    }
    // What got no worse is told by one quantity alone, which needn't be this one.
    let judged = match check.kind {
        CheckKind::Budget => same().find(|other| other.head.is_some()),
        CheckKind::Regression | CheckKind::Completion => same().next(),
    };
    match judged {
        None => MISSING,
        Some(other) if other.verdict == Some(crate::compare::Verdict::Incomparable) => {
            Again::Unknown("not comparable when it was measured again")
        }
        Some(_) => Again::Passed,
    }
}

/// The same benchmark and the same kind; of budgets, the same quantity.
fn is_same(one: &Check, other: &Check) -> bool {
    let key = |check: &Check| (check.mode, check.occurrence, check.kind);
    let is_budget = one.kind == CheckKind::Budget;
    key(one) == key(other) && one.uri == other.uri && (!is_budget || one.metric == other.metric)
}

/// Times of the same benchmark are one quantity, whichever of them is judged.
fn is_same_quantity(one: &Check, other: &Check) -> bool {
    let is_time = one.mode == Mode::Walltime && one.kind == CheckKind::Regression;
    is_time || one.metric == other.metric
}
