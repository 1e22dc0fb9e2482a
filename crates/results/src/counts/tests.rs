//! Sentences and verdicts of counts.

use runner_shared::artifact::Repeats;

use super::*;

pub(crate) fn asked(threshold: Option<f64>) -> Repeats {
    Repeats {
        version: Repeats::VERSION,
        base_uri: "exec_harness::old".to_owned(),
        threshold,
        at_most: None,
    }
}

pub(crate) fn side<C>(name: &str, counts: Vec<C>) -> RepeatedSide<C> {
    RepeatedSide { name: name.to_owned(), uri: format!("exec_harness::{name}"), counts }
}

/// Instructions, cycles and misses of two commands, repeat by repeat.
fn compared(base: &[[u64; 4]], head: &[[u64; 4]]) -> CountComparison {
    let sides = vec![side("old", base.to_vec()), side("new", head.to_vec())];
    of(&Repeated { asked: asked(None), sides }, SIMULATION_COUNTERS)
}

fn of<const N: usize>(
    repeated: &Repeated<[u64; N]>,
    counters: &'static [Counter],
) -> CountComparison {
    let nth = |counter: &Counter| counters.iter().position(|it| it.id == counter.id);
    let mut all = repeated.compare(counters, |counts, counter| counts.get(nth(counter)?).copied());
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn memory(base: [u64; 3], head: [u64; 3]) -> CountComparison {
    let sides = vec![side("old", vec![base; 4]), side("new", vec![head; 4])];
    of(&Repeated { asked: asked(None), sides }, MEMORY_COUNTERS)
}

#[test]
fn sentences_name_the_counter_that_moved_and_how_sure_that_is() {
    let old = [100_000, 150_000, 900, 300];
    let with = |change: [u64; 4]| {
        let mut new = old;
        new.iter_mut().zip(change).for_each(|(count, more)| *count += more);
        compared(&[old; 2], &[new; 2])
    };
    let spread = [[100_000, 150_000, 900, 300], [100_040, 150_100, 930, 302]];
    let all = [
        with([0, 0, 0, 0]),
        with([4200, 4200, 0, 0]),
        with([4200, 10_500, 0, 60]),
        with([0, 21_000, 0, 200]),
        with([1, 1, 0, 0]),
        with([300, 300, 0, 0]),
        with([250_000, 250_000, 0, 0]),
        compared(&[[90_000, 90_000, 1, 1]; 2], &[[30_000, 30_000, 1, 1]; 2]),
        compared(&[[900, 900, 1, 1]; 2], &[[1300, 1300, 1, 1]; 2]),
        compared(&[[0, 0, 0, 0]; 2], &[[1300, 1300, 0, 0]; 2]),
        compared(&spread, &spread),
        compared(&spread, &[[100_060, 150_000, 900, 300]; 2]),
        compared(&spread, &[[103_000, 150_000, 900, 300]; 2]),
        compared(
            &[[100_000, 100_000, 1, 1], [101_000, 101_000, 1, 1]],
            &[[102_500, 102_500, 1, 1]; 2],
        ),
        compared(&[old; 1], &[[100_001, 150_000, 900, 300]; 1]),
        memory([10 << 20, 40 << 20, 1000], [10 << 20, 40 << 20, 1000]),
        memory([10 << 20, 40 << 20, 1000], [12 << 20, 42 << 20, 1000]),
        memory([10 << 20, 40 << 20, 1000], [10 << 20, 40 << 20, 900]),
        memory([10 << 20, 40 << 20, 1000], [8 << 20, 40 << 20, 2000]),
    ];
    let lines = all.iter().map(|it| format!("{:?}: {}", it.verdict(), it.sentences().join("\n")));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn thresholds_are_those_that_were_asked_for() {
    let with = |threshold, at_most| {
        let sides = vec![side("old", vec![[100_000]; 2]), side("new", vec![[101_000]; 2])];
        let asked = Repeats { at_most, ..asked(threshold) };
        of(&Repeated { asked, sides }, SIMULATION_COUNTERS.get(..1).unwrap()).verdict()
    };
    assert_eq!(with(None, None), CountsVerdict::Equivalent);
    assert_eq!(with(Some(0.01), None), CountsVerdict::Regressed);
    assert_eq!(with(None, Some(0.01)), CountsVerdict::Regressed);
    assert_eq!(with(None, Some(0.05)), CountsVerdict::Equivalent, "2 % is less");
    assert_eq!(with(Some(0.1), Some(0.01)), CountsVerdict::Equivalent);
}

#[test]
fn only_counters_that_decide_fail_a_run() {
    let more = compared(&[[100_000, 150_000, 900, 300]; 2], &[[106_000, 150_000, 9000, 900]; 2]);
    let ids =
        |share| -> Vec<&str> { more.worse_by(share).iter().map(|it| it.counter.id).collect() };
    assert_eq!(ids(None), ["instructions"]);
    assert_eq!(ids(Some(0.06)), ["instructions"]);
    assert_eq!(ids(Some(0.07)), [""; 0]);
    assert_eq!(more.ratio(), Some(1.06));
}
