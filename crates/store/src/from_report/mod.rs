//! From the results of a run to what its record keeps of them. Pure: no file is opened, no clock is read.
//!
//! | to change | edit |
//! |---|---|
//! | the values of a benchmark, and their keys | `metrics.rs` (the table of keys) |
//! | the single rounds | `rounds.rs` |
//! | the stacks: functions, and costs of several kinds | `stacks.rs` |
//! | what of them is small | `prune.rs` |
//! | what is left out of a record that is too large | `fit.rs` |
//! | what is kept of a suite that was run in two states (`ab`) | `suite.rs` |

mod fit;
mod metrics;
mod prune;
mod rounds;
mod stacks;
mod suite;

use std::collections::BTreeMap;

use results::{Benchmark, Compared, Report};

use crate::record::{Mode, Outcome, Part, Record, RecordedBenchmark, Stacks, Timeline, Verdict};

impl Record {
    /// Adds a part of the run, with all that its report says of it: benchmarks, verdicts, warnings.
    pub fn add_part(&mut self, part: Part, report: &Report) {
        self.add_benchmarks(part.mode, report);
        self.verdicts.extend(report.comparisons().iter().filter_map(verdict));
        self.close_part(part, report);
    }

    /// Adds the benchmarks of the part that comes next.
    fn add_benchmarks(&mut self, mode: Mode, report: &Report) {
        let number = self.next_part();
        let mut counts = self.occurrences(mode);
        let mut profiles = Profiles::of(report);
        for of in report.benchmarks() {
            let mut benchmark = recorded(of, number, profiles.take(of));
            benchmark.occurrence = next(&mut counts, &benchmark.uri);
            self.benchmarks.push(benchmark);
        }
    }

    /// Adds the part whose benchmarks are there already.
    fn close_part(&mut self, mut part: Part, report: &Report) {
        part.warnings.extend(report.warnings().iter().cloned());
        self.parts.push(part);
    }

    fn next_part(&self) -> u32 {
        u32::try_from(self.parts.len()).unwrap_or(u32::MAX)
    }

    /// Returns true if it has the leading number of at least one benchmark.
    pub fn has_numbers(&self) -> bool {
        self.benchmarks.iter().any(|benchmark| benchmark.metrics.contains_key(&benchmark.headline))
    }

    /// Returns how often each identity was measured in a mode so far.
    fn occurrences(&self, mode: Mode) -> BTreeMap<String, u32> {
        let mut counts = BTreeMap::new();
        let is_same = |benchmark: &&RecordedBenchmark| self.mode_of(benchmark) == Some(mode);
        let same = self.benchmarks.iter().filter(is_same);
        for benchmark in same {
            next(&mut counts, &benchmark.uri);
        }
        counts
    }
}

/// Counts one more measurement of an identity, and returns its number.
fn next(counts: &mut BTreeMap<String, u32>, uri: &str) -> u32 {
    let count = counts.entry(uri.to_owned()).or_default();
    *count = count.saturating_add(1);
    *count
}

/// The profiles of walltime mode by the names of their benchmarks, in the order of the run.
struct Profiles<'r>(Vec<&'r results::Stacks>);

impl<'r> Profiles<'r> {
    fn of(report: &'r Report) -> Self {
        Self(match report {
            Report::Walltime(report) => report.profiles.iter().map(|one| &one.stacks).collect(),
            Report::Simulation(_) | Report::Memory(_) => Vec::new(),
        })
    }

    /// The stacks of a benchmark: of several with its name, the first one that is still there.
    fn take(&mut self, of: Benchmark<'r>) -> Option<Stacks> {
        match of {
            Benchmark::Walltime(of) => {
                let place = self.0.iter().position(|stacks| stacks.benchmark == of.name)?;
                stacks::recorded(self.0.remove(place), &[])
            }
            Benchmark::Simulation(of, _) => stacks::recorded(&of.stacks, &[]),
            Benchmark::Memory(of) => stacks::recorded(of.stacks.as_ref()?, &of.sites),
        }
    }
}

fn recorded(of: Benchmark<'_>, part: u32, stacks: Option<Stacks>) -> RecordedBenchmark {
    let (metrics, headline) = metrics::recorded(of);
    let integration = match of {
        Benchmark::Walltime(of) => Some(of.integration.to_string()),
        Benchmark::Simulation(of, _) => of.integration.as_ref().map(ToString::to_string),
        Benchmark::Memory(_) => None,
    };
    let outcome = match of.outcome() {
        runner_shared::artifact::Outcome::Complete => Outcome::Complete,
        runner_shared::artifact::Outcome::Failed { reason } => Outcome::Failed(reason.clone()),
        runner_shared::artifact::Outcome::Interrupted => Outcome::Interrupted,
    };
    let rounds = match of {
        Benchmark::Walltime(of) => rounds::recorded(of),
        Benchmark::Simulation(..) | Benchmark::Memory(_) => None,
    };
    let timeline = match of {
        Benchmark::Memory(of) => timeline(&of.usage.timeline),
        Benchmark::Walltime(_) | Benchmark::Simulation(..) => None,
    };
    RecordedBenchmark {
        part,
        name: of.name().to_owned(),
        uri: of.uri().to_owned(),
        occurrence: 1,
        integration,
        outcome,
        metrics,
        headline: headline.to_owned(),
        rounds,
        stacks,
        timeline,
        notes: of.notes().to_vec(),
    }
}

fn timeline(of: &runner_shared::memory::Timeline) -> Option<Timeline> {
    let most_bytes = of.points().to_vec();
    (!most_bytes.is_empty()).then(|| Timeline { span_ns: of.width_ns(), most_bytes })
}

fn verdict(of: &Compared<'_>) -> Option<Verdict> {
    let (base, head) = (of.base_uri().to_owned(), of.head_uri().to_owned());
    Some(Verdict { base, head, found: of.to_json().ok()? })
}

#[cfg(test)]
mod tests;
