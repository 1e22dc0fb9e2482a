//! The whole report as JSON, every round included. Our own schema, versioned apart from all others.
//!
//! Times are nanoseconds, `null` is "not known". Keys are only ever added within a version.
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
//! | `.median_processor_ns` | processor time per round |
//! | `.median_user_ns`, `.median_system_ns` | its parts in user and in kernel mode, `null` for rounds too short for the kernel to tell; parts below `.split_step_ns` (a tick) are not told from none |
//! | `.median_faults`, `.median_switches` | per round: `minor`, `major`; `voluntary`, `involuntary` |
//! | `.shell` | of a command that a shell runs: what one takes that has nothing to do (`wall_ns`, `undisturbed_ns`, `processor_ns`, medians of `rounds`), and whether that is `subtracted` from all times of the benchmark |
//! | `.median_max_rss` | most resident memory of a round: `bytes`, and `at_most` if the truth may be less |
//! | `.counters[]` | each event of `--counters`: `name`, `median`, `with_kernel`, `missing` (why it was not counted), `least_running` (counted for this share of the time, and scaled up), `values` (per round) |
//! | `.noise` | `noisy`, the numbers of `rounds`, `preempted`, `stray` and `flagged` ones, `spread` (of the middle half) and `below` (of one round in 20) as shares of the median, `tail` (the share of all time that stray rounds took longer), `groups` (two that the rounds fall into) and `drift` (their change in the course of the measurement), both `null` for none |
//! | `.notes` | sentences about the benchmark |
//! | `.rounds` | `source` (`log` or `markers`), `iter_per_round` (the mean, rounded down), and one array per quantity, as in the log; `wall_ns` is of the whole round, of `markers` without what the marks cost, with `iterations` and `preempted_ns` in each |

use std::io::{self, Write};

use runner_shared::{
    artifact::{Counted, Outcome, Rounds, ShellStart},
    conditions::Conditions,
    walltime::{BenchmarkConfig, BenchmarkStats, NoiseVerdict},
};
use serde::Serialize;

use super::{
    Exporter,
    comparison::JsonComparison,
    csv::{outcome, source},
    interval::JsonInterval,
    memory, simulation,
};
use crate::{
    memory::MemoryReport,
    model::{BenchResult, Faults, Integration, MaxRss, RawRounds, Report, Robust, Switches},
    simulation::SimulationReport,
};

/// Version of the schema.
const VERSION: u32 = 1;

/// One line: ten thousand rounds would be a hundred thousand lines.
pub(super) struct Json;

impl Exporter for Json {
    fn id(&self) -> &'static str {
        "json"
    }

    fn write(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        let Report { benchmarks, profiles: _, comparisons, warnings, conditions } = report;
        let file = File {
            version: VERSION,
            warnings,
            conditions: (!conditions.is_usual()).then_some(conditions),
            comparisons: comparisons.iter().map(JsonComparison::of).collect(),
            benchmarks: benchmarks.iter().map(Benchmark::of).collect(),
        };
        // serde writes in small pieces.
        let mut out = io::BufWriter::new(out);
        serde_json::to_writer(&mut out, &file)?;
        out.write_all(b"\n")?;
        out.flush()
    }

    fn write_simulation(&self, report: &SimulationReport, out: &mut dyn Write) -> io::Result<()> {
        simulation::json(report, out)
    }

    fn write_memory(&self, report: &MemoryReport, out: &mut dyn Write) -> io::Result<()> {
        memory::json(report, out)
    }
}

