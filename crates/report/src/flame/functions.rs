//! The functions of a flame graph by what they cost: the same in a table, for who reads rather than looks.

use std::collections::BTreeMap;

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
/// first. Those that are [apart](Frame::is_apart) count for their callers.
pub(crate) fn functions<'a>(flame: &'a Flame, column: &Column) -> Vec<Function<'a>> {
    let is_hidden = |frame: usize| flame.frames.get(frame).is_none_or(Frame::is_apart);
    let base = column.base.as_deref().map(|base| flame.totals(base));
    let totals = [base.unwrap_or_default(), flame.totals(&column.head)];
    let get = |list: &[f64], at: usize| list.get(at).copied().unwrap_or(0.0);
    let mut costs: BTreeMap<usize, [[f64; 2]; 2]> = BTreeMap::new();
    // For each node, the nearest function around it that counts.
    let mut around: Vec<Option<usize>> = Vec::with_capacity(flame.nodes.len());
    let function = |at: usize| flame.nodes.get(at).map(|node| node.frame);
    let outermost = flame.children().are_outermost(function, flame.frames.len());
    let nodes = flame.nodes.iter().zip(outermost).enumerate();
    for (place, (node, is_outermost)) in nodes {
        let outer = node.parent.and_then(|parent| around.get(parent).copied().flatten());
        let is_hidden = is_hidden(node.frame);
        let counts = if is_hidden { outer } else { Some(node.frame) };
        around.push(counts);
        let base = column.base.as_deref().unwrap_or_default();
        if let Some(frame) = counts {
            let own = [get(base, place), get(&column.head, place)];
            add(&mut costs.entry(frame).or_default()[0], own);
        }
        if is_outermost && !is_hidden {
            let [base, head] = &totals;
            let total = [get(base, place), get(head, place)];
            add(&mut costs.entry(node.frame).or_default()[1], total);
        }
    }
    costs.retain(|_, [own, total]| own.iter().chain(&*total).any(|cost| *cost > 0.0));
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
    use results::FrameKind;
    use store::{Inlined, StackUnit};

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
