//! The tree: functions by their callers, with a cost on each side in each column.

use std::collections::HashMap;

use results::FrameKind;
use runner_shared::{stacks::Children, walltime::as_float};
use store::{Inlined, MetricUnit, RecordedBenchmark, StackUnit, Stacks, compare};

use crate::text::plain;

/// A function in a program or library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Its name, without what differs between builds.
    pub name: String,
    /// File name of the program or library.
    pub object: String,
    pub kind: FrameKind,
    /// The way in which the compiler has put it into its caller, if it has.
    pub inlined: Inlined,
}

impl Frame {
    /// Returns true for what a reader does not look for, unless told otherwise: tools that measure, start-up code, and
    /// helpers of libraries that the compiler has put into their callers.
    pub(crate) fn is_apart(&self) -> bool {
        let is_apart = matches!(self.kind, FrameKind::Harness | FrameKind::Startup);
        is_apart || self.inlined == Inlined::Helper
    }
}

/// A function by its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    /// Place of its caller, which stands before it; `None` for an outermost function.
    pub parent: Option<usize>,
    /// Place of its function.
    pub frame: usize,
}

/// A kind of cost: of each node itself, on one or both sides.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub title: &'static str,
    pub unit: StackUnit,
    /// By node.
    pub head: Vec<f64>,
    /// By node; `None` if there is no other side.
    pub base: Option<Vec<f64>>,
    /// Smaller changes of a function say nothing.
    pub noise: f64,
}

/// A flame graph.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Flame {
    pub frames: Vec<Frame>,
    /// Callers before those that they call.
    pub nodes: Vec<Node>,
    /// The one that leads first.
    pub columns: Vec<Column>,
    /// Times are samples of the program, scaled to one iteration.
    pub sampled: bool,
}

/// Functions further in than this count for the one that is so deep.
const MOST_DEPTH: u32 = 500;

/// The columns beside the one that leads, by their keys in records.
const OTHER_COLUMNS: &[(&str, &str, StackUnit)] = &[
    ("peak_bytes", "Live at the peak", StackUnit::Bytes),
    ("live_bytes", "Live at the end", StackUnit::Bytes),
    ("temporary", "Temporary allocations", StackUnit::Count),
    ("calls", "Allocations", StackUnit::Count),
];

impl Flame {
    /// Returns the stacks of a benchmark, with those of another run of it if there are some in the same unit; `None` if it
    /// has none.
    pub(crate) fn of(head: &RecordedBenchmark, base: Option<&RecordedBenchmark>) -> Option<Self> {
        let stacks = head.stacks.as_ref()?;
        let sampled = scale(head, stacks).is_some();
        let is_alike = |base: &&RecordedBenchmark| {
            let of_base = base.stacks.as_ref();
            of_base.is_some_and(|it| it.unit == stacks.unit && scale(base, it).is_some() == sampled)
        };
        let other = base.filter(is_alike);
        let sides: Vec<&RecordedBenchmark> = [Some(head), other].into_iter().flatten().collect();
        let mut grown = Grown::default();
        let costs: Vec<Vec<Option<Vec<f64>>>> = sides.iter().map(|side| grown.add(side)).collect();
        let titles = [(lead_title(stacks.unit, sampled), stacks.unit)];
        let others = OTHER_COLUMNS.iter().map(|(_, title, unit)| (*title, *unit));
        let all = titles.into_iter().chain(others).enumerate();
        let columns = all.filter_map(|(number, (title, unit))| {
            let cost = |side: usize| {
                let mut own = costs.get(side)?.get(number)?.clone()?;
                own.resize(grown.nodes.len(), 0.0);
                Some(own)
            };
            Column::new(title, unit, cost(0)?, cost(1), sampled)
        });
        let columns: Vec<Column> = columns.collect();
        let Grown { frames, nodes, .. } = grown;
        let is_any = columns.iter().any(|column| column.sums().iter().any(|sum| *sum > 0.0));
        is_any.then_some(Self { frames, nodes, columns, sampled })
    }

