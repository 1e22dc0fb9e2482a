//! From numbers of stacks to names: the tree of callers, and what each place in it allocates.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use runner_shared::{
    bounds::{Allowance, TREE_NODES, size},
    memory::{SiteUsage, StackFrame, StackTable},
};

use super::one_time;
use crate::{
    callgrind::FastBuild,
    kinds::hands_on_allocations,
    stacks::{Frame, Inlined, StackNode, Stacks, Unit},
};

/// The allocations of one stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemorySite {
    /// The stack: a place in the nodes of the benchmark's stacks.
    pub node: u32,
    /// The counts of its allocations.
    pub usage: SiteUsage,
    /// A library or an interpreter keeps what it allocates here once, as buffers of `stdio.h` and locales.
    pub is_one_time: bool,
}

impl MemorySite {
    const fn live_bytes(&self, one_time: bool) -> u64 {
        if self.is_one_time == one_time { self.usage.leaked_bytes } else { 0 }
    }
}

/// A reason to look at a place in the program.
#[derive(Debug, Clone, Copy)]
pub struct SiteOrder {
    /// Name in exports.
    pub id: &'static str,
    /// The question that it answers, as a head of a list.
    pub title: &'static str,
    /// The value to sort by, the largest first; sites with 0 are left out.
    pub key: fn(&MemorySite) -> u64,
    /// The key is a number of calls, not of bytes.
    pub is_count: bool,
}

/// All reasons, in the order in which they are shown.
pub const SITE_ORDERS: &[SiteOrder] = &[
    SiteOrder { id: "bytes", title: "Allocates most", key: |of| of.usage.bytes, is_count: false },
    SiteOrder {
        id: "peak",
        title: "Live at the peak",
        key: |of| of.usage.peak_bytes,
        is_count: false,
    },
    // The older name is that of exports.
    SiteOrder {
        id: "leaked",
        title: "Live at end",
        key: |of| of.live_bytes(false),
        is_count: false,
    },
    SiteOrder {
        id: "one_time",
        title: "Live at end, kept once by libraries and interpreters",
        key: |of| of.live_bytes(true),
        is_count: false,
    },
    SiteOrder {
        id: "temporary",
        title: "Freed before the next allocation",
        key: |of| of.usage.temporary,
        is_count: true,
    },
];

impl SiteOrder {
    /// At most so many sites that matter, the most important one first.
    pub fn top(self, sites: &[MemorySite], most: usize) -> Vec<MemorySite> {
        let of = |site: &&MemorySite| (self.key)(site);
        let mut top: Vec<&MemorySite> = sites.iter().filter(|site| of(site) > 0).collect();
        top.sort_by_key(|site| (std::cmp::Reverse(of(site)), site.node));
        top.into_iter().take(most).copied().collect()
    }
}

/// Stacks with names.
pub(crate) struct Resolved {
    /// Weights are the bytes asked for.
    pub stacks: Stacks,
    /// One per node that allocates.
    pub sites: Vec<MemorySite>,
}

/// Returns the places that a reader knows: those that differ in functions only that hand an allocation on or were inlined
/// as parts of a library are one, at the innermost function that is none of these.
pub(crate) fn readable_sites(sites: &[MemorySite], stacks: &Stacks) -> Vec<MemorySite> {
    let index = |node: u32| usize::try_from(node).ok();
    let mut first: HashMap<StackNode, u32, FastBuild> = HashMap::default();
    let mut known: Vec<u32> = Vec::with_capacity(stacks.nodes.len());
    for (at, node) in (0..).zip(&stacks.nodes) {
        let parent = node.parent.and_then(|parent| known.get(index(parent)?).copied());
        let of_caller = parent.filter(|_| node.inlined == Inlined::Helper);
        let own = || StackNode { parent, weight: 0, ..*node };
        known.push(of_caller.unwrap_or_else(|| *first.entry(own()).or_insert(at)));
    }
    let mut merged: BTreeMap<(u32, bool), SiteUsage> = BTreeMap::new();
    for MemorySite { node, usage, is_one_time } in sites {
        let node = index(*node).and_then(|node| known.get(node)).copied().unwrap_or(*node);
        add(merged.entry((node, *is_one_time)).or_default(), usage);
    }
    let site = |((node, is_one_time), usage)| MemorySite { node, usage, is_one_time };
    merged.into_iter().map(site).collect()
}

/// The things that the trees of all benchmarks share.
#[derive(Debug)]
pub(crate) struct Forest {
    /// For nodes, and for functions, of which each takes twice as much.
    nodes: Allowance,
    /// Each text once.
    texts: HashSet<Arc<str>, FastBuild>,
}

impl Default for Forest {
    fn default() -> Self {
        Self { nodes: Allowance::of(size(TREE_NODES)), texts: HashSet::default() }
    }
}

impl Forest {
    /// Callers and functions for which there was no room.
    pub(crate) fn left_out(&self) -> u64 {
        self.nodes.left_out()
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&new));
        new
    }
}

