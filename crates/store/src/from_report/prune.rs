//! The smallest parts of stacks are left out, so that hundreds of benchmarks fit into a record and a flame graph looks the
//! same.

use std::collections::HashMap;

use super::stacks::at;
use crate::record::{StackNode, Stacks};

/// A whole in parts: those of different costs are compared by this.
const WHOLE: u128 = 1 << 40;
/// Smaller parts of the whole are not told apart: one of a thousand.
const SMALLEST: u128 = WHOLE.div_ceil(1_000);

impl Stacks {
    /// Name of the function that stands for all callees of a function that are too small to be told apart.
    pub const OTHERS: &'static str = "(others)";

    /// Leaves out the smallest parts, so that at most about so many nodes are left. A part stays if one of its costs is
    /// large. The total of each function that stays is what it was: its small callees become one node [`Self::OTHERS`], or
    /// a part of itself where even they together are small. Outermost functions that are small are counted as left out.
    pub(super) fn prune(&mut self, most: usize) {
        let weights = self.weights();
        let wholes: Vec<u64> = weights.iter().map(|column| sum(column)).collect();
        let shares = self.shares(&weights, &wholes);
        let mut sizes = shares.clone();
        sizes.sort_unstable_by(|one, other| other.cmp(one));
        let least = sizes.get(most).map_or(SMALLEST, |size| SMALLEST.max(*size));
        // Of those that are as large as the first one without room, the outer ones stay.
        let mut room = most.saturating_sub(sizes.partition_point(|size| *size > least));
        let mut left = Left { nodes: Vec::new(), own: Vec::new(), others: Vec::new() };
        let mut outside = vec![0_u64; wholes.len()];
        // For each node, the place of itself or of the nearest caller that stays, plus 1.
        let mut places: Vec<u32> = Vec::with_capacity(self.nodes.len());
        for (number, node) in self.nodes.iter().enumerate() {
            let costs = weights.iter().map(|column| column.get(number).copied().unwrap_or(0));
            let parent = at(node.parent).and_then(|at| places.get(at).copied()).unwrap_or(0);
            let share = shares.get(number).copied().unwrap_or(0);
            let has_room = share > least || share == least && room > 0;
            room = room.saturating_sub(usize::from(share == least));
            if has_room {
                left.push(StackNode { parent, ..*node }, costs.collect());
                places.push(u32::try_from(left.nodes.len()).unwrap_or(u32::MAX));
                continue;
            }
            places.push(parent);
            let sums = at(parent).and_then(|at| left.others.get_mut(at));
            add(sums.unwrap_or(&mut outside), costs);
        }
        left.close(u32::try_from(self.functions.len()).unwrap_or(u32::MAX), &wholes, least);
        self.functions.push(Self::OTHERS.to_owned());
        self.take(left, &outside);
        self.drop_unused();
    }

    /// Returns the costs of all nodes: the one that leads, then the others in the order of their keys.
    fn weights(&self) -> Vec<Vec<u64>> {
        let lead = self.nodes.iter().map(|node| node.weight).collect();
        let others = self.columns.values().map(|column| column.weights.clone());
        std::iter::once(lead).chain(others).collect()
    }

    /// Returns the largest part of a whole that each node has with all below it, of all costs.
    fn shares(&self, weights: &[Vec<u64>], wholes: &[u64]) -> Vec<u128> {
        let mut shares = vec![0_u128; self.nodes.len()];
        for (column, whole) in weights.iter().zip(wholes) {
            for (share, total) in shares.iter_mut().zip(self.totals(column)) {
                *share = (*share).max(part(total, *whole));
            }
        }
        shares
    }

    /// Returns the cost of each node with all below it.
    fn totals(&self, own: &[u64]) -> Vec<u64> {
        let mut totals = own.to_vec();
        totals.resize(self.nodes.len(), 0);
        for (place, node) in self.nodes.iter().enumerate().rev() {
            let own = totals.get(place).copied().unwrap_or(0);
            let above = at(node.parent).filter(|above| *above < place);
            if let Some(above) = above.and_then(|above| totals.get_mut(above)) {
                *above = above.saturating_add(own);
            }
        }
        totals
    }

    fn take(&mut self, left: Left, outside: &[u64]) {
        let cost = |costs: &[u64], column: usize| costs.get(column).copied().unwrap_or(0);
        self.nodes = left.nodes;
        for (node, costs) in self.nodes.iter_mut().zip(&left.own) {
            node.weight = cost(costs, 0);
        }
        self.left_out = self.left_out.saturating_add(cost(outside, 0));
        for (number, column) in (1..).zip(self.columns.values_mut()) {
            column.weights = left.own.iter().map(|costs| cost(costs, number)).collect();
            column.left_out = column.left_out.saturating_add(cost(outside, number));
        }
    }

    /// Drops names that no node has.
    fn drop_unused(&mut self) {
        let (mut functions, mut objects) = (Used::default(), Used::default());
        for node in &mut self.nodes {
            node.function = functions.place(node.function, &self.functions);
            node.object = objects.place(node.object, &self.objects);
        }
        (self.functions, self.objects) = (functions.list, objects.list);
    }
}

/// The nodes that stay.
struct Left {
    nodes: Vec<StackNode>,
    /// The costs of each.
    own: Vec<Vec<u64>>,
    /// Those of the small callees of each.
    others: Vec<Vec<u64>>,
}

impl Left {
    fn push(&mut self, node: StackNode, costs: Vec<u64>) {
        self.others.push(vec![0; costs.len()]);
        self.nodes.push(node);
        self.own.push(costs);
    }

    /// Gives small callees a node of this function, or adds them to their caller.
    fn close(&mut self, function: u32, wholes: &[u64], least: u128) {
        for (parent, costs) in (1..).zip(std::mem::take(&mut self.others)) {
            let Some(caller) = at(parent).and_then(|at| self.nodes.get(at)).copied() else { break };
            let mut parts = costs.iter().zip(wholes).map(|(cost, whole)| part(*cost, *whole));
            if parts.any(|part| part >= least) {
                let (object, node) = (caller.object, StackNode::default());
                self.push(StackNode { parent, function, object, ..node }, costs);
            } else if let Some(own) = at(parent).and_then(|at| self.own.get_mut(at)) {
                add(own, costs.into_iter());
            }
        }
    }
}

fn add(sums: &mut [u64], costs: impl Iterator<Item = u64>) {
    for (sum, cost) in sums.iter_mut().zip(costs) {
        *sum = sum.saturating_add(cost);
    }
}

fn sum(column: &[u64]) -> u64 {
    column.iter().fold(0, |sum, weight| sum.saturating_add(*weight))
}

/// Returns a cost as a part of [`WHOLE`].
fn part(cost: u64, whole: u64) -> u128 {
    (u128::from(cost) * WHOLE).checked_div(whole.into()).unwrap_or(0)
}

/// Names that are used, each by its text once.
#[derive(Default)]
struct Used<'n> {
    places: HashMap<u32, u32>,
    by_text: HashMap<&'n str, u32>,
    list: Vec<String>,
}

impl<'n> Used<'n> {
    fn place(&mut self, old: u32, names: &'n [String]) -> u32 {
        if let Some(place) = self.places.get(&old) {
            return *place;
        }
        let name = usize::try_from(old).ok().and_then(|at| names.get(at));
        let name = name.map_or("", String::as_str);
        let next = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        let place = *self.by_text.entry(name).or_insert(next);
        if place == next {
            self.list.push(name.to_owned());
        }
        self.places.insert(old, place);
        place
    }
}
