//! From marked spans to rounds: how many iterations each round had, and what the marks themselves cost.
//!
//! Integrations state one number of iterations for all rounds, but criterion's linear sampling runs `d`, `2 d` ...
//! `n d` of them, divan tries out how many it wants before it begins, and criterion marks each batch of inputs by
//! itself. Every such arrangement is tried, and one is believed if its rounds are those of the summary: median,
//! quartiles and extremes.

use runner_shared::walltime::{BenchmarkStats, as_float, as_whole, quantile};

use super::preempted::Off;

/// Rounds may differ from the summary by this share: quartiles have more than one definition.
const SLACK: f64 = 0.1;
/// A pair of marks costs at most this, or [`SLACK`] of what it encloses; nanoseconds.
const MOST_OVERHEAD: f64 = 20_000.0;
/// The cost of single marks lies within this share of the typical one.
const OVERHEAD_SPREAD: f64 = 0.25;
/// Quartiles of fewer rounds depend more on their definition than on the rounds.
const FEWEST_FOR_QUARTILES: usize = 4;
/// Halvings of a range of nanoseconds until nothing is left of it.
const HALVINGS: usize = 64;
/// The ways in which criterion cuts the iterations of a round into batches: into so many, or one by one (`BatchSize`).
const BATCHINGS: &[Batching] = &[Batching::Into(10), Batching::Into(1000), Batching::Single];

/// The span between two marks, nanoseconds on `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    /// The time when it began.
    pub start: u64,
    /// The time when it ended.
    pub end: u64,
    /// The time that the thread was off its processor, if that is known.
    pub off: Option<Off>,
}

/// The rounds of a benchmark.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recovered {
    /// Start of each round, nanoseconds on `CLOCK_MONOTONIC`.
    pub start_ns: Vec<u64>,
    /// Length of each round without what the marks cost, nanoseconds.
    pub wall_ns: Vec<u64>,
    /// Iterations of each round, at least 1.
    pub iterations: Vec<u64>,
    /// The time that the thread was off its processor in each round, where that is known.
    pub off: Vec<Option<Off>>,
    /// The integration has cut the times of its summary to whole nanoseconds: these rounds know more.
    pub is_finer: bool,
}

#[derive(Debug, Clone, Copy)]
enum Batching {
    /// So many batches of equal size, the last of which may be smaller.
    Into(u64),
    /// A batch for each iteration.
    Single,
}

impl Batching {
    /// Batches of a round.
    fn batches(self, iterations: u64) -> u64 {
        match self {
            Self::Into(most) => iterations.div_ceil(iterations.div_ceil(most).max(1)),
            Self::Single => iterations,
        }
    }
}

/// A round before it is believed.
#[derive(Debug, Clone, Copy)]
struct Round {
    start: u64,
    /// All that its marks enclose, nanoseconds.
    span: f64,
    /// Pairs of marks.
    pairs: f64,
    iterations: u64,
    off: Option<Off>,
}

impl Round {
    /// Time of an iteration, if a pair of marks costs `overhead` nanoseconds.
    fn time(&self, overhead: f64) -> f64 {
        (self.span - overhead * self.pairs) / as_float(self.iterations)
    }
}

/// An arrangement whose times lie so many times closer together is the right one.
const CLEARLY: f64 = 4.0;

/// Finds the arrangement of the pairs that gives the summary. `None` if there is none.
pub(super) fn recover(pairs: &[Pair], stats: &BenchmarkStats) -> Option<Recovered> {
    if pairs.is_empty() {
        return None;
    }
    let mut found: Option<(f64, Recovered)> = None;
    for rounds in arrangements(pairs, stats) {
        // Of times below a few nanoseconds the summary, in whole ones, suits more than one.
        let spread = spread(&rounds);
        if found.as_ref().is_none_or(|(known, _)| spread < known / CLEARLY) {
            found = believed(&rounds, stats).map(|rounds| (spread, rounds)).or(found);
        }
    }
    found.map(|(_, rounds)| rounds)
}

