//! The arithmetic of the verdicts about a suite: as `crate::explain` has it for commands, but with the readings of all
//! runs, which no export has.

use std::collections::BTreeMap;

use runner_shared::{
    artifact::RobustSource,
    mode::Mode,
    verdict::{
        ALPHA, FEWEST_PAIRS, JudgedTime, Judgement, MINIMUM_PAIRS, RESAMPLES, judge, judge_shortest,
    },
    walltime::{as_float, quantile, sorted},
};

use super::{
    CounterFinding, Doubt, Evidence, Stage, Suite, SuiteBenchmark, SuiteComparison, SuiteSide,
    SuiteVerdict, Value,
    judge::{FALSE_DISCOVERIES, times},
    matching::{Matched, matched},
};
use crate::{
    comparison::shortest,
    counts::counters_of,
    explain::{Step, count, number, of_count, of_counter, of_padding, of_pairs, paragraph},
    model::{Interval, RawRounds},
    report::Report,
    text::quoted,
};

/// The pairs of runs of a suite.
const RUNS: &str = "those pairs of runs in which both sides have a time above 0";
/// The pairs of rounds of a command.
const TURNS: &str = "those turns in which both have a time above 0; several rounds of a side in a turn count as their median";

/// The first side of each pair.
type Order = BTreeMap<(Stage, u32), SuiteSide>;

impl Suite {
    /// Paragraphs with the arithmetic of these verdicts, which are of the runs so far: one for the whole suite, and one
    /// for each benchmark. With a final line break.
    pub fn explain(&self, found: &SuiteComparison) -> String {
        let (mut known, _) = matched(&self.runs);
        let mut order = Order::new();
        for run in &self.runs {
            order.entry((run.stage, run.pair)).or_insert(run.side);
        }
        let mut paragraphs = vec![paragraph("All benchmarks", &of_all(found))];
        for benchmark in &found.benchmarks {
            let is_it = |one: &Matched<'_>| one.uri == benchmark.uri;
            let exactly = known.iter().position(|one| is_it(one) && is_of(one, benchmark));
            let place = exactly.or_else(|| known.iter().position(is_it));
            let Some(one) = place.map(|place| known.remove(place)) else { continue };
            let steps = match &benchmark.found.evidence {
                Evidence::Times { time, first, stands_out, again } => {
                    of_times(&one, *time, [Some(*first), *again], *stands_out, &order)
                }
                Evidence::Counts(findings) => self.of_counts(&one, findings),
            };
            let conclusion = (("verdict"), conclusion(benchmark.found.verdict).to_owned());
            let steps: Vec<Step> = steps.into_iter().chain([conclusion]).collect();
            paragraphs.push(paragraph(&quoted(&benchmark.name), &steps));
        }
        paragraphs.join("\n")
    }

    /// Steps for each counter and stage.
    fn of_counts(&self, one: &Matched<'_>, findings: &[CounterFinding]) -> Vec<Step> {
        let repeats = [Stage::First, Stage::Again]
            .into_iter()
            .flat_map(|stage| SuiteSide::BOTH.map(|side| one.of(stage, side).len()))
            .max();
        let mut steps = vec![of_padding(repeats.unwrap_or(0))];
        for CounterFinding { counter, first, again } in findings {
            let limits = counter.limits(self.threshold, self.at_most);
            let index = counters_of(self.mode).iter().position(|other| other.id == counter.id);
            let counts = |stage, side| {
                let of = |(_, value): &(u32, &Value)| match value {
                    Value::Counts(counts) => counts.get(index?).copied().flatten(),
                    Value::Time { .. } => None,
                };
                one.of(stage, side).iter().filter_map(of).collect::<Vec<u64>>()
            };
            steps.push(of_counter(counter));
            for (stage, judged) in [(Stage::First, Some(first)), (Stage::Again, again.as_ref())] {
                let Some(judged) = judged else { continue };
                let [base, head] = SuiteSide::BOTH.map(|side| counts(stage, side));
                steps.push(begin(stage));
                steps.extend(of_count(judged, limits, &base, &head));
            }
        }
        steps
    }
}

