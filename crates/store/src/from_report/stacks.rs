//! The stacks of a benchmark as a record has them: a tree of functions without lines, with all costs of each place.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use results::{MemorySite, Unit};

use crate::record::{Column, Inlined, StackNode, StackUnit, Stacks};

/// The most functions and stacks that are kept of a benchmark.
pub(super) const MOST_NODES: usize = 2_000;

/// A cost of a place that allocates, beside the bytes that it asks for.
type Cost = (&'static str, fn(&MemorySite) -> u64);

/// The columns of memory mode.
const COSTS: &[Cost] = &[
    ("calls", |site| site.usage.calls),
    ("peak_bytes", |site| site.usage.peak_bytes),
    ("live_bytes", |site| site.usage.leaked_bytes),
    ("temporary", |site| site.usage.temporary),
];

/// Returns the tree of a benchmark without its smallest parts; `None` if nothing is in it. `sites` are the places in it
/// that allocate, in memory mode.
pub(super) fn recorded(stacks: &results::Stacks, sites: &[MemorySite]) -> Option<Stacks> {
    let mut kept = merged(stacks, sites);
    kept.prune(MOST_NODES);
    (!kept.nodes.is_empty()).then_some(kept)
}

/// Numbers for texts, each once, in the order in which they come.
#[derive(Default)]
struct Names {
    places: HashMap<Arc<str>, u32>,
    list: Vec<String>,
}

impl Names {
    fn place(&mut self, name: &Arc<str>) -> u32 {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.places.insert(Arc::clone(name), place);
        self.list.push(name.to_string());
        place
    }
}

/// The whole tree, with each function once below a caller: lines and source files are no part of it.
fn merged(stacks: &results::Stacks, sites: &[MemorySite]) -> Stacks {
    let (mut functions, mut objects) = (Names::default(), Names::default());
    let frames: Vec<(u32, u32)> = stacks
        .frames
        .iter()
        .map(|frame| (functions.place(&frame.name), objects.place(&frame.object)))
        .collect();
    let mut known: HashMap<(u32, u32, u32, Inlined), u32> = HashMap::new();
    let mut nodes: Vec<StackNode> = Vec::new();
    // For each node, the place of the one that it became, plus 1.
    let mut places: Vec<u32> = Vec::with_capacity(stacks.nodes.len());
    for node in &stacks.nodes {
        let get = |at: u32| usize::try_from(at).ok();
        let parent = node.parent.and_then(|at| places.get(get(at)?).copied()).unwrap_or(0);
        let Some((function, object)) = get(node.frame).and_then(|at| frames.get(at)).copied()
        else {
            places.push(parent);
            continue;
        };
        let next = u32::try_from(nodes.len()).unwrap_or(u32::MAX).saturating_add(1);
        let inlined = node.inlined.into();
        let place = *known.entry((parent, function, object, inlined)).or_insert(next);
        if place == next {
            nodes.push(StackNode { parent, function, object, weight: 0, inlined });
        }
        let own = usize::try_from(place - 1).ok().and_then(|at| nodes.get_mut(at));
        if let Some(own) = own {
            own.weight = own.weight.saturating_add(node.weight);
        }
        places.push(place);
    }
    let unit = match stacks.unit {
        Unit::Instructions => StackUnit::Instructions,
        Unit::Nanoseconds => StackUnit::Nanoseconds,
        Unit::Bytes => StackUnit::Bytes,
        Unit::Count => StackUnit::Count,
    };
    let columns = columns(sites, &places, nodes.len());
    let (functions, objects) = (functions.list, objects.list);
    Stacks { unit, functions, objects, nodes, left_out: 0, columns }
}

/// The other costs of so many nodes. `places` has for each node of the sites the one that it became, plus 1.
fn columns(sites: &[MemorySite], places: &[u32], nodes: usize) -> BTreeMap<String, Column> {
    let of = |(key, cost): &Cost| {
        let mut weights = vec![0_u64; nodes];
        for site in sites {
            let place = usize::try_from(site.node).ok().and_then(|node| places.get(node).copied());
            let own = at(place.unwrap_or(0)).and_then(|at| weights.get_mut(at));
            if let Some(own) = own {
                *own = own.saturating_add(cost(site));
            }
        }
        ((*key).to_owned(), Column { weights, left_out: 0 })
    };
    // Nothing is told from unknown: all of them are there, or none.
    COSTS.iter().filter(|_| !sites.is_empty()).map(of).collect()
}

impl Stacks {
    /// Returns the tree of a benchmark of this name in the form that exports of profiles take.
    pub fn to_results(&self, benchmark: &str) -> results::Stacks {
        let text = |list: &[String], place: u32| -> Arc<str> {
            let name = usize::try_from(place).ok().and_then(|at| list.get(at));
            name.map_or("", String::as_str).into()
        };
        let mut frames = Vec::new();
        let mut places: HashMap<(u32, u32), u32> = HashMap::new();
        let nodes = self.nodes.iter().map(|node| {
            let next = u32::try_from(frames.len()).unwrap_or(u32::MAX);
            let frame = *places.entry((node.function, node.object)).or_insert(next);
            if frame == next {
                frames.push(results::Frame {
                    name: text(&self.functions, node.function),
                    object: text(&self.objects, node.object),
                    file: "".into(),
                });
            }
            let parent = node.parent.checked_sub(1);
            let (weight, inlined) = (node.weight, node.inlined.into());
            results::StackNode { parent, frame, line: 0, weight, inlined }
        });
        let nodes = nodes.collect();
        let unit = match self.unit {
            StackUnit::Instructions => Unit::Instructions,
            StackUnit::Nanoseconds => Unit::Nanoseconds,
            StackUnit::Bytes => Unit::Bytes,
            StackUnit::Count => Unit::Count,
        };
        results::Stacks {
            benchmark: benchmark.to_owned(),
            unit,
            frames,
            nodes,
            ..results::Stacks::default()
        }
    }
}

impl From<results::Inlined> for Inlined {
    fn from(of: results::Inlined) -> Self {
        match of {
            results::Inlined::No => Self::No,
            results::Inlined::Own => Self::Own,
            results::Inlined::Helper => Self::Helper,
        }
    }
}

impl From<Inlined> for results::Inlined {
    fn from(of: Inlined) -> Self {
        match of {
            Inlined::No => Self::No,
            Inlined::Own => Self::Own,
            Inlined::Helper => Self::Helper,
        }
    }
}

/// The place that a number stands for which is 0 for none.
pub(super) fn at(number: u32) -> Option<usize> {
    usize::try_from(number.checked_sub(1)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use runner_shared::memory::SiteUsage;

    use super::*;

    /// A tree from parents (0 for none) and weights; functions are numbered.
    fn tree(nodes: &[(u32, u64)]) -> results::Stacks {
        let frames = (0..nodes.len()).map(|number| results::Frame {
            name: format!("f{number}").into(),
            object: "lib".into(),
            file: "".into(),
        });
        let nodes = (0..).zip(nodes).map(|(frame, (parent, weight))| results::StackNode {
            parent: parent.checked_sub(1),
            frame,
            line: frame,
            weight: *weight,
            inlined: results::Inlined::No,
        });
        results::Stacks {
            frames: frames.collect(),
            nodes: nodes.collect(),
            ..results::Stacks::default()
        }
    }

    /// Lines such as `f0;f1 7`.
    fn folded(stacks: &Stacks) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for node in &stacks.nodes {
            let own = &stacks.functions[usize::try_from(node.function).unwrap()];
            let above = at(node.parent).map(|at| format!("{};", names[at])).unwrap_or_default();
            names.push(format!("{above}{own}"));
        }
        let lines = names.iter().zip(&stacks.nodes).filter(|(_, node)| node.weight > 0);
        lines.map(|(name, node)| format!("{name} {}", node.weight)).collect()
    }

    #[test]
    fn small_callees_become_one_and_totals_stay() {
        let mut nodes = vec![(0, 500_000), (1, 400_000), (0, 10)];
        nodes.extend((0..100).map(|_| (1, 900)));
        let kept = recorded(&tree(&nodes), &[]).unwrap();
        assert_eq!(folded(&kept), ["f0 500000", "f0;f1 400000", "f0;(others) 90000"]);
        assert_eq!(kept.left_out, 10);
        assert_eq!(kept.functions, ["f0", "f1", "(others)"]);
        assert_eq!(kept.objects, ["lib"]);
    }

    #[test]
    fn a_few_small_callees_are_a_part_of_their_caller() {
        let kept = recorded(&tree(&[(0, 100_000), (1, 20), (2, 10)]), &[]).unwrap();
        assert_eq!(folded(&kept), ["f0 100030"]);
        assert_eq!(recorded(&tree(&[(0, 0)]), &[]), None);
        assert_eq!(recorded(&tree(&[]), &[]), None);
    }

    #[test]
    fn lines_and_files_are_no_part_of_it() {
        let mut stacks = tree(&[(0, 1), (0, 2), (2, 4)]);
        stacks.frames[1] = results::Frame { file: "a.c".into(), ..stacks.frames[0].clone() };
        assert_eq!(folded(&recorded(&stacks, &[]).unwrap()), ["f0 3", "f0;f2 4"]);
    }

    #[test]
    fn a_place_that_is_small_in_bytes_stays_for_another_cost() {
        let site = |node, bytes, calls, leaked_bytes| MemorySite {
            node,
            usage: SiteUsage { calls, bytes, leaked_bytes, ..SiteUsage::default() },
            is_one_time: false,
        };
        let sites =
            [site(1, 1_000_000, 1, 0), site(2, 5, 1, 5), site(3, 7, 1, 0), site(4, 1, 0, 0)];
        let kept =
            recorded(&tree(&[(0, 0), (1, 1_000_000), (1, 5), (1, 7), (1, 1)]), &sites).unwrap();
        let names: Vec<&str> = kept.functions.iter().map(String::as_str).collect();
        assert_eq!(names, ["f0", "f1", "f2", "f3"]);
        assert_eq!(folded(&kept), ["f0 1", "f0;f1 1000000", "f0;f2 5", "f0;f3 7"]);
        let column = |key: &str| kept.columns[key].weights.clone();
        assert_eq!([column("calls"), column("live_bytes")], [[0, 1, 1, 1], [0, 0, 5, 0]]);
        assert_eq!(column("temporary"), [0; 4], "nothing is known to be none");
    }

    #[test]
    fn inlined_functions_are_still_known_when_they_come_back() {
        let mut stacks = tree(&[(0, 1_000), (1, 2_000), (1, 4_000), (1, 8_000)]);
        stacks.frames[3] = stacks.frames[2].clone();
        stacks.nodes[1].inlined = results::Inlined::Own;
        stacks.nodes[2].inlined = results::Inlined::Helper;
        let kept = recorded(&stacks, &[]).unwrap();
        let json = serde_json::to_value(&kept.nodes).unwrap();
        let texts: Vec<_> = json.as_array().unwrap().iter().map(|it| it.get("inlined")).collect();
        let text = |text: &str| Some(serde_json::json!(text));
        assert_eq!(texts, [None, text("own").as_ref(), text("helper").as_ref(), None]);
        assert_eq!(serde_json::from_value::<Vec<StackNode>>(json).unwrap(), kept.nodes);
        let back: Vec<_> = kept.to_results("b").nodes.iter().map(|node| node.inlined).collect();
        let before: Vec<_> = stacks.nodes.iter().map(|node| node.inlined).collect();
        assert_eq!(back, before);
    }

    #[test]
    fn a_large_tree_is_cut_to_its_largest_parts() {
        let nodes: Vec<(u32, u64)> = (0..5_000).map(|number| (number, 1)).collect();
        let kept = recorded(&tree(&nodes), &[]).unwrap();
        assert!(kept.nodes.len() <= MOST_NODES + 1, "{}", kept.nodes.len());
        let sum: u64 = kept.nodes.iter().map(|node| node.weight).sum();
        assert_eq!(sum + kept.left_out, 5_000);
    }

    #[test]
    fn a_deep_stack_whose_cost_is_in_its_end_stays() {
        let nodes: Vec<(u32, u64)> = (0..5_000).map(|at| (at, u64::from(at == 4_999))).collect();
        let kept = recorded(&tree(&nodes), &[]).unwrap();
        assert_eq!(kept.nodes.len(), MOST_NODES + 1);
        assert_eq!((kept.nodes.last().unwrap().weight, kept.left_out), (1, 0));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_places_exist(
            shape in prop::collection::vec((0_u32..50, 0_u64..2_000), 1..200),
            most in 0_usize..100,
        ) {
            let nodes: Vec<(u32, u64)> =
                (0..).zip(&shape).map(|(at, (parent, weight))| ((*parent).min(at), *weight)).collect();
            let all: u64 = nodes.iter().map(|(_, weight)| weight).sum();
            let sites = nodes.iter().zip(0..).map(|((_, weight), node)| MemorySite {
                node,
                usage: SiteUsage { calls: weight % 7, ..SiteUsage::default() },
                is_one_time: false,
            });
            let sites: Vec<MemorySite> = sites.collect();
            let calls: u64 = sites.iter().map(|site| site.usage.calls).sum();
            let mut kept = merged(&tree(&nodes), &sites);
            kept.prune(most);
            if let Some(column) = kept.columns.get("calls") {
                prop_assert_eq!(column.weights.len(), kept.nodes.len());
                prop_assert_eq!(column.weights.iter().sum::<u64>() + column.left_out, calls);
            }
            let sum: u64 = kept.nodes.iter().map(|node| node.weight).sum();
            prop_assert_eq!(sum + kept.left_out, all);
            for (place, node) in (0..).zip(&kept.nodes) {
                prop_assert!(node.parent <= place);
                prop_assert!(usize::try_from(node.function).unwrap() < kept.functions.len());
                prop_assert!(usize::try_from(node.object).unwrap() < kept.objects.len());
            }
            let back = kept.to_results("b");
            prop_assert_eq!(back.total() + kept.left_out, all);
        }
    }
}