/// Returns how far apart the middle half of the rounds is, as a share of their median: small where their iterations are
/// divided among them as they were.
fn spread(rounds: &[Round]) -> f64 {
    let times = ascending(rounds.iter().map(|round| round.time(0.0)).collect());
    let [low, middle, high] = [0.25, 0.5, 0.75].map(|share| quantile(&times, share));
    if middle > 0.0 { (high - low) / middle } else { f64::INFINITY }
}

/// All arrangements that have as many rounds as the summary says.
///
/// pytest states how many rounds it has planned and often stops before it has run them: fewer are tried, too.
fn arrangements<'a>(
    pairs: &'a [Pair],
    stats: &BenchmarkStats,
) -> impl Iterator<Item = Vec<Round>> + 'a {
    let (mean, planned) = (stats.iter_per_round.max(1), stats.rounds);
    let marked = u64::try_from(pairs.len()).unwrap_or(u64::MAX);
    let is_early = (2..planned).contains(&marked);
    let count = if is_early { marked } else { planned };
    let sampled = [Some(Sampling::Flat(mean)), Sampling::linear(count, mean)];
    let sampled = sampled.into_iter().flatten().filter(move |_| count > 0 && count <= marked);
    let whole = (count == marked).then_some(None).into_iter();
    let batched = (count < marked).then_some(BATCHINGS.iter().copied().map(Some));
    let ways: Vec<Option<Batching>> = whole.chain(batched.into_iter().flatten()).collect();
    let arranged = sampled.flat_map(move |sampling| {
        ways.clone().into_iter().filter_map(move |way| arrange(pairs, count, sampling, way))
    });
    // Rounds that try out how many iterations are right come first.
    let surplus = usize::try_from(marked.saturating_sub(count)).unwrap_or(usize::MAX);
    let tuned = pairs.get(surplus..).filter(|_| 0 < surplus && count > 0);
    let tuned = tuned.and_then(|last| arrange(last, count, Sampling::Flat(mean), None));
    arranged.chain(tuned)
}

/// The numbers of iterations of the rounds.
#[derive(Debug, Clone, Copy)]
enum Sampling {
    /// All as many.
    Flat(u64),
    /// Once, twice, three times ... as many.
    Linear(u64),
}

impl Sampling {
    /// The linear one with this mean, which was rounded down, if there is one.
    fn linear(rounds: u64, mean: u64) -> Option<Self> {
        let (doubled, ends) = (mean.checked_mul(2)?, rounds.checked_add(1)?);
        let step = doubled.div_ceil(ends);
        (rounds > 1 && step.checked_mul(ends)? / 2 == mean).then_some(Self::Linear(step))
    }

    fn iterations(self, nth: u64) -> u64 {
        match self {
            Self::Flat(iterations) => iterations,
            Self::Linear(step) => step.saturating_mul(nth),
        }
    }
}

/// Deals the pairs out to `count` rounds. `None` if there are too many or too few of them.
fn arrange(
    pairs: &[Pair],
    count: u64,
    sampling: Sampling,
    batching: Option<Batching>,
) -> Option<Vec<Round>> {
    let mut rest = pairs;
    let mut rounds = Vec::new();
    for nth in 1..=count {
        let iterations = sampling.iterations(nth);
        let batches = batching.map_or(1, |batching| batching.batches(iterations));
        let (own, later) = rest.split_at_checked(usize::try_from(batches).ok()?)?;
        let span = own.iter().map(|pair| as_float(pair.end.saturating_sub(pair.start))).sum();
        let start = own.first()?.start;
        let off = own.iter().map(|pair| pair.off).reduce(|one, other| Some(one?.plus(other?)));
        let off = off.flatten();
        rounds.push(Round { start, span, pairs: as_float(batches), iterations, off });
        rest = later;
    }
    rest.is_empty().then_some(rounds)
}

