//! Splits the costs of a function among those that were inlined into it: callgrind counts by function and line, and debug
//! information tells what was inlined at a line.
//!
//! Each inlined function becomes one more function of the graph, called by the one that it is a part of. So all sums stay
//! what they were, to the last instruction.

use std::collections::HashMap;

use runner_shared::{inlining::judge, stacks::Inlined};

use super::{
    graph::{AtLine, Graph, Slot, SourceLine, Weighed},
    hash::FastBuild,
};

/// Functions below this share of the total are left whole: 10⁻³.
const CUTOFF: u64 = 1000;
/// Inlined functions of a part, at most: the others are left in their callers.
const MOST_PIECES: usize = 1 << 16;

/// A function that was inlined at a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InlinedPart {
    /// Its name.
    pub name: String,
    /// Its source file.
    pub file: String,
}

/// A function that was inlined into another one; it follows the functions of the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Number of the function that it is a part of, always a smaller one.
    pub caller: u32,
    /// Number of the function of the graph that has its code.
    pub function: u32,
    /// Its name and source file.
    pub part: InlinedPart,
    /// How it is a part of the other one.
    pub inlined: Inlined,
}

/// Splits the costs. `inlined` tells of a function of the graph, of a line and of the one before it what was inlined there,
/// outermost first; `name` the name and source file of a function.
pub(crate) fn split<'n>(
    graph: &Graph,
    weighed: &mut Weighed,
    mut name: impl FnMut(u32) -> (&'n str, &'n str),
    mut inlined: impl FnMut(u32, [SourceLine; 2]) -> Vec<InlinedPart>,
) -> Vec<Piece> {
    let costs = inclusive(weighed);
    let least = weighed.own.iter().fold(0, |sum: u64, own| sum.saturating_add(*own)) / CUTOFF;
    let mut split = Splitting {
        first: weighed.own.len(),
        weighed,
        pieces: Vec::new(),
        numbers: HashMap::default(),
        calls: HashMap::default(),
    };
    let callers: Vec<u32> = split.weighed.calls.iter().map(|(caller, ..)| *caller).collect();
    for (AtLine { slot, place, before }, cost) in graph.lines() {
        let function = match slot {
            Slot::Own(function) => Some(function),
            Slot::Call(call) => at(&callers, call).copied(),
        };
        let Some(function) =
            function.filter(|it| at(&costs, *it).is_some_and(|cost| *cost > least))
        else {
            continue;
        };
        let parts = inlined(function, [place, before]);
        if !parts.is_empty() {
            split.take(slot, function, name(function), parts, cost);
        }
    }
    let Splitting { weighed, pieces, calls, .. } = split;
    let mut calls: Vec<_> = calls.into_iter().map(|((from, to), cost)| (from, to, cost)).collect();
    calls.sort_unstable();
    weighed.calls.extend(calls);
    pieces
}

/// The cost of each function with all that it calls.
fn inclusive(weighed: &Weighed) -> Vec<u64> {
    let mut sums = weighed.own.clone();
    for (caller, _, cost) in weighed.calls.iter().filter(|(caller, callee, _)| caller != callee) {
        if let Some(sum) = at_mut(&mut sums, *caller) {
            *sum = sum.saturating_add(*cost);
        }
    }
    sums
}

struct Splitting<'w> {
    /// Number of the first piece.
    first: usize,
    weighed: &'w mut Weighed,
    pieces: Vec<Piece>,
    /// By caller and name.
    numbers: HashMap<(u32, String), u32, FastBuild>,
    /// Costs of the calls of pieces, and of those that lead to them.
    calls: HashMap<(u32, u32), u64, FastBuild>,
}

