//! Verdicts about counts.

use super::*;

fn counted(name: &str, instructions: f64, misses: f64) -> RecordedBenchmark {
    let number = MetricUnit::Number;
    named(
        name,
        "Ir",
        &[
            ("Ir", instructions, number),
            ("estimate_cycles", 2.0 * instructions, MetricUnit::Cycles),
            ("I1mr", misses, number),
            ("D1mr", 0.0, number),
            ("D1mw", 0.0, number),
        ],
    )
}

fn simulated(instructions: f64, misses: f64) -> Record {
    record(Mode::Simulation, vec![counted("a", instructions, misses)])
}

fn allocated(peak: f64, total: f64, calls: f64) -> Record {
    let metrics = [
        ("peak_bytes", peak, MetricUnit::Bytes),
        ("total_bytes", total, MetricUnit::Bytes),
        ("allocations", calls, MetricUnit::Number),
    ];
    record(Mode::Memory, vec![named("a", "peak_bytes", &metrics)])
}

#[test]
fn counts_are_judged_by_threshold_and_floor() {
    use Verdict::{Improved, Regressed, Unchanged};
    let base = simulated(1e6, 1e3);
    for (instructions, expected) in
        [(1e6, Unchanged), (1.019e6, Unchanged), (1.021e6, Regressed), (0.97e6, Improved)]
    {
        let found = compared(&base, &simulated(instructions, 1e3));
        assert_eq!(verdict_of(&found, "a"), expected, "{instructions}");
    }
    let settings = |threshold| Settings { threshold: Some(threshold), ..Settings::default() };
    let fine = |instructions| {
        let head = simulated(instructions, 1e3);
        let found = compare(&[run(&base)], &[run(&head)], &settings(0.001));
        verdict_of(&found, "a")
    };
    // Single runs are assumed to differ by 0.3 %: three times that is certain.
    assert_eq!([1.0005e6, 1.005e6, 1.01e6].map(fine), [Unchanged, Verdict::Suspect, Regressed]);
}

#[test]
fn the_counter_that_moved_is_named() {
    let found = compared(&simulated(1e6, 1e3), &simulated(1.05e6, 1e5));
    let one = &found.benchmarks[0];
    assert!(
        one.sentence().starts_with("`a`: instructions +5.0 %, estimated time +5.0 %"),
        "{}",
        one.sentence()
    );
    let misses = one.quantities.iter().find(|of| of.key == "l1_misses").unwrap();
    assert_eq!((misses.decides, misses.verdict), (false, Verdict::Regressed));
    // What only explains does not decide.
    let found = compared(&simulated(1e6, 1e3), &simulated(1e6, 1e5));
    assert_eq!(verdict_of(&found, "a"), Verdict::Unchanged);
}

#[test]
fn what_got_better_does_not_make_up_for_what_got_worse() {
    let found = compared(&allocated(1e6, 1e6, 100.0), &allocated(0.5e6, 2e6, 100.0));
    let one = &found.benchmarks[0];
    assert_eq!(one.verdict, Verdict::Regressed);
    assert_eq!(one.lead().unwrap().key, "total_bytes");
    assert!(one.is_worse_by(0.9) && !one.is_worse_by(1.1));
}

#[test]
fn something_from_nothing_is_worse_by_any_share() {
    let found = compared(&allocated(0.0, 0.0, 0.0), &allocated(1e6, 1e6, 100.0));
    let one = &found.benchmarks[0];
    assert_eq!((one.verdict, one.lead().unwrap().ratio), (Verdict::Regressed, None));
    assert!(one.is_worse_by(5.0));
    assert!(one.sentence().contains("from none to 976.6 KB"), "{}", one.sentence());
    let nothing = compared(&allocated(0.0, 0.0, 0.0), &allocated(0.0, 0.0, 0.0));
    assert_eq!(verdict_of(&nothing, "a"), Verdict::Unchanged);
}

#[test]
fn runs_that_differ_raise_the_floor() {
    let base = [simulated(1e6, 1e3), simulated(1.02e6, 1e3)];
    let head = [simulated(1.05e6, 1e3), simulated(1.05e6, 1e3)];
    let [base, head] = [&base, &head].map(|side| side.iter().map(run).collect::<Vec<_>>());
    let found = compare(&base, &head, &Settings::default());
    let lead = found.benchmarks[0].lead().unwrap();
    assert_eq!(lead.floor_source, FloorSource::Runs);
    assert_eq!(verdict_of(&found, "a"), Verdict::Suspect, "4 % with repeats that are 2 % apart");
}

#[test]
fn a_shift_of_counts_is_named_and_stays_a_regression() {
    let of = |factor: f64| {
        let benchmarks = (0..8).map(|at| counted(&format!("b{at}"), 1e6 * factor, 10.0));
        record(Mode::Simulation, benchmarks.collect())
    };
    let found = compared(&of(1.0), &of(1.1));
    assert_eq!(found.modes[0].shift.unwrap().moved, 8);
    assert_eq!(found.worse_by(0.05).count(), 8);
}
