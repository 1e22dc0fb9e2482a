//! Verdicts on simulated machines.

use proptest::prelude::*;

use super::{paired::pairs_needed, *};
use crate::statistics::{Interval, Xoshiro256};

/// Rounds with these wall times, by block.
fn rounds(blocks: &[Vec<u64>]) -> Rounds {
    let mut rounds = Rounds::default();
    for (block, walls) in (0..).zip(blocks) {
        rounds.wall_ns.extend(walls);
        rounds.block.extend(walls.iter().map(|_| block));
    }
    rounds
}

fn judge_walls(base: &Rounds, head: &Rounds) -> Judgement {
    judge((&base.wall_ns, &base.block), (&head.wall_ns, &head.block), 0.03, ALPHA)
}

/// The "shared CI" model of the specification in logarithms: invocations differ by 1 %, the
/// machine drifts by 2 % (each step keeps 0.9 of the last), rounds differ by 3 %, one in 50 is 20 %
/// slower.
struct SharedMachine {
    random: Xoshiro256,
    drift: f64,
}

impl SharedMachine {
    fn block(&mut self, effect: f64) -> Vec<u64> {
        self.drift = 0.9 * self.drift + 0.02 * (1.0 - 0.81_f64).sqrt() * self.random.normal();
        let level = 1e7_f64.ln() + effect + self.drift + 0.01 * self.random.normal();
        let round = |random: &mut Xoshiro256| {
            let outlier = if random.open_unit() < 0.02 { 0.2 } else { 0.0 };
            #[expect(
                clippy::as_conversions,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "about ten million"
            )]
            let nanos = (level + outlier + 0.03 * random.normal()).exp() as u64;
            nanos
        };
        (0..10).map(|_| round(&mut self.random)).collect()
    }

    /// Both sides of an interleaved run, in random order within each pair.
    fn run(&mut self, pairs: usize, effect: f64) -> Judgement {
        let (mut base, mut head) = (Vec::new(), Vec::new());
        for _ in 0..pairs {
            if self.random.open_unit() < 0.5 {
                base.push(self.block(0.0));
                head.push(self.block(effect));
            } else {
                head.push(self.block(effect));
                base.push(self.block(0.0));
            }
        }
        judge_walls(&rounds(&base), &rounds(&head))
    }

    fn verdicts(seed: u64, trials: usize, pairs: usize, effect: f64) -> Vec<Verdict> {
        let mut machine = Self { random: Xoshiro256::seeded(seed), drift: 0.0 };
        (0..trials).map(|_| machine.run(pairs, effect).verdict).collect()
    }
}

/// As [`SharedMachine`], round by round: neighbours share the machine, so that a pair differs by this much. Ends when it
/// is decided, or after `most` turns.
fn adaptive(
    random: &mut Xoshiro256,
    noise: f64,
    effect: f64,
    threshold: f64,
    most: u32,
) -> Verdict {
    let (mut base, mut head) = (Rounds::default(), Rounds::default());
    let mut looks = Looks::new();
    for turn in 0..most {
        let level = 5e6_f64.ln() + 0.1 * random.normal();
        for (side, shift) in [(&mut base, 0.0), (&mut head, effect)] {
            let time = (level + shift + noise / 2.0_f64.sqrt() * random.normal()).exp();
            side.wall_ns.push(format!("{time:.0}").parse().unwrap());
            side.block.push(turn);
        }
        let source = RobustSource::WallClock;
        let sides = (Side { rounds: &base, source }, Side { rounds: &head, source });
        if looks.is_due(u64::from(turn) + 1) && is_decided(sides.0, sides.1, threshold) {
            break;
        }
    }
    judge_by(&base, &head, threshold)
}

fn judge_by(base: &Rounds, head: &Rounds, threshold: f64) -> Verdict {
    judge((&base.wall_ns, &base.block), (&head.wall_ns, &head.block), threshold, ALPHA).verdict
}

