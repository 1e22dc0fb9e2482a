//! Files of callgrind 3.19, one made by hand with everything newer, and bytes that are no file.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{file::read_whole, *};

const SUITE: &[u8] = include_bytes!("../../fixtures/simulation/suite/2356.out");
const FORKED: &[u8] = include_bytes!("../../fixtures/simulation/suite/2357.out");
const SHORT: &[u8] = include_bytes!("../../fixtures/simulation/short/2358.out");
const THREADS: &[u8] = include_bytes!("../../fixtures/simulation/threads/2355.out");
const MADE: &[u8] = include_bytes!("../../fixtures/simulation/made/501.out");
/// Every part of `SUITE` behind the head of the file, one after the other, through
/// `callgrind_annotate --auto=no --show-percs=no --threshold=100 --show=Ir` of 3.19: number of the
/// part, instructions, function (file and object cut off).
const ANNOTATED: &str = include_str!("../../fixtures/simulation/suite/annotated.tsv");

/// The instruction counts of a part.
#[derive(Debug, PartialEq)]
struct Summary {
    trigger: Trigger,
    total: Option<u64>,
    /// By name, over all objects.
    own: BTreeMap<String, u64>,
    tree: u64,
}

fn summaries(bytes: &[u8]) -> Vec<Summary> {
    let mut summaries = Vec::new();
    let each = |_: &Header, names: &Names, part: Part| {
        let mut own = BTreeMap::new();
        for (function, costs) in part.graph.functions().iter().zip(part.graph.own()) {
            if costs[0] > 0 {
                *own.entry(names.text(function.name).to_string()).or_default() += costs[0];
            }
        }
        let total = part.totals.as_ref().and_then(|totals| totals.first().copied().flatten());
        let tree = call_tree(&part.graph.weighed(0), total.unwrap_or(0));
        assert!((0..).zip(&tree).all(|(at, node)| node.parent.is_none_or(|parent| parent < at)));
        let tree = tree.iter().map(|node| node.weight).sum();
        summaries.push(Summary { trigger: part.trigger, total, own, tree });
    };
    read_whole(bytes, each).unwrap();
    summaries
}

fn parts(bytes: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    read_whole(bytes, |_, _, part| parts.push(part)).unwrap();
    parts
}

#[test]
fn functions_and_totals_are_those_of_callgrind_annotate() {
    let mut expected: Vec<(u64, BTreeMap<String, u64>)> = Vec::new();
    for line in ANNOTATED.lines() {
        let [_, count, name] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let count: u64 = count.parse().unwrap();
        if name == "PROGRAM TOTALS" {
            expected.push((count, BTreeMap::new()));
        } else {
            *expected.last_mut().unwrap().1.entry(name.to_owned()).or_default() += count;
        }
    }
    let found = summaries(SUITE);
    assert_eq!(found.len(), 10);
    for (found, (total, own)) in found.into_iter().zip(expected) {
        assert_eq!(found.total, Some(total));
        assert_eq!(found.own, own, "{:?}", found.trigger);
    }
}

#[test]
fn functions_cost_together_what_the_part_says() {
    for bytes in [SUITE, FORKED, SHORT, THREADS, MADE] {
        for part in parts(bytes) {
            let totals = part.totals.unwrap();
            assert_eq!(part.graph.own_sums(), totals, "{:?}", part.trigger);
            assert_eq!(part.odd_lines, 0);
        }
    }
}

#[test]
fn the_tree_holds_the_whole_total() {
    for bytes in [SUITE, FORKED, SHORT, THREADS, MADE] {
        for summary in summaries(bytes) {
            assert_eq!(Some(summary.tree), summary.total, "{:?}", summary.trigger);
        }
    }
}

#[test]
fn short_names_and_relative_positions_change_nothing() {
    let (long, short) = (summaries(SUITE), summaries(SHORT));
    for uri in ["suite.c::sort", "suite.c::boxes", "suite.c::shared"] {
        let of = |all: &[Summary]| {
            let wanted = Trigger::Benchmark(uri.to_owned());
            let found = all.iter().find(|summary| summary.trigger == wanted).unwrap();
            (found.total, found.own.clone())
        };
        assert_eq!(of(&long), of(&short), "{uri}");
    }
}

#[test]
fn callers_of_a_shared_function_pay_their_part() {
    let mut paths = BTreeMap::new();
    read_whole(SUITE, |_, names, part| {
        if part.trigger != Trigger::Benchmark("suite.c::shared".to_owned()) {
            return;
        }
        let tree = call_tree(&part.graph.weighed(0), part.totals.as_ref().unwrap()[0].unwrap());
        let name = |node: &Node| {
            names.text(part.graph.functions()[usize::try_from(node.function).unwrap()].name)
        };
        for node in &tree {
            let mut path = vec![name(node).to_string()];
            let mut at = node.parent;
            while let Some(parent) = at {
                let parent = tree[usize::try_from(parent).unwrap()];
                path.push(name(&parent).to_string());
                at = parent.parent;
            }
            path.reverse();
            paths.insert(path.join(";"), node.weight);
        }
    })
    .unwrap();
    insta::assert_debug_snapshot!(paths);
}

