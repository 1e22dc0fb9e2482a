//! Functions and the calls between them, with costs: the sums of one part.

use std::collections::HashMap;

use super::{hash::FastBuild, names::NameId};

/// From here on a value is a counter that ran backwards: a forked child's `sysCpuTime` does.
const NEGATIVE: u64 = 1 << 63;
/// More events than any tool has; one bit each.
pub(super) const MAX_EVENTS: usize = 64;

/// The call graph of a part. Functions and calls are numbered from 0.
#[derive(Debug, Default)]
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
    /// How often.
    pub calls: u64,
}

/// Where a cost belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    /// The number of a function, new or not.
    pub(super) fn function(&mut self, function: Function) -> u32 {
        let Function { object, file: _, name } = function;
        let next = small(self.functions.len());
        let id = *self.function_ids.entry((object, name)).or_insert(next);
        if id == next {
            self.functions.push(function);
            self.own.resize(self.own.len().saturating_add(self.width), 0);
        }
        id
    }

    /// Adds calls; the number of the edge.
    pub(super) fn call(&mut self, from: u32, to: u32, calls: u64) -> u32 {
        let next = small(self.edges.len());
        let id = *self.edge_ids.entry((from, to)).or_insert(next);
        if id == next {
            self.edges.push(Edge { caller: from, callee: to, calls });
            self.inclusive.resize(self.inclusive.len().saturating_add(self.width), 0);
        } else if let Some(edge) = self.edges.get_mut(large(id)) {
            edge.calls = edge.calls.saturating_add(calls);
        }
        id
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

    /// What each function cost itself, by number.
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