/// The rounds without the cost of their marks, if what remains is what the summary says.
fn believed(rounds: &[Round], stats: &BenchmarkStats) -> Option<Recovered> {
    let is_finer = is_cut(rounds, stats);
    let overhead = overhead(rounds, stats, is_finer);
    let typical = median(rounds.iter().map(|round| round.span / round.pairs).collect());
    let plausible = -SLACK * typical..=MOST_OVERHEAD.max(SLACK * typical);
    if !plausible.contains(&overhead) || !fits(rounds, overhead, stats) {
        return None;
    }
    // Marks that were interrupted made a round longer than the longest, as the integration has timed them.
    let longest = stats.max_ns.max(stats.min_ns) + if is_finer { 1.0 } else { 0.0 };
    let wall = |round: &Round| {
        as_whole(round.time(overhead).clamp(stats.min_ns, longest) * as_float(round.iterations))
    };
    Some(Recovered {
        start_ns: rounds.iter().map(|round| round.start).collect(),
        wall_ns: rounds.iter().map(wall).collect(),
        iterations: rounds.iter().map(|round| round.iterations).collect(),
        off: rounds.iter().map(|round| round.off).collect(),
        is_finer,
    })
}

/// The clients in Rust cut the time of each round to whole nanoseconds per iteration, and state the sum of the uncut
/// times. Others state the time of everything, which is longer than the rounds.
fn is_cut(rounds: &[Round], stats: &BenchmarkStats) -> bool {
    let is_whole = |time: f64| time.fract() == 0.0;
    is_whole(stats.min_ns)
        && is_whole(stats.max_ns)
        && rounds.iter().any(|round| round.iterations > 1)
        // The sum is stated in seconds, which no float holds to the nanosecond.
        && mean_overhead(rounds, stats) > -1.0
}

/// Returns the average cost of a pair of marks, if the summary states the sum of the rounds.
fn mean_overhead(rounds: &[Round], stats: &BenchmarkStats) -> f64 {
    let (span, pairs) = rounds
        .iter()
        .fold((0.0, 0.0), |(span, pairs), round| (span + round.span, pairs + round.pairs));
    (span - stats.total_time * 1e9) / pairs
}

/// Returns the cost of a pair of marks: the marks enclose a little more than the integration has timed, the same for
/// each. With this cost, the median of the rounds is the one of the summary.
fn overhead(rounds: &[Round], stats: &BenchmarkStats, is_cut: bool) -> f64 {
    let at = |overhead: f64| median(rounds.iter().map(|round| round.time(overhead)).collect());
    let lowest = stats.median_ns;
    if !is_cut {
        return solve(rounds, lowest);
    }
    // The uncut median lies above the one that is stated, by less than a nanosecond.
    let highest = lowest + 1.0;
    let guess = mean_overhead(rounds, stats);
    match at(guess) {
        median if median < lowest => solve(rounds, lowest),
        median if median > highest => solve(rounds, highest),
        _ => guess,
    }
}

