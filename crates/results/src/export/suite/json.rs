//! A comparison of suites as JSON: each verdict with its seed, pairs, threshold and interval. Keys are only ever added
//! within a version.
//!
//! | key | value |
//! |---|---|
//! | `version` | 1 |
//! | `mode`, `seed` | what was measured, and what the order within pairs was drawn from |
//! | `threshold` | the smallest difference that matters, of times or of the first quantity |
//! | `pairs`, `pairs_again` | pairs of runs, and those that looked again at what was found |
//! | `geometric_mean` | `ratio` over all benchmarks and its 95 % `interval` (`null` below 6 benchmarks), or `null` |
//! | `shift` | `null`, or `worse`, `moved` and `all`: so many benchmarks moved alike that they have a cause in common |
//! | `one_sided[]` | `name`, `uri` and `side` (`base`, `head`) of benchmarks that only one side has |
//! | `conditions` | only if something was not as usual: `processors` (`--pin`), `fixed_addresses` (`--no-aslr`) |
//! | `benchmarks[]` | one object per benchmark, worst first |
//! | `.name`, `.uri` | as the integration says, of head |
//! | `.verdict` | `regressed`, `improved`, `unchanged` or `inconclusive` |
//! | `.doubt` | of an inconclusive one: `few`, `wide`, `chance`, `unconfirmed` or `contradicted` |
//! | `.resolves`, `.pairs_needed` | of a wide one: the difference that these pairs could show, and how many would do |
//! | `.base`, `.head`, `.unit` | medians over the runs (of shortest rounds the lower quartile): `ps`, `cycles`, `B` or `1` |
//! | `.ratio`, `.interval` | head by base; at the level 1 - `alpha` |
//! | `.time` | the time that is judged: `undisturbed`, `processor`, `wall`, or `shortest`: the shortest round of each run; `null` for counts |
//! | `.threshold`, `.alpha`, `.seed` | as above; the share of wrong alarms of the interval |
//! | `.first`, `.again` | of times: `ratio`, `interval`, `pairs`, `p` of each stage |
//! | `.stands_out` | of times: it remains a finding among all of the suite (Benjamini-Hochberg, 5 %) |
//! | `.counters[]` | of counts: `id`, `unit`, `decides`, and `first` and `again` with `base`, `head`, `ratio`, `floor`, `limit`, `repeats`, `verdict` |

use runner_shared::{
    conditions::Conditions,
    verdict::{ALPHA, CountJudgement},
};
use serde::Serialize;

use crate::{
    export::comparison::{JsonJudgement, time_word},
    model::Interval,
    suite::{
        CounterFinding, Doubt, Evidence, Found, OneSided, Shift, SuiteBenchmark, SuiteComparison,
        SuiteVerdict,
    },
};

/// Version of the schema.
const VERSION: u32 = 1;

#[derive(Serialize)]
pub(super) struct File<'a> {
    version: u32,
    mode: &'static str,
    seed: u64,
    threshold: f64,
    pairs: u64,
    pairs_again: u64,
    geometric_mean: Option<Mean>,
    shift: Option<JsonShift>,
    one_sided: Vec<JsonOneSided<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conditions: Option<&'a Conditions>,
    benchmarks: Vec<Benchmark<'a>>,
}

#[derive(Serialize)]
struct Mean {
    ratio: f64,
    interval: Option<Interval>,
}

#[derive(Serialize)]
struct JsonShift {
    worse: bool,
    moved: usize,
    all: usize,
}

#[derive(Serialize)]
struct JsonOneSided<'a> {
    name: &'a str,
    uri: &'a str,
    side: &'static str,
}

#[derive(Serialize)]
struct Benchmark<'a> {
    name: &'a str,
    uri: &'a str,
    mode: &'static str,
    verdict: &'static str,
    doubt: Option<&'static str>,
    resolves: Option<f64>,
    pairs_needed: Option<u64>,
    base: f64,
    head: f64,
    unit: &'static str,
    ratio: Option<f64>,
    interval: Option<Interval>,
    time: Option<&'static str>,
    threshold: f64,
    alpha: Option<f64>,
    seed: u64,
    first: Option<JsonJudgement>,
    again: Option<JsonJudgement>,
    stands_out: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    counters: Vec<JsonCounter>,
}

#[derive(Serialize)]
struct JsonCounter {
    id: &'static str,
    unit: &'static str,
    decides: bool,
    first: JsonCount,
    again: Option<JsonCount>,
}

#[derive(Serialize)]
struct JsonCount {
    base: f64,
    head: f64,
    ratio: Option<f64>,
    floor: f64,
    limit: f64,
    repeats: usize,
    verdict: &'static str,
}

