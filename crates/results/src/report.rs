//! The results of a run in any mode, behind one interface: all that asks which mode it was and has no need to know more
//! asks here.

use runner_shared::{
    artifact::Outcome, mode::Mode, share::Share, text::one_line, verdict::DEFAULT_THRESHOLD,
};
use serde_json::{Map, Value};

use crate::{
    comparison::Comparison,
    counts::CountComparison,
    memory::{MemoryReport, MemoryResult},
    model::{BenchResult, RawRounds, WalltimeReport},
    simulation::{Events, SimulationReport, SimulationResult, View},
    stacks::Stacks,
    text::numbered,
};

/// The results of one part of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// Times.
    Walltime(WalltimeReport),
    /// Counts.
    Simulation(SimulationReport),
    /// Allocations.
    Memory(MemoryReport),
}

/// One benchmark of a report.
#[derive(Debug, Clone, Copy)]
pub enum Benchmark<'a> {
    /// Its times.
    Walltime(&'a BenchResult),
    /// Its counts, and how they are looked at.
    Simulation(&'a SimulationResult, View),
    /// Its allocations.
    Memory(&'a MemoryResult),
}

/// The relation of one benchmark (head) to another (base).
#[derive(Debug, Clone, PartialEq)]
pub enum Compared<'a> {
    /// By times.
    Times(&'a Comparison),
    /// By counts.
    Counts(Box<CountComparison>),
}

impl From<WalltimeReport> for Report {
    fn from(report: WalltimeReport) -> Self {
        Self::Walltime(report)
    }
}

impl From<SimulationReport> for Report {
    fn from(report: SimulationReport) -> Self {
        Self::Simulation(report)
    }
}

impl From<MemoryReport> for Report {
    fn from(report: MemoryReport) -> Self {
        Self::Memory(report)
    }
}

impl Report {
    /// Returns the mode of the run.
    pub const fn mode(&self) -> Mode {
        match self {
            Self::Walltime(_) => Mode::Walltime,
            Self::Simulation(_) => Mode::Simulation,
            Self::Memory(_) => Mode::Memory,
        }
    }

    /// Returns the benchmarks of which anything is known, in the order in which they were run.
    pub fn benchmarks(&self) -> Vec<Benchmark<'_>> {
        match self {
            Self::Walltime(report) => report.benchmarks.iter().map(Benchmark::Walltime).collect(),
            Self::Simulation(report) => {
                let of = |one| Benchmark::Simulation(one, report.view);
                report.benchmarks.iter().map(of).collect()
            }
            Self::Memory(report) => report.benchmarks.iter().map(Benchmark::Memory).collect(),
        }
    }

    /// Returns how many benchmarks failed.
    pub fn failed(&self) -> usize {
        let failed = |one: &Benchmark<'_>| matches!(one.outcome(), Outcome::Failed { .. });
        self.benchmarks().into_iter().filter(failed).count()
    }

    /// Returns how many benchmarks were measured to their end.
    pub fn complete(&self) -> usize {
        let complete = |one: &Benchmark<'_>| *one.outcome() == Outcome::Complete;
        self.benchmarks().into_iter().filter(complete).count()
    }

    /// Returns how many benchmarks have at least one round or count, whether they were measured to their end or not.
    pub fn begun(&self) -> usize {
        let begun = |one: &Benchmark<'_>| match one {
            Benchmark::Walltime(of) => of.stats.rounds > 0,
            Benchmark::Simulation(..) | Benchmark::Memory(_) => true,
        };
        self.benchmarks().into_iter().filter(begun).count()
    }

    /// Returns sentences for the user about files that could not be used fully.
    pub fn warnings(&self) -> &[String] {
        match self {
            Self::Walltime(report) => &report.warnings,
            Self::Simulation(report) => &report.warnings,
            Self::Memory(report) => &report.warnings,
        }
    }

    /// Returns each benchmark that was compared with another one.
    pub fn comparisons(&self) -> Vec<Compared<'_>> {
        let counts = |found: Vec<CountComparison>| {
            found.into_iter().map(|one| Compared::Counts(Box::new(one))).collect()
        };
        match self {
            Self::Walltime(report) => report.comparisons.iter().map(Compared::Times).collect(),
            Self::Simulation(report) => counts(report.comparisons()),
            Self::Memory(report) => counts(report.comparisons()),
        }
    }

    /// Keeps only what is known of benchmarks whose name and identity are wanted. In walltime mode these are their stacks:
    /// their times stay.
    pub fn keep(&mut self, is_wanted: impl Fn(&str, &str) -> bool) {
        match self {
            Self::Walltime(report) => {
                let WalltimeReport { benchmarks, profiles, .. } = report;
                let is_wanted = |name: &str| {
                    let mut same = benchmarks.iter().filter(|of| of.name == name);
                    same.any(|of| is_wanted(&of.name, &of.uri))
                };
                profiles.retain(|profile| is_wanted(&profile.stacks.benchmark));
            }
            Self::Simulation(report) => report.benchmarks.retain(|of| is_wanted(&of.name, &of.uri)),
            Self::Memory(report) => report.benchmarks.retain(|of| is_wanted(&of.name, &of.uri)),
        }
    }

    /// Returns the stacks of all benchmarks that have some.
    ///
    /// # Errors
    ///
    /// The reason if there are none because nothing has recorded them.
    pub fn stacks(&self) -> Result<Vec<&Stacks>, &'static str> {
        match self {
            Self::Walltime(report) if report.profiles.is_empty() => Err("no profile was recorded"),
            Self::Walltime(report) => Ok(report.profiles.iter().map(|one| &one.stacks).collect()),
            Self::Simulation(report) => Ok(report.benchmarks.iter().map(|it| &it.stacks).collect()),
            Self::Memory(report) => {
                let stacks: Vec<_> =
                    report.benchmarks.iter().filter_map(|one| one.stacks.as_ref()).collect();
                let lacks = stacks.is_empty() && !report.benchmarks.is_empty();
                if lacks { Err("no stacks were recorded") } else { Ok(stacks) }
            }
        }
    }

    /// Returns true if there is a number to show. What failed without a single round has been said already.
    pub fn is_worth_showing(&self) -> bool {
        let lost = match self {
            Self::Simulation(report) => !report.unattributed.is_empty(),
            Self::Walltime(_) | Self::Memory(_) => false,
        };
        lost || self.benchmarks().into_iter().any(Benchmark::has_numbers)
    }

    /// Returns true if no process was counted, not even one without a benchmark.
    pub const fn lacks_processes(&self) -> bool {
        matches!(self, Self::Simulation(SimulationReport { processes: 0, .. }))
    }

    /// Returns what would have made the numbers better, if it had been allowed.
    pub fn missing(&self) -> Option<&str> {
        let Self::Walltime(report) = self else { return None };
        let robust = report.benchmarks.iter().filter_map(|bench| bench.robust.as_ref());
        robust.map(|robust| robust.missing.as_str()).find(|missing| !missing.is_empty())
    }

    /// Returns the arithmetic of each verdict about benchmarks that were compared, a paragraph each; empty if none were.
    pub fn explained(&self) -> String {
        self.comparisons().iter().map(Compared::explain).collect::<Vec<_>>().join("\n")
    }
}