/// Returns the arithmetic of a command whose rounds took turns in both states, with the times of all turns. With a final
/// line break; empty without such a command.
pub fn explain_turns(report: &Report) -> String {
    let Report::Walltime(report) = report else { return String::new() };
    let [of] = &*report.comparisons else { return String::new() };
    let source = match of.found.time {
        JudgedTime::Undisturbed => RobustSource::KernelStamps,
        JudgedTime::Processor => RobustSource::ProcessorTime,
        JudgedTime::Wall | JudgedTime::Shortest => RobustSource::WallClock,
    };
    let times = |uri: &str| {
        let one = report.benchmarks.iter().find(|one| one.uri == uri);
        match one.and_then(|one| one.rounds.as_ref()) {
            Some(RawRounds::Logged(rounds)) => {
                medians(&rounds.robust_ns(source), rounds.block.as_slice())
            }
            Some(RawRounds::Marked { .. }) | None => BTreeMap::new(),
        }
    };
    let (base, head) = (times(&of.base_uri), times(&of.head_uri));
    let pairs = listed((&base, &head), "ns", of.found.judged.pairs, |_| None);
    let pairs = paragraph("All turns", &[vec![("pairs", TURNS.to_owned())], pairs].concat());
    format!("{}\n{pairs}", of.explain())
}

/// Steps about the suite as a whole.
fn of_all(found: &SuiteComparison) -> Vec<Step> {
    let drawn = "each pair of runs has its own, drawn from the seed";
    let mut steps = vec![("order", format!("{drawn} {} (xoshiro256++)", found.seed))];
    if found.mode == Mode::Walltime {
        steps.push(("among all", discoveries(found)));
    }
    steps
}

/// The limit that the p-values of the first stage have to keep so that few findings are false.
fn discoveries(found: &SuiteComparison) -> String {
    let firsts = found.benchmarks.iter().filter_map(|one| match one.found.evidence {
        Evidence::Times { first, stands_out, .. } => Some((first, stands_out)),
        Evidence::Counts(_) => None,
    });
    let tested = firsts.filter(|(first, _)| first.pairs >= MINIMUM_PAIRS);
    let tested: Vec<bool> = tested.map(|(_, stands_out)| stands_out).collect();
    let (all, last) = (tested.len(), tested.iter().filter(|stands_out| **stands_out).count());
    if all == 0 {
        return format!("no benchmark has {MINIMUM_PAIRS} pairs");
    }
    let level = FALSE_DISCOVERIES;
    let rule = format!(
        "Benjamini-Hochberg: of the {all} benchmarks with at least {MINIMUM_PAIRS} pairs, by p of the first stage from the smallest on, the k-th one has to have p <= {level} * k / {all}"
    );
    if last == 0 {
        return format!("{rule}; none has");
    }
    let float = |number| as_float(u64::try_from(number).unwrap_or(u64::MAX));
    let limit = level * float(last) / float(all);
    format!("{rule}; the last one that has is k = {last}, so that p <= {limit:.3e} stands out")
}

/// Steps from the times of each stage to the verdicts.
fn of_times(
    one: &Matched<'_>,
    time: JudgedTime,
    judged: [Option<Judgement>; 2],
    stands_out: bool,
    order: &Order,
) -> Vec<Step> {
    let readings = match time {
        JudgedTime::Undisturbed => {
            "undisturbed ones: of each run the median of the rounds without the time in which other programs had the processor, picoseconds per iteration"
        }
        JudgedTime::Wall | JudgedTime::Processor => {
            "wall times: of each run the lower quartile of the rounds, picoseconds per iteration"
        }
        JudgedTime::Shortest => {
            "shortest rounds: of each run the shortest round, picoseconds per iteration; typical times differ too much from \
                run to run"
        }
    };
    let mut steps = vec![("times", readings.to_owned())];
    for (stage, judged) in [Stage::First, Stage::Again].into_iter().zip(judged) {
        let Some(judged) = judged else { continue };
        let [base, head] = SuiteSide::BOTH.map(|side| {
            let (times, pairs) = times(one.of(stage, side), time);
            medians(&times, &pairs)
        });
        steps.push(begin(stage));
        let mut arithmetic = of_pairs(&judged, RUNS);
        if time == JudgedTime::Shortest {
            arithmetic = of_shortest(&judged, arithmetic);
        }
        let mut arithmetic = arithmetic.into_iter();
        steps.extend(arithmetic.next());
        let first = |pair| order.get(&(stage, pair)).copied();
        steps.extend(listed((&base, &head), "ps", judged.pairs, first));
        steps.extend(arithmetic);
        if stage == Stage::First {
            let word = if stands_out { "it stands out" } else { "it does not stand out" };
            steps.push(("among all", format!("p = {:.3e}: {word}", judged.p)));
        }
    }
    steps
}

/// The step that names a stage.
fn begin(stage: Stage) -> Step {
    let text = match stage {
        Stage::First => "first: all benchmarks",
        Stage::Again => "again: after a finding, twice as many pairs; both have to agree",
    };
    ("stage", text.to_owned())
}

