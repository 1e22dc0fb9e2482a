//! The report of walltime mode as JSON, every round included. Times are nanoseconds.
//!
//! | key | value |
//! |---|---|
//! | `version` | 1 |
//! | `warnings` | sentences about files that could not be used fully |
//! | `conditions` | what was not as usual: `processors` (`--pin`), `fixed_addresses` (`--no-aslr`) |
//! | `comparisons[]` | one object per benchmark that took turns with the first (`--vs`) |
//! | `.base`, `.head` | `name` and `uri` of both |
//! | `.verdict` | `regressed`, `improved`, `equivalent`, `inconclusive` or `insufficient` |
//! | `.judged`, `.wall` | what the times in `.time` (`undisturbed`, `processor`, `wall`) say, and the wall times if these are others: `ratio` (head by base), `interval` (`low`, `high`, at the level 1 - `alpha`), `pairs`, `p` |
//! | `.waits` | wall times are judged since most of the time is spent waiting |
//! | `.without_shell` | the start of a shell is taken off the times of a side, or of both |
//! | `.threshold`, `.alpha`, `.seed` | the smallest difference that matters, the share of wrong alarms, and what the order of the turns was drawn from |
//! | `.resolves`, `.pairs_needed` | of an inconclusive one: the difference that this run could show, and how many pairs would do |
//! | `benchmarks[]` | one object per benchmark, in the order of the run |
//! | `.name`, `.uri`, `.pid` | as in the results file of the integration |
//! | `.integration` | `name` and `version` |
//! | `.outcome`, `.failure` | `complete`, `failed` or `interrupted`; the reason if it failed |
//! | `.cold` | the only round is a warm-up round |
//! | `.warmup_rounds` | rounds before the measurement |
//! | `.config`, `.stats` | as in the results file, but times that an integration has cut to whole nanoseconds have the fractions that the rounds know; `stats.total_time` is in seconds |
//! | `.median_interval_ns`, `.mean_interval_ns` | 95 %: `low` and `high` |
//! | `.no_interval` | why there are no intervals |
//! | `.robust` | `source` (`kernel_stamps`, `processor_time`, `wall_clock`), `missing` (why there is no better one), `median_ns`, `interval_ns`, `in_stats` (`stats` is of these times) |
//! | `.p99_ns` | 99th percentile of the rounds, of the same times as `.stats`; `null` for fewer than 100 rounds, or if single rounds are not known |
//! | `.median_processor_ns` | processor time per round |
//! | `.median_user_ns`, `.median_system_ns` | its parts in user and in kernel mode, `null` for rounds too short for the kernel to tell; parts below `.split_step_ns` (a tick) are not told from none |
//! | `.median_faults`, `.median_switches` | per round: `minor`, `major`; `voluntary`, `involuntary` |
//! | `.shell` | of a command that a shell runs: what one takes that has nothing to do (`wall_ns`, `undisturbed_ns`, `processor_ns`, medians of `rounds`), and whether that is `subtracted` from all times of the benchmark |
//! | `.median_max_rss` | most resident memory of a round: `bytes`, and `at_most` if the truth may be less |
//! | `.counters[]` | each event of `--counters`: `name`, `median`, `with_kernel`, `missing` (why it was not counted), `least_running` (counted for this share of the time, and scaled up), `values` (per round) |
//! | `.noise` | `noisy`, the numbers of `rounds`, `preempted`, `stray` and `flagged` ones, `spread` (of the middle half) and `below` (of one round in 20) as shares of the median, `tail` (the share of all time that stray rounds took longer), `groups` (two that the rounds fall into) and `drift` (their change in the course of the measurement), both `null` for none |
//! | `.notes` | sentences about the benchmark |
//! | `.rounds` | `source` (`log` or `markers`), `iter_per_round` (the mean, rounded down), and one array per quantity, as in the log; `wall_ns` is of the whole round, of `markers` without what the marks cost, with `iterations` and `preempted_ns` in each |

