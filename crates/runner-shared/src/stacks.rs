//! The cost of a benchmark as a tree of calls. Neutral: any mode can fill it, and any
//! profile format can be written from it.

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StackNode {
    /// Place of the caller in [`Stacks::nodes`], before this one; `None` for an outermost function.
    pub parent: Option<u32>,
    /// Place of the function in [`Stacks::frames`].
    pub frame: u32,
    /// Line of its source file; 0 if unknown.
    pub line: u32,
    /// The cost of the function itself when called this way.
    pub weight: u64,
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

    /// Returns the cost of each function with all that it called, by its place in [`Stacks::frames`].
    /// Recursion is counted once.
    pub fn inclusive(&self) -> Vec<u64> {
        let mut below: Vec<u64> = self.nodes.iter().map(|node| node.weight).collect();
        let place = |at: u32| usize::try_from(at).ok();
        for (at, node) in self.nodes.iter().enumerate().rev() {
            let parent = node.parent.and_then(place).filter(|parent| *parent < at);
            let sum = below.get(at).copied().unwrap_or(0);
            if let Some(above) = parent.and_then(|parent| below.get_mut(parent)) {
                *above = above.saturating_add(sum);
            }
        }
        let mut frames = vec![0_u64; self.frames.len()];
        for ((at, node), below) in (0..).zip(&self.nodes).zip(below) {
            let is_outermost = self.outwards(at).skip(1).all(|caller| caller.frame != node.frame);
            if let Some(sum) = place(node.frame).and_then(|frame| frames.get_mut(frame))
                && is_outermost
            {
                *sum = sum.saturating_add(below);
            }
        }
        frames
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

    /// The same stacks without the functions of some objects: their cost goes to their callers.
    /// An outermost function stays.
    #[must_use]
    pub fn folded(&self, is_folded: impl Fn(&Frame) -> bool) -> Self {
        self.merged(|stacks, parent, node| {
            parent.filter(|_| stacks.frame(node).is_some_and(&is_folded))
        })
    }

    /// The same stacks with each function once below a caller, whatever its line.
    #[must_use]
    pub fn without_lines(&self) -> Self {
        let mut known: HashMap<(Option<u32>, u32), u32> = HashMap::new();
        let mut next = 0;
        let mut merged = self.merged(|_, parent, node| {
            let place = *known.entry((parent, node.frame)).or_insert(next);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(name: &str) -> Frame {
        Frame { name: name.into(), object: "lib".into(), file: "".into() }
    }

    fn stacks() -> Stacks {
        let node = |parent, frame, weight| StackNode { parent, frame, line: 0, weight };
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
        let folded = stacks().folded(|frame| &*frame.name == "eval" || &*frame.name == "main");
        let node = |parent, frame, weight| StackNode { parent, frame, line: 0, weight };
        assert_eq!(folded.nodes, [node(None, 0, 3), node(Some(0), 2, 4)]);
        assert_eq!(folded.total(), stacks().total());
    }

    #[test]
    fn lines_can_be_left_out() {
        let mut stacks = stacks();
        let node = |parent, frame, line, weight| StackNode { parent, frame, line, weight };
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
        stacks.nodes.push(StackNode { parent: Some(2), frame: 1, line: 0, weight: 8 });
        assert_eq!(stacks.inclusive(), [15, 14, 12]);
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
