//! Verdicts about times.

use super::*;

/// The factor between the times of two runs, however quiet each of them is.
fn wobble(size: f64, random: &mut Xoshiro256) -> f64 {
    (size * random.normal()).exp()
}

#[test]
fn equal_programs_are_not_called_slower() {
    // Runs of one program differ by 1 %, on a machine that is sometimes busy: the rounds spread then.
    let mut random = Xoshiro256::seeded(1);
    let (mut found, mut suspects) = (0, 0);
    for pair in 0..200 {
        let [base, head] = [1, 2].map(|side| {
            let noise = if random.open_unit() < 0.3 { 0.05 } else { 0.005 };
            let level = wobble(0.01, &mut random);
            suite(&[1e7 * level], noise, 1000 * side + pair)
        });
        let verdict = verdict_of(&compared(&base, &head), "b0");
        found += usize::from(matches!(verdict, Verdict::Regressed | Verdict::Improved));
        suspects += usize::from(verdict == Verdict::Suspect);
    }
    assert_eq!(found, 0, "of 200");
    assert!(suspects <= 20, "{suspects} of 200");
}

#[test]
fn twenty_percent_of_quiet_runs_are_found() {
    let mut random = Xoshiro256::seeded(2);
    for (change, expected) in [(1.2, Verdict::Regressed), (1.0 / 1.2, Verdict::Improved)] {
        let is_found = |pair: &u64| {
            let base = suite(&[1e7 * wobble(0.01, &mut random)], 0.005, 2 * pair);
            let head = suite(&[1e7 * change * wobble(0.01, &mut random)], 0.005, 2 * pair + 1);
            verdict_of(&compared(&base, &head), "b0") == expected
        };
        let found = (0..100).filter(is_found).count();
        assert!(found >= 98, "{expected:?}: {found} of 100");
    }
}

#[test]
fn a_small_change_is_suspect_and_noise_is_nothing() {
    let base = suite(&[1e7, 1e7, 1e7, 1e7], 0.002, 1);
    let head = suite(&[1.05e7, 1.01e7, 1e7, 0.95e7], 0.002, 2);
    let found = compared(&base, &head);
    let verdicts = ["b0", "b1", "b2", "b3"].map(|name| verdict_of(&found, name));
    let [suspect, unchanged] = [Verdict::Suspect, Verdict::Unchanged];
    assert_eq!(verdicts, [suspect, unchanged, unchanged, suspect]);
    let wide = compared(&suite(&[1e7], 0.2, 1), &suite(&[1.2e7], 0.2, 2));
    assert_eq!(verdict_of(&wide, "b0"), Verdict::Inconclusive);
    assert!(wide.benchmarks[0].doubts.contains(&Doubt::NoisyRounds));
}

/// A run of a command that waits, with what is known of the machine besides: twelve times as long is what ten programs
/// on two processors did to one.
fn waiting(time: f64, known: &[(&str, f64)], seed: u64) -> Record {
    let mut record = suite(&[time], 0.005, seed);
    for of in &mut record.benchmarks {
        let wall_ns = of.rounds.take().unwrap().undisturbed_ns;
        let processor_ns = wall_ns.iter().map(|wall| wall * 0.1).collect();
        of.rounds = Some(Rounds { wall_ns, processor_ns, ..Rounds::default() });
        let metric = |value| Metric { value, ..Metric::default() };
        of.metrics = known.iter().map(|(key, value)| ((*key).to_owned(), metric(*value))).collect();
    }
    record
}

const CALM: &[(&str, f64)] = &[("preempted_rounds", 4.0), ("rounds", 50.0)];
const BUSY: &[(&str, f64)] = &[("preempted_rounds", 6.0), ("rounds", 50.0)];

#[test]
fn wall_times_of_a_busy_machine_are_never_certain() {
    let judged = |before, after| {
        let found = compared(&waiting(1e7, before, 1), &waiting(1.2e8, after, 2));
        let one = &found.benchmarks[0];
        assert_eq!(one.quantities[0].key, "median_ns");
        (one.verdict, one.doubts.contains(&Doubt::Busy))
    };
    for calm in [CALM, &[("involuntary_switches", 0.0), ("rounds", 50.0)]] {
        assert_eq!(judged(CALM, calm), (Verdict::Regressed, false));
    }
    for busy in [BUSY, &[("involuntary_switches", 1.0), ("rounds", 50.0)]] {
        assert_eq!(judged(CALM, busy), (Verdict::Suspect, true));
        assert_eq!(judged(busy, CALM), (Verdict::Suspect, true));
    }
    let twice = compared(&waiting(1e7, CALM, 1), &waiting(1.9e7, BUSY, 2));
    assert_eq!(verdict_of(&twice, "b0"), Verdict::Inconclusive, "that is usual");
}

