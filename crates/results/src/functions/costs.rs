//! The cost of each function: its own, and that with all it calls.

use std::collections::HashMap;

use super::FrameView;
use crate::{
    callgrind::FastBuild,
    kinds::{FrameKind, is_of_script, kind},
    stacks::{Frame, Stacks},
};

/// A function and its cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionCost<'s> {
    /// Name as in the stacks.
    pub name: &'s str,
    /// Program or library; empty if unknown.
    pub object: &'s str,
    /// Its own cost.
    pub own: u64,
    /// The cost with all that it called; recursion is counted once.
    pub total: u64,
}

/// Returns the cost of each function of these stacks that costs anything, whatever source files its parts are from, in the order of names.
pub fn function_costs(stacks: &Stacks) -> Vec<FunctionCost<'_>> {
    let (groups, count) = groups(stacks);
    let mut own = vec![0_u64; count];
    for node in &stacks.nodes {
        let group = usize::try_from(node.frame).ok().and_then(|frame| groups.get(frame));
        if let Some(sum) = group.and_then(|group| own.get_mut(*group)) {
            *sum = sum.saturating_add(node.weight);
        }
    }
    let totals = stacks.inclusive_by(&groups);
    let mut functions: Vec<Option<&Frame>> = vec![None; count];
    for (frame, group) in stacks.frames.iter().zip(&groups) {
        if let Some(first) = functions.get_mut(*group) {
            first.get_or_insert(frame);
        }
    }
    let costs = functions.into_iter().zip(own).zip(totals);
    let mut costs: Vec<_> = costs
        .filter_map(|((frame, own), total)| {
            let frame = frame.filter(|_| total > 0)?;
            Some(FunctionCost { name: &frame.name, object: &frame.object, own, total })
        })
        .collect();
    costs.sort_by_key(|cost| (cost.name, cost.object));
    costs
}

/// Returns the number of the function of each frame, and how many functions there are: frames of the same name and
/// object are one.
pub(super) fn groups(stacks: &Stacks) -> (Vec<usize>, usize) {
    let mut numbers: HashMap<(&str, &str), usize, FastBuild> = HashMap::default();
    let mut groups = Vec::with_capacity(stacks.frames.len());
    for frame in &stacks.frames {
        let next = numbers.len();
        groups.push(*numbers.entry((&frame.name, &frame.object)).or_insert(next));
    }
    (groups, numbers.len())
}

/// Returns the costliest functions by what they cost themselves, at most so many.
pub(crate) fn by_self<'s>(costs: &[FunctionCost<'s>], most: usize) -> Vec<FunctionCost<'s>> {
    costliest(costs, |of| (of.own, of.total)).take(most).cloned().collect()
}

/// Returns the costliest functions by their totals, at most so many. Those that merely lead to others are left out of the
/// readable view: what starts a program or measures it, interpreters of which it is known what they run, and functions without a name.
pub(crate) fn by_total<'s>(
    costs: &[FunctionCost<'s>],
    most: usize,
    view: FrameView,
) -> Vec<FunctionCost<'s>> {
    let has_scripts = costs.iter().any(|of| is_of_script(of.name, of.object));
    let is_told = |of: &&FunctionCost<'_>| match kind(of.name, of.object) {
        _ if view == FrameView::All => true,
        _ if of.name == "?" => false,
        FrameKind::Startup | FrameKind::Harness => false,
        FrameKind::Interpreter => !has_scripts,
        FrameKind::Program | FrameKind::Kernel => true,
    };
    costliest(costs, |of| (of.total, of.own)).filter(is_told).take(most).cloned().collect()
}

/// Returns functions by a key, the largest first; those with 0 are left out.
fn costliest<'c, 's>(
    costs: &'c [FunctionCost<'s>],
    key: impl Fn(&FunctionCost<'s>) -> (u64, u64),
) -> impl Iterator<Item = &'c FunctionCost<'s>> {
    let mut sorted: Vec<_> = costs.iter().filter(|of| key(of).0 > 0).collect();
    // The order of names stays among equal ones.
    sorted.sort_by_key(|of| std::cmp::Reverse(key(of)));
    sorted.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stacks::StackNode;

    fn stacks(nodes: &[(Option<u32>, u32, u64)], names: &[(&str, &str)]) -> Stacks {
        let frame = |(at, (name, object)): (usize, &(&str, &str))| Frame {
            name: (*name).into(),
            object: (*object).into(),
            file: format!("{at}.c").into(),
        };
        let node = |(parent, frame, weight): &(Option<u32>, u32, u64)| {
            let (parent, frame, weight) = (*parent, *frame, *weight);
            StackNode { parent, frame, weight, ..StackNode::default() }
        };
        Stacks {
            frames: names.iter().enumerate().map(frame).collect(),
            nodes: nodes.iter().map(node).collect(),
            ..Stacks::default()
        }
    }

    #[test]
    fn recursion_counts_once_whatever_file_it_goes_through() {
        // `f` is there twice: a part of it is from another file.
        let names = [("main", "m"), ("f", "m"), ("f", "m"), ("g", "m")];
        let stacks = stacks(
            &[(None, 0, 1), (Some(0), 1, 2), (Some(1), 3, 4), (Some(2), 2, 8), (Some(0), 2, 16)],
            &names,
        );
        let costs = function_costs(&stacks);
        let shown: Vec<_> = costs.iter().map(|of| (of.name, of.own, of.total)).collect();
        assert_eq!(shown, [("f", 26, 30), ("g", 4, 12), ("main", 1, 31)]);
        assert_eq!(by_self(&costs, 1)[0].name, "f");
        assert_eq!(
            by_total(&costs, 2, FrameView::Readable).iter().map(|of| of.name).collect::<Vec<_>>(),
            ["main", "f"]
        );
    }

    #[test]
    fn what_merely_leads_to_others_is_no_answer() {
        let names = [
            ("_start", "/usr/bin/python3.12"),
            ("Py_RunMain", "/usr/bin/python3.12"),
            ("py::hot:/w/hot.py", "[jit]"),
        ];
        let nodes = [(None, 0, 0), (Some(0), 1, 1), (Some(1), 2, 9)];
        let with_script = stacks(&nodes, &names);
        let costs = function_costs(&with_script);
        let shown: Vec<_> =
            by_total(&costs, 9, FrameView::Readable).iter().map(|of| of.name).collect();
        assert_eq!(shown, ["py::hot:/w/hot.py"]);
        assert_eq!(by_total(&costs, 9, FrameView::All).len(), 3);
        let without = stacks(&nodes[..2], &names);
        let costs = function_costs(&without);
        let shown: Vec<_> =
            by_total(&costs, 9, FrameView::Readable).iter().map(|of| of.name).collect();
        assert_eq!(shown, ["Py_RunMain"], "there is nothing better to say");
    }
}
