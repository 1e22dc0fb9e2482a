//! Stacks that were unwound before, found again by the few words that led from function to function. No I/O.
//!
//! Unwinding reads some words of a stack, and what it reads next depends on those before alone. So the words form a tree:
//! a stack whose words lead to a leaf of it needn't be unwound.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::backend::Registers;

/// A word that unwinding depends on, and the value that it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Check {
    /// The word.
    pub place: Place,
    /// Its value.
    pub value: u64,
}

/// Place of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The frame pointer at the start.
    FramePointer,
    /// A word of the stack, by its address.
    Stack(u64),
}

#[derive(Debug, Clone, Copy)]
enum Node<T> {
    /// The way to go depends on this word.
    Check(Place),
    /// The stack is this one.
    Known(T),
}

/// The tree of a process; `T` stands for a stack.
#[derive(Debug)]
pub(super) struct Memo<T> {
    /// By the instruction and the stack pointer.
    roots: HashMap<(u64, u64), u32, FixedState>,
    nodes: Vec<Node<T>>,
    /// By a node and the value of its word.
    edges: HashMap<(u32, u64), u32, FixedState>,
}

impl<T: Copy> Memo<T> {
    /// An empty tree.
    pub(super) fn new() -> Self {
        Self { roots: HashMap::default(), nodes: Vec::new(), edges: HashMap::default() }
    }

    /// Number of nodes.
    pub(super) const fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Returns the stack with these registers and words, if it was unwound before.
    pub(super) fn find(
        &self,
        registers: Registers,
        word: impl Fn(u64) -> Option<u64>,
    ) -> Option<T> {
        let mut at = *self.roots.get(&(registers.ip, registers.sp))?;
        loop {
            let place = match self.node(at)? {
                Node::Known(stack) => return Some(stack),
                Node::Check(place) => place,
            };
            let value = match place {
                Place::FramePointer => registers.fp,
                Place::Stack(address) => word(address)?,
            };
            at = *self.edges.get(&(at, value))?;
        }
    }

    /// Keeps what unwinding depended on, in the order in which it did.
    pub(super) fn learn(&mut self, registers: Registers, checks: &[Check], stack: T) {
        let node = |checks: &[Check]| {
            checks.first().map_or(Node::Known(stack), |check| Node::Check(check.place))
        };
        let mut rest = checks;
        let key = (registers.ip, registers.sp);
        let mut at = if let Some(known) = self.roots.get(&key) {
            *known
        } else {
            let Some(root) = self.add(node(rest)) else { return };
            self.roots.insert(key, root);
            root
        };
        while let Some((check, after)) = rest.split_first() {
            // A file that was mapped meanwhile may have changed the way: what is known stays.
            if !matches!(self.node(at), Some(Node::Check(place)) if place == check.place) {
                return;
            }
            rest = after;
            at = if let Some(known) = self.edges.get(&(at, check.value)) {
                *known
            } else {
                let Some(next) = self.add(node(rest)) else { return };
                self.edges.insert((at, check.value), next);
                next
            };
        }
    }

    fn node(&self, number: u32) -> Option<Node<T>> {
        self.nodes.get(usize::try_from(number).ok()?).copied()
    }

    fn add(&mut self, node: Node<T>) -> Option<u32> {
        let number = u32::try_from(self.nodes.len()).ok()?;
        self.nodes.push(node);
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Registers = Registers { ip: 1, sp: 100, fp: 7 };

    fn check(address: u64, value: u64) -> Check {
        Check { place: Place::Stack(address), value }
    }

    #[test]
    fn a_stack_is_found_by_what_led_through_it() {
        let mut memo = Memo::new();
        memo.learn(START, &[check(108, 2), check(132, 3)], 'a');
        memo.learn(START, &[check(108, 2), check(132, 4)], 'b');
        memo.learn(START, &[check(108, 5)], 'c');
        let find = |words: &[(u64, u64)]| {
            let word = |address| words.iter().find(|(at, _)| *at == address).map(|(_, it)| *it);
            memo.find(START, word)
        };
        assert_eq!(find(&[(108, 2), (116, 99), (132, 3)]), Some('a'));
        assert_eq!(find(&[(108, 2), (132, 4)]), Some('b'));
        assert_eq!(find(&[(108, 5), (132, 4)]), Some('c'));
        assert_eq!(find(&[(108, 2), (132, 5)]), None);
        assert_eq!(find(&[(108, 2)]), None, "beyond the copy");
        assert_eq!(memo.find(Registers { sp: 92, ..START }, |_| Some(2)), None);
    }

    #[test]
    fn the_frame_pointer_counts_only_where_it_was_used() {
        let mut memo = Memo::new();
        memo.learn(START, &[Check { place: Place::FramePointer, value: 7 }], 'a');
        let other = Registers { ip: 9, ..START };
        memo.learn(other, &[], 'b');
        assert_eq!(memo.find(START, |_| None), Some('a'));
        assert_eq!(memo.find(Registers { fp: 8, ..START }, |_| None), None);
        assert_eq!(memo.find(Registers { fp: 8, ..other }, |_| None), Some('b'));
    }

    #[test]
    fn what_leads_elsewhere_all_at_once_changes_nothing() {
        let mut memo = Memo::new();
        memo.learn(START, &[check(108, 2)], 'a');
        memo.learn(START, &[check(116, 3)], 'b');
        memo.learn(START, &[check(108, 2), check(116, 3)], 'c');
        assert_eq!(memo.find(START, |_| Some(2)), Some('a'));
        assert_eq!(memo.find(START, |_| Some(3)), None);
    }
}