/// The noise of a pair, the threshold, and the turns that time permits. The second machine can just not resolve the
/// threshold, which is where chance is tempted most.
const ADAPTIVE: &[(f64, f64, u32)] = &[(0.02, 0.03, 300), (0.02, 0.005, 300), (0.08, 0.03, 300)];

#[test]
fn looking_many_times_raises_no_alarm() {
    let mut random = Xoshiro256::seeded(21);
    for (noise, threshold, most) in ADAPTIVE.iter().copied() {
        let verdicts: Vec<Verdict> =
            (0..300).map(|_| adaptive(&mut random, noise, 0.0, threshold, most)).collect();
        let alarms =
            how_many(&verdicts, Verdict::Regressed) + how_many(&verdicts, Verdict::Improved);
        assert!(alarms <= 3, "{alarms} of 300 at {noise} {threshold}");
    }
}

#[test]
fn half_more_than_the_threshold_is_found_by_looking_many_times() {
    let mut random = Xoshiro256::seeded(22);
    let (noise, threshold, most) = (0.02, 0.005_f64, 300);
    let effect = 1.5 * threshold.ln_1p();
    let verdicts: Vec<Verdict> =
        (0..300).map(|_| adaptive(&mut random, noise, effect, threshold, most)).collect();
    let found = how_many(&verdicts, Verdict::Regressed);
    assert!(found >= 270, "{found} of 300");
    assert_eq!(how_many(&verdicts, Verdict::Improved), 0);
}

fn how_many(verdicts: &[Verdict], wanted: Verdict) -> usize {
    verdicts.iter().filter(|verdict| **verdict == wanted).count()
}

#[test]
fn equals_on_a_shared_machine_raise_no_alarm() {
    let verdicts = SharedMachine::verdicts(11, 1000, 25, 0.0);
    let alarms = how_many(&verdicts, Verdict::Regressed) + how_many(&verdicts, Verdict::Improved);
    assert!(alarms <= 10, "{alarms} of 1000");
    let equivalent = how_many(&verdicts, Verdict::Equivalent);
    assert!(equivalent >= 900, "{equivalent} of 1000");
}

#[test]
fn the_interval_leaves_out_the_truth_as_seldom_as_promised() {
    let mut machine = SharedMachine { random: Xoshiro256::seeded(12), drift: 0.0 };
    let outside = (0..1000)
        .filter(|_| {
            let Interval { low, high } = machine.run(25, 0.0).interval.unwrap();
            !(low..=high).contains(&1.0)
        })
        .count();
    assert!(outside <= 20, "{outside} of 1000, 10 are expected");
}

#[test]
fn one_and_a_half_minimum_effects_are_found_on_a_shared_machine() {
    let effect = 1.5 * 0.03_f64.ln_1p();
    let slower = SharedMachine::verdicts(13, 300, 25, effect);
    let found = how_many(&slower, Verdict::Regressed);
    assert!(found >= 270, "{found} of 300");
    let faster = SharedMachine::verdicts(14, 300, 25, -effect);
    let found = how_many(&faster, Verdict::Improved);
    assert!(found >= 270, "{found} of 300");
    assert_eq!(how_many(&faster, Verdict::Regressed), 0);
}

/// Blocks whose medians have this ratio, with a little noise and a drift that both sides share.
fn pair(count: u32, ratio: f64) -> (Rounds, Rounds) {
    let mut random = Xoshiro256::seeded(5);
    let (mut base, mut head) = (Vec::new(), Vec::new());
    for block in 0..count {
        let level = 1e6 * (1.0 + f64::from(block) / 10.0);
        for (side, factor) in [(&mut base, 1.0), (&mut head, ratio)] {
            let time = level * factor * (1.0 + 0.02 * random.normal());
            side.push(vec![format!("{time:.0}").parse().unwrap(); 3]);
        }
    }
    (rounds(&base), rounds(&head))
}

