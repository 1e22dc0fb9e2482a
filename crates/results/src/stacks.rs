//! Where the cost of a benchmark was spent, as a tree of calls. Neutral: any mode can fill it, any
//! profile format be written from it.

use std::sync::Arc;

/// The stacks of one benchmark.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stacks {
    /// Name of the benchmark.
    pub benchmark: String,
    /// What the weights count.
    pub unit: Unit,
    /// Every function once.
    pub frames: Vec<Frame>,
    /// A tree, parents before their children.
    pub nodes: Vec<StackNode>,
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
    /// What was spent in the function itself when called this way.
    pub weight: u64,
}

/// What weights count.
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

    /// What each function cost with all that it called, by its place in [`Stacks::frames`].
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

    /// The same stacks without the functions of some objects: their cost goes to their callers.
    /// An outermost function stays.
    #[must_use]
    pub fn folded(&self, is_folded: impl Fn(&Frame) -> bool) -> Self {
        let mut nodes: Vec<StackNode> = Vec::with_capacity(self.nodes.len());
        let mut places: Vec<Option<u32>> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let parent =
                node.parent.and_then(|at| places.get(usize::try_from(at).ok()?).copied().flatten());
            let caller = parent.and_then(|at| nodes.get_mut(usize::try_from(at).ok()?));
            if let Some(caller) = caller.filter(|_| self.frame(node).is_some_and(&is_folded)) {
                caller.weight = caller.weight.saturating_add(node.weight);
                places.push(parent);
            } else {
                places.push(u32::try_from(nodes.len()).ok());
                nodes.push(StackNode { parent, ..*node });
            }
        }
        Self {
            nodes,
            benchmark: self.benchmark.clone(),
            unit: self.unit,
            frames: self.frames.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(name: &str) -> Frame {
        Frame { name: name.into(), object: "lib".into(), file: "".into() }
    }

    fn stacks() -> Stacks {
        let node = |parent, frame, weight| StackNode { parent, frame, weight };
        Stacks {
            benchmark: "b".to_owned(),
            unit: Unit::Count,
            frames: ["main", "eval", "add"].map(frame).to_vec(),
            nodes: vec![node(None, 0, 1), node(Some(0), 1, 2), node(Some(1), 2, 4)],
        }
    }

    #[test]
    fn folding_gives_the_cost_to_the_caller() {
        let folded = stacks().folded(|frame| &*frame.name == "eval" || &*frame.name == "main");
        let node = |parent, frame, weight| StackNode { parent, frame, weight };
        assert_eq!(folded.nodes, [node(None, 0, 3), node(Some(0), 2, 4)]);
        assert_eq!(folded.total(), stacks().total());
    }

    #[test]
    fn recursion_is_counted_once() {
        let mut stacks = stacks();
        assert_eq!(stacks.inclusive(), [7, 6, 4]);
        stacks.nodes.push(StackNode { parent: Some(2), frame: 1, weight: 8 });
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
