//! The noise of this machine: what a comparison of a program with itself finds. How wide its interval is says which
//! difference would be seen, and from that how long it takes to see another one: the width shrinks with the root of the
//! number of pairs.

use results::Comparison;
use runner_shared::verdict::{JudgedTime, Judgement, MINIMUM_PAIRS};
use serde::Serialize;

/// The program: some milliseconds of computing, with the shell that every machine has.
pub(crate) const PROGRAM: [&str; 3] =
    ["sh", "-c", "i=0; while [ $i -lt 6000 ]; do i=$((i+1)); done"];

/// The result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Floor {
    /// Median wall time of the program, nanoseconds.
    pub program_ns: f64,
    /// Time of all pairs, seconds.
    pub seconds: f64,
    /// By kind of time, the one that verdicts are about first.
    pub times: Vec<Noise>,
}

/// The noise of one kind of time. Differences are shares: 0.01 is 1 %.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Noise {
    /// `undisturbed`, `processor` or `wall`.
    pub time: &'static str,
    /// Pairs that were compared.
    pub pairs: u64,
    /// The difference that was found, which is none.
    pub difference: f64,
    /// Half the width of its 99 % interval: the smallest difference that would have been seen.
    pub resolves: f64,
    /// About how many seconds it takes to see a difference of 1 %.
    pub seconds_for_1_percent: f64,
    /// The same for 3 %.
    pub seconds_for_3_percent: f64,
}

impl Floor {
    /// Takes it from a comparison of equals. `None` if there were too few pairs.
    pub(crate) fn of(comparison: &Comparison, program_ns: f64) -> Option<Self> {
        let found = comparison.found;
        let pair_seconds = 2.0 * comparison.side_ns / 1e9;
        let judged = noise(found.time, &found.judged, pair_seconds)?;
        let wall = found.wall.and_then(|wall| noise(JudgedTime::Wall, &wall, pair_seconds));
        let seconds = pair_seconds * float(judged.pairs);
        Some(Self { program_ns, seconds, times: std::iter::once(judged).chain(wall).collect() })
    }
}

fn noise(time: JudgedTime, judged: &Judgement, pair_seconds: f64) -> Option<Noise> {
    let (ratio, interval) = (judged.ratio?, judged.interval?);
    let half = (interval.high / ratio).max(ratio / interval.low);
    let resolves = half - 1.0;
    // In logarithms, as the verdict is made.
    let needed = |share: f64| {
        let pairs = float(judged.pairs) * (half.ln() / share.ln_1p()).powi(2);
        pairs.max(float(MINIMUM_PAIRS)) * pair_seconds
    };
    let time = match time {
        JudgedTime::Undisturbed => "undisturbed",
        JudgedTime::Processor => "processor",
        JudgedTime::Wall | JudgedTime::Shortest => "wall",
    };
    Some(Noise {
        time,
        pairs: judged.pairs,
        difference: ratio - 1.0,
        resolves,
        seconds_for_1_percent: needed(0.01),
        seconds_for_3_percent: needed(0.03),
    })
}

fn float(count: u64) -> f64 {
    runner_shared::walltime::as_float(count)
}

#[cfg(test)]
mod tests {
    use runner_shared::{statistics::Interval, verdict::Verdict};

    use super::*;

    #[test]
    fn a_tenth_of_the_difference_takes_a_hundred_times_as_long() {
        let interval = Interval { low: 0.999, high: 1.001 };
        let judged = Judgement {
            ratio: Some(1.0),
            interval: Some(interval),
            pairs: 400,
            p: 1.0,
            threshold: 0.0001,
            verdict: Verdict::Insufficient,
        };
        let noise = noise(JudgedTime::Undisturbed, &judged, 0.1).unwrap();
        assert!((noise.resolves - 0.001).abs() < 1e-5, "{noise:?}");
        // A hundredth of 40 s would be 4 pairs, and there have to be 8.
        assert!((noise.seconds_for_1_percent - 0.8).abs() < 1e-9, "{noise:?}");
        let wide = Judgement { interval: Some(Interval { low: 0.9, high: 1.1 }), ..judged };
        let noise = super::noise(JudgedTime::Wall, &wide, 0.1).unwrap();
        assert!((4000.0..5000.0).contains(&noise.seconds_for_1_percent), "{noise:?}");
        let times = noise.seconds_for_1_percent / noise.seconds_for_3_percent;
        assert!((8.7..9.0).contains(&times), "{times}");
        let unsure = Judgement { interval: None, ..judged };
        assert_eq!(super::noise(JudgedTime::Wall, &unsure, 0.1), None);
    }
}