/// Finds the names of stacks. `lookup` gives the table of a stack and its number there.
pub(crate) fn resolve<'a>(
    benchmark: &str,
    sites: &BTreeMap<u32, SiteUsage>,
    lookup: impl Fn(u32) -> Option<(&'a StackTable, u32)>,
    forest: &mut Forest,
) -> Resolved {
    let mut tree = Tree {
        frames: Vec::new(),
        frame_numbers: HashMap::default(),
        nodes: Vec::new(),
        node_numbers: HashMap::default(),
        usage: BTreeMap::new(),
        forest,
    };
    for (stack, usage) in sites {
        let Some((table, number)) = lookup(*stack) else { continue };
        let mut node = None;
        for frame in table.stack(number).iter().rev() {
            let next = tree.child(node, table.frame(*frame));
            if next.is_none() {
                break;
            }
            node = next;
        }
        // A stack that is not known is a place, too: the sums shall be right.
        let Some(node) = node.or_else(|| tree.child(None, None)) else { continue };
        add(tree.usage.entry(node).or_default(), usage);
    }
    let Tree { frames, mut nodes, usage, .. } = tree;
    for (node, usage) in &usage {
        if let Some(node) = usize::try_from(*node).ok().and_then(|node| nodes.get_mut(node)) {
            node.weight = usage.bytes;
        }
    }
    let (benchmark, unit) = (benchmark.to_owned(), Unit::Bytes);
    let stacks = Stacks { benchmark, unit, frames, nodes, ..Stacks::default() };
    let is_one_time = |node| {
        let mut frames = stacks.outwards(node).filter_map(|node| stacks.frame(node));
        frames.any(|frame| one_time::is_one_time(&frame.name))
    };
    let sites = usage.into_iter().map(|(node, usage)| {
        let is_one_time = usage.leaked_bytes > 0 && is_one_time(node);
        MemorySite { node, usage, is_one_time }
    });
    let sites = sites.collect();
    Resolved { stacks, sites }
}

/// Two stacks of the same functions are one place.
fn add(own: &mut SiteUsage, other: &SiteUsage) {
    let SiteUsage { calls, bytes, peak_bytes, leaked_bytes, leaked_blocks, temporary } = *other;
    own.calls = own.calls.saturating_add(calls);
    own.bytes = own.bytes.saturating_add(bytes);
    own.peak_bytes = own.peak_bytes.saturating_add(peak_bytes);
    own.leaked_bytes = own.leaked_bytes.saturating_add(leaked_bytes);
    own.leaked_blocks = own.leaked_blocks.saturating_add(leaked_blocks);
    own.temporary = own.temporary.saturating_add(temporary);
}

struct Tree<'a> {
    frames: Vec<Frame>,
    frame_numbers: HashMap<Frame, u32, FastBuild>,
    nodes: Vec<StackNode>,
    /// By all of a node but its weight.
    node_numbers: HashMap<StackNode, u32, FastBuild>,
    usage: BTreeMap<u32, SiteUsage>,
    forest: &'a mut Forest,
}

impl Tree<'_> {
    /// The node of a function that this one has called; `None` if there is no room for it.
    fn child(&mut self, parent: Option<u32>, frame: Option<&StackFrame>) -> Option<u32> {
        let (line, inlined) = frame.map(|frame| (frame.line, frame.inlined)).unwrap_or_default();
        let hands_on = frame.is_some_and(|frame| hands_on_allocations(&frame.function));
        let inlined = if hands_on && parent.is_some() { Inlined::Helper } else { inlined };
        let frame = self.frame(frame)?;
        self.node(StackNode { parent, frame, line, inlined, weight: 0 })
    }

    fn frame(&mut self, frame: Option<&StackFrame>) -> Option<u32> {
        let unknown = StackFrame::default();
        let StackFrame { function, module, file, .. } = frame.unwrap_or(&unknown);
        let name = if function.is_empty() { "?" } else { function };
        let [name, object, file] =
            [name, module.as_str(), file.as_str()].map(|text| self.forest.text(text));
        let frame = Frame { name, object, file };
        if let Some(known) = self.frame_numbers.get(&frame) {
            return Some(*known);
        }
        if !self.forest.nodes.take(2) {
            return None;
        }
        self.frames.push(frame.clone());
        let number = last(&self.frames);
        self.frame_numbers.insert(frame, number);
        Some(number)
    }

    fn node(&mut self, node: StackNode) -> Option<u32> {
        if let Some(known) = self.node_numbers.get(&node) {
            return Some(*known);
        }
        if !self.forest.nodes.take(1) {
            return None;
        }
        self.nodes.push(node);
        let number = last(&self.nodes);
        self.node_numbers.insert(node, number);
        Some(number)
    }
}

