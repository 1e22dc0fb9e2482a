//! Two measurements of the same state: what fails in the first has to fail in the second as well, doubts included if
//! they fail.

use super::report::{Check, CheckKind, GateReport, Status};
use crate::{Mode, compare::Verdict};

impl GateReport {
    /// Returns what both say. A check that fails is taken back only if the second measurement has the same check, can be
    /// compared, and does not fail; what it lacks stays as it is. If doubts fail, those of the second count as well.
    #[must_use]
    pub fn confirmed_by(mut self, second: &Self) -> Self {
        let strict = self.strict;
        for check in self.checks.iter_mut().filter(|check| check.fails(strict)) {
            match again(check, second, strict) {
                Again::Doubtful if check.status == Status::Failed => {
                    check.status = Status::Doubtful;
                    check.add_reason("not certain when it was measured again");
                }
                Again::Failed | Again::Doubtful => check.add_reason("measured twice"),
                Again::Unknown(why) => check.add_reason(why),
                Again::Passed => {
                    // If doubts fail, one would fail here for what the second measurement has denied.
                    check.status = if strict { Status::Passed } else { Status::Doubtful };
                    check.add_reason("not so when it was measured again");
                }
            }
        }
        if strict {
            self.add_doubts(second);
        }
        self.settle();
        self
    }

    /// Returns the report of a measurement whose repetition says nothing, for this reason.
    #[must_use]
    pub fn unconfirmed(mut self, why: &str) -> Self {
        let strict = self.strict;
        for check in self.checks.iter_mut().filter(|check| check.fails(strict)) {
            check.add_reason(why);
        }
        self
    }

    /// Doubts of the second measurement where the first had none.
    fn add_doubts(&mut self, second: &Self) {
        for doubt in second.failures() {
            let same = self.checks.iter_mut().filter(|check| is_same(check, doubt));
            // Several quantities of a benchmark may be in doubt.
            match same.min_by_key(|check| check.status) {
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

/// The second measurement on a check that fails.
enum Again {
    Failed,
    /// It is not certain, which fails.
    Doubtful,
    Passed,
    /// It says nothing, for this reason.
    Unknown(&'static str),
}

fn again(check: &Check, second: &GateReport, strict: bool) -> Again {
    const MISSING: Again = Again::Unknown("missing when it was measured again");
    let same = || second.checks.iter().filter(|other| is_same(check, other));
    let has = |status| same().any(|other| other.status == status && is_same_quantity(check, other));
    if has(Status::Failed) {
        return Again::Failed;
    }
    let passed = if strict && has(Status::Doubtful) { Again::Doubtful } else { Again::Passed };
    // What got no worse is told by one quantity alone, which needn't be this one.
    let judged = match check.kind {
        CheckKind::Completion => {
            let key = (check.mode, check.uri.clone(), check.occurrence);
            let is_known = matches!(passed, Again::Doubtful) || second.complete.contains(&key);
            return if is_known { passed } else { MISSING };
        }
        CheckKind::Budget => same().find(|other| other.head.is_some()),
        CheckKind::Regression => same().next(),
    };
    match judged {
        None => MISSING,
        Some(other) if other.verdict == Some(Verdict::Incomparable) => {
            Again::Unknown("not comparable when it was measured again")
        }
        Some(_) => passed,
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
