//! The result of one dump for its benchmark.

use std::{collections::HashMap, sync::Arc};

use super::{Events, HotFunction, Hottest, is_allocator};
use crate::{
    callgrind::{
        FastBuild, Function, InlinedPart, Names, Node, Part, Piece, Weighed, call_tree, split,
    },
    stacks::{Frame, Inlined, StackNode, Stacks, Unit},
};

/// So many of the costliest functions are kept, by each order.
const HOTTEST: usize = 25;

/// The figures of a dump.
pub(crate) struct Analysis {
    /// Everything that was counted.
    pub events: Events,
    /// The part of it in allocator functions and what they call.
    pub allocations: Events,
    /// The functions that cost most.
    pub hottest: Hottest,
    /// Instructions by stack.
    pub stacks: Stacks,
    /// Sentences for the user.
    pub notes: Vec<String>,
}

impl Analysis {
    /// Takes stock of a whole part, whose totals are given. `inlined` tells of an object and a function of it, of a line
    /// (its source file and number) and the one before it, what was inlined there, outermost first.
    pub(crate) fn of(
        part: &Part,
        totals: &[Option<u64>],
        names: &Names,
        benchmark: &str,
        mut inlined: impl FnMut([&str; 2], [(&str, u64); 2]) -> Vec<InlinedPart>,
    ) -> Self {
        let event = part.weighed();
        let total = totals.get(event).copied().flatten().unwrap_or(0);
        let mut functions: Vec<Shown> =
            part.graph.functions().iter().map(|function| Shown::of(function, names)).collect();
        let mut weighed = part.graph.weighed(event);
        let of = |function: u32| usize::try_from(function).ok().and_then(|at| functions.get(at));
        let pieces = split(
            &part.graph,
            &mut weighed,
            |function| of(function).map_or(("", ""), |of| (&of.name, &of.file)),
            |function, [place, before]| {
                let Some(of) = of(function) else { return Vec::new() };
                let [file, file_before] = [place, before].map(|it| names.text(it.file));
                inlined([&of.object, &of.name], [(&file, place.line), (&file_before, before.line)])
            },
        );
        let objects =
            pieces.iter().map(|piece| of(piece.function).map(|of| Arc::clone(&of.object)));
        let objects: Vec<Arc<str>> = objects.map(Option::unwrap_or_default).collect();
        let inlined = pieces.into_iter().zip(objects);
        functions.extend(inlined.map(|(piece, object)| Shown::inlined(piece, object)));
        let nodes = call_tree(&weighed, total);
        let unit = match part.events.get(event) {
            Some(name) if &**name == Events::INSTRUCTIONS => Unit::Instructions,
            Some(_) | None => Unit::Count,
        };
        let stacks = stacks(benchmark, unit, &nodes, &functions);
        Self {
            events: counted(part, totals),
            allocations: allocations(part, totals, &functions),
            hottest: hottest(&weighed, &functions, &stacks),
            stacks,
            notes: notes(part, totals, &functions),
        }
    }
}

/// All counts of a part by name.
pub(crate) fn counted(part: &Part, counts: &[Option<u64>]) -> Events {
    Events::new(part.events.iter().cloned().zip(counts.iter().copied()))
}

/// A function as people know it: without the suffix of recursion.
struct Shown {
    name: Arc<str>,
    object: Arc<str>,
    file: Arc<str>,
    /// There was an outer call of the same function.
    is_recursion: bool,
    /// How it is a part of its caller.
    inlined: Inlined,
    /// Number of the function in which a reader looks for it, if that isn't itself.
    read_in: Option<u32>,
}

impl Shown {
    fn of(function: &Function, names: &Names) -> Self {
        let whole = names.text(function.name);
        let level = whole.rsplit_once('\'');
        let outer = level.filter(|(name, level)| !name.is_empty() && is_digits(level));
        let is_recursion = outer.is_some();
        let name = outer.map_or_else(|| Arc::clone(&whole), |(name, _)| name.into());
        let (object, file) = (names.text(function.object), names.text(function.file));
        Self { name, object, file, is_recursion, inlined: Inlined::No, read_in: None }
    }

    fn inlined(piece: Piece, object: Arc<str>) -> Self {
        let Piece { caller, part, inlined, .. } = piece;
        Self {
            name: part.name.into(),
            object,
            file: part.file.into(),
            is_recursion: false,
            inlined,
            read_in: (inlined == Inlined::Helper).then_some(caller),
        }
    }

    fn known(text: &Arc<str>) -> Arc<str> {
        if &**text == Names::UNKNOWN { Arc::from("") } else { Arc::clone(text) }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|letter| letter.is_ascii_digit())
}

/// Returns the cost of calls into allocators, at most the total.
fn allocations(part: &Part, totals: &[Option<u64>], functions: &[Shown]) -> Events {
    let is_allocator: Vec<bool> =
        functions.iter().map(|function| is_allocator(&function.name)).collect();
    let allocates = |function: u32| {
        let place = usize::try_from(function).ok();
        place.and_then(|place| is_allocator.get(place)).copied().unwrap_or(false)
    };
    let mut sums = vec![0_u64; totals.len()];
    for (edge, costs) in part.graph.edges() {
        if allocates(edge.callee) && !allocates(edge.caller) {
            for (sum, cost) in sums.iter_mut().zip(costs) {
                *sum = sum.saturating_add(*cost);
            }
        }
    }
    let sums = sums.into_iter().zip(totals).enumerate().map(|(event, (sum, total))| {
        let total = total.filter(|_| part.graph.is_valid(event));
        total.map(|total| sum.min(total))
    });
    counted(part, &sums.collect::<Vec<_>>())
}

