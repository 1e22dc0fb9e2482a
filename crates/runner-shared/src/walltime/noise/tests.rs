//! Machines at rest and others, simulated: what must be noticed, and what must not.

use super::*;
use crate::statistics::Xoshiro256;

const MS: f64 = 1e6;

/// Rounds around 10 ms with this standard deviation, as a share.
fn normal(seed: u64, rounds: usize, sigma: f64) -> Vec<f64> {
    let mut random = Xoshiro256::seeded(seed);
    (0..rounds).map(|_| 10.0 * MS * (sigma * random.normal()).exp()).collect()
}

fn judge(times: &[f64]) -> NoiseVerdict {
    judge_times(times, &[], 0.0)
}

/// Shares of so many machines that are called noisy, and that drift.
fn alarms(machine: impl Fn(u64) -> Vec<f64>) -> (f64, f64) {
    let verdicts: Vec<NoiseVerdict> = (0..500).map(|seed| judge(&machine(seed))).collect();
    let share = |of: fn(&NoiseVerdict) -> bool| {
        as_float(verdicts.iter().filter(|it| of(it)).count().try_into().unwrap()) / 500.0
    };
    (share(|it| it.is_noisy()), share(|it| it.drift.is_some()))
}

#[test]
fn quiet_machines_raise_no_alarm() {
    for (rounds, sigma) in [(5, 0.01), (20, 0.01), (100, 0.02), (1000, 0.05), (300, 0.08)] {
        let (noisy, drifts) = alarms(|seed| normal(seed, rounds, sigma));
        assert!(noisy <= 0.002 && drifts <= 0.002, "{rounds} of {sigma}: {noisy} {drifts}");
    }
    // Exponential lateness of a tenth, as that of interrupts and caches.
    let (noisy, drifts) = alarms(|seed| {
        let mut random = Xoshiro256::seeded(seed);
        (0..200).map(|_| 10.0 * MS * (1.0 - 0.05 * random.open_unit().ln())).collect()
    });
    assert!(noisy <= 0.002 && drifts <= 0.01, "{noisy} {drifts}");
    // One round in 500 is hit by an interrupt that takes 20 times as long.
    let (noisy, _) = alarms(|seed| {
        let mut random = Xoshiro256::seeded(seed);
        let mut times = normal(seed, 2000, 0.03);
        for time in &mut times {
            *time *= if random.open_unit() < 0.002 { 20.0 } else { 1.0 };
        }
        times
    });
    assert!(noisy <= 0.002, "{noisy}");
}

#[test]
fn clocks_that_tick_are_no_noise() {
    // 40 or 80 ns, where a clock has steps of 40.
    let times: Vec<f64> = (0..200).map(|nth| if nth % 3 == 0 { 80.0 } else { 40.0 }).collect();
    assert_eq!(judge_times(&times, &[], 40.0).noise(), None);
    let same = vec![5.0; 50];
    let expected = NoiseVerdict { rounds: 50, ..NoiseVerdict::default() };
    assert_eq!(judge(&same), expected);
    assert_eq!(judge(&[0.0; 50]), expected, "no time at all");
}

#[test]
fn two_groups_are_noticed_by_distance_not_by_size() {
    let grouped = |share: f64, ratio: f64| {
        move |seed| {
            let mut random = Xoshiro256::seeded(seed + 9);
            let mut times = normal(seed, 100, 0.01);
            for time in &mut times {
                *time *= if random.open_unit() < share { ratio } else { 1.0 };
            }
            times
        }
    };
    let found = judge(&grouped(0.4, 1.5)(1));
    assert_eq!(found.noise(), Some(Noise::Grouped));
    let Groups { low_ns, high_ns, high_share } = found.groups.unwrap();
    assert!((9.9 * MS..10.1 * MS).contains(&low_ns) && (14.8 * MS..15.2 * MS).contains(&high_ns));
    assert!((0.3..0.5).contains(&high_share), "{high_share}");
    for (share, ratio) in [(0.5, 1.5), (0.3, 1.1), (0.7, 1.1)] {
        let (noisy, _) = alarms(grouped(share, ratio));
        assert!(noisy >= 0.99, "{share} {ratio}: {noisy}");
    }
    for (share, ratio) in [(0.5, 1.02), (0.02, 1.1)] {
        let (noisy, _) = alarms(grouped(share, ratio));
        assert!(noisy <= 0.002, "{share} {ratio}: {noisy}");
    }
}