#[test]
fn nor_are_they_of_many_runs_in_the_same_busy_hour() {
    let side = |time: f64, known, from: u32| {
        let run = |at| waiting(time * (1.0 + 0.001 * f64::from(at)), known, u64::from(from + at));
        (0..6).map(run).collect::<Vec<_>>()
    };
    let base = side(1e7, CALM, 10);
    let verdict = |known| verdict_of(&compared_runs(&base, &side(1.2e8, known, 20)), "b0");
    assert_eq!([CALM, BUSY].map(verdict), [Verdict::Regressed, Verdict::Suspect]);
}

#[test]
fn runs_of_a_side_that_differ_widely_make_nothing_certain() {
    // Two rounds say nothing of how they spread, and the runs of base are a hundredfold apart.
    let of = |time: f64, seed| {
        let mut record = suite(&[time], 0.002, seed);
        record.benchmarks[0].rounds.as_mut().unwrap().undisturbed_ns.truncate(2);
        record.benchmarks[0].rounds.as_mut().unwrap().wall_ns.truncate(2);
        record.benchmarks[0].rounds.as_mut().unwrap().processor_ns.truncate(2);
        record
    };
    let found = compared_runs(&[of(1e6, 1), of(1e8, 2)], &[of(5e7, 3)]);
    let one = &found.benchmarks[0];
    assert_eq!(one.verdict, Verdict::Inconclusive);
    let lead = one.lead().unwrap();
    // The shown values go the same way as the difference.
    assert!(lead.head > lead.base && lead.ratio.unwrap() > 1.0, "{lead:?}");
}

#[test]
fn longer_rounds_alone_make_nothing_certain() {
    let base = suite(&[1e7], 0.002, 1);
    let mut head = suite(&[1e7], 0.002, 2);
    for time in head.benchmarks[0].rounds.as_mut().unwrap().undisturbed_ns.iter_mut().skip(30) {
        *time *= 1.5;
    }
    let found = compared(&base, &head);
    assert_ne!(verdict_of(&found, "b0"), Verdict::Regressed);
    assert!(found.benchmarks[0].doubts.contains(&Doubt::Uneven));
}

#[test]
fn runs_of_another_hour_or_machine_have_to_differ_by_more() {
    let base = suite(&[1e7], 0.002, 1);
    let mut head = suite(&[1.1e7], 0.002, 2);
    assert_eq!(verdict_of(&compared(&base, &head), "b0"), Verdict::Regressed);
    head.time_ms += 3_600_001;
    let found = compared(&base, &head);
    assert_eq!(verdict_of(&found, "b0"), Verdict::Suspect);
    assert!(found.benchmarks[0].doubts.contains(&Doubt::FarApart));
    let mut head = suite(&[1.2e7], 0.002, 2);
    head.environment.machine = "runner-2".into();
    let found = compared(&base, &head);
    assert_eq!(verdict_of(&found, "b0"), Verdict::Regressed);
    assert!(found.benchmarks[0].doubts.contains(&Doubt::OtherMachine));
}

/// Times of several runs whose levels differ by this share.
fn runs(count: u64, nanos: f64, between: f64, seed: u64) -> Vec<Record> {
    let mut random = Xoshiro256::seeded(seed);
    (0..count).map(|at| suite(&[nanos * wobble(between, &mut random)], 0.005, seed + at)).collect()
}

fn compared_runs(base: &[Record], head: &[Record]) -> Comparison {
    let [base, head] = [base, head].map(|side| side.iter().map(run).collect::<Vec<_>>());
    compare(&base, &head, &Settings::default())
}

