//! The cost of a benchmark as a tree of calls. Neutral: any mode can fill it, and any profile format can be written
//! from it.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// The stacks of one benchmark.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stacks {
    /// Name of the benchmark.
    pub benchmark: String,
    /// The unit of the weights.
    pub unit: Unit,
    /// Every function once.
    pub frames: Vec<Frame>,
    /// A tree, parents before their children.
    pub nodes: Vec<StackNode>,
    /// The threads with their shares: the weights of all threads together are those of the nodes. Empty if unknown.
    pub threads: Vec<Thread>,
    /// Path of the program that was measured; empty if unknown.
    pub program: Arc<str>,
    /// Nanoseconds that were measured; 0 if unknown.
    pub duration: u64,
    /// The weight of one sample of a profiler; 0 if everything was counted.
    pub period: u64,
}

/// A thread of a program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Thread {
    /// Its name.
    pub name: String,
    /// Its process, or the first of several in which a program had this thread.
    pub pid: i32,
    /// Its number in that process.
    pub tid: i32,
    /// Places in [`Stacks::nodes`], ascending, and what was spent in the function itself.
    pub weights: Vec<(u32, u64)>,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Frame {
    /// Name as shown.
    pub name: Arc<str>,
    /// Program or library; empty if unknown.
    pub object: Arc<str>,
    /// Source file; empty if unknown.
    pub file: Arc<str>,
}

/// One stack: the function and, by its parents, who called it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct StackNode {
    /// Place of the caller in [`Stacks::nodes`], before this one; `None` for an outermost function.
    pub parent: Option<u32>,
    /// Place of the function in [`Stacks::frames`].
    pub frame: u32,
    /// Line of its source file; 0 if unknown.
    pub line: u32,
    /// The cost of the function itself when called this way.
    pub weight: u64,
    /// Its relation to the code of the caller.
    pub inlined: Inlined,
}

/// The relation of a function to the code of its caller.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Inlined {
    /// It was called, or nothing is known.
    #[default]
    No,
    /// It was inlined, and was written with the program: a reader looks for it by its own name.
    Own,
    /// It was inlined and belongs to a library or is a closure of its caller, or it only hands an allocation on: a reader
    /// looks for the caller.
    Helper,
}

/// The unit of weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unit {
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

impl Stacks {
    /// The weights of all nodes together.
    pub fn total(&self) -> u64 {
        self.nodes.iter().fold(0, |sum, node| sum.saturating_add(node.weight))
    }

    /// The function of a node.
    pub fn frame(&self, node: &StackNode) -> Option<&Frame> {
        self.frames.get(usize::try_from(node.frame).ok()?)
    }

    /// The nodes from this one out to its outermost caller; empty for a number that isn't there.
    pub fn outwards(&self, node: u32) -> impl Iterator<Item = &StackNode> {
        let get = |at: u32| usize::try_from(at).ok().and_then(|place| self.nodes.get(place));
        let first = get(node).map(|found| (node, found));
        let nodes = std::iter::successors(first, move |(at, node)| {
            // A parent that isn't before its child would be a circle.
            let parent = node.parent.filter(|parent| parent < at)?;
            Some((parent, get(parent)?))
        });
        nodes.map(|(_, node)| node)
    }

    /// Returns the cost of each node with all below it, in the order of the nodes.
    pub fn below(&self) -> Vec<u64> {
        let mut below: Vec<u64> = self.nodes.iter().map(|node| node.weight).collect();
        for (at, node) in self.nodes.iter().enumerate().rev() {
            let sum = below.get(at).copied().unwrap_or(0);
            let parent = parent_of(node, at);
            if let Some(above) = parent.and_then(|parent| below.get_mut(parent)) {
                *above = above.saturating_add(sum);
            }
        }
        below
    }

    /// Returns the way from callers to what they call.
    pub fn children(&self) -> Children {
        let parents = self.nodes.iter().enumerate().map(|(at, node)| parent_of(node, at));
        Children::of(parents.collect())
    }

    /// Returns the cost of each function with all that it called, by its place in [`Stacks::frames`].
    /// Recursion is counted once.
    pub fn inclusive(&self) -> Vec<u64> {
        let own: Vec<usize> = (0..self.frames.len()).collect();
        self.inclusive_by(&own)
    }

    /// Returns the same for groups of functions: `groups` has the number of the group of each one of
    /// [`Stacks::frames`], all of them less than its length. Calls within a group are counted once.
    pub fn inclusive_by(&self, groups: &[usize]) -> Vec<u64> {
        let below = self.below();
        let children = self.children();
        let group = |at: usize| {
            let frame = usize::try_from(self.nodes.get(at)?.frame).ok()?;
            groups.get(frame).copied()
        };
        let mut sums = vec![0_u64; groups.len()];
        for (at, is_outermost) in
            children.are_outermost(group, groups.len()).into_iter().enumerate()
        {
            let sum = group(at).and_then(|group| sums.get_mut(group));
            if let Some(sum) = sum.filter(|_| is_outermost) {
                *sum = sum.saturating_add(below.get(at).copied().unwrap_or(0));
            }
        }
        sums
    }

