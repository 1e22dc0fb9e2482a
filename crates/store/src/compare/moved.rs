//! The functions whose cost has changed most between the stacks of two runs.

use std::collections::BTreeMap;

use runner_shared::walltime::as_float;
use serde::Serialize;

use crate::{RecordedBenchmark, StackNode, StackUnit, Stacks};

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
        let change = (of_head.1 - of_base.1).abs();
        let share = if whole.is_some() { SAMPLED_NOISE } else { COUNTED_NOISE };
        let noise = (share * of_base.1.max(of_head.1)).max(PART_OF_CHANGE * change);
        let [by_self, by_total] = [0, 1].map(|place| largest(&base, &head, place, noise));
        let is_empty = by_self.is_empty() && by_total.is_empty();
        (!is_empty).then_some(Self { unit, noise, by_self, by_total })
    }
}

/// Returns the factor of all weights of these stacks, and what they amount to then.
fn scale(of: &Stacks, whole: Option<f64>) -> Option<(f64, f64)> {
    let sum = of.nodes.iter().fold(of.left_out, |sum, node| sum.saturating_add(node.weight));
    let sum = Some(as_float(sum)).filter(|sum| *sum > 0.0)?;
    let whole = whole.unwrap_or(sum);
    (whole > 0.0 && whole.is_finite()).then_some((whole / sum, whole))
}

/// Returns the functions whose cost of this kind has changed by more than the noise.
fn largest(base: &Costs, head: &Costs, place: usize, noise: f64) -> Vec<MovedFunction> {
    let cost = |of: &Costs, key: &(String, String)| {
        of.get(key).and_then(|costs| costs.get(place)).copied().unwrap_or(0.0)
    };
    let names = base.keys().chain(head.keys().filter(|key| !base.contains_key(*key)));
    let mut all: Vec<MovedFunction> = names
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

/// The costs of all functions. A function that calls itself counts once in its total.
fn costs(of: &Stacks, scale: f64) -> Costs {
    let totals = totals(of);
    let outermost = outermost(of);
    let mut by_place: BTreeMap<(u32, u32), [f64; 2]> = BTreeMap::new();
    for ((node, total), is_outermost) in of.nodes.iter().zip(totals).zip(outermost) {
        let [own, all] = by_place.entry((node.function, node.object)).or_default();
        *own += scale * as_float(node.weight);
        *all += if is_outermost { scale * total } else { 0.0 };
    }
    let mut costs = Costs::new();
    for ((function, object), [own, all]) in by_place {
        let [of_own, of_all] = costs.entry(name(of, function, object)).or_default();
        *of_own += own;
        *of_all += all;
    }
    costs
}

/// The cost of each node with all below it. Parents stand before their children.
fn totals(of: &Stacks) -> Vec<f64> {
    let mut totals: Vec<f64> = of.nodes.iter().map(|node| as_float(node.weight)).collect();
    for (place, node) in of.nodes.iter().enumerate().rev() {
        let own = totals.get(place).copied().unwrap_or(0.0);
        let parent = parent(node).filter(|parent| *parent < place);
        if let Some(above) = parent.and_then(|parent| totals.get_mut(parent)) {
            *above += own;
        }
    }
    totals
}

/// Returns for each node if no caller of it is the same function. Walks the tree once, however deep it is.
fn outermost(of: &Stacks) -> Vec<bool> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); of.nodes.len()];
    let mut open: Vec<(usize, bool)> = Vec::new();
    for (place, node) in of.nodes.iter().enumerate().rev() {
        let parent = parent(node).filter(|parent| *parent < place);
        match parent.and_then(|parent| children.get_mut(parent)) {
            Some(siblings) => siblings.push(place),
            None => open.push((place, true)),
        }
    }
    let mut active: BTreeMap<u32, usize> = BTreeMap::new();
    let mut found = vec![false; of.nodes.len()];
    while let Some((place, enters)) = open.pop() {
        let Some(node) = of.nodes.get(place) else { continue };
        let count = active.entry(node.function).or_default();
        if !enters {
            *count -= 1;
            continue;
        }
        if let Some(is_outermost) = found.get_mut(place) {
            *is_outermost = *count == 0;
        }
        *count += 1;
        open.push((place, false));
        open.extend(children.get(place).into_iter().flatten().map(|child| (*child, true)));
    }
    found
}

fn parent(node: &StackNode) -> Option<usize> {
    usize::try_from(node.parent.checked_sub(1)?).ok()
}

/// The name of a function and the file name of its program, both without what differs between builds.
fn name(of: &Stacks, function: u32, object: u32) -> (String, String) {
    let text = |all: &[String], place: u32| {
        usize::try_from(place).ok().and_then(|place| all.get(place)).cloned().unwrap_or_default()
    };
    let (function, object) = (text(&of.functions, function), text(&of.objects, object));
    let object = object.rsplit('/').next().unwrap_or_default().to_owned();
    (without_hash(&function).to_owned(), object)
}

/// The name of a function of Rust without the hash of its crate.
fn without_hash(function: &str) -> &str {
    let is_hash =
        |hash: &str| hash.len() == HASH_DIGITS && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    match function.rsplit_once("::h") {
        Some((name, hash)) if is_hash(hash) => name,
        _ => function,
    }
}