impl<'a> Benchmark<'a> {
    /// Returns the mode in which it was measured.
    pub const fn mode(self) -> Mode {
        match self {
            Self::Walltime(_) => Mode::Walltime,
            Self::Simulation(..) => Mode::Simulation,
            Self::Memory(_) => Mode::Memory,
        }
    }

    /// Returns its name as shown; not unique, and may hold any character.
    pub fn name(self) -> &'a str {
        match self {
            Self::Walltime(of) => &of.name,
            Self::Simulation(of, _) => &of.name,
            Self::Memory(of) => &of.name,
        }
    }

    /// Returns its identity; equal for repeated measurements of the same benchmark.
    pub fn uri(self) -> &'a str {
        match self {
            Self::Walltime(of) => &of.uri,
            Self::Simulation(of, _) => &of.uri,
            Self::Memory(of) => &of.uri,
        }
    }

    /// Returns 1 for the first measurement of its identity, 2 for the next. Walltime mode doesn't count them.
    pub const fn occurrence(self) -> u32 {
        match self {
            Self::Walltime(_) => 1,
            Self::Simulation(of, _) => of.occurrence,
            Self::Memory(of) => of.occurrence,
        }
    }

    /// Returns its name on one line, with its number if it was measured before.
    pub(crate) fn shown_name(self) -> String {
        numbered(&one_line(self.name()), self.occurrence())
    }

    /// Returns sentences for the user, without the name of the benchmark.
    pub fn notes(self) -> &'a [String] {
        match self {
            Self::Walltime(of) => &of.notes,
            Self::Simulation(of, _) => &of.notes,
            Self::Memory(of) => &of.notes,
        }
    }

    /// Returns how it ended. In the modes that count, what failed left no count.
    pub const fn outcome(self) -> &'a Outcome {
        const COMPLETE: &Outcome = &Outcome::Complete;
        match self {
            Self::Walltime(of) => &of.outcome,
            Self::Simulation(..) | Self::Memory(_) => COMPLETE,
        }
    }

    /// Returns the single rounds, where somebody kept them.
    pub const fn rounds(self) -> Option<&'a RawRounds> {
        match self {
            Self::Walltime(of) => of.rounds.as_ref(),
            Self::Simulation(..) | Self::Memory(_) => None,
        }
    }

    /// Returns the median of what was counted of this event in its rounds; `None` if nothing was.
    pub fn counted(self, event: &str) -> Option<f64> {
        match self {
            Self::Walltime(of) => of.counted(event),
            Self::Simulation(..) | Self::Memory(_) => None,
        }
    }

    /// Returns the names of the events that were to be counted in its rounds.
    pub(crate) fn counted_events(self) -> impl Iterator<Item = &'a str> {
        let counters = match self {
            Self::Walltime(of) => of.counters.as_slice(),
            Self::Simulation(..) | Self::Memory(_) => &[],
        };
        counters.iter().map(|one| one.name.as_str())
    }

    /// Returns true if anything was measured of it.
    pub const fn has_numbers(self) -> bool {
        match self {
            Self::Walltime(of) => of.stats.rounds > 0,
            Self::Simulation(..) | Self::Memory(_) => true,
        }
    }

    /// Returns its other numbers, as JSON lines have them: those of the results file.
    pub fn stats(self) -> Map<String, Value> {
        let named = |name: &str, value: u64| (name.to_owned(), value.into());
        match self {
            Self::Walltime(of) => match serde_json::to_value(of.stats) {
                Ok(Value::Object(stats)) => stats,
                Ok(_) | Err(_) => Map::new(),
            },
            Self::Simulation(of, view) => {
                let counts = of.counted(&view);
                let events = Events::OF_CACHES.iter();
                events.filter_map(|name| Some(named(name, counts.get(name)?))).collect()
            }
            Self::Memory(of) => [
                named("peak_memory", of.usage.peak_memory),
                named("total_allocated", of.usage.total_allocated),
                named("alloc_calls", of.usage.alloc_calls),
            ]
            .into_iter()
            .collect(),
        }
    }
}