#[test]
fn rounds_that_vary_widely_are_noticed() {
    // As it was reported: a deviation of 66 %, and the fastest round takes a quarter of the median.
    let (noisy, _) = alarms(|seed| normal(seed, 60, 0.6));
    assert!(noisy >= 0.999, "{noisy}");
    // Most rounds are slowed down alike; a few got through.
    let mut slowed = normal(1, 100, 0.02);
    for time in slowed.iter_mut().skip(8) {
        *time *= 4.0;
    }
    let verdict = judge(&slowed);
    assert!(verdict.below > 0.7 && verdict.is_noisy(), "{verdict:?}");
}

#[test]
fn a_heavy_tail_is_noticed() {
    let mut times = normal(1, 100, 0.01);
    for time in times.iter_mut().step_by(25) {
        *time *= 10.0;
    }
    let verdict = judge(&times);
    assert_eq!((verdict.noise(), verdict.stray), (Some(Noise::Tail), 4), "{verdict:?}");
    let mut one = normal(1, 100, 0.01);
    one[0] *= 10.0;
    assert_eq!(judge(&one).noise(), None, "the first round is slow, as ever");
}

#[test]
fn preempted_and_stray_rounds_are_counted_once() {
    let mut walls = vec![5_000_000; 8];
    walls.extend([20_000_000, 5_000_001]);
    let mut preempted = vec![None; 8];
    preempted.extend([Some(15_000_000), Some(200_000)]);
    let verdict = judge_noise(&walls, &preempted);
    assert_eq!((verdict.rounds, verdict.preempted, verdict.stray, verdict.flagged), (10, 2, 1, 2));
    assert_eq!(verdict.noise(), Some(Noise::Disturbed));
    let calm: Vec<u64> = (0..100).map(|i| 5_000_000 + i % 7 * 1000).collect();
    assert_eq!(judge_noise(&calm, &vec![Some(10_000); 100]).flagged, 0);
}

#[test]
fn no_rounds_are_no_noise() {
    assert_eq!(judge(&[]), NoiseVerdict::default());
    assert!(!NoiseVerdict::default().is_noisy());
}

#[test]
fn a_slow_start_is_told_from_a_trend() {
    let calm: Vec<f64> = (0..40).map(|i| 10.0 * MS + f64::from(i % 5) * 0.1 * MS).collect();
    assert_eq!(judge(&calm).drift, None);
    let slow: Vec<f64> = [15.0 * MS; 4].into_iter().chain(calm.iter().copied()).collect();
    let expected = Drift { slow_rounds: 4, from_ns: 15.0 * MS, to_ns: 10.2 * MS };
    assert_eq!(judge(&slow).drift, Some(expected));
    let hot: Vec<f64> = (0..60).map(|nth| 10.0 * MS * (1.0 + f64::from(nth) * 0.002)).collect();
    let Drift { slow_rounds, from_ns, to_ns } = judge(&hot).drift.unwrap();
    assert!(slow_rounds == 0 && to_ns > from_ns * 1.06, "{from_ns} {to_ns}");
    let mut back = hot;
    back.reverse();
    let Drift { from_ns, to_ns, .. } = judge(&back).drift.unwrap();
    assert!(to_ns < from_ns, "{from_ns} {to_ns}");
}

#[test]
fn one_slow_round_few_rounds_and_what_others_took_are_no_drift() {
    let mut one = vec![10.0 * MS; 40];
    one[0] = 50.0 * MS;
    assert_eq!(judge(&one).drift, None);
    assert_eq!(judge(&[50.0 * MS, 50.0 * MS, 50.0 * MS, 10.0 * MS, 10.0 * MS]).drift, None);
    let lost: Vec<Option<f64>> =
        (0..40).map(|nth| Some(if nth < 10 { 5.0 * MS } else { 0.0 })).collect();
    let walls: Vec<f64> = lost.iter().map(|lost| 10.0 * MS + lost.unwrap()).collect();
    assert_eq!(judge_times(&walls, &lost, 0.0).drift, None);
}
