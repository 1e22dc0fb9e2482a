//! The functions whose cost has changed most between the stacks of two runs.

use std::collections::BTreeMap;

use results::FrameKind;
use runner_shared::walltime::as_float;
use serde::Serialize;

use crate::{RecordedBenchmark, StackUnit, Stacks};

/// Functions whose cost has changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moved {
    /// The unit of all costs; of times, per iteration.
    pub unit: StackUnit,
    /// Changes smaller than this are left out.
    pub noise: f64,
    /// By their own cost, the largest change first.
    pub by_self: Vec<MovedFunction>,
    /// By their cost with all that they call, the largest change first.
    pub by_total: Vec<MovedFunction>,
}

/// A function and its cost on both sides; 0 where it was not seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MovedFunction {
    /// Its name.
    pub function: String,
    /// File name of the program or library.
    pub object: String,
    /// Cost in base.
    pub base: f64,
    /// Cost in head.
    pub head: f64,
}

/// So many functions are told of each kind.
const MOST_FUNCTIONS: usize = 5;
/// Counts: a smaller share of the whole says nothing.
const COUNTED_NOISE: f64 = 0.005;
/// Times are sampled: a smaller share is chance.
const SAMPLED_NOISE: f64 = 0.02;
/// A function explains at least this part of the whole change.
const PART_OF_CHANGE: f64 = 0.05;
/// Digits of the hash at the end of the names of Rust.
const HASH_DIGITS: usize = 16;

/// Own cost and total cost of a function.
type Costs = BTreeMap<(String, String), [f64; 2]>;

impl Moved {
    /// Returns what has changed between the stacks of a benchmark; `None` if a side has none or nothing stands out.
    /// `whole` is the cost of an iteration on both sides, where the stacks are samples of it.
    pub(super) fn between(
        base: &RecordedBenchmark,
        head: &RecordedBenchmark,
        whole: Option<[f64; 2]>,
    ) -> Option<Self> {
        let (base, head) = (base.stacks.as_ref()?, head.stacks.as_ref()?);
        let unit = Some(head.unit).filter(|unit| *unit == base.unit)?;
        let [of_base, of_head] =
            whole.map_or([None, None], |[base, head]| [Some(base), Some(head)]);
        let (of_base, of_head) = (scale(base, of_base)?, scale(head, of_head)?);
        let (base, head) = (costs(base, of_base.0), costs(head, of_head.0));
        let noise = noise(whole.is_some(), of_base.1, of_head.1);
        let by_self = largest(&base, &head, 0, noise, |_| true);
        let by_total = largest(&base, &head, 1, noise, tells);
        let is_empty = by_self.is_empty() && by_total.is_empty();
        (!is_empty).then_some(Self { unit, noise, by_self, by_total })
    }
}

/// Returns the smallest change of a function that stands out, where all of it costs so much on both sides: less is noise,
/// or explains nothing.
pub fn noise(is_sampled: bool, base: f64, head: f64) -> f64 {
    let share = if is_sampled { SAMPLED_NOISE } else { COUNTED_NOISE };
    (share * base.max(head)).max(PART_OF_CHANGE * (head - base).abs())
}

/// Returns the name of a function without the hash of its crate, which differs between builds.
pub fn without_hash(function: &str) -> &str {
    let is_hash =
        |hash: &str| hash.len() == HASH_DIGITS && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    match function.rsplit_once("::h") {
        Some((name, hash)) if is_hash(hash) => name,
        _ => function,
    }
}

/// Returns the factor of all weights of these stacks, and what they amount to then.
fn scale(of: &Stacks, whole: Option<f64>) -> Option<(f64, f64)> {
    let sum = of.nodes.iter().fold(of.left_out, |sum, node| sum.saturating_add(node.weight));
    let sum = Some(as_float(sum)).filter(|sum| *sum > 0.0)?;
    let whole = whole.unwrap_or(sum);
    (whole > 0.0 && whole.is_finite()).then_some((whole / sum, whole))
}

/// Returns whether the total of a function tells a reader something: all that starts a program or measures it has as much.
fn tells((function, object): &(String, String)) -> bool {
    let is_around =
        matches!(results::kind(function, object), FrameKind::Startup | FrameKind::Harness);
    !is_around && function != "?"
}

/// Returns the functions of a kind whose cost has changed by more than the noise.
fn largest(
    base: &Costs,
    head: &Costs,
    place: usize,
    noise: f64,
    is_of_kind: impl Fn(&(String, String)) -> bool,
) -> Vec<MovedFunction> {
    let cost = |of: &Costs, key: &(String, String)| {
        of.get(key).and_then(|costs| costs.get(place)).copied().unwrap_or(0.0)
    };
    let names = base.keys().chain(head.keys().filter(|key| !base.contains_key(*key)));
    let mut all: Vec<MovedFunction> = names
        .filter(|key| is_of_kind(key))
        .map(|key| MovedFunction {
            function: key.0.clone(),
            object: key.1.clone(),
            base: cost(base, key),
            head: cost(head, key),
        })
        .filter(|one| one.change() > noise)
        .collect();
    all.sort_by(|one, other| other.change().total_cmp(&one.change()));
    all.truncate(MOST_FUNCTIONS);
    all
}

impl MovedFunction {
    fn change(&self) -> f64 {
        (self.head - self.base).abs()
    }
}

/// The costs of all functions as a reader knows them, by names without what differs between builds. A function that
/// calls itself counts once in its total.
fn costs(of: &Stacks, scale: f64) -> Costs {
    let stacks = results::readable(&of.to_results(""));
    let mut costs = Costs::new();
    for function in results::function_costs(&stacks) {
        let object = function.object.rsplit('/').next().unwrap_or_default();
        let name = (without_hash(function.name).to_owned(), object.to_owned());
        let [own, all] = costs.entry(name).or_default();
        *own += scale * as_float(function.own);
        *all += scale * as_float(function.total);
    }
    costs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_of_what_starts_a_program_tell_nothing() {
        let costs = |of_all: f64| -> Costs {
            let names = ["_start", "__libc_start_main@@GLIBC_2.34", "?", "main", "twenty"];
            let objects = ["split", "libc.so.6", "libc.so.6", "split", "split"];
            let key = |(name, object): (&str, &str)| (name.to_owned(), object.to_owned());
            names.into_iter().zip(objects).map(|of| (key(of), [of_all, of_all])).collect()
        };
        let names = |moved: Vec<MovedFunction>| -> Vec<String> {
            moved.into_iter().map(|one| one.function).collect()
        };
        let (base, head) = (costs(100.0), costs(200.0));
        assert_eq!(names(largest(&base, &head, 1, 10.0, tells)), ["main", "twenty"]);
        assert_eq!(largest(&base, &head, 0, 10.0, |_| true).len(), 5);
    }
}