#[derive(Serialize)]
struct File<'a> {
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
    name: &'a str,
    uri: &'a str,
    integration: JsonIntegration<'a>,
    pid: u32,
    outcome: &'static str,
    failure: Option<&'a str>,
    cold: bool,
    warmup_rounds: Option<u64>,
    config: &'a BenchmarkConfig,
    stats: &'a BenchmarkStats,
    median_interval_ns: Option<JsonInterval>,
    mean_interval_ns: Option<JsonInterval>,
    no_interval: Option<String>,
    robust: Option<JsonRobust<'a>>,
    median_processor_ns: Option<f64>,
    median_user_ns: Option<f64>,
    median_system_ns: Option<f64>,
    split_step_ns: Option<f64>,
    median_faults: Option<JsonFaults>,
    median_switches: Option<JsonSwitches>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shell: Option<ShellStart>,
    median_max_rss: Option<JsonMaxRss>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    counters: Vec<JsonCounter<'a>>,
    noise: Option<JsonNoise>,
    notes: &'a [String],
    rounds: Option<JsonRounds<'a>>,
}

#[derive(Serialize)]
struct JsonIntegration<'a> {
    name: &'a str,
    version: Option<&'a str>,
}

#[derive(Serialize)]
struct JsonRobust<'a> {
    source: &'static str,
    missing: &'a str,
    median_ns: f64,
    interval_ns: Option<JsonInterval>,
    in_stats: bool,
}

#[derive(Serialize)]
struct JsonFaults {
    minor: f64,
    major: f64,
}

#[derive(Serialize)]
struct JsonSwitches {
    voluntary: f64,
    involuntary: f64,
}

#[derive(Serialize)]
struct JsonCounter<'a> {
    median: Option<f64>,
    #[serde(flatten)]
    counted: &'a Counted,
}

#[derive(Serialize)]
struct JsonMaxRss {
    bytes: f64,
    at_most: bool,
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

impl<'a> Benchmark<'a> {
    /// Taken apart completely, so that a new field can't be forgotten here.
    fn of(result: &'a BenchResult) -> Self {
        let BenchResult {
            name,
            uri,
            integration: Integration { name: integration, version },
            pid,
            stats,
            config,
            outcome: ended,
            cold,
            warmup_rounds,
            rounds,
            median_interval,
            mean_interval,
            no_interval,
            robust,
            processor_ns,
            user_ns,
            system_ns,
            split_step_ns,
            faults,
            switches,
            shell,
            max_rss,
            counters,
            noise,
            notes,
        } = result;
        Self {
            name,
            uri,
            integration: JsonIntegration { name: integration, version: version.as_deref() },
            pid: *pid,
            outcome: outcome(ended),
            failure: match ended {
                Outcome::Failed { reason } => Some(reason),
                Outcome::Complete | Outcome::Interrupted => None,
            },
            cold: *cold,
            warmup_rounds: *warmup_rounds,
            config,
            stats,
            median_interval_ns: median_interval.map(JsonInterval::of),
            mean_interval_ns: mean_interval.map(JsonInterval::of),
            no_interval: no_interval.map(|why| why.to_string()),
            robust: robust.as_ref().map(JsonRobust::of),
            median_processor_ns: *processor_ns,
            median_user_ns: *user_ns,
            median_system_ns: *system_ns,
            split_step_ns: *split_step_ns,
            median_faults: faults.map(|Faults { minor, major }| JsonFaults { minor, major }),
            median_switches: switches
                .map(|Switches { voluntary, involuntary }| JsonSwitches { voluntary, involuntary }),
            shell: *shell,
            median_max_rss: max_rss
                .map(|MaxRss { bytes, is_bound }| JsonMaxRss { bytes, at_most: is_bound }),
            counters: counters.iter().map(|counted| JsonCounter::of(counted, result)).collect(),
            noise: noise.map(|verdict| JsonNoise { noisy: verdict.is_noisy(), verdict }),
            notes,
            rounds: rounds.as_ref().map(JsonRounds::of),
        }
    }
}

impl<'a> JsonCounter<'a> {
    fn of(counted: &'a Counted, result: &BenchResult) -> Self {
        Self { median: result.counted(&counted.name), counted }
    }
}

impl<'a> JsonRobust<'a> {
    fn of(robust: &'a Robust) -> Self {
        let Robust { source: from, missing, median_ns, interval, in_stats } = robust;
        Self {
            source: source(*from),
            missing,
            median_ns: *median_ns,
            interval_ns: interval.map(JsonInterval::of),
            in_stats: *in_stats,
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
