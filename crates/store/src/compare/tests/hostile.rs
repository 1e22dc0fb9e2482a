//! Records that nobody of ours has written.

use proptest::prelude::*;

use super::*;
use crate::{Outcome, StackNode, Stacks};

/// All numbers of a JSON text are numbers: what is none would be `null`, and the text says so by its types.
fn is_sound(found: &Comparison) {
    for one in &found.benchmarks {
        for of in &one.quantities {
            let numbers = [of.base, of.head, of.threshold, of.floor];
            assert!(numbers.iter().all(|number| number.is_finite()), "{of:?}");
            let optional = [of.ratio, of.limit, of.p, of.interval.map(|it| it.low + it.high)];
            assert!(optional.iter().flatten().all(|number| number.is_finite()), "{of:?}");
        }
    }
    let shown = Shown { of: found, all: true };
    let text = results::verdict_table(&shown, &results::TableStyle::default());
    assert!(!text.contains("NaN") && !text.contains("inf") && !text.contains('\u{1b}'), "{text}");
    assert!(text.lines().all(|line| line.chars().count() < 2000), "{text}");
    let mut json = Vec::new();
    results::exporter("json").unwrap().write_verdicts(&shown, &mut json).unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&json).is_ok());
    assert!(!found.explain().contains("NaN"));
}

const ODD: [f64; 9] =
    [0.0, -1.0, f64::NAN, f64::INFINITY, f64::MAX, f64::MIN_POSITIVE, 5e-324, 1e300, 1e6];

#[test]
fn odd_numbers_give_sound_results() {
    let number = MetricUnit::Number;
    for base in ODD {
        for head in ODD {
            let time = |value: f64| {
                let mut of = suite(&[1e6], 0.01, 1);
                of.benchmarks[0].rounds = Some(Rounds {
                    wall_ns: vec![value; 20],
                    undisturbed_ns: vec![value; 20],
                    processor_ns: vec![value; 3],
                    left_out: u64::MAX,
                });
                of
            };
            let sides = [time(base), time(head)];
            let runs = sides.each_ref().map(|record| Run { id: RecordId::of(b"x"), record });
            is_sound(&compare(&runs[..1], &runs[1..], &Settings::default()));
            let counts = |value: f64| {
                let metrics = [("Ir", value, number), ("peak_bytes", value, MetricUnit::Bytes)];
                let benchmark = || named("a", "Ir", &metrics);
                let mut of = record(Mode::Simulation, vec![benchmark(), benchmark()]);
                of.parts.push(Part { mode: Mode::Memory, ..Part::default() });
                of.benchmarks[1].part = 1;
                of
            };
            let sides = [counts(base), counts(head)];
            let runs = sides.each_ref().map(|record| Run { id: RecordId::of(b"x"), record });
            is_sound(&compare(&runs[..1], &runs[1..], &Settings::default()));
        }
    }
}

#[test]
fn empty_records_and_benchmarks_give_sound_results() {
    let nothing = Record::default();
    let found = compared(&nothing, &nothing);
    assert!(found.benchmarks.is_empty() && found.modes.is_empty());
    is_sound(&found);
    assert_eq!(compare(&[], &[], &Settings::default()).benchmarks, []);
    let mut empty = record(Mode::Walltime, vec![named("a\u{1b}[2J`|<b>", "gone", &[])]);
    empty.benchmarks[0].rounds = Some(Rounds::default());
    let found = compared(&empty, &empty);
    assert_eq!(found.benchmarks[0].verdict, Verdict::Inconclusive);
    is_sound(&found);
}

#[test]
fn a_benchmark_that_is_named_twice_counts_once() {
    let mut twice = suite(&[1e6, 2e6], 0.001, 1);
    twice.benchmarks[1].uri = twice.benchmarks[0].uri.clone();
    let found = compared(&twice, &twice);
    assert_eq!(found.benchmarks.len(), 1);
    assert_eq!(found.benchmarks[0].lead().unwrap().runs.each_ref().map(Vec::len), [1, 1]);
}

#[test]
fn a_deep_tree_is_walked_once() {
    let depth = 50_000;
    let nodes = (0..depth).map(|at| StackNode {
        parent: at,
        function: at % 2,
        weight: 1,
        ..StackNode::default()
    });
    let stacks = Stacks {
        functions: vec!["even".into(), "odd".into()],
        objects: vec!["/bin/a".into()],
        nodes: nodes.collect(),
        ..Stacks::default()
    };
    let mut of =
        record(Mode::Simulation, vec![named("a", "Ir", &[("Ir", 1e6, MetricUnit::Number)])]);
    of.benchmarks[0].stacks = Some(stacks);
    let mut head = of.clone();
    head.benchmarks[0].metrics.get_mut("Ir").unwrap().value = 2e6;
    head.benchmarks[0].stacks.as_mut().unwrap().nodes[7].weight = 1_000_000;
    let found = compared(&of, &head);
    let moved = found.benchmarks[0].moved.as_ref().unwrap();
    assert_eq!(moved.by_self[0].function, "odd");
    // Each function is below the other one, and counted once in its total.
    assert!(moved.by_total.iter().all(|one| one.head <= 1.3e6), "{moved:?}");
}

#[test]
fn unfinished_and_single_benchmarks_are_listed() {
    let base = suite(&[1e6, 1e6, 1e6], 0.001, 1);
    let mut head = suite(&[1e6, 1e6, 1e6, 1e6], 0.001, 2);
    head.benchmarks.remove(0);
    head.benchmarks[0].outcome = Outcome::Failed("exit status 1".into());
    let found = compared(&base, &head);
    let list: Vec<(&str, Absence)> =
        found.unmatched.iter().map(|one| (one.name.as_str(), one.absence)).collect();
    let expected =
        [("b0", Absence::Removed), ("b1", Absence::UnfinishedInHead), ("b3", Absence::New)];
    assert_eq!(list, expected);
    assert_eq!(found.benchmarks.len(), 1);
}

#[test]
fn a_benchmark_that_was_moved_is_found_by_its_name() {
    let base = suite(&[1e6, 1e6], 0.001, 1);
    let mut head = suite(&[1e6, 1e6], 0.001, 2);
    head.benchmarks[0].uri = "other::b0".into();
    let found = compared(&base, &head);
    assert!(found.unmatched.is_empty() && found.benchmarks.len() == 2);
    assert!(found.benchmarks.iter().any(|one| one.uri == "other::b0"));
    // Two of the same name: nobody knows which is which.
    let mut two = head.clone();
    two.benchmarks.push(RecordedBenchmark { uri: "third::b0".into(), ..two.benchmarks[0].clone() });
    assert_eq!(compared(&base, &two).unmatched.len(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn sides_exchanged_give_the_opposite(
        base in 1e3..1e9_f64, factor in 0.3..3.0_f64, noise in 0.0001..0.1_f64, seed in 0_u64..1000,
    ) {
        let (one, other) = (suite(&[base], noise, seed), suite(&[base * factor], noise, seed + 1));
        let (there, back) = (compared(&one, &other), compared(&other, &one));
        let opposite = match verdict_of(&back, "b0") {
            Verdict::Regressed => Verdict::Improved,
            Verdict::Improved => Verdict::Regressed,
            other @ (Verdict::Suspect
            | Verdict::Inconclusive
            | Verdict::Incomparable
            | Verdict::Unchanged) => other,
        };
        prop_assert_eq!(verdict_of(&there, "b0"), opposite);
        prop_assert_eq!(there, compared(&one, &other), "the same input gives the same result");
    }
}
