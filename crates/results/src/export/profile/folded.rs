//! One line per stack: `benchmark;outermost;...;innermost weight`. For flame graphs.

use std::io::{self, Write};

use super::ProfileExporter;
use crate::stacks::Stacks;

/// Plain text, the benchmark as the outermost frame.
pub(super) struct Folded;

impl ProfileExporter for Folded {
    fn id(&self) -> &'static str {
        "folded"
    }

    fn about(&self) -> &'static str {
        "lines for flame graphs"
    }

    fn is_stream(&self) -> bool {
        true
    }

    fn write(&self, benchmarks: &[&Stacks], out: &mut dyn Write) -> io::Result<()> {
        let mut out = io::BufWriter::new(out);
        for stacks in benchmarks.iter().map(|stacks| stacks.without_lines()) {
            for (at, node) in stacks.weighted() {
                let frames = stacks.outwards(at).filter_map(|node| stacks.frame(node));
                let mut names: Vec<String> = frames.map(|frame| plain(&frame.name)).collect();
                names.push(plain(&stacks.benchmark));
                names.reverse();
                writeln!(out, "{} {}", names.join(";"), node.weight)?;
            }
        }
        out.flush()
    }
}

/// Semicolons part frames, line breaks part stacks.
fn plain(name: &str) -> String {
    let letter = |letter: char| match letter {
        ';' => ':',
        letter if letter.is_control() => ' ',
        letter => letter,
    };
    if name.is_empty() { "?".to_owned() } else { name.chars().map(letter).collect() }
}