    /// Returns the way from callers to what they call.
    pub(super) fn children(&self) -> Children {
        Children::of(self.nodes.iter().map(|node| node.parent).collect())
    }

    /// Returns the cost of each node with all below it.
    pub(crate) fn totals(&self, own: &[f64]) -> Vec<f64> {
        let mut totals = own.to_vec();
        for (place, node) in self.nodes.iter().enumerate().rev() {
            let own = totals.get(place).copied().unwrap_or(0.0);
            if let Some(above) = node.parent.and_then(|parent| totals.get_mut(parent)) {
                *above += own;
            }
        }
        totals
    }

    /// Returns it without the parts that are smaller than this share of the whole in each column: the small callees of a
    /// function become one, [`Stacks::OTHERS`].
    pub(crate) fn pruned(&self, share: f64) -> Self {
        let is_large = self.large(share);
        let mut left = self.emptied();
        left.frames.push(others(String::new()));
        let frame = left.frames.len() - 1;
        // For each node, the one that it became; and for each of those, the one of its small callees.
        let mut places: Vec<Option<usize>> = Vec::with_capacity(self.nodes.len());
        let mut small: HashMap<Option<usize>, usize> = HashMap::new();
        for (number, node) in self.nodes.iter().enumerate() {
            let parent = node.parent.and_then(|parent| places.get(parent).copied().flatten());
            let place = if is_large.get(number) == Some(&true) {
                places.push(Some(left.push(Node { parent, frame: node.frame })));
                places.last().copied().flatten()
            } else {
                let own = *small.entry(parent).or_insert_with(|| left.push(Node { parent, frame }));
                // Its callees are small as well, and belong to the same.
                places.push(parent);
                Some(own)
            };
            let Some(place) = place else { continue };
            for (column, from) in left.columns.iter_mut().zip(&self.columns) {
                column.take(place, from, number);
            }
        }
        left
    }

    /// Returns it without these functions: what they cost counts for their callers, and what they call was called by these.
    pub(crate) fn collapsed(&self, is_hidden: impl Fn(&Frame) -> bool) -> Self {
        let mut left = self.emptied();
        left.frames.push(others(String::new()));
        let others = left.frames.len() - 1;
        let mut known: HashMap<(Option<usize>, usize), usize> = HashMap::new();
        let mut places: Vec<Option<usize>> = Vec::with_capacity(self.nodes.len());
        for (number, node) in self.nodes.iter().enumerate() {
            let parent = node.parent.and_then(|parent| places.get(parent).copied().flatten());
            let hides = self.frames.get(node.frame).is_none_or(&is_hidden);
            let mut place = |parent: Option<usize>, frame: usize| {
                *known.entry((parent, frame)).or_insert_with(|| left.push(Node { parent, frame }))
            };
            let own = match parent {
                _ if !hides => place(parent, node.frame),
                Some(caller) => caller,
                None => place(None, others),
            };
            places.push(if hides { parent } else { Some(own) });
            for (column, from) in left.columns.iter_mut().zip(&self.columns) {
                column.take(own, from, number);
            }
        }
        left.without_empty(others)
    }

    /// Returns it without an outermost function that costs nothing and calls nothing.
    fn without_empty(self, frame: usize) -> Self {
        let costs = |place: usize| {
            let sides = |of: &Column| {
                of.head.get(place) > Some(&0.0)
                    || of.base.as_ref().is_some_and(|base| base.get(place) > Some(&0.0))
            };
            self.columns.iter().any(sides)
        };
        let empty =
            self.nodes.iter().enumerate().find(|(place, node)| {
                node.frame == frame && node.parent.is_none() && !costs(*place)
            });
        let Some((empty, _)) = empty else { return self };
        let mut left = self;
        left.nodes.remove(empty);
        for node in &mut left.nodes {
            node.parent =
                node.parent.map(|parent| if parent > empty { parent - 1 } else { parent });
        }
        for column in &mut left.columns {
            column.head.remove(empty);
            column.base.iter_mut().for_each(|base| {
                base.remove(empty);
            });
        }
        left
    }

