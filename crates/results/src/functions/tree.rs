//! The largest part of the tree of calls: so much of it as a reader can take in, and what the rest costs.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use super::costs::groups;
use crate::{
    callgrind::FastBuild,
    kinds::{FrameKind, kind},
    stacks::{Children, Stacks},
};

/// Calls that are shown, at most.
const MOST: usize = 100;
/// Calls of less than one of so many equal parts of the whole are not shown.
const SMALLEST: u64 = 100;

/// A function where it was called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Call {
    /// Place of its frame in the stacks.
    pub frame: usize,
    /// Its own cost here.
    pub own: u64,
    /// The cost with all below it.
    pub total: u64,
    /// The calls below it that are shown, as places in [`CallTree::calls`], the costliest first.
    pub children: Vec<usize>,
    /// The number of calls below it that are not shown.
    pub cut: u64,
    /// The cost of those with all below them.
    pub cut_total: u64,
}

/// A tree of calls without its small parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CallTree {
    /// Calls, in no particular order.
    pub calls: Vec<Call>,
    /// Places of the outermost ones, the costliest first.
    pub outermost: Vec<usize>,
    /// The cost of everything.
    pub all: u64,
    /// The cost of outermost calls that are not shown.
    pub cut_total: u64,
    /// Calls of less than this are not shown, however few there are.
    pub least: u64,
    /// More than [`MOST`] calls would have been large enough.
    pub is_full: bool,
}

/// A call that may be shown, if it turns out to be one of the largest.
struct Candidate {
    call: Call,
    /// The nodes that it is made of: one for each line, say.
    nodes: Vec<usize>,
    /// Place of the call above it that is shown.
    parent: Option<usize>,
}

impl CallTree {
    /// Takes the largest calls of these stacks, callers before what they call. With `skips`, functions are left out that
    /// merely lead to a single other one: those that start the program, and interpreters.
    pub(crate) fn of(stacks: &Stacks, skips: bool) -> Self {
        let source = Source::of(stacks);
        let all = stacks.total();
        let least = all.div_ceil(SMALLEST).max(1);
        let mut tree = Self { all, least, ..Self::default() };
        // Largest first; of equal ones, those that were reached first.
        let mut waiting: BinaryHeap<(u64, Reverse<usize>)> = BinaryHeap::new();
        let mut candidates = source.calls(source.children.outermost(), None);
        let mut told = 0;
        loop {
            let new = candidates.iter().enumerate().skip(told);
            waiting.extend(new.map(|(at, of)| (of.call.total, Reverse(at))));
            told = candidates.len();
            let Some((total, Reverse(at))) = waiting.pop() else { return tree };
            let Some(Candidate { call, nodes, parent }) = candidates.get_mut(at) else { continue };
            if total < least || tree.calls.len() >= MOST {
                tree.is_full |= total >= least;
                tree.cut(*parent, total);
                continue;
            }
            let nodes = std::mem::take(nodes);
            let below = nodes.iter().flat_map(|node| source.children.below(*node));
            let mut below = source.calls(below, *parent);
            let large = below.iter().filter(|below| below.call.total >= least).count();
            if skips && large == 1 && call.own < least && source.carries(call.frame) {
                // Its own cost is small, and is told with what is not shown.
                tree.cut(*parent, call.own);
            } else {
                let place = tree.add(*parent, call);
                for below in &mut below {
                    below.parent = Some(place);
                }
            }
            candidates.append(&mut below);
        }
    }

    /// Adds a call below a shown one. Callers come before what they call, and larger ones before smaller ones.
    fn add(&mut self, parent: Option<usize>, call: &Call) -> usize {
        let place = self.calls.len();
        self.calls.push(call.clone());
        match parent.and_then(|parent| self.calls.get_mut(parent)) {
            Some(parent) => parent.children.push(place),
            None => self.outermost.push(place),
        }
        place
    }

    /// Counts a call that is not shown, if it costs anything.
    fn cut(&mut self, parent: Option<usize>, total: u64) {
        if total == 0 {
            return;
        }
        match parent.and_then(|parent| self.calls.get_mut(parent)) {
            Some(parent) => {
                parent.cut = parent.cut.saturating_add(1);
                parent.cut_total = parent.cut_total.saturating_add(total);
            }
            None => self.cut_total = self.cut_total.saturating_add(total),
        }
    }
}

/// The stacks that a tree is taken from.
struct Source<'s> {
    stacks: &'s Stacks,
    children: Children,
    /// The cost of each node with all below it.
    below: Vec<u64>,
    /// The number of the function of each frame.
    groups: Vec<usize>,
}

impl<'s> Source<'s> {
    fn of(stacks: &'s Stacks) -> Self {
        let (groups, _) = groups(stacks);
        Self { stacks, children: stacks.children(), below: stacks.below(), groups }
    }