use runner_shared::{
    artifact::{Counted, Rounds},
    conditions::Conditions,
    walltime::{BenchmarkConfig, BenchmarkStats, NoiseVerdict},
};
use serde::Serialize;

use super::{VERSION, rows::Rows};
use crate::{
    export::comparison::JsonComparison,
    model::{BenchResult, RawRounds, WalltimeReport},
    report,
};

#[derive(Serialize)]
pub(super) struct File<'a> {
    version: u32,
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    conditions: Option<&'a Conditions>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    comparisons: Vec<JsonComparison<'a>>,
    benchmarks: Vec<Benchmark<'a>>,
}

#[derive(Serialize)]
struct Benchmark<'a> {
    #[serde(flatten)]
    facts: Rows,
    config: &'a BenchmarkConfig,
    stats: &'a BenchmarkStats,
    #[serde(flatten)]
    measured: Rows,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    counters: Vec<JsonCounter<'a>>,
    noise: Option<JsonNoise>,
    notes: &'a [String],
    rounds: Option<JsonRounds<'a>>,
}

#[derive(Serialize)]
struct JsonCounter<'a> {
    median: Option<f64>,
    #[serde(flatten)]
    counted: &'a Counted,
}

#[derive(Serialize)]
struct JsonNoise {
    noisy: bool,
    #[serde(flatten)]
    verdict: NoiseVerdict,
}

#[derive(Serialize)]
#[serde(tag = "source")]
enum JsonRounds<'a> {
    #[serde(rename = "log")]
    Log {
        iter_per_round: u64,
        #[serde(flatten)]
        rounds: &'a Rounds,
    },
    #[serde(rename = "markers")]
    Markers {
        iter_per_round: u64,
        iterations: &'a [u64],
        start_ns: &'a [u64],
        wall_ns: &'a [u64],
        preempted_ns: &'a [Option<u64>],
    },
}

impl<'a> File<'a> {
    /// Returns the report as it is written.
    pub(super) fn of(report: &'a WalltimeReport) -> Self {
        let WalltimeReport { benchmarks, profiles: _, comparisons, warnings, conditions } = report;
        Self {
            version: VERSION,
            warnings,
            conditions: (!conditions.is_usual()).then_some(conditions),
            comparisons: comparisons.iter().map(JsonComparison::of).collect(),
            benchmarks: benchmarks.iter().map(Benchmark::of).collect(),
        }
    }
}

impl<'a> Benchmark<'a> {
    fn of(result: &'a BenchResult) -> Self {
        let BenchResult { stats, config, rounds, counters, noise, notes, .. } = result;
        let counter =
            |counted: &'a Counted| JsonCounter { median: result.counted(&counted.name), counted };
        let of = report::Benchmark::Walltime(result);
        Self {
            facts: Rows::facts(of),
            config,
            stats,
            measured: Rows::measured(of),
            counters: counters.iter().map(counter).collect(),
            noise: noise.map(|verdict| JsonNoise { noisy: verdict.is_noisy(), verdict }),
            notes,
            rounds: rounds.as_ref().map(JsonRounds::of),
        }
    }
}

impl<'a> JsonRounds<'a> {
    fn of(rounds: &'a RawRounds) -> Self {
        match rounds {
            RawRounds::Logged(rounds) => Self::Log { iter_per_round: 1, rounds },
            RawRounds::Marked { start_ns, wall_ns, iterations, preempted_ns } => {
                let sum = iterations.iter().fold(0_u64, |sum, one| sum.saturating_add(*one));
                let rounds = u64::try_from(iterations.len()).unwrap_or(u64::MAX);
                let iter_per_round = sum.checked_div(rounds).unwrap_or(1);
                Self::Markers { iter_per_round, iterations, start_ns, wall_ns, preempted_ns }
            }
        }
    }
}
