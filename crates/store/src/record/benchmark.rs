//! One benchmark of a record: its values, its rounds, and the tree of its stacks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One benchmark.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedBenchmark {
    /// Place of its part in [`Record::parts`](super::Record::parts).
    pub part: u32,
    /// Name as shown; not unique, and may hold any character.
    pub name: String,
    /// Identity within its mode; equal in all runs.
    pub uri: String,
    /// 1 for the first measurement of its identity in the run, 2 for the next.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub occurrence: u32,
    /// The library or program that measured, with its version: `pytest-codspeed 4.1.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integration: Option<String>,
    /// Its end.
    #[serde(default)]
    pub outcome: Outcome,
    /// Its values by the keys of the registry of metrics: `median_ns`, `robust_median_ns`, `peak_bytes`. An interval
    /// `median_*_ns` of the registry is the `low` and `high` of `median_ns`.
    pub metrics: BTreeMap<String, Metric>,
    /// Key of the metric that leads: the one that history and tables show.
    pub headline: String,
    /// The single rounds, where somebody kept them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounds: Option<Rounds>,
    /// Its cost by stack, smallest parts left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stacks: Option<Stacks>,
    /// Live memory over the time, of memory mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Timeline>,
    /// Sentences for the user, without the name of the benchmark.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

const fn first() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_first(occurrence: &u32) -> bool {
    *occurrence == 1
}

/// The end of a benchmark.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All of it was run.
    #[default]
    Complete,
    /// It failed, for this reason.
    Failed(String),
    /// The user ended the run.
    Interrupted,
}

/// A named value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metric {
    /// The value.
    pub value: f64,
    /// Lower end of its 95 % interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper end of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Its unit.
    pub unit: MetricUnit,
    /// The values that are better.
    pub better: Better,
}

impl Metric {
    /// Returns true if its value and the ends of its interval are numbers, which JSON can hold.
    pub(crate) fn is_finite(&self) -> bool {
        let ends = [self.low, self.high].into_iter().flatten();
        [self.value].into_iter().chain(ends).all(f64::is_finite)
    }
}

/// The unit of a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MetricUnit {
    /// Nanoseconds.
    Nanoseconds,
    /// Bytes.
    Bytes,
    /// Things.
    #[default]
    Number,
    /// Cycles of a model.
    Cycles,
    /// A part of a whole, which is 1.
    Share,
    /// Things per second.
    PerSecond,
}

/// The values that are better.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Lower ones.
    #[default]
    Lower,
    /// Higher ones: throughput of imported results.
    Higher,
    /// Neither: it only describes.
    Neither,
}

/// The single rounds of a benchmark in the order of their run. Times are nanoseconds per iteration. A list that is not
/// empty has a value for each round.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rounds {
    /// Wall time.
    pub wall_ns: Vec<f64>,
    /// Wall time without the time in which other programs had the processor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undisturbed_ns: Vec<f64>,
    /// Processor time of all threads and processes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub processor_ns: Vec<f64>,
    /// Rounds that were left out: a record keeps at most [`Rounds::MOST`], evenly spread.
    #[serde(default)]
    pub left_out: u64,
}

impl Rounds {
    /// The most rounds that a record keeps of a benchmark.
    pub const MOST: usize = 2_000;

    /// Returns true if all times are numbers, which JSON can hold.
    pub(crate) fn is_finite(&self) -> bool {
        let Self { wall_ns, undisturbed_ns, processor_ns, left_out: _ } = self;
        [wall_ns, undisturbed_ns, processor_ns].into_iter().flatten().all(|time| time.is_finite())
    }

    /// Keeps at most so many rounds, evenly spread over all.
    pub(crate) fn thin_out(&mut self, most: usize) {
        let count = self.wall_ns.len();
        if count <= most {
            return;
        }
        for list in [&mut self.wall_ns, &mut self.undisturbed_ns, &mut self.processor_ns] {
            let kept = (0..most).filter_map(|nth| list.get(nth * count / most).copied());
            *list = kept.collect();
        }
        let left_out = u64::try_from(count - most).unwrap_or(u64::MAX);
        self.left_out = self.left_out.saturating_add(left_out);
    }
}

/// Cost by stack: a tree of calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stacks {
    /// The unit of the weights.
    pub unit: StackUnit,
    /// Names of functions, each once.
    pub functions: Vec<String>,
    /// Names of programs and libraries, each once.
    pub objects: Vec<String>,
    /// The tree, parents before their children.
    pub nodes: Vec<StackNode>,
    /// Weight of what was left out because it was small.
    #[serde(default)]
    pub left_out: u64,
    /// Other costs of the same stacks by their keys, of memory mode: `calls`, `peak_bytes` (live at the peak), `live_bytes`
    /// (live at the end), `temporary` (blocks freed before their thread allocated again).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, Column>,
}

/// Another cost of the same stacks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Column {
    /// The cost of each node itself, in the order of [`Stacks::nodes`].
    pub weights: Vec<u64>,
    /// Cost of what was left out because it was small.
    #[serde(default)]
    pub left_out: u64,
}

/// Live memory over the time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// Length of each span in nanoseconds.
    pub span_ns: u64,
    /// The most bytes that were live in each span, from the start on.
    pub most_bytes: Vec<u64>,
}

/// One stack: the function and, by its parents, its callers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StackNode {
    /// Place of the caller in [`Stacks::nodes`], plus 1; 0 for an outermost function.
    pub parent: u32,
    /// Place in [`Stacks::functions`].
    pub function: u32,
    /// Place in [`Stacks::objects`].
    pub object: u32,
    /// The cost of the function itself when called this way.
    pub weight: u64,
    /// Its relation to the code of the caller; left out where it was called.
    #[serde(default, skip_serializing_if = "Inlined::is_called")]
    pub inlined: Inlined,
}

/// The relation of a function to the code of its caller.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Inlined {
    /// It was called, or nothing is known.
    #[default]
    No,
    /// It was inlined, and was written with the program: a reader looks for it by its own name.
    Own,
    /// It was inlined, and belongs to a library or is a closure of its caller: a reader looks for the caller.
    Helper,
}

impl Inlined {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
    fn is_called(&self) -> bool {
        *self == Self::No
    }
}

/// The unit of weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StackUnit {
    /// Instructions executed.
    #[default]
    Instructions,
    /// Nanoseconds.
    Nanoseconds,
    /// Bytes.
    Bytes,
    /// Samples, calls or other things.
    Count,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_left_out_evenly() {
        let numbers: Vec<f64> = (0..10_u32).map(f64::from).collect();
        let mut rounds = Rounds {
            wall_ns: numbers.clone(),
            undisturbed_ns: numbers,
            processor_ns: Vec::new(),
            left_out: 0,
        };
        rounds.thin_out(10);
        assert_eq!(rounds.left_out, 0);
        rounds.thin_out(4);
        assert_eq!(rounds.wall_ns, [0.0, 2.0, 5.0, 7.0]);
        assert_eq!(rounds.undisturbed_ns, rounds.wall_ns);
        assert!(rounds.processor_ns.is_empty());
        assert_eq!(rounds.left_out, 6);
        rounds.thin_out(0);
        assert_eq!((rounds.wall_ns.len(), rounds.left_out), (0, 10));
    }
}