impl<'a> File<'a> {
    /// Taken apart completely, so that a new field can't be forgotten here.
    pub(super) fn of(of: &'a SuiteComparison) -> Self {
        let SuiteComparison {
            mode,
            seed,
            threshold,
            pairs: [pairs, pairs_again],
            benchmarks: _,
            one_sided,
            mean,
            shift,
            by_turns: _,
            conditions,
        } = of;
        let one_sided = one_sided.iter().map(|OneSided { name, uri, side }| JsonOneSided {
            name,
            uri,
            side: side.name(),
        });
        Self {
            version: VERSION,
            mode: mode.names().cli,
            seed: *seed,
            threshold: *threshold,
            pairs: *pairs,
            pairs_again: *pairs_again,
            geometric_mean: mean.map(|(ratio, interval)| Mean { ratio, interval }),
            shift: shift.map(|Shift { worse, moved, all }| JsonShift { worse, moved, all }),
            one_sided: one_sided.collect(),
            conditions: (!conditions.is_usual()).then_some(conditions),
            benchmarks: benchmarks(of),
        }
    }
}

/// A verdict that stands alone: with the conditions of the whole.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    #[serde(flatten)]
    benchmark: Benchmark<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conditions: Option<&'a Conditions>,
}

/// One for each benchmark.
pub(super) fn lines(of: &SuiteComparison) -> Vec<Line<'_>> {
    let conditions = (!of.conditions.is_usual()).then_some(&of.conditions);
    let line = |benchmark| Line { benchmark, conditions };
    benchmarks(of).into_iter().map(line).collect()
}

fn benchmarks(of: &SuiteComparison) -> Vec<Benchmark<'_>> {
    of.benchmarks.iter().map(|one| benchmark(one, of)).collect()
}

fn benchmark<'a>(of: &'a SuiteBenchmark, suite: &SuiteComparison) -> Benchmark<'a> {
    let SuiteBenchmark { name, uri, found } = of;
    let Found { verdict, base, head, unit, ratio, interval, evidence } = found;
    let (resolves, pairs_needed) = match verdict {
        SuiteVerdict::Inconclusive(Doubt::Wide { resolves, pairs_needed }) => {
            (*resolves, *pairs_needed)
        }
        SuiteVerdict::Inconclusive(_)
        | SuiteVerdict::Regressed
        | SuiteVerdict::Improved
        | SuiteVerdict::Unchanged => (None, None),
    };
    let bare = Benchmark {
        name,
        uri,
        mode: suite.mode.names().cli,
        verdict: verdict.word(),
        doubt: doubt(*verdict),
        resolves,
        pairs_needed,
        base: *base,
        head: *head,
        unit: unit.id(),
        ratio: *ratio,
        interval: *interval,
        time: None,
        threshold: suite.threshold,
        alpha: None,
        seed: suite.seed,
        first: None,
        again: None,
        stands_out: None,
        counters: Vec::new(),
    };
    match evidence {
        Evidence::Times { time, first, stands_out, again } => Benchmark {
            time: Some(time_word(*time)),
            alpha: Some(ALPHA),
            first: Some(JsonJudgement::of(*first)),
            again: again.map(JsonJudgement::of),
            stands_out: Some(*stands_out),
            ..bare
        },
        Evidence::Counts(findings) => {
            Benchmark { counters: findings.iter().map(JsonCounter::of).collect(), ..bare }
        }
    }
}

impl JsonCounter {
    fn of(finding: &CounterFinding) -> Self {
        let CounterFinding { counter, first, again } = finding;
        Self {
            id: counter.id,
            unit: counter.unit.id(),
            decides: counter.decides,
            first: JsonCount::of(*first),
            again: again.map(JsonCount::of),
        }
    }
}

impl JsonCount {
    fn of(judgement: CountJudgement) -> Self {
        let CountJudgement { base, head, ratio, floor, limit, repeats, verdict } = judgement;
        Self { base, head, ratio, floor, limit, repeats, verdict: verdict.id() }
    }
}

/// The reason of an inconclusive verdict, as one word.
pub(super) const fn doubt(verdict: SuiteVerdict) -> Option<&'static str> {
    match verdict {
        SuiteVerdict::Inconclusive(doubt) => Some(match doubt {
            Doubt::Few => "few",
            Doubt::Wide { .. } => "wide",
            Doubt::Chance => "chance",
            Doubt::Unconfirmed => "unconfirmed",
            Doubt::Contradicted => "contradicted",
        }),
        SuiteVerdict::Regressed | SuiteVerdict::Improved | SuiteVerdict::Unchanged => None,
    }
}