    /// Every node that has a weight, with its number.
    pub fn weighted(&self) -> impl Iterator<Item = (u32, &StackNode)> {
        (0..).zip(&self.nodes).filter(|(_, node)| node.weight > 0)
    }

    /// The weights of each thread; of all together, as of one without a name, if threads are not known.
    pub fn by_thread(&self) -> Cow<'_, [Thread]> {
        if !self.threads.is_empty() {
            return Cow::Borrowed(&self.threads);
        }
        let weights = self.weighted().map(|(at, node)| (at, node.weight)).collect();
        Cow::Owned(vec![Thread { weights, ..Thread::default() }])
    }

    /// The same stacks without some nodes: their cost goes to their callers. `is_folded` is asked once for each node, in
    /// their order, with its place. An outermost function stays.
    #[must_use]
    pub fn folded(&self, mut is_folded: impl FnMut(usize, &StackNode) -> bool) -> Self {
        let mut places = 0..;
        self.merged(|_, parent, node| {
            let folds = places.next().is_some_and(|at| is_folded(at, node));
            parent.filter(|_| folds)
        })
    }

    /// The same stacks with each function once below a caller, whatever its line; one that was inlined there and called as
    /// well is there twice.
    #[must_use]
    pub fn without_lines(&self) -> Self {
        let mut known: HashMap<(Option<u32>, u32, Inlined), u32> = HashMap::new();
        let mut next = 0;
        let mut merged = self.merged(|_, parent, node| {
            let place = *known.entry((parent, node.frame, node.inlined)).or_insert(next);
            if place < next {
                return Some(place);
            }
            next = next.saturating_add(1);
            None
        });
        merged.nodes.iter_mut().for_each(|node| node.line = 0);
        merged
    }

    /// The same stacks with some nodes merged into others, which have been there before: by the place of the parent
    /// among the new nodes, and the node.
    fn merged(&self, mut into: impl FnMut(&Self, Option<u32>, &StackNode) -> Option<u32>) -> Self {
        let mut nodes: Vec<StackNode> = Vec::with_capacity(self.nodes.len());
        let mut places: Vec<Option<u32>> = Vec::with_capacity(self.nodes.len());
        let index = |at: u32| usize::try_from(at).ok();
        for node in &self.nodes {
            let parent = node.parent.and_then(|at| places.get(index(at)?).copied().flatten());
            let other = into(self, parent, node);
            if let Some(known) = other.and_then(|at| nodes.get_mut(index(at)?)) {
                known.weight = known.weight.saturating_add(node.weight);
                places.push(other);
            } else {
                places.push(u32::try_from(nodes.len()).ok());
                nodes.push(StackNode { parent, ..*node });
            }
        }
        let moved = |thread: &Thread| {
            let mut weights: BTreeMap<u32, u64> = BTreeMap::new();
            for (at, weight) in &thread.weights {
                if let Some(place) = index(*at).and_then(|at| places.get(at).copied().flatten()) {
                    let sum = weights.entry(place).or_default();
                    *sum = sum.saturating_add(*weight);
                }
            }
            Thread { weights: weights.into_iter().collect(), ..thread.clone() }
        };
        let threads = self.threads.iter().map(moved).collect();
        Self { nodes, threads, ..self.clone() }
    }
}

/// A step of a walk through a tree.
#[derive(Clone, Copy)]
enum Step {
    Enter(usize),
    Leave(usize),
}

/// The places of nodes below each node of a tree, as linked lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Children {
    first: Vec<Option<u32>>,
    next: Vec<Option<u32>>,
    outermost: Option<u32>,
}

impl Children {
    /// Returns the way down of a tree whose nodes have these callers, each before what it calls.
    pub fn of(parents: Vec<Option<usize>>) -> Self {
        let count = parents.len();
        let (mut first, mut next) = (vec![None; count], vec![None; count]);
        let mut outermost = None;
        for (at, parent) in parents.into_iter().enumerate().rev() {
            let parent = parent.filter(|parent| *parent < at);
            let list = parent.and_then(|parent| first.get_mut(parent)).unwrap_or(&mut outermost);
            if let (Some(next), Ok(number)) = (next.get_mut(at), u32::try_from(at)) {
                *next = list.replace(number);
            }
        }
        Self { first, next, outermost }
    }

    /// Returns for each node if no caller of it belongs to the same group, of so many. A node without a group is never
    /// outermost. The tree is walked once, however deep it is.
    pub fn are_outermost(
        &self,
        group: impl Fn(usize) -> Option<usize>,
        groups: usize,
    ) -> Vec<bool> {
        let mut found = vec![false; self.next.len()];
        // How often each group is among the callers.
        let mut open = vec![0_u32; groups];
        let mut todo: Vec<Step> = self.outermost().map(Step::Enter).collect();
        while let Some(step) = todo.pop() {
            let (Step::Enter(at) | Step::Leave(at)) = step;
            let callers = group(at).and_then(|group| open.get_mut(group));
            let Some(callers) = callers else {
                todo.extend(self.below(at).map(Step::Enter));
                continue;
            };
            if matches!(step, Step::Leave(_)) {
                *callers = callers.saturating_sub(1);
                continue;
            }
            if let Some(found) = found.get_mut(at) {
                *found = *callers == 0;
            }
            *callers = callers.saturating_add(1);
            todo.push(Step::Leave(at));
            todo.extend(self.below(at).map(Step::Enter));
        }
        found
    }