    /// Returns it without a node.
    fn emptied(&self) -> Self {
        Self {
            frames: self.frames.clone(),
            nodes: Vec::new(),
            columns: self.columns.iter().map(Column::emptied).collect(),
            sampled: self.sampled,
        }
    }

    /// Returns for each node if it is large in a column, on a side.
    fn large(&self, share: f64) -> Vec<bool> {
        let mut found = vec![false; self.nodes.len()];
        for column in &self.columns {
            for side in [Some(&column.head), column.base.as_ref()].into_iter().flatten() {
                let whole: f64 = side.iter().sum();
                for (is_large, total) in found.iter_mut().zip(self.totals(side)) {
                    *is_large |= total > 0.0 && total >= share * whole;
                }
            }
        }
        found
    }

    fn push(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        for column in &mut self.columns {
            column.head.push(0.0);
            column.base.iter_mut().for_each(|base| base.push(0.0));
        }
        self.nodes.len() - 1
    }
}

impl Column {
    fn new(
        title: &'static str,
        unit: StackUnit,
        head: Vec<f64>,
        base: Option<Vec<f64>>,
        sampled: bool,
    ) -> Option<Self> {
        let mut column = Self { title, unit, head, base, noise: 0.0 };
        let [base, head] = column.sums();
        column.noise = compare::noise(sampled, base, head);
        (base > 0.0 || head > 0.0).then_some(column)
    }

    /// Returns all cost of base, and of head.
    pub(crate) fn sums(&self) -> [f64; 2] {
        let sum = |side: &[f64]| side.iter().fold(0.0, |sum, cost| sum + cost);
        [self.base.as_deref().map_or(0.0, sum), sum(&self.head)]
    }

    fn emptied(&self) -> Self {
        Self { head: Vec::new(), base: self.base.as_ref().map(|_| Vec::new()), ..self.clone() }
    }

    /// Adds the cost of a node of another tree to that of a node.
    fn take(&mut self, place: usize, from: &Self, number: usize) {
        let add = |to: &mut Vec<f64>, from: &[f64]| {
            if let Some((own, cost)) = to.get_mut(place).zip(from.get(number)) {
                *own += cost;
            }
        };
        add(&mut self.head, &from.head);
        if let (Some(to), Some(from)) = (&mut self.base, &from.base) {
            add(to, from);
        }
    }
}

/// The tree while sides are added to it.
#[derive(Default)]
struct Grown {
    frames: Vec<Frame>,
    /// By name, object and kind: code that is inlined on one side alone is the same function.
    frame_places: HashMap<(String, String, FrameKind), usize>,
    nodes: Vec<Node>,
    node_places: HashMap<(Option<usize>, usize), usize>,
}

impl Grown {
    /// Adds the stacks of a run. Returns the cost of each node in each column; `None` for one that the run doesn't have.
    fn add(&mut self, side: &RecordedBenchmark) -> Vec<Option<Vec<f64>>> {
        let Some(stacks) = &side.stacks else { return Vec::new() };
        let places = self.places(stacks);
        let top = self.top(stacks);
        let factor = scale(side, stacks).unwrap_or(1.0);
        let lead: Vec<u64> = stacks.nodes.iter().map(|node| node.weight).collect();
        let mut columns = vec![Some((&lead[..], stacks.left_out, factor))];
        for (key, ..) in OTHER_COLUMNS {
            let column = stacks.columns.get(*key);
            columns.push(column.map(|column| (&column.weights[..], column.left_out, 1.0)));
        }
        let sum = |(weights, left_out, factor): (&[u64], u64, f64)| {
            let mut own = vec![0.0; self.nodes.len()];
            let outside = top.map(|top| (top, left_out));
            let inside = places.iter().copied().zip(weights.iter().copied());
            for (place, weight) in inside.chain(outside) {
                if let Some(own) = own.get_mut(place) {
                    *own += factor * as_float(weight);
                }
            }
            own
        };
        columns.into_iter().map(|column| column.map(sum)).collect()
    }