impl Compared<'_> {
    /// Returns the identity of the benchmark that the other is compared with.
    pub fn base_uri(&self) -> &str {
        match self {
            Self::Times(of) => &of.base_uri,
            Self::Counts(of) => &of.base_uri,
        }
    }

    /// Returns the identity of the other one.
    pub fn head_uri(&self) -> &str {
        match self {
            Self::Times(of) => &of.head_uri,
            Self::Counts(of) => &of.head_uri,
        }
    }

    /// Returns head by base, of the value that leads; `None` if there is no such ratio.
    pub fn ratio(&self) -> Option<f64> {
        match self {
            Self::Times(of) => of.found.judged.ratio,
            Self::Counts(of) => of.ratio(),
        }
    }

    /// Returns how often each of them was counted, the most of all counters; `None` of times.
    pub(crate) fn repeats(&self) -> Option<usize> {
        match self {
            Self::Times(_) => None,
            Self::Counts(of) => of.counters.iter().map(|it| it.judged.repeats).max(),
        }
    }

    /// Returns lines for people, each without a final period.
    pub(crate) fn sentences(&self) -> Vec<String> {
        match self {
            Self::Times(of) => of.sentences(),
            Self::Counts(of) => of.sentences(),
        }
    }

    /// Returns a paragraph with the arithmetic of this verdict, with a final line break.
    pub fn explain(&self) -> String {
        match self {
            Self::Times(of) => of.explain(),
            Self::Counts(of) => of.explain(),
        }
    }

    /// Returns it as in the JSON export.
    ///
    /// # Errors
    ///
    /// If serde can't, which does not happen with these types.
    pub fn to_json(&self) -> serde_json::Result<Value> {
        match self {
            Self::Times(of) => of.to_json(),
            Self::Counts(of) => of.to_json(),
        }
    }

    /// Returns the name of the head, with the counts that are worse, if it is worse by this `limit` or, without one, by
    /// as much as matters.
    pub fn worse(&self, limit: Option<Share>, threshold: Option<Share>) -> Option<String> {
        match self {
            Self::Times(of) => {
                let limit = limit.or(threshold).unwrap_or(DEFAULT_THRESHOLD).value();
                let is_slower = of.found.judged.is_slower_by(limit);
                is_slower.then(|| format!("`{}`", one_line(&of.head)))
            }
            Self::Counts(of) => {
                let worse = of.worse_by(limit.map(Share::value));
                let titles: Vec<_> = worse.iter().map(|it| it.counter.title).collect();
                let text = || format!("`{}` ({})", one_line(&of.head), titles.join(", "));
                (!titles.is_empty()).then(text)
            }
        }
    }
}