    /// Returns the calls that these nodes are, those of the same function together.
    fn calls(&self, nodes: impl Iterator<Item = usize>, parent: Option<usize>) -> Vec<Candidate> {
        let mut calls: Vec<Candidate> = Vec::new();
        let mut known: HashMap<usize, usize, FastBuild> = HashMap::default();
        for at in nodes {
            let Some(node) = self.stacks.nodes.get(at) else { continue };
            let Ok(frame) = usize::try_from(node.frame) else { continue };
            let group = self.groups.get(frame).copied().unwrap_or(usize::MAX);
            let next = calls.len();
            let place = *known.entry(group).or_insert(next);
            if place == next {
                let call = Call { frame, ..Call::default() };
                calls.push(Candidate { call, nodes: Vec::new(), parent });
            }
            if let Some(Candidate { call, nodes, .. }) = calls.get_mut(place) {
                call.own = call.own.saturating_add(node.weight);
                let below = self.below.get(at).copied().unwrap_or(0);
                call.total = call.total.saturating_add(below);
                nodes.push(at);
            }
        }
        calls
    }

    /// Returns true for functions that merely carry others.
    fn carries(&self, frame: usize) -> bool {
        let kind = self.stacks.frames.get(frame).map(|frame| kind(&frame.name, &frame.object));
        match kind.unwrap_or_default() {
            FrameKind::Startup | FrameKind::Harness | FrameKind::Interpreter => true,
            FrameKind::Program | FrameKind::Kernel => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stacks::{Frame, StackNode};

    fn stacks(nodes: &[(Option<u32>, u32, u64)], names: &[&str]) -> Stacks {
        let frame =
            |name: &&str| Frame { name: (*name).into(), object: "m".into(), file: "".into() };
        let node = |(parent, frame, weight): &(Option<u32>, u32, u64)| {
            let (parent, frame, weight) = (*parent, *frame, *weight);
            StackNode { parent, frame, weight, ..StackNode::default() }
        };
        Stacks {
            frames: names.iter().map(frame).collect(),
            nodes: nodes.iter().map(node).collect(),
            ..Stacks::default()
        }
    }

    /// Lines such as `main 10 100: 2 of 3`, with two spaces for each caller.
    fn shown(tree: &CallTree, stacks: &Stacks) -> Vec<String> {
        let mut lines = Vec::new();
        let mut todo: Vec<(usize, usize)> =
            tree.outermost.iter().rev().map(|at| (*at, 0)).collect();
        while let Some((at, depth)) = todo.pop() {
            let Call { frame, own, total, children, cut, cut_total } = &tree.calls[at];
            let name = &stacks.frames[*frame].name;
            let cut = if *cut > 0 { format!(": {cut_total} of {cut}") } else { String::new() };
            lines.push(format!("{}{name} {own} {total}{cut}", "  ".repeat(depth)));
            todo.extend(children.iter().rev().map(|at| (*at, depth + 1)));
        }
        lines
    }

    #[test]
    fn lines_of_a_function_are_one_and_small_calls_are_counted() {
        let stacks = stacks(
            &[
                (None, 0, 100),
                (Some(0), 1, 400),
                (Some(0), 1, 300),
                (Some(2), 2, 190),
                (Some(0), 2, 4),
                (Some(0), 3, 5),
                (None, 3, 1),
            ],
            &["main", "hot", "warm", "cool"],
        );
        let tree = CallTree::of(&stacks, true);
        assert_eq!(
            shown(&tree, &stacks),
            ["main 100 999: 9 of 2", "  hot 700 890", "    warm 190 190"]
        );
        assert_eq!((tree.all, tree.least, tree.cut_total, tree.is_full), (1000, 10, 1, false));
    }

    #[test]
    fn endless_recursion_is_cut() {
        let nodes: Vec<_> = (0..5_000_u32).map(|at| (at.checked_sub(1), 0, 1)).collect();
        let stacks = stacks(&nodes, &["f"]);
        let tree = CallTree::of(&stacks, true);
        assert_eq!((tree.calls.len(), tree.is_full), (MOST, true));
        let last = tree.calls.last().unwrap();
        assert_eq!((last.total, last.cut, last.cut_total), (4901, 1, 4900));
    }

    #[test]
    fn what_leads_to_one_other_function_is_skipped() {
        let nodes = [(None, 0, 1), (Some(0), 1, 0), (Some(1), 2, 600), (Some(1), 3, 399)];
        let stacks = stacks(&nodes, &["_start", "__libc_start_main", "main", "other"]);
        let tree = CallTree::of(&stacks, true);
        assert_eq!(
            shown(&tree, &stacks),
            ["__libc_start_main 0 999", "  main 600 600", "  other 399 399"]
        );
        assert_eq!(tree.cut_total, 1, "the cost of `_start`");
        assert_eq!(shown(&CallTree::of(&stacks, false), &stacks).len(), 4);
        assert_eq!(CallTree::of(&Stacks::default(), true).calls, []);
    }
}
