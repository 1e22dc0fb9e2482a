//! Checks that were measured twice.

use super::*;

#[test]
fn both_measurements_have_to_agree() {
    let rules = Rules::default();
    let first = judged(
        &rules,
        &comparison(vec![
            compared("a", 1e6, 1.1e6, Verdict::Regressed),
            compared("b", 1e6, 1.1e6, Verdict::Regressed),
        ]),
    );
    let second = judged(
        &rules,
        &comparison(vec![
            compared("a", 1e6, 1.1e6, Verdict::Regressed),
            compared("b", 1e6, 1e6, Verdict::Unchanged),
        ]),
    );
    let both = first.confirmed_by(&second);
    assert_eq!(outcomes(&both), [("a", Status::Failed), ("b", Status::Doubtful)]);
    assert!(!both.passed);
}

/// The outcome of a benchmark that was slower, by what its second measurement says.
fn second_of(again: Vec<Compared>) -> (Status, String) {
    let rules = Rules::default();
    let slower = compared("a", 1e6, 1.1e6, Verdict::Regressed);
    let first = judged(&rules, &comparison(vec![slower]));
    let both = first.confirmed_by(&judged(&rules, &comparison(again)));
    (both.checks[0].status, both.checks[0].reason.clone())
}

#[test]
fn what_the_second_measurement_lacks_stays_failed() {
    let (status, reason) = second_of(Vec::new());
    assert_eq!(status, Status::Failed);
    assert!(reason.contains("missing when it was measured again"), "{reason}");
    let (status, reason) = second_of(vec![compared("a", 1e6, 1.1e6, Verdict::Incomparable)]);
    assert_eq!(status, Status::Failed);
    assert!(reason.contains("not comparable"), "{reason}");
    let other = Compared { occurrence: 2, ..compared("a", 1e6, 1e6, Verdict::Unchanged) };
    assert_eq!(second_of(vec![other]).0, Status::Failed);
    let mut other = compared("a", 1e6, 1.1e6, Verdict::Regressed);
    other.quantities = vec![quantity("robust_median_ns", 1e6, 1.1e6, Verdict::Regressed)];
    assert_eq!(second_of(vec![other]), (Status::Failed, "measured twice".to_owned()));
}

#[test]
fn a_failure_is_gone_only_if_it_came_to_its_end() {
    let report = |records: &[Record]| {
        let id = RecordId::of(b"head");
        let head: Vec<_> = records.iter().map(|record| Run { id, record }).collect();
        judge(&Inputs { head: &head, ..inputs(&Rules::default()) })
    };
    let failed = || report(&[record(&[], Outcome::Failed("exit status 1".to_owned()))]);
    assert!(!failed().confirmed_by(&report(&[])).passed);
    assert!(failed().confirmed_by(&report(&[record(&[], Outcome::Complete)])).passed);
}

#[test]
fn doubts_of_the_second_measurement_count_if_strict() {
    let one = |verdict| {
        let mut report =
            judged(&Rules::default(), &comparison(vec![compared("a", 1e6, 1.1e6, verdict)]));
        report.strict = true;
        report
    };
    let both = |again| one(Verdict::Unchanged).confirmed_by(&one(again)).passed;
    assert!(both(Verdict::Unchanged) && !both(Verdict::Inconclusive));
}

#[test]
fn a_second_measurement_takes_back_doubts_that_fail() {
    let report = |verdict, strict| {
        let mut report =
            judged(&Rules::default(), &comparison(vec![compared("a", 1e6, 1.1e6, verdict)]));
        report.strict = strict;
        report
    };
    let (same, doubt, worse) = (Verdict::Unchanged, Verdict::Inconclusive, Verdict::Regressed);
    for (first, again, expected) in [
        (worse, same, Status::Passed),
        (doubt, same, Status::Passed),
        (worse, doubt, Status::Doubtful),
        (doubt, doubt, Status::Doubtful),
        (doubt, worse, Status::Doubtful),
        (worse, worse, Status::Failed),
        (doubt, Verdict::Incomparable, Status::Doubtful),
    ] {
        let both = report(first, true).confirmed_by(&report(again, true));
        assert_eq!(outcomes(&both), [("a", expected)], "{first:?}, {again:?}");
        assert_eq!(both.passed, expected == Status::Passed);
    }
    let unconfirmed = |strict| report(doubt, strict).unconfirmed("interrupted").checks[0].clone();
    assert!(unconfirmed(true).reason.ends_with("; interrupted"));
    assert!(!unconfirmed(false).reason.contains("interrupted"), "it passes");
}

#[test]
fn a_gate_that_checked_nothing_says_so() {
    let comparison = comparison(Vec::new());
    let rules = Rules::default();
    let with = |strict| judge(&Inputs { comparison: Some(&comparison), strict, ..inputs(&rules) });
    assert!(with(false).passed && !with(true).passed);
    assert!(with(false).notes[0].contains("nothing was compared"), "{:?}", with(false).notes);
}
