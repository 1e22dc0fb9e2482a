//! The tree of calls of a benchmark, for the terminal: the largest parts, and what is left out.

use runner_shared::{
    duration::show_nanos,
    text::{bytes, count, one_line},
    walltime::as_float,
};
use textwrap::core::display_width;

use super::{
    fitted::{broken, cut_to, place, shortened},
    functions::Listing,
};
use crate::{
    functions::{Call, CallTree, FrameView},
    stacks::{Stacks, Unit},
    text::{grouped, percent},
};

/// Columns of the numbers before each call, with the spaces behind them.
const NUMBERS: usize = 31;
/// Columns that names have at least behind the lines of the tree.
const LEAST_FOR_NAMES: usize = 20;
/// Forks within forks, at most, where no terminal is in the way.
const DEEPEST: usize = 40;

/// Returns the tree of calls below the name of the benchmark: total with all below as share and value, own share, and
/// the function. Calls that are the only ones of their caller stand below it without a branch. Calls of less than 1 %
/// are left out, as are those beyond the 100 largest, and forks for which the terminal is too narrow; what they cost is
/// said. It ends with a line break.
pub fn call_tree(stacks: &Stacks, listing: Listing) -> String {
    let Listing { view, width, .. } = listing;
    let stacks = view.of(stacks);
    let tree = CallTree::of(&stacks, view == FrameView::Readable);
    let name = one_line(&stacks.benchmark);
    if tree.outermost.is_empty() {
        return format!("{name}: no call costs anything\n");
    }
    let drawing = Drawing { tree: &tree, stacks: &stacks, width };
    let mut lines = vec![format!("{name} ({})", drawing.value(tree.all))];
    lines.push(format!("{:>7}  {:>10}  {:>7}   Function", "Total", "", "Self"));
    drawing.draw(&mut lines);
    lines.push(String::new());
    lines.extend(broken(&drawing.footer(), width));
    let fits = |line: String| match width {
        Some(width) => shortened(&line, usize::from(width).max(1)),
        None => line,
    };
    lines.into_iter().flat_map(|line| [fits(line), "\n".to_owned()]).collect()
}

/// A tree on its way to the terminal.
struct Drawing<'t> {
    tree: &'t CallTree,
    stacks: &'t Stacks,
    width: Option<u16>,
}

/// A line that is still to be drawn.
enum Line {
    /// A call, behind what leads to it; what leads to its own calls.
    Call { at: usize, lead: String, below: String, depth: usize },
    /// The calls of one caller that are not shown: their number and cost.
    Rest { calls: u64, total: u64, lead: String },
}

