//! Commands that were counted several times each, all compared with one of them: which counts there are, what they
//! differ by, and what that means on the whole.

mod words;

pub(crate) use words::shown;

use runner_shared::{
    artifact::Repeats,
    mode::Mode,
    verdict::{CountJudgement, CountLimits, CountVerdict, judge_counts},
};

/// A count that commands are compared by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counter {
    /// Name in exports.
    pub id: &'static str,
    /// Name in sentences, as in `+4 % instructions`.
    pub title: &'static str,
    /// The words for a ratio, as in `1.04x as many`.
    pub relation: &'static str,
    /// Its unit.
    pub unit: CountUnit,
    /// The smallest difference that matters, as a share of the base.
    pub threshold: f64,
    /// A smaller difference matters in no case, in units of the count.
    pub absolute: u64,
    /// It is part of the verdict; else it only explains one.
    pub decides: bool,
}

/// The unit of a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountUnit {
    /// Things.
    Number,
    /// Bytes.
    Bytes,
    /// Cycles of a model.
    Cycles,
}

impl Counter {
    /// Returns the differences that are too small to matter, where the user has set a `threshold`, or wants the usual one
    /// to be `at_most` this share. Counters that only explain have moved from their own share on.
    pub fn limits(&self, threshold: Option<f64>, at_most: Option<f64>) -> CountLimits {
        let usual = at_most.map_or(self.threshold, |most| most.min(self.threshold));
        let wanted = threshold.unwrap_or(usual);
        let threshold = if self.decides { wanted } else { self.threshold };
        CountLimits { threshold, absolute: self.absolute }
    }
}

impl CountUnit {
    /// Returns its name in exports.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Number => "1",
            Self::Bytes => "B",
            Self::Cycles => "cycles",
        }
    }
}

/// Counts of simulation mode; the first one leads. Of each, the smallest change that matters as a share, and as a number:
/// below that, a share of a small benchmark is a matter of few instructions.
pub(crate) const SIMULATION_COUNTERS: &[Counter] = &[
    counter("instructions", "instructions", "as many", CountUnit::Number, (0.02, 500), true),
    counter("estimated_cycles", "estimated time", "as long", CountUnit::Cycles, (0.02, 500), true),
    counter("l1_misses", "first-level misses", "as many", CountUnit::Number, (0.02, 500), false),
    counter("ll_misses", "last-level misses", "as many", CountUnit::Number, (0.02, 50), false),
    counter("syscalls", "system calls", "as many", CountUnit::Number, (0.02, 5), false),
];

/// The same of memory mode.
pub(crate) const MEMORY_COUNTERS: &[Counter] = &[
    counter("peak_bytes", "peak memory", "as much", CountUnit::Bytes, (0.05, 4096), true),
    counter("total_bytes", "bytes allocated", "as many", CountUnit::Bytes, (0.01, 4096), true),
    counter("allocations", "allocations", "as many", CountUnit::Number, (0.01, 5), true),
];

/// Returns the counters of a mode; none for walltime mode, which has times.
pub const fn counters_of(mode: Mode) -> &'static [Counter] {
    match mode {
        Mode::Walltime => &[],
        Mode::Simulation => SIMULATION_COUNTERS,
        Mode::Memory => MEMORY_COUNTERS,
    }
}

const fn counter(
    id: &'static str,
    title: &'static str,
    relation: &'static str,
    unit: CountUnit,
    (threshold, absolute): (f64, u64),
    decides: bool,
) -> Counter {
    Counter { id, title, relation, unit, threshold, absolute, decides }
}

/// Counts of several commands, as they were read.
#[derive(Debug, Clone, PartialEq)]
pub struct Repeated<C> {
    /// The request.
    pub asked: Repeats,
    /// One per command, in the order of the benchmarks.
    pub sides: Vec<RepeatedSide<C>>,
}

/// The counts of one command.
#[derive(Debug, Clone, PartialEq)]
pub struct RepeatedSide<C> {
    /// Name of the benchmark.
    pub name: String,
    /// Its identity.
    pub uri: String,
    /// One per repeat, in their order.
    pub counts: Vec<C>,
}