impl Splitting<'_> {
    /// Moves a cost from a function to the innermost part.
    fn take(
        &mut self,
        slot: Slot,
        function: u32,
        (name, file): (&str, &str),
        parts: Vec<InlinedPart>,
        cost: u64,
    ) {
        let callee = match slot {
            Slot::Own(_) => None,
            Slot::Call(call) => at(&self.weighed.calls, call).map(|(_, callee, _)| *callee),
        };
        let names = parts.iter().map(|part| (part.name.as_str(), part.file.as_str()));
        let judged = judge([(name, file)].into_iter().chain(names));
        let Some(way) = self.way(function, parts, judged.get(1..).unwrap_or_default()) else {
            return;
        };
        let own = match slot {
            Slot::Own(function) => at_mut(&mut self.weighed.own, function),
            Slot::Call(call) => at_mut(&mut self.weighed.calls, call).map(|(.., cost)| cost),
        };
        let Some(own) = own else { return };
        // A counter that ran backwards has no sum.
        let moved = cost.min(*own);
        *own -= moved;
        let mut innermost = function;
        for piece in way {
            add(&mut self.calls, (innermost, piece), moved);
            innermost = piece;
        }
        match callee {
            Some(callee) => add(&mut self.calls, (innermost, callee), moved),
            None => {
                if let Some(own) = at_mut(&mut self.weighed.own, innermost) {
                    *own = own.saturating_add(moved);
                }
            }
        }
    }

    /// The numbers of parts, outermost first; `None` without room for them.
    fn way(
        &mut self,
        function: u32,
        parts: Vec<InlinedPart>,
        judged: &[Inlined],
    ) -> Option<Vec<u32>> {
        let mut way = Vec::with_capacity(parts.len());
        let mut caller = function;
        for (part, inlined) in parts.into_iter().zip(judged) {
            let key = (caller, part.name.clone());
            caller = if let Some(known) = self.numbers.get(&key) {
                *known
            } else {
                if self.pieces.len() >= MOST_PIECES {
                    return None;
                }
                let number = u32::try_from(self.first + self.pieces.len()).ok()?;
                self.pieces.push(Piece { caller, function, part, inlined: *inlined });
                self.weighed.own.push(0);
                self.numbers.insert(key, number);
                number
            };
            way.push(caller);
        }
        Some(way)
    }
}

fn add(calls: &mut HashMap<(u32, u32), u64, FastBuild>, call: (u32, u32), cost: u64) {
    let sum = calls.entry(call).or_default();
    *sum = sum.saturating_add(cost);
}

fn at<T>(table: &[T], number: u32) -> Option<&T> {
    table.get(usize::try_from(number).ok()?)
}

fn at_mut<T>(table: &mut [T], number: u32) -> Option<&mut T> {
    table.get_mut(usize::try_from(number).ok()?)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{file::read_whole, tree::call_tree},
        *,
    };

    const FILE: &str = "version: 1
part: 1
positions: line
events: Ir

ob=/m
fl=/m.rs
fn=main
1 5
10 100
+1 40
fi=/lib/iter.rs
7 60
fe=/m.rs
20 3
cfn=leaf
calls=2 30
10 200

fn=leaf
30 200

totals: 408
";

    /// Splits the part in `FILE`. Returns the graph with the names of its functions.
    fn split_by(inlined: &dyn Fn(u64) -> &'static [(&'static str, &'static str)]) -> Vec<String> {
        let mut shown = Vec::new();
        read_whole(FILE.as_bytes(), |_, names, part| {
            assert_eq!(part.odd_lines, 0);
            let mut weighed = part.graph.weighed(0);
            let index = |number: u32| usize::try_from(number).unwrap();
            let of = |function: u32| names.text(part.graph.functions()[index(function)].name);
            let pieces = split(
                &part.graph,
                &mut weighed,
                |_| ("main", "/m.rs"),
                |of, [place, _]| {
                    assert!(of < 2);
                    let parts = inlined(place.line).iter();
                    parts
                        .map(|(name, file)| InlinedPart {
                            name: (*name).into(),
                            file: (*file).into(),
                        })
                        .collect()
                },
            );
            let mut known: Vec<String> = (0..2).map(|function| of(function).to_string()).collect();
            for piece in &pieces {
                assert_eq!(piece.function, 0);
                let caller = &known[index(piece.caller)];
                known.push(format!("{caller}>{}({:?})", piece.part.name, piece.inlined));
            }
            let own = known.iter().zip(&weighed.own).map(|(name, own)| format!("{name} {own}"));
            shown.extend(own);
            for (from, to, cost) in &weighed.calls {
                shown.push(format!("{} -> {} {cost}", known[index(*from)], known[index(*to)]));
            }
            let tree = call_tree(&weighed, 408);
            assert_eq!(tree.iter().map(|node| node.weight).sum::<u64>(), 408, "{tree:?}");
        })
        .unwrap();
        shown
    }

    #[test]
    fn what_is_inlined_gets_its_lines_and_calls() {
        let found = split_by(&|line| match line {
            10 => &[("fill", "/m.rs")],
            7 => &[("fill", "/m.rs"), ("core::iter::next", "/rustc/1/library/core/src/iter.rs")],
            _ => &[],
        });
        assert_eq!(
            found,
            [
                "main 48",
                "leaf 200",
                "main>fill(Own) 100",
                "main>fill(Own)>core::iter::next(Helper) 60",
                "main -> leaf 0",
                "main -> main>fill(Own) 360",
                "main>fill(Own) -> leaf 200",
                "main>fill(Own) -> main>fill(Own)>core::iter::next(Helper) 60",
            ]
        );
    }

    #[test]
    fn without_debug_information_all_is_as_it_was() {
        assert_eq!(split_by(&|_| &[]), ["main 208", "leaf 200", "main -> leaf 200"]);
    }
}
