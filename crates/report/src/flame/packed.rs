//! A flame graph as the page carries it: JSON with numbers for texts, compressed, in base 64. `page/script/tree.js` reads it.
//!
//! | key | value |
//! |---|---|
//! | `names[]`, `objects[]` | texts, each once |
//! | `frames[]` | four numbers for each function: name, object, kind (0 program, 1 kernel, 2 interpreter, 3 harness, 4 start-up code), 0, or if inlined 1, as a helper of a library 2 |
//! | `nodes[]` | two numbers for each node: place of its caller plus 1 (0 for none), its function |
//! | `columns[]` | `title`, `unit`, `head[]` and `base[]` (or `null`) by node, `headSum`, `baseSum`, `noise` |

use std::{
    collections::HashMap,
    io::{self, Write},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use results::FrameKind;
use serde::Serialize;
use store::{Inlined, StackUnit};

use super::tree::{Column, Flame, Frame};

#[derive(Serialize)]
struct Packed<'a> {
    names: Vec<&'a str>,
    objects: Vec<&'a str>,
    frames: Vec<usize>,
    nodes: Vec<usize>,
    columns: Vec<PackedColumn<'a>>,
    sampled: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PackedColumn<'a> {
    title: &'a str,
    unit: StackUnit,
    head: Vec<Number>,
    base: Option<Vec<Number>>,
    head_sum: f64,
    base_sum: f64,
    noise: f64,
}

/// A number that takes no more letters than it needs.
#[derive(Serialize)]
#[serde(untagged)]
enum Number {
    Whole(i64),
    Broken(f64),
}

/// Returns a flame graph as base 64 of compressed JSON.
pub(crate) fn packed(flame: &Flame) -> String {
    let (mut names, mut objects) = (Texts::default(), Texts::default());
    let mut used = Used::default();
    let nodes = flame
        .nodes
        .iter()
        .flat_map(|node| [node.parent.map_or(0, |it| it + 1), used.place(node.frame)]);
    let nodes: Vec<usize> = nodes.collect();
    let frames = used.list.iter().filter_map(|place| flame.frames.get(*place));
    let frames = frames.flat_map(|frame| {
        let Frame { name, object, kind, inlined } = frame;
        [names.place(name), objects.place(object), number(*kind), inlined_number(*inlined)]
    });
    let frames = frames.collect();
    let packed = Packed {
        frames,
        nodes,
        names: names.list,
        objects: objects.list,
        columns: flame.columns.iter().map(column).collect(),
        sampled: flame.sampled,
    };
    // A vector takes all that is written, and these types are always JSON.
    compressed(&packed).map(|bytes| STANDARD.encode(bytes)).unwrap_or_default()
}

fn compressed(packed: &Packed<'_>) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&serde_json::to_vec(packed)?)?;
    encoder.finish()
}

fn column(of: &Column) -> PackedColumn<'_> {
    let [base_sum, head_sum] = of.sums();
    let numbers = |list: &Vec<f64>| list.iter().map(|value| shortened(*value)).collect();
    PackedColumn {
        title: of.title,
        unit: of.unit,
        head: numbers(&of.head),
        base: of.base.as_ref().map(numbers),
        head_sum,
        base_sum,
        noise: of.noise,
    }
}

/// Counts stay as they are; times have six digits.
fn shortened(value: f64) -> Number {
    if value.fract() == 0.0 && value.abs() < 9e15 {
        // Whole, and within the bounds of the type.
        return format!("{value:.0}").parse().map_or(Number::Broken(value), Number::Whole);
    }
    Number::Broken(format!("{value:.5e}").parse().unwrap_or(value))
}

const fn number(kind: FrameKind) -> usize {
    match kind {
        FrameKind::Program => 0,
        FrameKind::Kernel => 1,
        FrameKind::Interpreter => 2,
        FrameKind::Harness => 3,
        FrameKind::Startup => 4,
    }
}

const fn inlined_number(of: Inlined) -> usize {
    match of {
        Inlined::No => 0,
        Inlined::Own => 1,
        Inlined::Helper => 2,
    }
}

/// Numbers for the functions that a node has.
#[derive(Default)]
struct Used {
    places: HashMap<usize, usize>,
    list: Vec<usize>,
}

impl Used {
    fn place(&mut self, frame: usize) -> usize {
        let Self { places, list } = self;
        *places.entry(frame).or_insert_with(|| {
            list.push(frame);
            list.len() - 1
        })
    }
}

/// Numbers for texts, each once.
#[derive(Default)]
struct Texts<'a> {
    places: HashMap<&'a str, usize>,
    list: Vec<&'a str>,
}

impl<'a> Texts<'a> {
    fn place(&mut self, text: &'a str) -> usize {
        let Self { places, list } = self;
        *places.entry(text).or_insert_with(|| {
            list.push(text);
            list.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::{super::tree::Node, *};

    #[test]
    fn the_layout_is_that_of_the_script() {
        let function = |name: &str, kind, inlined| Frame {
            name: name.to_owned(),
            object: "prog".to_owned(),
            kind,
            inlined,
        };
        let flame = Flame {
            frames: vec![
                function("main", FrameKind::Program, Inlined::No),
                function("</script>", FrameKind::Kernel, Inlined::Own),
            ],
            nodes: vec![Node { parent: None, frame: 0 }, Node { parent: Some(0), frame: 1 }],
            columns: vec![Column {
                title: "Time",
                unit: StackUnit::Nanoseconds,
                head: vec![1.0, 2.345_678_9],
                base: Some(vec![0.0, 1e300]),
                noise: 0.5,
            }],
            sampled: true,
        };
        let text = packed(&flame);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)));
        let mut json = String::new();
        GzDecoder::new(&STANDARD.decode(text).unwrap()[..]).read_to_string(&mut json).unwrap();
        insta::assert_snapshot!(json, @r##"{"names":["main","</script>"],"objects":["prog"],"frames":[0,0,0,0,1,0,1,1],"nodes":[0,0,1,1],"columns":[{"title":"Time","unit":"nanoseconds","head":[1,2.34568],"base":[0,1e+300],"headSum":3.3456789,"baseSum":1e+300,"noise":0.5}],"sampled":true}"##);
    }
}
