//! The quantities that limits and waivers are about, and the words of doubts.

use super::*;

#[test]
fn a_limit_is_about_its_own_quantity_alone() {
    let limit = |metric, share| Rule {
        metric: budget(metric),
        max_regression: Some(Limit::Most(share)),
        ..Rule::default()
    };
    let rules = Rules { rules: vec![limit("allocations", 0.0)], waivers: Vec::new() };
    let threshold = |rules: &Rules, mode, key| rules.threshold(mode, "a", "a", key);
    assert_eq!(threshold(&rules, Mode::Memory, "allocations"), Some(0.0));
    assert_eq!(threshold(&rules, Mode::Memory, "peak_bytes"), None);
    assert_eq!(threshold(&rules, Mode::Walltime, "median_ns"), None);
    assert_eq!(rules.smallest_regression(Mode::Memory), Some(0.0));
    assert_eq!(rules.smallest_regression(Mode::Walltime), None);
    let all = Rule { max_regression: Some(Limit::Most(0.0)), ..Rule::default() };
    let rules = Rules { rules: vec![all], waivers: Vec::new() };
    assert_eq!(threshold(&rules, Mode::Walltime, "median_ns"), None, "times always differ");
    assert_eq!(rules.smallest_regression(Mode::Walltime), None);
}

#[test]
fn each_time_stands_for_the_one_that_is_judged() {
    let mut one = compared("a", 1e6, 1.5e6, Verdict::Regressed);
    one.quantities = vec![quantity("robust_median_ns", 1e6, 1.5e6, Verdict::Regressed)];
    let comparison = comparison(vec![one]);
    for metric in ["median", "undisturbed", "processor"] {
        let limit = Limit::Most(0.99);
        let rule = Rule { metric: budget(metric), max_regression: Some(limit), ..Rule::default() };
        let rules = Rules { rules: vec![rule], waivers: Vec::new() };
        assert_eq!(outcomes(&judged(&rules, &comparison)), [("a", Status::Passed)], "{metric}");
        let waiver = Waiver {
            benchmarks: "a".into(),
            mode: None,
            metric: budget(metric),
            reason: "new parser".to_owned(),
            until: today(),
        };
        let rules = Rules { rules: Vec::new(), waivers: vec![waiver] };
        assert_eq!(outcomes(&judged(&rules, &comparison)), [("a", Status::Waived)], "{metric}");
    }
    let compared = BUDGETS.iter().filter(|budget| budget.is_compared()).map(|it| it.word);
    let compared: Vec<_> = compared.collect();
    let times = ["median", "undisturbed", "processor"];
    let counts = ["instructions", "peak", "allocated", "allocations"];
    assert_eq!(compared, [&times[..], &counts].concat());
}

#[test]
fn the_doubt_that_says_most_is_told() {
    let mut one = compared("a", 1e6, 1.5e6, Verdict::Suspect);
    one.doubts = vec![Doubt::FewRuns, Doubt::FarApart, Doubt::Degraded];
    one.reasons = vec![Reason {
        field: "kernel",
        title: "the kernel",
        effect: Effect::Degrades,
        base: "6.18".to_owned(),
        head: "6.19".to_owned(),
    }];
    let told = |one: &Compared| {
        let report = judged(&Rules::default(), &comparison(vec![one.clone()]));
        report.checks[0].reason.clone()
    };
    assert_eq!(told(&one), "suspect: the kernel differs: `6.18` in base, `6.19` in head");
    one.doubts = vec![Doubt::FewRuns, Doubt::FarApart];
    assert_eq!(told(&one), "suspect: the runs are more than an hour apart");
}

#[test]
fn a_loss_that_equals_the_limit_passes() {
    let rules = |share| Rules {
        rules: vec![rule("a", Some(Limit::Most(share))), rule("nosuch*", Some(Limit::Off))],
        waivers: Vec::new(),
    };
    let comparison = comparison(vec![compared("a", 100_000.0, 105_000.0, Verdict::Regressed)]);
    let report = judged(&rules(0.05), &comparison);
    assert_eq!(outcomes(&report), [("a", Status::Passed)]);
    assert_eq!(report.notes, ["no benchmark is named `nosuch*`, for which there is a limit"]);
    assert_eq!(outcomes(&judged(&rules(0.049), &comparison)), [("a", Status::Failed)]);
}