#[test]
fn several_runs_of_each_side_find_smaller_changes() {
    for count in [6, 10, 12] {
        let (mut right, mut wrong) = (0, 0);
        for seed in 0..12 {
            let base = runs(count, 1e7, 0.01, 10_000 * seed);
            let head = runs(count, 1.1e7, 0.01, 10_000 * seed + 500);
            let found = compared_runs(&base, &head);
            right += usize::from(verdict_of(&found, "b0") == Verdict::Regressed);
            assert!(found.benchmarks[0].lead().unwrap().p.is_some());
            let same = runs(count, 1e7, 0.01, 10_000 * seed + 900);
            let found = compared_runs(&base, &same);
            wrong += usize::from(verdict_of(&found, "b0") == Verdict::Regressed);
        }
        assert!(right >= 11 && wrong == 0, "{count} runs: {right} right, {wrong} wrong of 12");
    }
}

#[test]
fn two_runs_a_side_are_judged_by_their_distance() {
    let found = compared_runs(&runs(2, 1e7, 0.0, 1), &runs(2, 1.2e7, 0.0, 9));
    assert_eq!(verdict_of(&found, "b0"), Verdict::Regressed);
    let apart = |nanos: f64| [suite(&[nanos], 0.002, 1), suite(&[1.1 * nanos], 0.002, 2)];
    let found = compared_runs(&apart(1e7), &apart(1.2e7));
    assert_ne!(verdict_of(&found, "b0"), Verdict::Regressed);
}

#[test]
fn noise_is_learnt_from_runs_of_the_same_program() {
    let quiet: Vec<Record> = (0..10)
        .map(|seed| {
            let level = if seed % 2 == 0 { 1.0 } else { 1.004 };
            let mut record = suite(&[1e7 * level], 0.001, seed);
            record.parts[0].modules_decide = true;
            record
        })
        .collect();
    let history: Vec<Run<'_>> = quiet.iter().map(run).collect();
    let floors = Floors::learn(&history);
    let (base, head) = (suite(&[1e7], 0.001, 20), suite(&[1.05e7], 0.001, 21));
    let settings = Settings { floors: Some(&floors), ..Settings::default() };
    let known = compare(&[run(&base)], &[run(&head)], &settings);
    assert_eq!(verdict_of(&known, "b0"), Verdict::Regressed);
    let lead = known.benchmarks[0].lead().unwrap();
    assert_eq!(lead.floor_source, FloorSource::History);
    assert!((0.003..0.006).contains(&lead.floor), "{}", lead.floor);
    assert_eq!(verdict_of(&compared(&base, &head), "b0"), Verdict::Suspect);
    let few = Floors::learn(&history[..8]);
    let settings = Settings { floors: Some(&few), ..Settings::default() };
    let unknown = compare(&[run(&base)], &[run(&head)], &settings);
    assert_eq!(verdict_of(&unknown, "b0"), Verdict::Suspect, "seven differences are too few");
}

#[test]
fn what_moves_all_benchmarks_is_no_regression_of_one() {
    let base = suite(&[1e7; 12], 0.002, 1);
    let mut times = [1.15e7; 12];
    times[3] = 1.6e7;
    let found = compared(&base, &suite(&times, 0.002, 2));
    let shift = found.modes[0].shift.unwrap();
    assert_eq!((shift.worse, shift.moved, shift.all), (true, 12, 12));
    assert_eq!(verdict_of(&found, "b3"), Verdict::Regressed, "it has moved by far more than all");
    assert_eq!(verdict_of(&found, "b4"), Verdict::Suspect);
    assert_eq!(found.benchmarks[1].doubts.last(), Some(&Doubt::Shift));
    // Three of twelve are no crowd.
    let mut times = [1e7; 12];
    times[..3].fill(1.15e7);
    let found = compared(&base, &suite(&times, 0.002, 2));
    assert_eq!((found.modes[0].shift, found.worse_by(0.0).count()), (None, 3));
}

