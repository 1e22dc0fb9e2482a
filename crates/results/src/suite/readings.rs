//! One number for each benchmark of a run, taken from its report.

use runner_shared::{
    artifact::{Outcome, RobustSource},
    walltime::{as_float, quantile},
};

use crate::{
    counts::{Counter, MEMORY_COUNTERS, SIMULATION_COUNTERS, counters_of},
    memory::{MemoryCounts, MemoryResult},
    model::{BenchResult, RawRounds},
    report::{Benchmark, Report},
    simulation::{SimulationCounts, SimulationResult, View},
};

/// Of wall times, this quantile of a run's rounds is judged: what other programs do only adds to a time, so that the
/// shorter rounds are closer to what the benchmark takes. Measured with four compilers on two cores, 24 pairs of runs of
/// six benchmarks: the quartiles of the differences within pairs were 2.7 to 4.4 % apart, those of medians 4.6 to 15 %.
const QUIET: f64 = 0.25;

/// The result of a benchmark in one run.
#[derive(Debug, Clone, PartialEq)]
pub struct SuiteReading {
    /// Name as shown.
    pub name: String,
    /// Identity.
    pub uri: String,
    /// Its number.
    pub value: Value,
}

/// The number of a benchmark in one run.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Time of an iteration, picoseconds.
    Time {
        /// By the wall clock: the lower quartile of the rounds.
        wall: u64,
        /// The median without the time in which other programs had the processor, where that is known.
        undisturbed: Option<u64>,
        /// The shortest round, of those without such a time where there are some.
        shortest: u64,
    },
    /// One count for each quantity of the mode, in their order; `None` where it was not taken.
    Counts(Vec<Option<u64>>),
}

impl Report {
    /// A reading for each benchmark that finished.
    pub fn readings(&self) -> Vec<SuiteReading> {
        let measured =
            |one: &Benchmark<'_>| *one.outcome() == Outcome::Complete && one.has_numbers();
        self.benchmarks().into_iter().filter(measured).map(SuiteReading::of).collect()
    }
}

impl Benchmark<'_> {
    /// Returns the counts that benchmarks of its mode are compared by, as far as they were taken; none in walltime mode.
    pub fn counters(self) -> Vec<(&'static Counter, u64)> {
        let counters = counters_of(self.mode());
        let counts = match self {
            Self::Walltime(_) => return Vec::new(),
            Self::Simulation(of, view) => counted(of, &view),
            Self::Memory(of) => traced(of),
        };
        let Value::Counts(counts) = counts else { return Vec::new() };
        counters.iter().zip(counts).filter_map(|(counter, count)| Some((counter, count?))).collect()
    }
}

impl SuiteReading {
    fn of(benchmark: Benchmark<'_>) -> Self {
        let value = match benchmark {
            Benchmark::Walltime(of) => timed(of),
            Benchmark::Simulation(of, view) => counted(of, &view),
            Benchmark::Memory(of) => traced(of),
        };
        Self { name: benchmark.name().to_owned(), uri: benchmark.uri().to_owned(), value }
    }
}

fn timed(of: &BenchResult) -> Value {
    let rounds = |times: fn(&RawRounds) -> Vec<f64>| {
        let mut rounds = of.rounds.as_ref().map(times)?;
        rounds.sort_by(f64::total_cmp);
        (!rounds.is_empty()).then_some(rounds)
    };
    let rounds_by_wall = rounds(RawRounds::per_iteration_ns);
    let quiet = rounds_by_wall.as_ref().map(|rounds| quantile(rounds, QUIET));
    let wall = quiet.unwrap_or(of.stats.q1_ns);
    // What was taken away is known less exactly than the times of rounds that were left alone.
    let shortest = rounds(left_alone).or(rounds_by_wall);
    let shortest = shortest.and_then(|rounds| rounds.first().copied());
    let undisturbed = of.robust.as_ref().and_then(|robust| match robust.source {
        RobustSource::KernelStamps => Some(picoseconds(robust.median_ns)),
        // Of a suite, it lacks the waiting.
        RobustSource::ProcessorTime | RobustSource::WallClock => None,
    });
    Value::Time {
        wall: picoseconds(wall),
        undisturbed,
        shortest: picoseconds(shortest.unwrap_or(of.stats.min_ns)),
    }
}

/// Returns the wall times per iteration of the rounds during which the processor was never taken away.
fn left_alone(rounds: &RawRounds) -> Vec<f64> {
    let walls = rounds.per_iteration_ns().into_iter();
    let rounds = walls.zip(rounds.preempted_per_iteration_ns());
    rounds.filter(|(_, preempted)| *preempted == Some(0.0)).map(|(wall, _)| wall).collect()
}

fn counted(of: &SimulationResult, view: &View) -> Value {
    let counts = SimulationCounts::of(of);
    Value::Counts(SIMULATION_COUNTERS.iter().map(|counter| counts.value(counter, view)).collect())
}

fn traced(of: &MemoryResult) -> Value {
    let counts = MemoryCounts::of(&of.usage);
    Value::Counts(MEMORY_COUNTERS.iter().map(|counter| counts.value(counter)).collect())
}

/// Whole picoseconds: iterations of a nanosecond keep three digits.
fn picoseconds(nanos: f64) -> u64 {
    let picoseconds = (nanos * 1e3).round().clamp(0.0, as_float(u64::MAX >> 11));
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative and below 2^53; what is no number becomes 0"
    )]
    let whole = picoseconds as u64;
    whole
}
