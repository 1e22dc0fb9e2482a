//! Stacks as trees: first of addresses, then of the functions there.

use std::{collections::HashMap, hash::Hash};

use runner_shared::stacks::Inlined;

use super::{
    Frame, StackNode,
    names::{Names, Spot},
};

/// Every value once, by number.
#[derive(Debug)]
pub(super) struct Interner<T> {
    numbers: HashMap<T, u32>,
    values: Vec<T>,
}

impl<T: Clone + Eq + Hash> Interner<T> {
    pub(super) fn new() -> Self {
        Self { numbers: HashMap::new(), values: Vec::new() }
    }

    /// The number of a value; the last one of all when there are no more.
    pub(super) fn number(&mut self, value: &T) -> u32 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.numbers.insert(value.clone(), number);
        self.values.push(value.clone());
        number
    }

    pub(super) fn into_values(self) -> Vec<T> {
        self.values
    }
}

/// Nodes of a tree, at most: what is called further out than that is not told apart.
const MOST_NODES: usize = 1 << 22;

/// A tree of things with numbers.
#[derive(Debug, Default)]
pub(super) struct Tree {
    places: HashMap<(Option<u32>, u32, u32, Inlined), u32>,
    /// Parents before their children: who called, what, how long.
    nodes: Vec<StackNode>,
}

impl Tree {
    /// The node of this thing below a parent; `None` when the tree is full.
    pub(super) fn child(&mut self, parent: Option<u32>, thing: u32) -> Option<u32> {
        self.at_line(parent, thing, 0, Inlined::No)
    }

    /// The same of a function at a line.
    fn at_line(
        &mut self,
        parent: Option<u32>,
        frame: u32,
        line: u32,
        inlined: Inlined,
    ) -> Option<u32> {
        let key = (parent, frame, line, inlined);
        if let Some(place) = self.places.get(&key) {
            return Some(*place);
        }
        let place =
            u32::try_from(self.nodes.len()).ok().filter(|_| self.nodes.len() < MOST_NODES)?;
        self.places.insert(key, place);
        self.nodes.push(StackNode { parent, frame, line, weight: 0, inlined });
        Some(place)
    }

    /// Adds to what was spent in a node.
    pub(super) fn add(&mut self, node: u32, weight: u64) {
        let place = usize::try_from(node).ok();
        if let Some(node) = place.and_then(|place| self.nodes.get_mut(place)) {
            node.weight = node.weight.saturating_add(weight);
        }
    }
}

/// Turns trees of addresses into trees of functions, which they share.
pub(super) struct Forest<'n> {
    names: &'n Names,
    frames: Interner<Frame>,
}

/// Part of the names of functions below which measured code runs.
const ROOT: &str = "__codspeed_root_frame__";

impl<'n> Forest<'n> {
    pub(super) fn new(names: &'n Names) -> Self {
        Self { names, frames: Interner::new() }
    }

    pub(super) fn into_frames(self) -> Vec<Frame> {
        self.frames.into_values()
    }

    /// The functions of a tree: inlined ones below those that they were inlined into, and no
    /// callers of the function below which measured code runs. Also where each node of the tree is in them.
    pub(super) fn name(&mut self, addresses: &Tree) -> (Vec<StackNode>, Vec<Option<u32>>) {
        let mut tree = Tree::default();
        // Node of each address, and whether it lies below a root.
        let mut places: Vec<(Option<u32>, bool)> = Vec::with_capacity(addresses.nodes.len());
        for node in &addresses.nodes {
            let parent = node.parent.and_then(|at| places.get(usize::try_from(at).ok()?).copied());
            let (mut place, mut is_below) = parent.unwrap_or_default();
            for Spot { frame, line, inlined } in self.names.at(node.frame) {
                if !is_below && frame.name.contains(ROOT) {
                    (place, is_below) = (None, true);
                }
                let frame = self.frames.number(frame);
                place = tree.at_line(place, frame, *line, *inlined).or(place);
            }
            if let Some(place) = place {
                tree.add(place, node.weight);
            }
            places.push((place, is_below));
        }
        let (nodes, kept) = prune(tree.nodes);
        let now = |place: u32| kept.get(usize::try_from(place).ok()?).copied().flatten();
        (nodes, places.into_iter().map(|(place, _)| place.and_then(now)).collect())
    }
}

/// Drops nodes without any weight in or below them: callers of a root. Also where each node is then.
fn prune(nodes: Vec<StackNode>) -> (Vec<StackNode>, Vec<Option<u32>>) {
    let index = |at: u32| usize::try_from(at).ok();
    let mut is_used: Vec<bool> = nodes.iter().map(|node| node.weight > 0).collect();
    for (at, node) in nodes.iter().enumerate().rev() {
        if is_used.get(at) == Some(&true)
            && let Some(used) =
                node.parent.and_then(index).and_then(|parent| is_used.get_mut(parent))
        {
            *used = true;
        }
    }
    let mut places: Vec<Option<u32>> = Vec::with_capacity(nodes.len());
    let mut kept: Vec<StackNode> = Vec::new();
    for (node, is_used) in nodes.into_iter().zip(is_used) {
        let parent = node.parent.and_then(index).and_then(|at| places.get(at).copied().flatten());
        places.push(u32::try_from(kept.len()).ok().filter(|_| is_used));
        if is_used {
            kept.push(StackNode { parent, ..node });
        }
    }
    (kept, places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(name: &str) -> Frame {
        Frame { name: name.into(), object: "".into(), file: "".into() }
    }

    #[test]
    fn roots_cut_their_callers_and_inlined_functions_nest() {
        let line = |name, line, inlined| Spot { frame: frame(name), line, inlined };
        let names = Names::from_lists(vec![
            vec![line("main", 1, Inlined::No)],
            vec![line("a::__codspeed_root_frame__bench", 2, Inlined::No)],
            vec![line("work", 3, Inlined::No), line("inlined", 4, Inlined::Helper)],
        ]);
        let mut addresses = Tree::default();
        let main = addresses.child(None, 0);
        let root = addresses.child(main, 1);
        let work = addresses.child(root, 2);
        addresses.add(work.unwrap(), 5);
        let again = addresses.child(work, 1);
        addresses.add(again.unwrap(), 7);
        assert_eq!(addresses.child(main, 1), root);
        let mut forest = Forest::new(&names);
        let (nodes, places) = forest.name(&addresses);
        assert_eq!(places, [None, Some(0), Some(2), Some(3)]);
        let frames = forest.into_frames();
        let frame_of = |node: &StackNode| &frames[usize::try_from(node.frame).unwrap()];
        let shown: Vec<_> = nodes
            .iter()
            .map(|node| (node.parent, &*frame_of(node).name, node.line, node.weight))
            .collect();
        let root = "a::__codspeed_root_frame__bench";
        let expected = [
            (None, root, 2, 0),
            (Some(0), "work", 3, 0),
            (Some(1), "inlined", 4, 5),
            (Some(2), root, 2, 7),
        ];
        assert_eq!(shown, expected);
        let inlined: Vec<_> = nodes.iter().map(|node| node.inlined).collect();
        assert_eq!(inlined, [Inlined::No, Inlined::No, Inlined::Helper, Inlined::No]);
    }
}