/// A step for each pair with its times and the logarithm of their ratio. Of those that have both, all but the last
/// `judged` ones were left out; `first` tells which side came first.
fn listed(
    (base, head): (&BTreeMap<u32, f64>, &BTreeMap<u32, f64>),
    unit: &str,
    judged: u64,
    first: impl Fn(u32) -> Option<SuiteSide>,
) -> Vec<Step> {
    let both = base.iter().filter_map(|(pair, base)| Some((*pair, *base, *head.get(pair)?)));
    let both: Vec<(u32, f64, f64)> =
        both.filter(|(_, base, head)| *base > 0.0 && *head > 0.0).collect();
    let left_out = both.len().saturating_sub(usize::try_from(judged).unwrap_or(usize::MAX));
    let step = |(nth, (pair, base, head)): (usize, (u32, f64, f64))| {
        let d = number((head / base).ln());
        let order = first(pair).map(|side| format!(", {} first", side.name())).unwrap_or_default();
        let warms_up = if nth < left_out { " (warms up)" } else { "" };
        let (base, head) = (count(base), count(head));
        let text =
            format!("{pair}: base {base} {unit}, head {head} {unit}{order}; d = {d}{warms_up}");
        ("pair", text)
    };
    both.into_iter().enumerate().map(step).collect()
}

/// Returns these steps with the arithmetic of the shortest rounds in place of that of differences within pairs.
fn of_shortest(judged: &Judgement, steps: Vec<Step>) -> Vec<Step> {
    let ratio = judged.ratio.unwrap_or(1.0);
    let (estimate, ratio) = (number(ratio.ln()), number(ratio));
    let interval = match judged.interval {
        Some(Interval { low, high }) => format!(
            "{} % (alpha {ALPHA}): the estimate and {}, the quantile of the normal distribution times the standard error, \
                which comes from {RESAMPLES} resamples of the pairs (bootstrap): {} to {}, so {} to {}",
            shortest((1.0 - ALPHA) * 100.0),
            number((high.ln() - low.ln()) / 2.0),
            number(low.ln()),
            number(high.ln()),
            number(low),
            number(high)
        ),
        None => format!("none: it needs at least {FEWEST_PAIRS} pairs"),
    };
    let step = |(name, text): Step| match name {
        "differences" => None,
        "estimate" => Some((
            name,
            format!(
                "ln of the lower quartile of head's times less that of base's: {estimate}, so head / base = {ratio}"
            ),
        )),
        "interval" => Some((name, interval.clone())),
        "p" => Some((
            name,
            format!("{:.3e}: of the estimate by its standard error, two-sided", judged.p),
        )),
        _ => Some((name, text)),
    };
    steps.into_iter().filter_map(step).collect()
}

/// The median time of each pair.
fn medians(times: &[u64], pairs: &[u32]) -> BTreeMap<u32, f64> {
    let mut of_pair: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for (time, pair) in times.iter().zip(pairs) {
        of_pair.entry(*pair).or_default().push(*time);
    }
    of_pair.into_iter().map(|(pair, times)| (pair, quantile(&sorted(&times), 0.5))).collect()
}

/// Tells benchmarks of the same identity apart: a suite may measure something twice.
fn is_of(one: &Matched<'_>, benchmark: &SuiteBenchmark) -> bool {
    let Evidence::Times { time, first, .. } = &benchmark.found.evidence else { return true };
    let [(base, base_pairs), (head, head_pairs)] =
        SuiteSide::BOTH.map(|side| times(one.of(Stage::First, side), *time));
    let judge = if *time == JudgedTime::Shortest { judge_shortest } else { judge };
    judge((&base, &base_pairs), (&head, &head_pairs), first.threshold, ALPHA) == *first
}

/// The conclusion from both stages.
const fn conclusion(verdict: SuiteVerdict) -> &'static str {
    match verdict {
        SuiteVerdict::Regressed => "regressed: both stages say that head is worse",
        SuiteVerdict::Improved => "improved: both stages say that head is better",
        SuiteVerdict::Unchanged => "unchanged: the first stage finds no difference that matters",
        SuiteVerdict::Inconclusive(Doubt::Few) => "inconclusive: there are too few runs",
        SuiteVerdict::Inconclusive(Doubt::Wide { .. }) => {
            "inconclusive: the first stage does not tell"
        }
        SuiteVerdict::Inconclusive(Doubt::Chance) => {
            "inconclusive: the first stage finds a difference, which does not stand out"
        }
        SuiteVerdict::Inconclusive(Doubt::Unconfirmed) => {
            "inconclusive: the first stage finds a difference, and there is no second one"
        }
        SuiteVerdict::Inconclusive(Doubt::Contradicted) => {
            "inconclusive: the stages don't say the same"
        }
    }
}