impl Drawing<'_> {
    /// Returns a weight in its unit.
    fn value(&self, weight: u64) -> String {
        match self.stacks.unit {
            Unit::Nanoseconds => show_nanos(as_float(weight)),
            Unit::Bytes => bytes(weight),
            Unit::Instructions | Unit::Count => grouped(weight),
        }
    }

    fn share(&self, weight: u64) -> String {
        percent(as_float(weight) / as_float(self.tree.all.max(1)))
    }

    /// Returns how many forks within forks there is room for.
    fn deepest(&self) -> usize {
        let room = |width: u16| usize::from(width).saturating_sub(NUMBERS + LEAST_FOR_NAMES) / 2;
        self.width.map_or(DEEPEST, |width| room(width).clamp(2, DEEPEST))
    }

    fn draw(&self, lines: &mut Vec<String>) {
        let mut todo = Vec::new();
        self.wait(&mut todo, &self.tree.outermost, (0, self.tree.cut_total), ("", 0));
        while let Some(line) = todo.pop() {
            match line {
                Line::Call { at, lead, below, depth } => {
                    let Some(call) = self.tree.calls.get(at) else { continue };
                    lines.push(self.call(call, &lead));
                    let cut = (call.cut, call.cut_total);
                    self.wait(&mut todo, &call.children, cut, (&below, depth));
                }
                Line::Rest { calls, total, lead } => {
                    let what = match calls {
                        0 => "… others".to_owned(),
                        calls => format!("… {}", count(calls, "other call")),
                    };
                    lines.push(self.line(total, None, &format!("{lead}{what}")));
                }
            }
        }
    }

    /// Puts the calls of one caller on the list of lines, the last one first. `cut` are those that are not shown, by
    /// number and cost.
    fn wait(
        &self,
        todo: &mut Vec<Line>,
        calls: &[usize],
        (mut cut, mut cut_total): (u64, u64),
        (lead, depth): (&str, usize),
    ) {
        let is_fork = calls.len() > 1 || !calls.is_empty() && cut_total >= self.tree.least;
        let mut shown = calls;
        if is_fork && depth >= self.deepest() {
            let totals = calls.iter().filter_map(|at| self.tree.calls.get(*at));
            cut = cut.saturating_add(u64::try_from(calls.len()).unwrap_or(u64::MAX));
            cut_total = totals.fold(cut_total, |sum, call| sum.saturating_add(call.total));
            shown = &[];
        }
        let rest = cut_total >= self.tree.least;
        let branch = |is_last: bool| if is_last { ("└ ", "  ") } else { ("├ ", "│ ") };
        if rest {
            let lead = format!("{lead}{}", branch(true).0);
            todo.push(Line::Rest { calls: cut, total: cut_total, lead });
        }
        if !is_fork {
            todo.extend(shown.iter().map(|at| {
                let (lead, below) = (lead.to_owned(), lead.to_owned());
                Line::Call { at: *at, lead, below, depth }
            }));
            return;
        }
        for (nth, at) in shown.iter().rev().enumerate() {
            let (own, others) = branch(nth == 0 && !rest);
            let (own, below) = (format!("{lead}{own}"), format!("{lead}{others}"));
            todo.push(Line::Call { at: *at, lead: own, below, depth: depth.saturating_add(1) });
        }
    }

    fn call(&self, call: &Call, lead: &str) -> String {
        let frame = self.stacks.frames.get(call.frame);
        let (name, object) = frame.map_or(("", ""), |frame| (&*frame.name, &*frame.object));
        let before = NUMBERS.saturating_add(display_width(lead));
        let name = cut_to(&one_line(name), &place(object), before, self.width);
        self.line(call.total, Some(call.own), &format!("{lead}{name}"))
    }

    fn line(&self, total: u64, own: Option<u64>, text: &str) -> String {
        let (share, value) = (self.share(total), self.value(total));
        let own = own.map(|own| self.share(own)).unwrap_or_default();
        format!("{share:>7}  {value:>10}  {own:>7}   {text}")
    }

    /// Returns what is not shown, as a sentence.
    fn footer(&self) -> String {
        let least = if self.tree.is_full {
            let calls = u64::try_from(self.tree.calls.len()).unwrap_or(u64::MAX);
            format!("only the {} are shown", count(calls, "largest call"))
        } else {
            "calls of less than 1 % are left out".to_owned()
        };
        format!("{least}; `--export folded=FILE` writes all stacks")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stacks::{Frame, StackNode};

    fn stacks(nodes: &[(Option<u32>, &str, u64)], unit: Unit) -> Stacks {
        let frame = |(_, name, _): &(Option<u32>, &str, u64)| Frame {
            name: (*name).into(),
            object: "/usr/bin/tool".into(),
            file: "".into(),
        };
        let frames = nodes.iter().map(frame).collect();
        let node = |(frame, (parent, _, weight)): (u32, &(Option<u32>, &str, u64))| StackNode {
            parent: *parent,
            frame,
            weight: *weight,
            ..StackNode::default()
        };
        let nodes = (0..).zip(nodes).map(node).collect();
        Stacks { benchmark: "a\nb".to_owned(), unit, frames, nodes, ..Stacks::default() }
    }

    fn sample(unit: Unit) -> Stacks {
        let nodes = [
            (None, "_start", 0),
            (Some(0), "main", 10_000),
            (Some(1), "parse\u{1b}[31m", 200_000),
            (Some(2), "next", 300_000),
            (Some(3), "memcpy", 90_000),
            (Some(1), "hash<A, B>", 350_000),
            (Some(1), "small", 5_000),
            (Some(1), "smaller", 4_000),
            (Some(1), "free", 20_000),
            (None, "other thread", 21_000),
        ];
        stacks(&nodes, unit)
    }

    const WIDE: Listing = Listing { most: 10, view: FrameView::Readable, width: None };

    #[test]
    fn calls_are_a_tree_with_shares_and_values() {
        let expected = "\
a\\nb (1.000 ms)
  Total                 Self   Function
   98 %    979.0 µs    1.0 %   ├ main (tool)
   59 %    590.0 µs     20 %   │ ├ parse\\u{1b}[31m (tool)
   39 %    390.0 µs     30 %   │ │ next (tool)
  9.0 %    90.00 µs    9.0 %   │ │ memcpy (tool)
   35 %    350.0 µs     35 %   │ ├ hash<A, B> (tool)
  2.0 %    20.00 µs    2.0 %   │ └ free (tool)
  2.1 %    21.00 µs    2.1 %   └ other thread (tool)

calls of less than 1 % are left out; `--export folded=FILE` writes all stacks
";
        assert_eq!(call_tree(&sample(Unit::Nanoseconds), WIDE), expected);
        let bytes = call_tree(&sample(Unit::Bytes), WIDE);
        assert!(bytes.contains(" KB "), "{bytes}");
        let counted = call_tree(&sample(Unit::Instructions), WIDE);
        assert!(counted.starts_with("a\\nb (1,000,000)\n"), "{counted}");
        let all = call_tree(&sample(Unit::Bytes), Listing { view: FrameView::All, ..WIDE });
        assert!(all.contains("_start (tool)") && !bytes.contains("_start"), "{all}");
    }

    #[test]
    fn a_tree_without_calls_is_one_line() {
        assert_eq!(call_tree(&stacks(&[], Unit::Bytes), WIDE), "a\\nb: no call costs anything\n");
    }

    #[test]
    fn forks_beyond_the_terminal_are_one_line() {
        let mut nodes: Vec<(Option<u32>, &str, u64)> = vec![(None, "f", 10)];
        for at in 0..40_u32 {
            let parent = Some(at * 2);
            nodes.extend([(parent, "g", 10), (parent, "h", 10)]);
            let last = nodes.len();
            nodes.swap(last - 1, last - 2);
        }
        let stacks = stacks(&nodes, Unit::Count);
        let narrow = call_tree(&stacks, Listing { width: Some(60), ..WIDE });
        assert!(narrow.contains("… 2 other calls"), "{narrow}");
        assert!(narrow.lines().count() < 20, "{narrow}");
    }

    proptest! {
        #[test]
        fn any_tree_fits_any_terminal(
            shape in prop::collection::vec((0_u32..30, 0_u64..1_000, ".{0,40}"), 1..80),
            width in 10_u16..200,
        ) {
            let nodes: Vec<(Option<u32>, &str, u64)> = (0_u32..)
                .zip(&shape)
                .map(|(at, (parent, weight, name))| {
                    ((*parent).min(at).checked_sub(1), name.as_str(), *weight)
                })
                .collect();
            let listing = Listing { width: Some(width), ..WIDE };
            let text = call_tree(&stacks(&nodes, Unit::Count), listing);
            for line in text.lines() {
                prop_assert!(display_width(line) <= usize::from(width), "{line}");
                prop_assert!(!line.chars().any(char::is_control));
            }
        }
    }
}