    fn list(&self, first: Option<u32>) -> impl Iterator<Item = usize> {
        let place = |number: u32| usize::try_from(number).ok();
        std::iter::successors(first.and_then(place), move |at| {
            self.next.get(*at).copied().flatten().and_then(place)
        })
    }

    /// Returns the places of outermost functions, in the order of nodes.
    pub fn outermost(&self) -> impl Iterator<Item = usize> {
        self.list(self.outermost)
    }

    /// Returns the places of what the node at a place calls, in the order of nodes.
    pub fn below(&self, at: usize) -> impl Iterator<Item = usize> {
        self.list(self.first.get(at).copied().flatten())
    }
}

/// The place of the caller of the node at `at`. One that isn't before its child would be a circle.
fn parent_of(node: &StackNode, at: usize) -> Option<usize> {
    let parent = usize::try_from(node.parent?).ok()?;
    (parent < at).then_some(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(name: &str) -> Frame {
        Frame { name: name.into(), object: "lib".into(), file: "".into() }
    }

    fn stacks() -> Stacks {
        let node =
            |parent, frame, weight| StackNode { parent, frame, weight, ..StackNode::default() };
        Stacks {
            benchmark: "b".to_owned(),
            unit: Unit::Count,
            frames: ["main", "eval", "add"].map(frame).to_vec(),
            nodes: vec![node(None, 0, 1), node(Some(0), 1, 2), node(Some(1), 2, 4)],
            ..Stacks::default()
        }
    }

    #[test]
    fn folding_gives_the_cost_to_the_caller() {
        let folded = stacks().folded(|_, node| node.frame < 2);
        let node =
            |parent, frame, weight| StackNode { parent, frame, weight, ..StackNode::default() };
        assert_eq!(folded.nodes, [node(None, 0, 3), node(Some(0), 2, 4)]);
        assert_eq!(folded.total(), stacks().total());
    }

    #[test]
    fn lines_can_be_left_out() {
        let mut stacks = stacks();
        let node = |parent, frame, line, weight| StackNode {
            parent,
            frame,
            line,
            weight,
            ..StackNode::default()
        };
        stacks.nodes = vec![
            node(None, 0, 5, 1),
            node(None, 0, 6, 2),
            node(Some(1), 1, 9, 4),
            node(Some(0), 1, 8, 8),
        ];
        let (name, pid, tid) = ("t".to_owned(), 1, 2);
        stacks.threads = vec![Thread { name, pid, tid, weights: vec![(0, 1), (1, 1), (3, 8)] }];
        let merged = stacks.without_lines();
        assert_eq!(merged.nodes, [node(None, 0, 0, 3), node(Some(0), 1, 0, 12)]);
        assert_eq!(merged.threads[0].weights, [(0, 2), (1, 8)]);
        assert_eq!(*merged.by_thread(), *merged.threads);
    }

    #[test]
    fn recursion_is_counted_once() {
        let mut stacks = stacks();
        assert_eq!(stacks.inclusive(), [7, 6, 4]);
        let node = |parent, frame, weight| StackNode {
            parent: Some(parent),
            frame,
            weight,
            ..StackNode::default()
        };
        stacks.nodes.push(node(2, 1, 8));
        assert_eq!(stacks.inclusive(), [15, 14, 12]);
        // A second branch in which it is called once more.
        stacks.nodes.push(node(0, 1, 16));
        assert_eq!(stacks.inclusive(), [31, 30, 12]);
        assert_eq!(stacks.inclusive_by(&[0, 1, 1]), [31, 30, 0], "they call each other");
        assert_eq!(stacks.below(), [31, 14, 12, 8, 16]);
    }

    #[test]
    fn deep_recursion_takes_no_time() {
        let mut stacks = stacks();
        let node = |at| StackNode { parent: Some(at), frame: 1, weight: 1, ..StackNode::default() };
        stacks.nodes.extend((2..500_000).map(node));
        assert_eq!(stacks.inclusive(), [500_005, 500_004, 500_002]);
    }

    #[test]
    fn stacks_are_walked_outwards_and_never_in_circles() {
        let mut stacks = stacks();
        let names = |stacks: &Stacks, from| {
            let walk = stacks.outwards(from);
            walk.map(|node| stacks.frame(node).unwrap().name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(&stacks, 2), ["add", "eval", "main"]);
        assert!(names(&stacks, 3).is_empty());
        stacks.nodes[0].parent = Some(2);
        assert_eq!(names(&stacks, 2), ["add", "eval", "main"]);
    }
}
