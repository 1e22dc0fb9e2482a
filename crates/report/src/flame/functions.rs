//! The functions of a flame graph by what they cost: the same in a table, for who reads rather than looks.

use std::collections::{BTreeMap, BTreeSet};

use results::FrameKind;
use store::Inlined;

use super::tree::{Column, Flame, Frame};

/// A function with its cost on both sides: base, head.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Function<'a> {
    pub name: &'a str,
    pub object: &'a str,
    /// Its own cost.
    pub own: [f64; 2],
    /// With all that it calls.
    pub total: [f64; 2],
}

/// Returns the functions by a column, those with the largest change or, without another side, the largest cost of their own
/// first. Helpers that were inlined count for those that they were put into, those of the harness for their callers.
pub(crate) fn functions<'a>(flame: &'a Flame, column: &Column) -> Vec<Function<'a>> {
    let is_hidden = |frame: usize| {
        flame
            .frames
            .get(frame)
            .is_none_or(|it| it.inlined == Inlined::Helper || it.kind == FrameKind::Harness)
    };
    // The functions of each stack that count, the innermost one last.
    let mut costs: BTreeMap<usize, [[f64; 2]; 2]> = BTreeMap::new();
    for place in 0..flame.nodes.len() {
        let base = column.base.as_ref().and_then(|base| base.get(place));
        let cost = [base.copied().unwrap_or(0.0), column.head.get(place).copied().unwrap_or(0.0)];
        if cost.iter().all(|side| *side <= 0.0) {
            continue;
        }
        let callers = std::iter::successors(Some(place), |at| flame.nodes.get(*at)?.parent);
        let frames = callers.filter_map(|at| Some(flame.nodes.get(at)?.frame));
        let frames: Vec<usize> = frames.filter(|frame| !is_hidden(*frame)).collect();
        if let Some(innermost) = frames.first() {
            add(&mut costs.entry(*innermost).or_default()[0], cost);
        }
        for frame in frames.into_iter().collect::<BTreeSet<usize>>() {
            add(&mut costs.entry(frame).or_default()[1], cost);
        }
    }
    let mut all: Vec<Function<'a>> = costs
        .into_iter()
        .filter_map(|(place, [own, total])| {
            let Frame { name, object, .. } = flame.frames.get(place)?;
            Some(Function { name, object, own, total })
        })
        .collect();
    let worth = |of: &Function<'_>| {
        let [base, head] = of.own;
        if column.base.is_some() { (head - base).abs() } else { head }
    };
    all.sort_by(|one, other| {
        let by_total = |of: &Function<'_>| of.total[0].max(of.total[1]);
        let order = worth(other).total_cmp(&worth(one));
        order.then(by_total(other).total_cmp(&by_total(one)))
    });
    all
}

fn add(sums: &mut [f64; 2], cost: [f64; 2]) {
    for (sum, cost) in sums.iter_mut().zip(cost) {
        *sum += cost;
    }
}

#[cfg(test)]
mod tests {
    use store::StackUnit;

    use super::{super::tree::Node, *};

    #[test]
    fn recursion_counts_once_and_hidden_ones_count_for_callers() {
        let function = |name: &str, kind, inlined| Frame {
            name: name.to_owned(),
            object: String::new(),
            kind,
            inlined,
        };
        let flame = Flame {
            frames: vec![
                function("main", FrameKind::Program, Inlined::Own),
                function("walk", FrameKind::Program, Inlined::Own),
                function("next", FrameKind::Program, Inlined::Helper),
                function("harness", FrameKind::Harness, Inlined::No),
            ],
            nodes: [(None, 3), (Some(0), 0), (Some(1), 1), (Some(2), 1), (Some(3), 2)]
                .map(|(parent, frame)| Node { parent, frame })
                .to_vec(),
            columns: vec![Column {
                title: "Time",
                unit: StackUnit::Nanoseconds,
                head: vec![1.0, 2.0, 4.0, 8.0, 16.0],
                base: None,
                noise: 0.0,
            }],
            sampled: false,
        };
        let found = functions(&flame, &flame.columns[0]);
        let found: Vec<_> = found.iter().map(|it| (it.name, it.own[1], it.total[1])).collect();
        assert_eq!(found, [("walk", 28.0, 28.0), ("main", 2.0, 30.0)]);
    }
}
