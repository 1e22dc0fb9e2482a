//! Functions and the calls between them, with costs: the sums of one part.

use std::collections::HashMap;

use runner_shared::bounds::{Allowance, CALLGRIND_GRAPH_BYTES, CALLGRIND_LINES_BYTES, size};

use super::{hash::FastBuild, names::NameId};

/// From here on a value is a counter that ran backwards: a forked child's `sysCpuTime` does.
const NEGATIVE: u64 = 1 << 63;
/// More events than any tool has; one bit each.
pub(super) const MAX_EVENTS: usize = 64;

/// Bytes of a function or a call in the tables besides its costs, with all that is made of it later.
const ENTRY: u64 = 250;
/// Bytes of a line in its table, while that grows, and when it is sorted.
const LINE: u64 = 200;
/// The number of a call for which there is no room.
const NOWHERE: u32 = u32::MAX;

/// The call graph of a part. Functions and calls are numbered from 0.
#[derive(Debug)]
pub(crate) struct Graph {
    /// Events per cost.
    width: usize,
    functions: Vec<Function>,
    edges: Vec<Edge>,
    own: Vec<u64>,
    inclusive: Vec<u64>,
    /// One bit per event whose sums mean nothing.
    invalid: u64,
    function_ids: HashMap<(NameId, NameId), u32, FastBuild>,
    edge_ids: HashMap<(u32, u32), u32, FastBuild>,
    room: Allowance,
    /// The function that stands for all that have no room.
    others: Option<u32>,
    /// Costs by the event that everything is weighed by.
    lines: HashMap<AtLine, u64, FastBuild>,
    line_room: Allowance,
}

/// A line of the source that something costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct AtLine {
    /// The owner of the cost.
    pub slot: Slot,
    /// The line.
    pub place: SourceLine,
    /// The one before it in the code of the function.
    pub before: SourceLine,
}

/// A line of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SourceLine {
    /// The file.
    pub file: NameId,
    /// The line in it, from 1; 0 if it is unknown.
    pub line: u64,
}

impl Default for Graph {
    fn default() -> Self {
        Self::within(CALLGRIND_GRAPH_BYTES)
    }
}

/// A function of an object. Static functions of the same name in one object are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Function {
    /// The program or library.
    pub object: NameId,
    /// The source file in which it was seen first.
    pub file: NameId,
    /// Its name, with the suffix of recursion: `f'2`.
    pub name: NameId,
}

/// All calls from one function to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edge {
    /// Number of the function that calls.
    pub caller: u32,
    /// Number of the function that is called.
    pub callee: u32,
    /// The number of calls.
    pub calls: u64,
}

/// A call graph by one event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Weighed {
    /// What each function costs itself, by its number.
    pub own: Vec<u64>,
    /// Calls: who calls, who is called, and what that costs, everything included.
    pub calls: Vec<(u32, u32, u64)>,
}

/// The owner of a cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Slot {
    /// To the function itself.
    Own(u32),
    /// To a call.
    Call(u32),
}