#[test]
fn counters_that_ran_backwards_are_not_known() {
    let [forked] = &parts(FORKED)[..] else { panic!("one part") };
    let totals = forked.totals.as_ref().unwrap();
    assert_eq!(&*forked.events[11], "sysCpuTime");
    assert_eq!((totals[0], totals[11]), (Some(8181), None));
    assert!(!forked.graph.is_valid(11) && forked.graph.is_valid(10));
}

#[test]
fn newer_files_are_understood() {
    let parts = parts(MADE);
    let of: Vec<_> = parts.iter().map(|part| (part.thread, part.spawned.clone())).collect();
    assert_eq!(of, [(None, vec![]), (Some(3), vec![502]), (Some(1), vec![]), (None, vec![])]);
    let names: Vec<&str> = parts[1].events.iter().map(|event| &**event).collect();
    assert_eq!(names[9..11], ["Ct", "Cl"]);
    assert_eq!(parts[1].totals.as_ref().unwrap()[9..11], [Some(45_000), Some(70_000)]);
    assert_eq!(parts[3].trigger, Trigger::Other("--dump-before=eval".to_owned()));
    let inlined = summaries(MADE).remove(1).own;
    assert!(!inlined.contains_key("Py_INCREF"), "inlined code belongs to its function");
    assert_eq!(inlined["eval"], 110);
}

#[test]
fn what_makes_no_sense_is_counted() {
    let text = "events: Ir\nfn=a\n1 2\n1 x\ncalls=1 2\nhello\n1 3 4\nfn=(7)\ntotals: 5\n5 5\n";
    let [part] = &parts(text.as_bytes())[..] else { panic!("one part") };
    assert_eq!(part.odd_lines, 5, "x, calls without a name, hello, a cost too much, (7)");
    assert_eq!(part.graph.own_sums(), [Some(10)]);
    let damage = read_whole(&b"1 2\nfn=a\nMZ\n"[..], |_, _, _| panic!("no part")).unwrap();
    assert_eq!((damage.odd_lines, damage.parts), (3, 0));
}

#[test]
fn a_circle_of_calls_is_entered_at_some_function() {
    let text = "events: Ir\nfn=a\n1 4\ncfn=b\ncalls=1 1\n1 6\nfn=b\n1 6\ncfn=a\ncalls=1 1\n1 10\n\
                fn=c\n1 0\ntotals: 10\n";
    let [summary] = &summaries(text.as_bytes())[..] else { panic!("one part") };
    assert_eq!(summary.tree, 10);
}

#[test]
fn a_file_may_end_anywhere() {
    for end in 0..MADE.len() {
        summaries(&MADE[..end]);
    }
    for end in (0..SUITE.len()).step_by(499) {
        summaries(&SUITE[..end]);
    }
}

#[test]
fn any_bit_may_be_wrong() {
    for at in 0..MADE.len() {
        let mut bytes = MADE.to_vec();
        bytes[at] ^= 1 << (at % 8);
        for summary in summaries(&bytes) {
            let has_functions = !summary.own.is_empty();
            let total = summary.total.unwrap_or(0);
            assert!(!has_functions || summary.tree == total, "at {at}: {summary:?}");
        }
    }
}

/// Lines that the format knows, with numbers of any size.
fn line() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(vec!["a", "b", "c", "a'2", "(1) a", "(1)", "(2)", ""]);
    let key = prop::sample::select(vec!["fn", "cfn", "ob", "cob", "fl", "fi", "cfi", "cfni"]);
    prop_oneof![
        4 => (key, name()).prop_map(|(key, name)| format!("{key}={name}")),
        3 => any::<(u64, u64)>().prop_map(|(one, two)| format!("+1 {one} {two}")),
        3 => (0_u64..9, 0_u64..9).prop_map(|(one, two)| format!("* {one} {two}")),
        3 => any::<u64>().prop_map(|count| format!("calls={count} 1")),
        1 => any::<u64>().prop_map(|total| format!("totals: {total}")),
        1 => Just("part: 2\nevents: Ir Dr".to_owned()),
        1 => any::<String>(),
    ]
}

proptest! {
    #[test]
    fn no_bytes_bring_the_parser_down(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        summaries(&bytes);
    }

    #[test]
    fn no_graph_loses_an_instruction(lines in prop::collection::vec(line(), 0..60)) {
        let text = format!("events: Ir Dr\nfn=main\n1 1\n{}\n", lines.join("\n"));
        for part in parts(text.as_bytes()) {
            for (event, total) in part.totals.into_iter().flatten().enumerate() {
                let total = total.unwrap_or(0);
                let tree = call_tree(&part.graph.weighed(event), total);
                let sum: u64 = tree.iter().map(|node| node.weight).sum();
                prop_assert!(sum == total || part.graph.functions().is_empty());
            }
        }
    }
}