#[test]
fn the_pair_that_warms_up_is_left_out_if_enough_remain() {
    let (mut base, mut head) = pair(9, 1.0);
    // Far off in the first block only.
    for wall in base.wall_ns.iter_mut().take(3) {
        *wall *= 50;
    }
    let comparison = judge_walls(&base, &head);
    assert_eq!(comparison.pairs, 8);
    assert!(comparison.interval.unwrap().low > 0.9, "{comparison:?}");

    for side in [&mut base, &mut head] {
        side.wall_ns.truncate(24);
        side.block.truncate(24);
    }
    let comparison = judge_walls(&base, &head);
    assert_eq!(comparison.pairs, 8);
    assert!(comparison.interval.unwrap().low < 0.1, "{comparison:?}");
}

#[test]
fn only_blocks_of_both_sides_are_pairs() {
    let base = Rounds { wall_ns: vec![10, 20, 30], block: vec![1, 2, 3], ..Rounds::default() };
    let head = Rounds { wall_ns: vec![40, 7, 0], block: vec![2, 9, 3], ..Rounds::default() };
    let comparison = judge_walls(&base, &head);
    assert_eq!((comparison.pairs, comparison.ratio, comparison.interval), (1, Some(2.0), None));
    assert_eq!(comparison.verdict, Verdict::Insufficient);
}

#[test]
fn the_more_there_is_to_decide_the_more_pairs_it_takes() {
    assert_eq!(pairs_needed(0.0, 0.06, 0.03, 10), Some(40));
    assert_eq!(pairs_needed(0.06, 0.12, 0.03, 10), Some(40));
    assert_eq!(pairs_needed(0.06, 0.01, 0.03, 10), Some(11), "never what there is already");
    assert_eq!(pairs_needed(0.03 - 1e-9, 0.06, 0.03, 10), None);
}

#[test]
fn no_change_at_all_is_equivalence() {
    let (base, _) = pair(20, 1.0);
    let comparison = judge_walls(&base, &base);
    let point = Interval { low: 1.0, high: 1.0 };
    assert_eq!((comparison.ratio, comparison.interval), (Some(1.0), Some(point)));
    assert_eq!(comparison.verdict, Verdict::Equivalent);
}

proptest! {
    #[test]
    fn any_rounds_get_a_verdict(
        base in prop::collection::vec((any::<u64>(), 0_u32..20), 0..60),
        head in prop::collection::vec((any::<u64>(), 0_u32..20), 0..60),
    ) {
        let rounds = |of: Vec<(u64, u32)>| {
            let (wall_ns, block) = of.into_iter().unzip();
            Rounds { wall_ns, block, ..Rounds::default() }
        };
        let (base, head) = (rounds(base), rounds(head));
        let (there, back) = (judge_walls(&base, &head), judge_walls(&head, &base));
        prop_assert!((0.0..=1.0).contains(&there.p));
        let mirrored = match there.verdict {
            Verdict::Regressed => Verdict::Improved,
            Verdict::Improved => Verdict::Regressed,
            Verdict::Equivalent | Verdict::Insufficient => there.verdict,
            // The number may differ by rounding.
            Verdict::Inconclusive { .. } => back.verdict,
        };
        prop_assert_eq!(back.verdict, mirrored);
        if let (Some(Interval { low, high }), Some(ratio)) = (there.interval, there.ratio) {
            prop_assert!(low <= ratio && ratio <= high);
        }
    }
}

/// So many rounds of each side, one per pair, by wall, kernel, preempted, and processor time in microseconds.
fn busy(rounds: &[(u64, u64, u64, u64)]) -> Rounds {
    let column = |of: fn(&(u64, u64, u64, u64)) -> u64| rounds.iter().map(move |it| of(it) * 1000);
    Rounds {
        wall_ns: column(|it| it.0).collect(),
        kernel_ns: column(|it| it.1).map(Some).collect(),
        preempted_ns: column(|it| it.2).map(Some).collect(),
        user_ns: column(|it| it.3).collect(),
        system_ns: vec![0; rounds.len()],
        block: (0..).take(rounds.len()).collect(),
        ..Rounds::default()
    }
}

