//! A flame graph as an SVG file, without a script: each function is a rectangle with its numbers as its title.

use maud::{Markup, PreEscaped, html};
use store::{MetricUnit, RecordedBenchmark, StackUnit, shown};

use super::tree::{Column, Flame, Frame};
use crate::text::plain;

const WIDTH: f64 = 1200.0;
const ROW: f64 = 18.0;
/// Narrower rectangles are left out.
const NARROWEST: f64 = 0.5;
/// Narrower ones have no text.
const NARROWEST_TEXT: f64 = 30.0;
/// Width of a letter, about.
const LETTER: f64 = 6.6;
/// Deeper stacks are cut.
const MOST_ROWS: usize = 400;

const STYLE: &str = "text { font: 11px system-ui, 'DejaVu Sans', sans-serif; fill: #1b1f24 } \
    rect { stroke: #ffffff; stroke-width: 0.5 } .head { font-size: 14px; font-weight: 600 }";

/// Returns the flame graph of a benchmark as an SVG file; with the stacks of another run of it, its colours are those of
/// the difference: red for more, blue for less, grey for what may be noise. `None` if the record has no stacks of it.
pub fn flame_picture(head: &RecordedBenchmark, base: Option<&RecordedBenchmark>) -> Option<String> {
    let flame = Flame::of(head, base)?;
    let flame = flame.collapsed(Frame::is_apart);
    let column = flame.columns.first()?;
    let places = places(&flame, column);
    let rows = places.iter().map(|place| place.row + 1).max().unwrap_or(1);
    let height = 34.0 + shown::float(rows) * ROW;
    let title = plain(&results::words::numbered(&head.name, head.occurrence));
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (WIDTH) " " (height) } width=(WIDTH) height=(height) {
            title { (title) }
            style { (PreEscaped(STYLE)) }
            rect x="0" y="0" width=(WIDTH) height=(height) fill="#ffffff" {}
            text class="head" x="6" y="20" { (title) ": " (sums(column)) }
            @for place in &places { (rectangle(&flame, column, place)) }
        }
    };
    Some(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", svg.0))
}

/// A rectangle: the node, its row from 0 on, its left side and width.
struct Place {
    node: usize,
    row: usize,
    left: f64,
    width: f64,
    /// Cost of base and of head with all below it.
    totals: [f64; 2],
    /// Of itself.
    own: [f64; 2],
}

/// The rectangles that are wide enough. Children lie beside each other by their names, from the left on.
fn places(flame: &Flame, column: &Column) -> Vec<Place> {
    let empty = vec![0.0; flame.nodes.len()];
    let base = column.base.as_ref().unwrap_or(&empty);
    let totals = [flame.totals(base), flame.totals(&column.head)];
    let widest: Vec<f64> =
        base.iter().zip(&column.head).map(|(base, head)| base.max(*head)).collect();
    let spans = flame.totals(&widest);
    let get = |list: &[f64], at: usize| list.get(at).copied().unwrap_or(0.0);
    let whole: f64 = widest.iter().sum();
    let children = flame.children();
    let name = |place: &usize| {
        let of = flame.nodes.get(*place).and_then(|node| flame.frames.get(node.frame));
        of.map_or("", |of| of.name.as_str())
    };
    let mut found = Vec::new();
    let mut open: Vec<(Vec<usize>, usize, f64)> = vec![(children.outermost().collect(), 0, 0.0)];
    while let Some((mut below, row, mut left)) = open.pop() {
        below.sort_by(|one, other| name(one).cmp(name(other)));
        for node in below {
            let width = WIDTH * get(&spans, node) / whole;
            if width >= NARROWEST && row < MOST_ROWS {
                let of = |lists: [&[f64]; 2]| lists.map(|list| get(list, node));
                let (totals, own) = (of([&totals[0], &totals[1]]), of([base, &column.head]));
                found.push(Place { node, row, left, width, totals, own });
                open.push((children.below(node).collect(), row + 1, left));
            }
            left += width;
        }
    }
    found
}