    /// Returns the place of each node of these stacks.
    fn places(&mut self, stacks: &Stacks) -> Vec<usize> {
        let text = |list: &[String], place: u32| {
            usize::try_from(place)
                .ok()
                .and_then(|place| list.get(place))
                .cloned()
                .unwrap_or_default()
        };
        let mut places: Vec<usize> = Vec::with_capacity(stacks.nodes.len());
        let mut depths: Vec<u32> = Vec::with_capacity(stacks.nodes.len());
        for node in &stacks.nodes {
            let parent = node.parent.checked_sub(1).and_then(|at| usize::try_from(at).ok());
            let depth = parent.and_then(|at| depths.get(at)).map_or(0, |depth| depth + 1);
            let parent = parent.and_then(|at| places.get(at).copied());
            depths.push(depth);
            if let Some(parent) = parent.filter(|_| depth >= MOST_DEPTH) {
                places.push(parent);
                continue;
            }
            let (name, path) =
                (text(&stacks.functions, node.function), text(&stacks.objects, node.object));
            let kind = results::kind(&name, &path);
            let object = path.rsplit('/').next().unwrap_or_default();
            let frame = Frame {
                name: plain(compare::without_hash(&name)),
                object: plain(object),
                kind,
                inlined: node.inlined,
            };
            let place = self.place(parent, frame);
            places.push(place);
        }
        places
    }

    /// Returns the place of the small outermost functions, if there are any.
    fn top(&mut self, stacks: &Stacks) -> Option<usize> {
        let mut left_out = stacks.columns.values().map(|column| column.left_out);
        let is_any = stacks.left_out > 0 || left_out.any(|left_out| left_out > 0);
        is_any.then(|| self.place(None, others(String::new())))
    }

    fn place(&mut self, parent: Option<usize>, frame: Frame) -> usize {
        let Self { frames, frame_places, nodes, node_places } = self;
        let key = (frame.name.clone(), frame.object.clone(), frame.kind);
        let inlined = frame.inlined;
        let frame = *frame_places.entry(key).or_insert_with(|| {
            frames.push(frame);
            frames.len() - 1
        });
        if let Some(known) = frames.get_mut(frame).filter(|_| inlined == Inlined::No) {
            known.inlined = Inlined::No;
        }
        *node_places.entry((parent, frame)).or_insert_with(|| {
            nodes.push(Node { parent, frame });
            nodes.len() - 1
        })
    }
}

fn others(object: String) -> Frame {
    Frame {
        name: Stacks::OTHERS.to_owned(),
        object,
        kind: FrameKind::Program,
        inlined: Inlined::No,
    }
}

/// Returns the factor of times that were sampled in all rounds, so that they are those of an iteration; `None` of what is
/// counted.
fn scale(of: &RecordedBenchmark, stacks: &Stacks) -> Option<f64> {
    if stacks.unit != StackUnit::Nanoseconds {
        return None;
    }
    let time = |key: &str| {
        let metric = of.metrics.get(key).filter(|it| it.unit == MetricUnit::Nanoseconds);
        metric.map(|metric| metric.value)
    };
    let judged = time(&of.headline)?;
    // Nobody can be sampled who waits.
    let whole = time(PROCESSOR).map_or(judged, |processor| judged.min(processor));
    let sum =
        stacks.nodes.iter().fold(stacks.left_out, |sum, node| sum.saturating_add(node.weight));
    let factor = whole / as_float(sum);
    (factor > 0.0 && factor.is_finite()).then_some(factor)
}

/// Key of the processor time of an iteration.
const PROCESSOR: &str = "processor_ns";