/// Twenty pairs; head works 4 % more and base is preempted, so that its wall time is the longer one.
fn preempted() -> (Rounds, Rounds) {
    let base: Vec<_> = (0..20).map(|i| (9500 + i, 9000 + i, 4000 + i, 4990)).collect();
    let head: Vec<_> = (0..20).map(|i| (5700 + i, 5200 + i, i, 5190)).collect();
    (busy(&base), busy(&head))
}

fn by(base: &Rounds, head: &Rounds, sources: [RobustSource; 2]) -> Comparison {
    let [base_source, head_source] = sources;
    let base = Side { rounds: base, source: base_source };
    compare(base, Side { rounds: head, source: head_source }, 0.03)
}

#[test]
fn undisturbed_times_are_judged_where_both_have_them() {
    use RobustSource::{KernelStamps, ProcessorTime, WallClock};
    let (base, head) = preempted();
    for (sources, time, verdict) in [
        ([KernelStamps, KernelStamps], JudgedTime::Undisturbed, Verdict::Regressed),
        ([KernelStamps, ProcessorTime], JudgedTime::Processor, Verdict::Regressed),
        ([ProcessorTime, KernelStamps], JudgedTime::Processor, Verdict::Regressed),
        ([WallClock, KernelStamps], JudgedTime::Wall, Verdict::Improved),
    ] {
        let found = by(&base, &head, sources);
        assert_eq!((found.time, found.judged.verdict), (time, verdict), "{sources:?}");
        assert_eq!(found.wall.is_some(), time != JudgedTime::Wall);
        assert_eq!(found.wall_disagrees(), time == JudgedTime::Processor);
    }
}

#[test]
fn what_mostly_waits_is_judged_by_wall_times() {
    use RobustSource::{KernelStamps, ProcessorTime};
    let sleeper: Vec<_> = (0..20).map(|i| (9500 + i, 9000 + i, 0, 900)).collect();
    let (worker, _) = preempted();
    let sleeper = busy(&sleeper);
    for sources in [[KernelStamps; 2], [ProcessorTime; 2]] {
        let found = by(&sleeper, &sleeper, sources);
        assert_eq!((found.time, found.waits, found.differ), (JudgedTime::Wall, true, false));
        assert_eq!(found.judged.verdict, Verdict::Equivalent);
        assert!(!by(&worker, &worker, sources).waits);
    }
    for (base, head) in [(&sleeper, &worker), (&worker, &sleeper)] {
        // The time without preemption has the waiting in it.
        let found = by(base, head, [KernelStamps; 2]);
        assert_eq!((found.time, found.waits), (JudgedTime::Undisturbed, false));
        assert!(found.judged.verdict.is_final());
        // Else nothing can be compared that others leave alone.
        let found = by(base, head, [ProcessorTime; 2]);
        assert_eq!((found.time, found.differ), (JudgedTime::Wall, true));
        let doubt = Verdict::Inconclusive { resolves: None, pairs_needed: None };
        assert_eq!(found.judged.verdict, doubt);
    }
    // Others have most of the processor, but not in every round.
    let crowded: Vec<_> = (0..20).map(|i| (5100 + i % 5 * 5000, 5000, 0, 4990)).collect();
    let crowded = busy(&crowded);
    assert!(!by(&crowded, &crowded, [ProcessorTime; 2]).waits);
}

#[test]
fn slower_by_a_share_is_for_certain() {
    let (base, head) = pair(24, 1.1);
    let judged = judge_walls(&base, &head);
    assert!(judged.is_slower_by(0.05) && !judged.is_slower_by(0.2));
    assert!(!judge_walls(&head, &base).is_slower_by(0.05));
    let (base, head) = pair(4, 1.5);
    assert!(!judge_walls(&base, &head).is_slower_by(0.05), "no interval, no certainty");
}