/// The relation of one benchmark (head) to another (base) by counts.
#[derive(Debug, Clone, PartialEq)]
pub struct CountComparison {
    /// Name of the benchmark that the other is compared with.
    pub base: String,
    /// Its identity.
    pub base_uri: String,
    /// Name of the other one.
    pub head: String,
    /// Its identity.
    pub head_uri: String,
    /// One per counter that both have; the first one leads.
    pub counters: Vec<JudgedCount>,
}

/// One counter of two benchmarks.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedCount {
    /// The counter.
    pub counter: &'static Counter,
    /// Differences that are too small to matter.
    pub limits: CountLimits,
    /// Counts of the base, repeat by repeat.
    pub base: Vec<u64>,
    /// Counts of the other one.
    pub head: Vec<u64>,
    /// The result of judging them.
    pub judged: CountJudgement,
}

/// The outcome of all counters that decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountsVerdict {
    /// One of them is more, and none is less, by as much as matters.
    Regressed,
    /// One of them is less, and none is more.
    Improved,
    /// One is more, and another is less.
    Mixed,
    /// No difference that matters.
    Equivalent,
    /// Counts differ, and there are too few repeats to say what that means.
    Insufficient,
}

impl<C> Repeated<C> {
    /// Compares all with the base by these counters, where `value` knows them of both; nothing without the base.
    pub(crate) fn compare(
        &self,
        counters: &'static [Counter],
        value: impl Fn(&C, &Counter) -> Option<u64>,
    ) -> Vec<CountComparison> {
        let is_base = |side: &&RepeatedSide<C>| side.uri == self.asked.base_uri;
        let Some(base) = self.sides.iter().find(is_base) else { return Vec::new() };
        let heads = self.sides.iter().filter(|side| !is_base(side));
        let counts = |side: &RepeatedSide<C>, counter| -> Option<Vec<u64>> {
            side.counts.iter().map(|counts| value(counts, counter)).collect()
        };
        let judged = |head: &RepeatedSide<C>, counter: &'static Counter| {
            let (base, head) = (counts(base, counter)?, counts(head, counter)?);
            let limits = counter.limits(self.asked.threshold, self.asked.at_most);
            let judged = judge_counts(&base, &head, limits);
            Some(JudgedCount { counter, limits, base, head, judged })
        };
        heads
            .map(|head| CountComparison {
                base: base.name.clone(),
                base_uri: base.uri.clone(),
                head: head.name.clone(),
                head_uri: head.uri.clone(),
                counters: counters.iter().filter_map(|counter| judged(head, counter)).collect(),
            })
            .collect()
    }
}

impl CountComparison {
    /// Judges by all counters that decide.
    pub fn verdict(&self) -> CountsVerdict {
        let of = |wanted: CountVerdict| self.deciding().any(|it| it.judged.verdict == wanted);
        if self.counters.is_empty() || of(CountVerdict::Unknown) || of(CountVerdict::Missing) {
            return CountsVerdict::Insufficient;
        }
        match (of(CountVerdict::More), of(CountVerdict::Less)) {
            (true, true) => CountsVerdict::Mixed,
            (true, false) => CountsVerdict::Regressed,
            (false, true) => CountsVerdict::Improved,
            (false, false) => CountsVerdict::Equivalent,
        }
    }

    fn deciding(&self) -> impl Iterator<Item = &JudgedCount> {
        self.counters.iter().filter(|it| it.counter.decides)
    }

    /// Returns the counters that decide and are more by this share at least, or by as much as matters.
    pub fn worse_by(&self, share: Option<f64>) -> Vec<&JudgedCount> {
        self.deciding().filter(|it| it.is_more_by(share)).collect()
    }

    /// The ratio of the counter that leads; `None` if the base has none of it, and the head some.
    pub fn ratio(&self) -> Option<f64> {
        self.counters.first()?.judged.ratio
    }
}

impl JudgedCount {
    fn is_more_by(&self, share: Option<f64>) -> bool {
        let is_far = |share: f64| self.judged.ratio.is_none_or(|ratio| ratio >= 1.0 + share);
        self.judged.verdict == CountVerdict::More && share.is_none_or(is_far)
    }
}

#[cfg(test)]
pub(crate) mod tests;