impl Graph {
    pub(super) fn new(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    /// A graph that takes at most so many bytes, without events.
    pub(super) fn within(bytes: u64) -> Self {
        Self {
            width: 0,
            functions: Vec::new(),
            edges: Vec::new(),
            own: Vec::new(),
            inclusive: Vec::new(),
            invalid: 0,
            function_ids: HashMap::default(),
            edge_ids: HashMap::default(),
            room: Allowance::of(bytes),
            others: None,
            lines: HashMap::default(),
            line_room: Allowance::of(CALLGRIND_LINES_BYTES),
        }
    }

    /// The number of a function, new or not. `others` stands for all for which there is no room.
    pub(super) fn function(&mut self, function: Function, others: Function) -> u32 {
        let Function { object, file: _, name } = function;
        if let Some(known) = self.function_ids.get(&(object, name)) {
            return *known;
        }
        if !self.has_room() {
            if let Some(known) = self.others {
                return known;
            }
            let id = self.push(others);
            self.others = Some(id);
            return id;
        }
        let id = self.push(function);
        self.function_ids.insert((object, name), id);
        id
    }

    fn push(&mut self, function: Function) -> u32 {
        let id = small(self.functions.len());
        self.functions.push(function);
        self.own.resize(self.own.len().saturating_add(self.width), 0);
        id
    }

    /// Adds calls; the number of the edge, whose costs go nowhere if there is no room for it.
    pub(super) fn call(&mut self, from: u32, to: u32, calls: u64) -> u32 {
        if let Some(&id) = self.edge_ids.get(&(from, to)) {
            if let Some(edge) = self.edges.get_mut(large(id)) {
                edge.calls = edge.calls.saturating_add(calls);
            }
            return id;
        }
        if !self.has_room() {
            return NOWHERE;
        }
        let id = small(self.edges.len());
        self.edge_ids.insert((from, to), id);
        self.edges.push(Edge { caller: from, callee: to, calls });
        self.inclusive.resize(self.inclusive.len().saturating_add(self.width), 0);
        id
    }

    /// Takes the room for one more function or call.
    fn has_room(&mut self) -> bool {
        self.room.take(ENTRY + 8 * size(self.width))
    }

    /// Keeps which line costs so much. One for which there is no room is like one of which nothing is known.
    #[inline]
    pub(super) fn keep_line(&mut self, at: AtLine, cost: u64) {
        if cost == 0 || at.slot == Slot::Call(NOWHERE) {
            return;
        }
        if let Some(sum) = self.lines.get_mut(&at) {
            *sum = sum.saturating_add(cost);
        } else if self.line_room.take(LINE) {
            self.lines.insert(at, cost);
        }
    }

    /// Costs by line, in a fixed order.
    pub(super) fn lines(&self) -> Vec<(AtLine, u64)> {
        let mut lines: Vec<(AtLine, u64)> =
            self.lines.iter().map(|(at, cost)| (*at, *cost)).collect();
        lines.sort_unstable();
        lines
    }

    /// Returns the graph by one event.
    pub(crate) fn weighed(&self, event: usize) -> Weighed {
        let value = |costs: &[u64]| costs.get(event).copied().unwrap_or(0);
        let call = |(edge, costs): (&Edge, &[u64])| (edge.caller, edge.callee, value(costs));
        Weighed { own: self.own().map(value).collect(), calls: self.edges().map(call).collect() }
    }

    /// Functions and calls for which there was no room; some of them several times.
    pub(super) fn left_out(&self) -> u64 {
        self.room.left_out()
    }

    /// The sums of a slot, one per event.
    #[inline]
    pub(super) fn sums(&mut self, slot: Slot) -> &mut [u64] {
        let (table, id) = match slot {
            Slot::Own(id) => (&mut self.own, id),
            Slot::Call(id) => (&mut self.inclusive, id),
        };
        let start = large(id).saturating_mul(self.width);
        table.get_mut(start..start.saturating_add(self.width)).unwrap_or_default()
    }

    /// The sums of these events (one bit each) mean nothing.
    pub(super) fn invalidate(&mut self, events: u64) {
        self.invalid |= events;
    }

    /// All functions, by number.
    pub(crate) fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// All calls and what they cost, everything included.
    pub(crate) fn edges(&self) -> impl Iterator<Item = (&Edge, &[u64])> {
        self.edges.iter().zip(self.inclusive.chunks(self.width.max(1)))
    }

    /// Returns the cost of each function itself, by number.
    pub(crate) fn own(&self) -> impl Iterator<Item = &[u64]> {
        self.own.chunks(self.width.max(1))
    }

    /// The sums of this event mean something.
    pub(crate) fn is_valid(&self, event: usize) -> bool {
        bit(event) & self.invalid == 0
    }

    /// The sum of all functions, event by event; `None` for one that means nothing.
    pub(crate) fn own_sums(&self) -> Vec<Option<u64>> {
        let mut sums: Vec<Option<u64>> =
            (0..self.width).map(|event| self.is_valid(event).then_some(0)).collect();
        for own in self.own() {
            for (sum, own) in sums.iter_mut().zip(own) {
                *sum = sum.and_then(|sum| sum.checked_add(*own));
            }
        }
        sums
    }
}

/// Adds a value to a sum; `false` if the sum means nothing now.
#[inline]
pub(super) fn add(sum: &mut u64, value: u64) -> bool {
    match sum.checked_add(value) {
        Some(more) if value < NEGATIVE && more < NEGATIVE => {
            *sum = more;
            true
        }
        Some(_) | None => false,
    }
}

/// The bit of an event.
pub(super) fn bit(event: usize) -> u64 {
    u32::try_from(event).ok().and_then(|event| 1_u64.checked_shl(event)).unwrap_or(0)
}

/// Tables are numbered with 32 bits: more entries than that don't fit in memory.
fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn large(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::{super::names::Names, *};

    #[test]
    fn functions_beyond_the_bound_are_merged_without_losing_cost() {
        let mut names = Names::default();
        let name = names.others();
        let others = Function { object: name, file: name, name };
        let mut graph = Graph { width: 1, ..Graph::within(3 * (ENTRY + 8)) };
        let ids: Vec<u32> = [b"a", b"b", b"c", b"d", b"e"]
            .map(|name| {
                let name = names.id(name);
                let id = graph.function(Function { object: name, file: name, name }, others);
                add(&mut graph.sums(Slot::Own(id))[0], 10);
                id
            })
            .to_vec();
        assert_eq!(ids, [0, 1, 2, 3, 3]);
        assert_eq!(graph.own_sums(), [Some(50)]);
        let call = graph.call(0, 1, 1);
        assert!(graph.sums(Slot::Call(call)).is_empty(), "what it cost goes nowhere");
        assert_eq!(graph.left_out(), 3);
        assert_eq!(graph.functions()[3], others);
    }
}