fn rectangle(flame: &Flame, column: &Column, place: &Place) -> Markup {
    let node = flame.nodes.get(place.node);
    let Some(of) = node.and_then(|node| flame.frames.get(node.frame)) else { return html! {} };
    let y = 30.0 + shown::float(place.row) * ROW;
    let round = |value: f64| (value * 100.0).round() / 100.0;
    let room = letters(place.width);
    let text: String = of.name.chars().take(room).collect();
    html! {
        g {
            title {
                (of.name) @if !of.object.is_empty() { " (" (of.object) ")" }
                "\ntotal: " (both(column, place.totals)) "\nself: " (both(column, place.own))
            }
            rect x=(round(place.left)) y=(y) width=(round(place.width)) height=(ROW - 1.0)
                fill=(colour(&of.object, &of.name, column, place.totals)) {}
            @if place.width >= NARROWEST_TEXT {
                text x=(round(place.left + 3.0)) y=(y + 12.5) { (text) }
            }
        }
    }
}

/// Returns the letters that have room in a rectangle.
fn letters(width: f64) -> usize {
    let room = (width - 4.0) / LETTER;
    (0..200_u32)
        .find(|count| f64::from(*count) > room)
        .map_or(200, |count| usize::try_from(count.saturating_sub(1)).unwrap_or(0))
}

fn sums(column: &Column) -> String {
    format!("{}: {}", column.title, both(column, column.sums()))
}

fn both(column: &Column, [base, head]: [f64; 2]) -> String {
    let text = |value: f64| value_text(value, column.unit);
    if column.base.is_none() {
        let share = head / column.sums()[1];
        return format!("{} ({})", text(head), shown::value(share, MetricUnit::Share));
    }
    let change = if base > 0.0 { shown::change(head / base) } else { "new".to_owned() };
    format!("{} to {} ({change})", text(base), text(head))
}

/// Returns a cost with its unit.
pub(crate) fn value_text(value: f64, unit: StackUnit) -> String {
    let unit = match unit {
        StackUnit::Nanoseconds => MetricUnit::Nanoseconds,
        StackUnit::Bytes => MetricUnit::Bytes,
        StackUnit::Instructions | StackUnit::Count => MetricUnit::Number,
    };
    // Parts of a count say nothing.
    shown::value(if unit == MetricUnit::Number { value.round() } else { value }, unit)
}

fn colour(object: &str, name: &str, column: &Column, [base, head]: [f64; 2]) -> String {
    if column.base.is_none() {
        let hash = |text: &str| {
            text.bytes().fold(7_u32, |hash, byte| hash.wrapping_mul(31) ^ u32::from(byte))
        };
        return format!("hsl({} 60% {}%)", hash(object) % 360, 74 + hash(name) % 10);
    }
    let [all_base, all_head] = column.sums();
    let change = head - base;
    if change.abs() <= column.noise {
        return "hsl(0 0% 84%)".to_owned();
    }
    let strength = (change.abs() / all_base.max(all_head)).sqrt().min(1.0);
    let hue = if change > 0.0 { 4 } else { 212 };
    format!("hsl({hue} {:.0}% {:.0}%)", 60.0 + 30.0 * strength, 90.0 - 25.0 * strength)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use store::{StackNode, Stacks};

    use super::*;

    fn benchmark(weights: [u64; 3]) -> RecordedBenchmark {
        let node = |(parent, function, weight)| StackNode {
            parent,
            function,
            weight,
            ..StackNode::default()
        };
        let [own, fill, sort] = weights;
        RecordedBenchmark {
            name: "</svg><script>".to_owned(),
            stacks: Some(Stacks {
                functions: ["main", "fill<T>", "sort"].map(str::to_owned).to_vec(),
                objects: vec!["prog".to_owned()],
                nodes: [(0, 0, own), (1, 1, fill), (1, 2, sort)].map(node).to_vec(),
                columns: BTreeMap::new(),
                ..Stacks::default()
            }),
            ..RecordedBenchmark::default()
        }
    }

    #[test]
    fn a_picture_has_a_rectangle_for_each_function() {
        let svg = flame_picture(&benchmark([10, 20, 70]), None).unwrap();
        insta::assert_snapshot!(svg);
    }

    #[test]
    fn a_difference_is_red_blue_or_grey() {
        let svg = flame_picture(&benchmark([10, 20, 70]), Some(&benchmark([10, 40, 30]))).unwrap();
        assert_eq!(svg.matches("fill=\"hsl(212 ").count(), 1, "{svg}");
        assert_eq!(svg.matches("fill=\"hsl(4 ").count(), 2, "{svg}");
        assert!(svg.contains("40 to 20 (-50.0 %)"), "{svg}");
        assert!(flame_picture(&RecordedBenchmark::default(), None).is_none());
    }
}