fn last<T>(list: &[T]) -> u32 {
    u32::try_from(list.len().saturating_sub(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use runner_shared::memory::{StackDecoder, encode_frame, encode_stack};

    use super::*;

    fn table() -> StackTable {
        let mut bytes = Vec::new();
        for name in ["alloc", "main", "alloc"] {
            encode_frame(&mut bytes, &StackFrame::new(name, "/bin/x"));
        }
        for stack in [&[1, 2][..], &[3, 2], &[2], &[9, 2]] {
            encode_stack(&mut bytes, stack);
        }
        let mut decoder = StackDecoder::default();
        decoder.push(&bytes);
        assert_eq!(decoder.next_event_stack(), Ok(None));
        decoder.finish().0
    }

    #[test]
    fn stacks_of_the_same_functions_are_merged() {
        let table = table();
        let usage = |bytes| SiteUsage { calls: 1, bytes, peak_bytes: 1, ..SiteUsage::default() };
        let sites = (1..).zip([10, 20, 40, 80, 160].map(usage)).collect();
        let Resolved { stacks, sites } =
            resolve("b", &sites, |stack| Some((&table, stack)), &mut Forest::default());
        let shown: Vec<_> = stacks
            .weighted()
            .map(|(at, node)| {
                let names: Vec<_> =
                    stacks.outwards(at).map(|node| &*stacks.frame(node).unwrap().name).collect();
                format!("{} {}", names.join("<"), node.weight)
            })
            .collect();
        assert_eq!(shown, ["main 40", "alloc<main 30", "?<main 80", "? 160"]);
        assert_eq!((stacks.total(), stacks.unit), (310, Unit::Bytes));
        let top = SITE_ORDERS[0].top(&sites, 2);
        assert_eq!(top.iter().map(|site| site.usage.bytes).collect::<Vec<_>>(), [160, 80]);
        assert_eq!(SITE_ORDERS[1].top(&sites, 1)[0].usage.peak_bytes, 2, "both of alloc<main");
        assert!(SITE_ORDERS[2].top(&sites, 9).is_empty(), "nothing was live at the end");
    }

    #[test]
    fn without_room_inner_callers_are_dropped_and_sums_are_kept() {
        let table = table();
        let sites =
            (1..).zip([10, 20].map(|bytes| SiteUsage { bytes, ..SiteUsage::default() })).collect();
        // `main` and its node.
        let mut forest = Forest { nodes: Allowance::of(3), ..Forest::default() };
        let resolved = resolve("b", &sites, |stack| Some((&table, stack)), &mut forest);
        let Resolved { stacks, .. } = resolved;
        assert_eq!((stacks.total(), stacks.nodes.len()), (30, 1));
        assert_eq!(forest.left_out(), 2);
    }

    #[test]
    fn places_that_hand_on_are_those_of_their_callers() {
        let mut bytes = Vec::new();
        let helper = StackFrame {
            inlined: Inlined::Helper,
            ..StackFrame::new("std::vector<int>::push_back(int const&)", "/bin/x")
        };
        for frame in [
            StackFrame::new("operator new(unsigned long)", "/lib/libstdc++.so.6"),
            helper,
            StackFrame::new("fills()", "/bin/x"),
            StackFrame::new("main", "/bin/x"),
        ] {
            encode_frame(&mut bytes, &frame);
        }
        for stack in [&[1, 2, 3, 4][..], &[1, 3, 4], &[3, 4], &[1, 4]] {
            encode_stack(&mut bytes, stack);
        }
        let mut decoder = StackDecoder::default();
        decoder.push(&bytes);
        assert_eq!(decoder.next_event_stack(), Ok(None));
        let table = decoder.finish().0;
        let usage = |bytes| SiteUsage { bytes, ..SiteUsage::default() };
        let sites = (1..).zip([1, 20, 300, 4000].map(usage)).collect();
        let Resolved { stacks, sites } =
            resolve("b", &sites, |stack| Some((&table, stack)), &mut Forest::default());
        assert_eq!(sites.len(), 4);
        let shown = readable_sites(&sites, &stacks).into_iter().map(|site| {
            let node = stacks.outwards(site.node).next().unwrap();
            (stacks.frame(node).unwrap().name.to_string(), site.usage.bytes)
        });
        let expected = [("main".to_owned(), 4000), ("fills()".to_owned(), 321)];
        assert_eq!(shown.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_libraries_keep_once_is_apart() {
        let mut bytes = Vec::new();
        for name in ["_IO_file_doallocate", "puts", "main", "keep"] {
            encode_frame(&mut bytes, &StackFrame::new(name, "/bin/x"));
        }
        for stack in [&[1, 2, 3][..], &[4, 3]] {
            encode_stack(&mut bytes, stack);
        }
        let mut decoder = StackDecoder::default();
        decoder.push(&bytes);
        assert_eq!(decoder.next_event_stack(), Ok(None));
        let table = decoder.finish().0;
        let usage =
            |bytes| SiteUsage { leaked_bytes: bytes, leaked_blocks: 1, ..SiteUsage::default() };
        let sites = (1..).zip([4096, 10].map(usage)).collect();
        let Resolved { sites, .. } =
            resolve("b", &sites, |stack| Some((&table, stack)), &mut Forest::default());
        let of = |id| {
            let order = SITE_ORDERS.iter().find(|order| order.id == id).unwrap();
            order.top(&sites, 9).iter().map(|site| site.usage.leaked_bytes).collect::<Vec<_>>()
        };
        assert_eq!((of("leaked"), of("one_time")), (vec![10], vec![4096]));
    }
}