/// The overhead with which the median of the rounds is this one.
fn solve(rounds: &[Round], wanted: f64) -> f64 {
    let at = |overhead: f64| median(rounds.iter().map(|round| round.time(overhead)).collect());
    let Some(first) = rounds.first() else { return 0.0 };
    let is_alike = |round: &Round| {
        (round.iterations, round.pairs.total_cmp(&first.pairs).is_eq()) == (first.iterations, true)
    };
    if rounds.iter().all(is_alike) {
        return (at(0.0) - wanted) * as_float(first.iterations) / first.pairs;
    }
    let longest = rounds.iter().map(|round| round.span).fold(0.0, f64::max);
    let (mut low, mut high) = (-longest, longest);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if at(middle) > wanted { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// Returns true if the rounds have the quartiles and the extremes of the summary. An interruption within a mark makes
/// the longest round longer, so there is no upper bound for it.
fn fits(rounds: &[Round], overhead: f64, stats: &BenchmarkStats) -> bool {
    let times = ascending(rounds.iter().map(|round| round.time(overhead)).collect());
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return false };
    let share = rounds.iter().map(|round| round.pairs / as_float(round.iterations));
    let spread = 1.0 + OVERHEAD_SPREAD * overhead.abs() * share.fold(0.0, f64::max);
    let is_near = |low: f64, high: f64, stated: f64| {
        low * (1.0 - SLACK) - spread <= stated && stated <= high * (1.0 + SLACK) + spread
    };
    let mean = times.iter().sum::<f64>() / length(&times);
    let middle = quantile(&times, 0.5);
    is_near(*first, *first, stats.min_ns)
        && is_near(middle, middle, stats.median_ns)
        && is_near(0.0, *last, stats.max_ns)
        && is_near(0.0, mean, stats.mean_ns)
        && (times.len() < FEWEST_FOR_QUARTILES
            || [(0.25, stats.q1_ns), (0.75, stats.q3_ns)].into_iter().all(|(share, stated)| {
                let (low, high) = around(&times, share);
                is_near(low, high, stated)
            }))
}

/// The values between which every definition of a quantile lies (Hyndman and Fan, "Sample quantiles in statistical
/// packages", 1996): positions `p (n - 1) + 1` to `p (n + 1)`, or the other way round.
fn around(ascending: &[f64], share: f64) -> (f64, f64) {
    let n = length(ascending);
    let (one, other) = (share * (n - 1.0) + 1.0, share * (n + 1.0));
    let at = |position: f64| {
        let index = as_whole(position.clamp(1.0, n)).saturating_sub(1);
        usize::try_from(index).ok().and_then(|index| ascending.get(index)).copied().unwrap_or(0.0)
    };
    (at(one.min(other).floor()), at(one.max(other).ceil()))
}

fn median(times: Vec<f64>) -> f64 {
    quantile(&ascending(times), 0.5)
}

fn ascending(mut times: Vec<f64>) -> Vec<f64> {
    times.sort_by(f64::total_cmp);
    times
}

fn length(times: &[f64]) -> f64 {
    as_float(u64::try_from(times.len()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs of these lengths, one after the other.
    fn pairs(spans: impl IntoIterator<Item = u64>) -> Vec<Pair> {
        let mut start = 1_000;
        let pair = |span| {
            let pair = Pair { start, end: start + span, off: None };
            start += span + 100;
            pair
        };
        spans.into_iter().map(pair).collect()
    }

    /// Times of an iteration in hundredths of a nanosecond around 6.46 ns, as a machine at rest gives them.
    fn hundredths(nth: u64) -> u64 {
        646 + (nth * 37) % 11
    }

    /// Returns the statistics that a client in Rust states for these rounds: whole nanoseconds, and the sum.
    fn cut(rounds: &[(u64, u64)]) -> BenchmarkStats {
        let times: Vec<u64> = rounds.iter().map(|(span, iterations)| span / iterations).collect();
        let spans: u64 = rounds.iter().map(|(span, _)| span).sum();
        let iterations: u64 = rounds.iter().map(|(_, iterations)| iterations).sum();
        BenchmarkStats {
            total_time: as_float(spans) / 1e9,
            iter_per_round: iterations / u64::try_from(rounds.len()).unwrap(),
            ..BenchmarkStats::of_rounds(&times, 0)
        }
    }

    fn times(recovered: &Recovered) -> Vec<f64> {
        let rounds = recovered.wall_ns.iter().zip(&recovered.iterations);
        rounds.map(|(wall, iterations)| as_float(*wall) / as_float(*iterations)).collect()
    }

    #[test]
    fn growing_rounds_are_divided_by_their_own_iterations() {
        let rounds: Vec<(u64, u64)> =
            (1..=100).map(|nth| (32_132 * nth * hundredths(nth) / 100, 32_132 * nth)).collect();
        let stats = cut(&rounds);
        let marked = pairs(rounds.iter().map(|(span, _)| span + 400));
        let recovered = recover(&marked, &stats).unwrap();
        let expected: Vec<u64> = rounds.iter().map(|(_, iterations)| *iterations).collect();
        assert_eq!(recovered.iterations, expected);
        assert!(recovered.is_finer);
        let times = times(&recovered);
        assert!(times.iter().all(|time| (6.45..6.57).contains(time)), "{times:?}");
    }

    #[test]
    fn rounds_below_a_nanosecond_are_told_apart_by_their_spread() {
        for hundredths in [20, 31, 50, 70, 105, 125, 145, 205, 305] {
            for is_linear in [true, false] {
                let size = |nth| 300_000 * if is_linear { nth } else { 50 };
                let jitter = |nth: u64| 1000 + (nth * 37) % 11;
                let rounds: Vec<(u64, u64)> = (1..=100)
                    .map(|nth| (size(nth) * hundredths * jitter(nth) / 100_000, size(nth)))
                    .collect();
                let found = recover(&pairs(rounds.iter().map(|(span, _)| *span)), &cut(&rounds));
                let found = found.unwrap_or_else(|| panic!("{hundredths} {is_linear}"));
                let iterations: Vec<u64> = rounds.iter().map(|(_, size)| *size).collect();
                assert_eq!(found.iterations, iterations, "{hundredths} {is_linear}");
            }
        }
    }

    #[test]
    fn rounds_that_look_for_their_size_come_before_those_that_count() {
        let mut spans = vec![60, 70, 90, 130];
        spans.extend((0..50).map(|nth| 16 * hundredths(nth) / 10 + 70));
        let rounds: Vec<(u64, u64)> = (0..50).map(|nth| (16 * hundredths(nth) / 10, 16)).collect();
        let recovered = recover(&pairs(spans), &cut(&rounds)).unwrap();
        assert_eq!((recovered.wall_ns.len(), recovered.iterations.as_slice()), (50, &[16; 50][..]));
        let median = median(times(&recovered));
        assert!((64.5..65.8).contains(&median), "{median}");
    }

    #[test]
    fn batches_are_put_together_into_their_round() {
        // 39, 78 ... iterations, in batches of 4, 8 ...: ten of them, the last one smaller.
        let rounds: Vec<(u64, u64)> = (1..=20).map(|nth| (39 * nth * 100, 39 * nth)).collect();
        let spans = (1..=20_u64).flat_map(|nth| {
            let (all, size) = (39 * nth, (39 * nth).div_ceil(10));
            (0..all.div_ceil(size)).map(move |batch| size.min(all - batch * size) * 100 + 160)
        });
        let recovered = recover(&pairs(spans), &cut(&rounds)).unwrap();
        assert_eq!(recovered.wall_ns, rounds.iter().map(|(span, _)| *span).collect::<Vec<_>>());
    }

    #[test]
    fn what_the_marks_cost_is_taken_off() {
        let inner = [5_318, 6_352, 6_509, 6_600, 6_787, 7_000, 9_000];
        let stats = BenchmarkStats { total_time: 0.1, ..BenchmarkStats::of_rounds(&inner, 0) };
        let marked =
            pairs(inner.iter().zip([790, 780, 787, 800, 785, 787, 20_000]).map(|(a, b)| a + b));
        let recovered = recover(&marked, &stats).unwrap();
        assert!(!recovered.is_finer);
        assert_eq!(median(times(&recovered)).to_string(), "6600");
    }

    #[test]
    fn a_plan_that_was_not_carried_out_in_full_is_no_contradiction() {
        let stats = BenchmarkStats {
            rounds: 5,
            total_time: 1.0,
            ..BenchmarkStats::of_rounds(&[190, 210], 0)
        };
        assert_eq!(recover(&pairs([190, 210]), &stats).unwrap().wall_ns, [190, 210]);
    }

    #[test]
    fn a_median_alone_is_no_proof() {
        let spans: Vec<u64> = (1..=100).map(|nth| nth * 10_000).collect();
        let stats = BenchmarkStats {
            total_time: 0.050_5,
            ..BenchmarkStats::of_rounds(&[504_000, 505_000, 506_000].repeat(40)[..100], 0)
        };
        assert_eq!(recover(&pairs(spans), &stats), None);
        let shorter = BenchmarkStats::of_rounds(&[500_000; 100], 0);
        assert_eq!(recover(&pairs([600_000; 100]), &shorter), None, "marks don't cost that much");
    }

    #[test]
    fn sums_of_strangers_never_overflow() {
        let odd = BenchmarkStats {
            iter_per_round: u64::MAX,
            rounds: 3,
            median_ns: f64::MAX,
            total_time: f64::NAN,
            ..BenchmarkStats::of_rounds(&[1], 0)
        };
        for rounds in [0, 1, 2, 3, u64::MAX] {
            drop(recover(&pairs([1, 2, 3]), &BenchmarkStats { rounds, ..odd }));
        }
    }
}