fn lead_title(unit: StackUnit, sampled: bool) -> &'static str {
    match unit {
        StackUnit::Instructions => "Instructions",
        StackUnit::Nanoseconds if sampled => "Time of an iteration",
        StackUnit::Nanoseconds => "Time",
        StackUnit::Bytes => "Bytes allocated",
        StackUnit::Count => "Samples",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use store::{Metric, StackNode};

    use super::*;

    fn benchmark(nodes: &[(u32, u32, u64)], left_out: u64, unit: StackUnit) -> RecordedBenchmark {
        let functions = ["main", "fill::h0123456789abcdef", "sort"].map(str::to_owned).to_vec();
        let node = |(parent, function, weight): &(u32, u32, u64)| StackNode {
            parent: *parent,
            function: *function,
            weight: *weight,
            ..StackNode::default()
        };
        let nodes = nodes.iter().map(node).collect();
        let objects = vec!["/a/prog".to_owned()];
        let stacks = Stacks { unit, functions, objects, nodes, left_out, columns: BTreeMap::new() };
        RecordedBenchmark { stacks: Some(stacks), ..RecordedBenchmark::default() }
    }

    fn shown(flame: &Flame) -> Vec<(String, f64, Option<f64>)> {
        let column = &flame.columns[0];
        let one = |(place, node): (usize, &Node)| {
            let above = node.parent.map(|at| flame.frames[flame.nodes[at].frame].name.clone());
            let name = format!("{}<{}", flame.frames[node.frame].name, above.unwrap_or_default());
            (name, column.head[place], column.base.as_ref().map(|base| base[place]))
        };
        flame.nodes.iter().enumerate().map(one).collect()
    }

    #[test]
    fn both_sides_become_one_tree() {
        let head = benchmark(&[(0, 0, 1), (1, 1, 20)], 4, StackUnit::Instructions);
        let mut base = benchmark(&[(0, 0, 1), (1, 2, 30), (1, 1, 10)], 0, StackUnit::Instructions);
        base.stacks.as_mut().unwrap().functions[1] = "fill::hfedcba9876543210".to_owned();
        let flame = Flame::of(&head, Some(&base)).unwrap();
        let expected = [
            ("main<", 1.0, 1.0),
            ("fill<main", 20.0, 10.0),
            ("(others)<", 4.0, 0.0),
            ("sort<main", 0.0, 30.0),
        ];
        let expected = expected.map(|(name, head, base)| (name.to_owned(), head, Some(base)));
        assert_eq!(shown(&flame), expected);
        assert_eq!(format!("{:?}", flame.columns[0].sums()), "[41.0, 25.0]");
        assert_eq!(flame.frames[0].object, "prog");
    }

    #[test]
    fn sampled_times_are_those_of_an_iteration() {
        let mut head = benchmark(&[(0, 0, 30), (1, 1, 70)], 0, StackUnit::Nanoseconds);
        let metric = Metric { value: 10.0, unit: MetricUnit::Nanoseconds, ..Metric::default() };
        head.headline = "median_ns".to_owned();
        head.metrics = [("median_ns".to_owned(), metric)].into();
        let flame = Flame::of(&head, None).unwrap();
        let all = [("main<".to_owned(), 3.0, None), ("fill<main".to_owned(), 7.0, None)];
        assert_eq!(shown(&flame), all);
        assert_eq!(flame.columns[0].title, "Time of an iteration");
    }

    #[test]
    fn a_program_that_waits_has_the_time_of_the_processor() {
        let mut head = benchmark(&[(0, 0, 30), (1, 1, 70)], 0, StackUnit::Nanoseconds);
        let metric = |value| Metric { value, unit: MetricUnit::Nanoseconds, ..Metric::default() };
        head.headline = "median_ns".to_owned();
        for (processor, expected) in [(10.0, "[0.0, 10.0]"), (900.0, "[0.0, 500.0]")] {
            head.metrics = [
                ("median_ns".to_owned(), metric(500.0)),
                ("processor_ns".to_owned(), metric(processor)),
            ]
            .into();
            let flame = Flame::of(&head, None).unwrap();
            assert_eq!(format!("{:?}", flame.columns[0].sums()), expected);
        }
    }

    #[test]
    fn a_benchmark_without_stacks_has_no_flame() {
        assert_eq!(Flame::of(&RecordedBenchmark::default(), None), None);
        assert_eq!(Flame::of(&benchmark(&[(0, 0, 0)], 0, StackUnit::Bytes), None), None);
    }

    #[test]
    fn sides_that_are_not_alike_are_no_difference() {
        let counted = benchmark(&[(0, 0, 30)], 0, StackUnit::Instructions);
        let timed = benchmark(&[(0, 0, 30)], 0, StackUnit::Nanoseconds);
        let mut scaled = timed.clone();
        let metric = Metric { value: 10.0, unit: MetricUnit::Nanoseconds, ..Metric::default() };
        scaled.headline = "median_ns".to_owned();
        scaled.metrics = [("median_ns".to_owned(), metric)].into();
        for (head, base) in [(&counted, &timed), (&timed, &counted), (&scaled, &timed)] {
            assert_eq!(Flame::of(head, Some(base)).unwrap().columns[0].base, None);
        }
    }

    #[test]
    fn what_base_does_not_know_is_not_nothing() {
        let base = benchmark(&[(0, 0, 30)], 0, StackUnit::Bytes);
        let mut head = base.clone();
        let column = store::Column { weights: vec![7], left_out: 0 };
        head.stacks.as_mut().unwrap().columns = [("peak_bytes".to_owned(), column)].into();
        let flame = Flame::of(&head, Some(&base)).unwrap();
        assert_eq!(flame.columns.len(), 2);
        assert_eq!((flame.columns[0].base.is_some(), &flame.columns[1].base), (true, &None));
    }

    #[test]
    fn code_that_is_inlined_on_one_side_is_the_same_function() {
        let base = benchmark(&[(0, 0, 1), (1, 1, 20)], 0, StackUnit::Bytes);
        let mut head = base.clone();
        head.stacks.as_mut().unwrap().nodes[1].inlined = Inlined::Helper;
        let flame = Flame::of(&head, Some(&base)).unwrap();
        assert_eq!((flame.nodes.len(), flame.frames[1].inlined), (2, Inlined::No));
    }

    #[test]
    fn very_deep_stacks_are_cut_and_lose_nothing() {
        let nodes: Vec<(u32, u32, u64)> = (0..100_000).map(|at| (at, at % 3, 1)).collect();
        let flame = Flame::of(&benchmark(&nodes, 0, StackUnit::Bytes), None).unwrap();
        assert_eq!(flame.nodes.len(), 500);
        assert_eq!(format!("{:?}", flame.columns[0].sums()), "[0.0, 100000.0]");
        let found = super::super::functions(&flame, &flame.columns[0]);
        assert_eq!(format!("{}", found.iter().map(|it| it.own[1]).sum::<f64>()), "100000");
    }

    #[test]
    fn hidden_functions_count_for_their_callers() {
        let nodes = [(0, 0, 5), (1, 1, 60), (2, 2, 3), (1, 2, 4), (0, 1, 7)];
        let flame = Flame::of(&benchmark(&nodes, 0, StackUnit::Bytes), None).unwrap();
        let collapsed = flame.collapsed(|frame| frame.name == "fill");
        let all = [("main<", 65.0), ("sort<main", 7.0), ("(others)<", 7.0)];
        assert_eq!(shown(&collapsed), all.map(|(name, head)| (name.to_owned(), head, None)));
        let whole = flame.collapsed(|_| false);
        assert_eq!(shown(&whole), shown(&flame));
    }

    #[test]
    fn pruning_keeps_all_sums() {
        let nodes = [(0, 0, 900), (1, 1, 60), (2, 2, 3), (2, 0, 2), (1, 2, 4)];
        let flame = Flame::of(&benchmark(&nodes, 0, StackUnit::Bytes), None).unwrap();
        let pruned = flame.pruned(0.01);
        let all =
            [("main<", 900.0), ("fill<main", 60.0), ("(others)<fill", 5.0), ("(others)<main", 4.0)];
        assert_eq!(shown(&pruned), all.map(|(name, head)| (name.to_owned(), head, None)));
        assert_eq!(format!("{:?}", pruned.columns[0].sums()), "[0.0, 969.0]");
        assert_eq!(flame.pruned(2.0).nodes.len(), 1);
    }
}