#[test]
fn the_time_that_all_runs_have_is_judged() {
    let judged = |base: &Record, head: &Record| {
        compared(base, head).benchmarks[0].lead().unwrap().key.clone()
    };
    let whole = suite(&[1e7], 0.002, 1);
    assert_eq!(judged(&whole, &whole), "robust_median_ns");
    let mut wall = whole.clone();
    wall.benchmarks[0].rounds.as_mut().unwrap().undisturbed_ns.clear();
    wall.benchmarks[0].metrics.remove("robust_median_ns");
    assert_eq!(judged(&whole, &wall), "median_ns");
    let with_processor = |share: f64| {
        let mut of = wall.clone();
        let rounds = of.benchmarks[0].rounds.as_mut().unwrap();
        rounds.processor_ns = rounds.wall_ns.iter().map(|time| share * time).collect();
        of
    };
    assert_eq!(judged(&with_processor(0.9), &with_processor(0.9)), "processor_ns");
    assert_eq!(judged(&with_processor(0.1), &with_processor(0.9)), "median_ns", "it waits");
    // Of several processes the robust time is their processor time.
    let mut processes = with_processor(0.9);
    processes.benchmarks[0]
        .metrics
        .insert("robust_median_ns".into(), metric(0.9e7, MetricUnit::Nanoseconds));
    assert_eq!(judged(&processes, &processes), "processor_ns");
    processes.benchmarks[0]
        .metrics
        .insert("processor_ns".into(), metric(0.9e7, MetricUnit::Nanoseconds));
    processes.benchmarks[0].rounds = None;
    assert_eq!(judged(&processes, &processes), "processor_ns");
    let mut summary = whole;
    summary.benchmarks[0].rounds = None;
    assert_eq!(judged(&summary, &summary), "robust_median_ns");
    assert_ne!(verdict_of(&compared(&summary, &summary), "b0"), Verdict::Regressed);
}

#[test]
fn throughput_is_worse_if_it_falls() {
    let of = |value: f64| {
        let mut benchmark = named("a", "requests", &[("requests", value, MetricUnit::PerSecond)]);
        benchmark.metrics.get_mut("requests").unwrap().better = Better::Higher;
        benchmark.metrics.get_mut("requests").unwrap().low = Some(value * 0.999);
        benchmark.metrics.get_mut("requests").unwrap().high = Some(value * 1.001);
        record(Mode::Walltime, vec![benchmark])
    };
    let found = compared(&of(1000.0), &of(500.0));
    let lead = found.benchmarks[0].lead().unwrap();
    assert_eq!((lead.key.as_str(), lead.is_worse()), ("requests", true));
    assert!(
        (lead.ratio.unwrap() - 0.5).abs() < 1e-9 && (lead.worse_by().unwrap() - 1.0).abs() < 1e-9
    );
    assert_eq!(found.benchmarks[0].verdict, Verdict::Suspect, "nobody knows how its rounds differ");
}

#[test]
fn one_round_tells_what_is_many_times_slower() {
    let rounds = |nanos: f64, count: usize| {
        let mut record = suite(&[nanos], 0.001, 1);
        let of = record.benchmarks[0].rounds.as_mut().unwrap();
        of.wall_ns.truncate(count);
        of.undisturbed_ns.truncate(count);
        record
    };
    for count in [1, 2] {
        let base = rounds(1e6, count);
        let verdict =
            |factor: f64| verdict_of(&compared(&base, &rounds(1e6 * factor, count)), "b0");
        assert_eq!(verdict(79.0), Verdict::Regressed);
        assert_eq!(verdict(1.0 / 79.0), Verdict::Improved);
        assert_eq!(verdict(2.0), Verdict::Suspect);
    }
}

#[test]
fn learnt_noise_is_that_of_neighbours() {
    let mut quiet: Vec<Record> = (0..10)
        .map(|seed| {
            let level = if seed % 2 == 0 { 1.0 } else { 1.02 };
            let mut record = suite(&[1e7 * level], 0.001, seed);
            record.parts[0].modules_decide = true;
            record
        })
        .collect();
    let floors = |records: &[Record]| Floors::learn(&records.iter().map(run).collect::<Vec<_>>());
    let learnt = floors(&quiet);
    let settings = Settings { floors: Some(&learnt), ..Settings::default() };
    let (base, mut head) = (suite(&[1e7], 0.001, 20), suite(&[1.05e7], 0.001, 21));
    let verdict =
        |head: &Record| verdict_of(&compare(&[run(&base)], &[run(head)], &settings), "b0");
    assert_eq!(verdict(&head), Verdict::Regressed);
    head.time_ms += 3_600_001;
    assert_eq!(verdict(&head), Verdict::Suspect);
    // Other input of the same program is no noise.
    quiet.push(suite(&[3e7], 0.001, 30));
    quiet.last_mut().unwrap().parts[0].modules_decide = true;
    assert_eq!(floors(&quiet), learnt);
}
