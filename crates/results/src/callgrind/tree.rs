//! From the call graph to stacks, as gprof does it.
//!
//! A function's cost is shared out among the paths that lead to it in proportion to what the calls
//! cost: exact where a function has one caller, an estimate otherwise. The sum over all nodes is
//! the total, to the last instruction, by construction.

use super::graph::Weighed;

/// A cost below this share of the total stays with the caller: 10⁻⁴.
const CUTOFF: u64 = 10_000;
/// Deeper calls stay with the caller, too.
const MAX_DEPTH: usize = 1000;
/// And so do all calls when there are this many nodes.
const MAX_NODES: usize = 100_000;

/// A function on one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    /// Number of the node of its caller, always a smaller one.
    pub parent: Option<u32>,
    /// Number of the function in the graph.
    pub function: u32,
    /// Its own cost on this path.
    pub weight: u64,
}

/// The tree of calls.
///
/// Empty if nothing cost anything. Functions that cost more than their callers paid for are roots.
pub(crate) fn call_tree(graph: &Weighed, total: u64) -> Vec<Node> {
    let mut walk = Walk::new(graph, total);
    let mut roots = roots(graph);
    if roots.is_empty() {
        // Functions that call each other in a circle: it begins where most was spent.
        let costliest = (0..).zip(&walk.own).max_by_key(|(_, own)| **own);
        roots.extend(costliest.map(|(function, _)| (function, 1)));
    }
    let shares = shares(total, roots.iter().map(|(_, uncalled)| *uncalled));
    let roots: Vec<(u32, u64)> = roots.iter().map(|(function, _)| *function).zip(shares).collect();
    for (function, amount) in roots.into_iter().rev().filter(|(_, amount)| *amount > 0) {
        walk.steps.push(Step::Enter { parent: None, function, amount });
    }
    while let Some(step) = walk.steps.pop() {
        walk.step(step);
    }
    walk.nodes
}

/// Functions whose cost is not accounted for by calls, the costliest first, with that cost.
fn roots(graph: &Weighed) -> Vec<(u32, u128)> {
    let mut uncalled: Vec<i128> = graph.own.iter().map(|own| i128::from(*own)).collect();
    let mut change = |function: u32, by: i128| {
        if let Some(sum) = at_mut(&mut uncalled, function) {
            *sum = sum.saturating_add(by);
        }
    };
    for (caller, callee, cost) in graph.calls.iter().filter(|(one, other, _)| one != other) {
        change(*caller, i128::from(*cost));
        change(*callee, -i128::from(*cost));
    }
    let mut roots: Vec<(u32, u128)> = (0..)
        .zip(uncalled)
        .filter_map(|(function, cost)| Some((function, u128::try_from(cost).ok()?)))
        .filter(|(_, cost)| *cost > 0)
        .collect();
    roots.sort_by_key(|(function, cost)| (std::cmp::Reverse(*cost), *function));
    roots
}

/// The walk down the graph, with a stack of its own: graphs may be deep.
struct Walk {
    own: Vec<u64>,
    /// Called functions and their inclusive cost, the costliest first.
    calls: Vec<Vec<(u32, u64)>>,
    on_path: Vec<bool>,
    depth: usize,
    least: u64,
    steps: Vec<Step>,
    nodes: Vec<Node>,
}

#[derive(Clone, Copy)]
enum Step {
    Enter { parent: Option<u32>, function: u32, amount: u64 },
    Leave(u32),
}

impl Walk {
    fn new(graph: &Weighed, total: u64) -> Self {
        let own = graph.own.clone();
        let mut calls = vec![Vec::new(); own.len()];
        for (caller, callee, cost) in &graph.calls {
            if *cost > 0
                && caller != callee
                && let Some(calls) = at_mut(&mut calls, *caller)
            {
                calls.push((*callee, *cost));
            }
        }
        for calls in &mut calls {
            calls.sort_by_key(|(function, cost)| (std::cmp::Reverse(*cost), *function));
        }
        Self {
            on_path: vec![false; own.len()],
            own,
            calls,
            depth: 0,
            least: (total / CUTOFF).max(1),
            steps: Vec::new(),
            nodes: Vec::new(),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Leave(function) => {
                self.depth = self.depth.saturating_sub(1);
                self.mark(function, false);
            }
            Step::Enter { parent, function, amount } => self.enter(parent, function, amount),
        }
    }