fn hottest(weighed: &Weighed, functions: &[Shown], stacks: &Stacks) -> Hottest {
    let place = |function: u32| usize::try_from(function).ok();
    let mut own = weighed.own.clone();
    let mut inclusive = own.clone();
    for (caller, _, cost) in weighed.calls.iter().filter(|(one, other, _)| one != other) {
        if let Some(sum) = place(*caller).and_then(|place| inclusive.get_mut(place)) {
            *sum = sum.saturating_add(*cost);
        }
    }
    // Callers have smaller numbers.
    for (number, function) in functions.iter().enumerate().rev() {
        let caller = function.read_in.and_then(place).filter(|caller| *caller < number);
        let moved = own.get_mut(number).filter(|_| caller.is_some()).map(std::mem::take);
        if let Some(sum) = caller.and_then(|caller| own.get_mut(caller)) {
            *sum = sum.saturating_add(moved.unwrap_or(0));
        }
    }
    let keys = stacks.frames.iter().map(|frame| (&*frame.object, &*frame.name));
    let estimates: HashMap<(&str, &str), u64, FastBuild> = keys.zip(stacks.inclusive()).collect();
    let total = stacks.total();
    // A function and its recursions are one: costs of their own add up. The outermost call pays
    // for all that it leads to. If it began before the benchmark did, all calls are recursions,
    // which pay for each other; the tree counts them once.
    let mut merged: HashMap<(&str, &str), HotFunction, FastBuild> = HashMap::default();
    let functions = functions.iter().zip(own).zip(inclusive);
    for ((function, own), inclusive) in functions.filter(|((it, _), _)| it.read_in.is_none()) {
        let object = Shown::known(&function.object);
        let estimate = estimates.get(&(&*object, &*function.name)).copied().unwrap_or(own);
        // An inlined function has as many places as it has callers, of which each pays for itself.
        let is_estimated = function.is_recursion || function.inlined != Inlined::No;
        let inclusive = if is_estimated { estimate } else { inclusive };
        let hot = merged.entry((&function.object, &function.name)).or_insert_with(|| HotFunction {
            name: Arc::clone(&function.name),
            object,
            own: 0,
            inclusive: 0,
        });
        hot.own = hot.own.saturating_add(own);
        hot.inclusive = hot.inclusive.max(inclusive.min(total)).max(hot.own);
    }
    let all: Vec<HotFunction> = merged.into_values().collect();
    Hottest {
        by_self: costliest(&all, |function| function.own),
        by_inclusive: costliest(&all, |function| function.inclusive),
    }
}

fn costliest(all: &[HotFunction], cost: impl Fn(&HotFunction) -> u64) -> Vec<HotFunction> {
    let mut sorted: Vec<&HotFunction> = all.iter().filter(|one| cost(one) > 0).collect();
    sorted.sort_by(|one, other| {
        let names = || (&one.name, &one.object).cmp(&(&other.name, &other.object));
        cost(other).cmp(&cost(one)).then_with(names)
    });
    sorted.into_iter().take(HOTTEST).cloned().collect()
}

/// The tree with the functions that are in it.
fn stacks(benchmark: &str, unit: Unit, nodes: &[Node], functions: &[Shown]) -> Stacks {
    let mut stacks = Stacks { benchmark: benchmark.to_owned(), unit, ..Stacks::default() };
    let mut places: HashMap<(&str, &str), u32, FastBuild> = HashMap::default();
    for node in nodes {
        let place = usize::try_from(node.function).ok();
        let Some(function) = place.and_then(|place| functions.get(place)) else { continue };
        let next = u32::try_from(stacks.frames.len()).unwrap_or(u32::MAX);
        let frame = *places.entry((&function.object, &function.name)).or_insert(next);
        if frame == next {
            stacks.frames.push(Frame {
                name: Arc::clone(&function.name),
                object: Shown::known(&function.object),
                file: Shown::known(&function.file),
            });
        }
        let Node { parent, weight, .. } = *node;
        let inlined = function.inlined;
        stacks.nodes.push(StackNode { parent, frame, weight, inlined, ..StackNode::default() });
    }
    stacks
}

fn notes(part: &Part, totals: &[Option<u64>], functions: &[Shown]) -> Vec<String> {
    let mut notes = Vec::new();
    let sums = part.graph.own_sums();
    let differs = part.events.iter().zip(totals.iter().zip(&sums)).find_map(|(event, pair)| {
        let (Some(total), Some(sum)) = pair else { return None };
        (total != sum).then(|| format!("{sum} {event}, but the total is {total}"))
    });
    if let Some(differs) = differs {
        notes.push(format!("the file is inconsistent: its functions have {differs}"));
    }
    if totals.iter().all(|total| *total == Some(0)) {
        notes.push("nothing was counted between start and end".to_owned());
    }
    if functions.iter().any(|function| function.name.starts_with("pthread_create")) {
        notes.push("starts threads: its counts vary slightly from run to run".to_owned());
    }
    if let Some(thread) = part.thread {
        notes.push(format!("only thread {thread} is counted"));
    }
    notes
}