    fn enter(&mut self, parent: Option<u32>, function: u32, amount: u64) {
        let Ok(number) = u32::try_from(self.nodes.len()) else { return };
        let mut weight = amount;
        if amount >= self.least && self.depth < MAX_DEPTH && self.nodes.len() < MAX_NODES {
            self.depth += 1;
            self.mark(function, true);
            self.steps.push(Step::Leave(function));
            for (callee, share) in self.shared(function, amount).into_iter().rev() {
                weight = weight.saturating_sub(share);
                self.steps.push(Step::Enter {
                    parent: Some(number),
                    function: callee,
                    amount: share,
                });
            }
        }
        self.nodes.push(Node { parent, function, weight });
    }

    /// Splits an amount among the calls of a function; small shares are left with the function.
    fn shared(&self, function: u32, amount: u64) -> Vec<(u32, u64)> {
        let is_free = |callee: &u32| at(&self.on_path, *callee) == Some(&false);
        let calls: Vec<(u32, u64)> = at(&self.calls, function)
            .into_iter()
            .flatten()
            .copied()
            .filter(|(callee, _)| is_free(callee))
            .collect();
        let own = at(&self.own, function).copied().unwrap_or(0);
        let parts = calls.iter().map(|(_, cost)| u128::from(*cost)).chain([u128::from(own)]);
        let shares = shares(amount, parts);
        let called = calls.iter().map(|(callee, _)| *callee).zip(shares);
        called.filter(|(_, share)| *share >= self.least).collect()
    }

    fn mark(&mut self, function: u32, on_path: bool) {
        if let Some(mark) = at_mut(&mut self.on_path, function) {
            *mark = on_path;
        }
    }
}

/// Splits an amount in proportion to the parts, without a rest: the shares add up to the amount if
/// there is any part above 0.
fn shares(amount: u64, parts: impl Iterator<Item = u128> + Clone) -> Vec<u64> {
    let whole = parts.clone().fold(0_u128, u128::saturating_add);
    // Both fit in 64 bits after this, so that no product overflows.
    let shift = (u128::BITS - whole.leading_zeros()).saturating_sub(u64::BITS);
    let whole = whole >> shift;
    let mut sum = 0_u128;
    let mut given = 0;
    let share = |part: u128| {
        sum = sum.saturating_add(part);
        let upto = u128::from(amount).saturating_mul(sum >> shift).checked_div(whole).unwrap_or(0);
        let upto = u64::try_from(upto).unwrap_or(amount).min(amount);
        let share = upto.saturating_sub(given);
        given = upto;
        share
    };
    parts.map(share).collect()
}

fn at<T>(table: &[T], number: u32) -> Option<&T> {
    table.get(usize::try_from(number).ok()?)
}

fn at_mut<T>(table: &mut [T], number: u32) -> Option<&mut T> {
    table.get_mut(usize::try_from(number).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn shares_add_up(amount: u64, parts in prop::collection::vec(any::<u128>().prop_map(|n| n >> 8), 1..9)) {
            let whole: u128 = parts.iter().fold(0, |sum, part| sum.saturating_add(*part));
            let sum: u64 = shares(amount, parts.iter().copied()).iter().sum();
            prop_assert_eq!(sum, if whole == 0 { 0 } else { amount });
        }
    }

    #[test]
    fn shares_are_proportional() {
        assert_eq!(shares(10, [1, 1, 2].into_iter()), [2, 3, 5]);
        assert_eq!(shares(3, [5].into_iter()), [3]);
        assert_eq!(shares(3, [0, 0].into_iter()), [0, 0]);
    }
}
