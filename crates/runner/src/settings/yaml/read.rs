//! From bytes to a tree. Everything that could make a small file large or deep is refused.

use std::{borrow::Cow, collections::BTreeMap};

use runner_shared::bounds::SETTINGS_BYTES;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, StrInput, Tag};

use super::{Key, Node, Position, Value, excerpt};

/// The most that aliases may make of it: one for each part, and one for each byte of text.
const MAX_WEIGHT: usize = 1024 * 1024;
/// The most mappings and lists inside each other.
const MAX_DEPTH: usize = 32;

/// A problem and its position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub(crate) struct Flaw {
    /// Where.
    pub at: Position,
    /// The path.
    pub what: String,
}

/// Reads the one document of a file. An empty file holds nothing, which is a value.
pub(crate) fn read(bytes: &[u8]) -> Result<Node, Flaw> {
    if u64::try_from(bytes.len()).is_ok_and(|length| SETTINGS_BYTES < length) {
        return Err(Flaw::new(Position::START, format!("more than {SETTINGS_BYTES} bytes")));
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(err) => {
            let good = bytes.get(..err.valid_up_to()).unwrap_or_default();
            return Err(Flaw::new(end_of(good), "this is not UTF-8 text"));
        }
    };
    let mut reader =
        Reader { parser: Parser::new_from_str(text), anchors: BTreeMap::new(), weight: 0 };
    reader.document()
}

/// Returns where the text after these bytes begins.
fn end_of(good: &[u8]) -> Position {
    let text = String::from_utf8_lossy(good);
    let last = text.rsplit('\n').next().unwrap_or_default();
    Position { line: text.matches('\n').count() + 1, column: last.chars().count() + 1 }
}

impl Flaw {
    /// A flaw. What it repeats of the file is kept from steering a terminal.
    pub(crate) fn new(at: Position, what: impl Into<String>) -> Self {
        const MOST: usize = 400;
        let mut what = what.into();
        what.retain(|c| !c.is_control());
        what.truncate(what.floor_char_boundary(MOST));
        Self { at, what }
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// Finished values with a name, and their weight.
    anchors: BTreeMap<usize, (Node, usize)>,
    weight: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Position), Flaw> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, position(span.start))),
            Some(Err(err)) => Err(Flaw::new(position(*err.marker()), err.info())),
            None => Ok((Event::StreamEnd, Position::START)),
        }
    }

    fn document(&mut self) -> Result<Node, Flaw> {
        let mut found = None;
        loop {
            let (event, at) = self.next()?;
            match event {
                Event::Nothing | Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(_) if found.is_some() => {
                    return Err(Flaw::new(at, "expected a single document"));
                }
                Event::DocumentStart(_) => {
                    let (event, at) = self.next()?;
                    found = Some(self.node(event, at, 0)?);
                }
                Event::StreamEnd => break,
                Event::Alias(_)
                | Event::Scalar(..)
                | Event::SequenceStart(..)
                | Event::SequenceEnd
                | Event::MappingStart(..)
                | Event::MappingEnd => {
                    return Err(Flaw::new(at, "found a value outside the document"));
                }
            }
        }
        let nothing = Value::Scalar { text: String::new(), plain: true };
        Ok(found.unwrap_or(Node { at: Position::START, value: nothing }))
    }

    fn node(&mut self, event: Event<'a>, at: Position, depth: usize) -> Result<Node, Flaw> {
        if MAX_DEPTH < depth {
            let what = format!("more than {MAX_DEPTH} nested mappings and lists");
            return Err(Flaw::new(at, what));
        }
        let before = self.weight;
        self.weigh(at, 1)?;
        let (anchor, value) = match event {
            Event::Alias(anchor) => return self.alias(anchor, at, depth),
            Event::Scalar(text, style, anchor, tag) => {
                self.weigh(at, text.len())?;
                let plain = style == ScalarStyle::Plain && !is_text(tag.as_ref(), at)?;
                (anchor, Value::Scalar { text: text.into_owned(), plain })
            }
            Event::SequenceStart(anchor, tag) => {
                is_text(tag.as_ref(), at)?;
                (anchor, Value::Sequence(self.sequence(depth)?))
            }
            Event::MappingStart(anchor, tag) => {
                is_text(tag.as_ref(), at)?;
                (anchor, Value::Mapping(self.mapping(depth)?))
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(Flaw::new(at, "a value is missing")),
        };
        let node = Node { at, value };
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), self.weight.saturating_sub(before)));
        }
        Ok(node)
    }

    fn sequence(&mut self, depth: usize) -> Result<Vec<Node>, Flaw> {
        let mut items = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(items);
            }
            items.push(self.node(event, at, depth + 1)?);
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, Flaw> {
        let mut entries = Vec::new();
        let mut seen: BTreeMap<String, Position> = BTreeMap::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(entries);
            }
            let Node { value: Value::Scalar { text, .. }, .. } = self.node(event, at, depth + 1)?
            else {
                return Err(Flaw::new(at, "a key must be a plain string"));
            };
            if let Some(first) = seen.insert(text.clone(), at) {
                let what = format!("duplicate key `{}`; first at {first}", excerpt(&text));
                return Err(Flaw::new(at, what));
            }
            let (event, value_at) = self.next()?;
            let node = self.node(event, value_at, depth + 1)?;
            entries.push((Key { at, text }, node));
        }
    }

    /// Returns what the name stands for, as if it were written here.
    fn alias(&mut self, anchor: usize, at: Position, depth: usize) -> Result<Node, Flaw> {
        let Some((node, weight)) = self.anchors.get(&anchor) else {
            return Err(Flaw::new(at, "an alias must not be inside its own anchor"));
        };
        let (weight, deepest) = (*weight, depth + height(node));
        // Its depth is weighed as if everything were as deep as the deepest part.
        if MAX_DEPTH < deepest {
            return Err(Flaw::new(at, "aliases nest too deeply"));
        }
        let node = Node { at, value: node.value.clone() };
        self.weigh(at, weight)?;
        Ok(node)
    }

    fn weigh(&mut self, at: Position, more: usize) -> Result<(), Flaw> {
        self.weight = self.weight.saturating_add(more);
        if MAX_WEIGHT < self.weight {
            return Err(Flaw::new(at, "aliases expand to too much data"));
        }
        Ok(())
    }
}

/// Mappings and lists inside each other.
fn height(node: &Node) -> usize {
    let inner = match &node.value {
        Value::Scalar { .. } => return 0,
        Value::Sequence(items) => items.iter().map(height).max(),
        Value::Mapping(entries) => entries.iter().map(|(_, node)| height(node)).max(),
    };
    inner.unwrap_or_default() + 1
}

/// Returns whether a tag makes a text of a word. Tags that say what is the case anyway mean nothing, others are
/// refused.
fn is_text(tag: Option<&Cow<'_, Tag>>, at: Position) -> Result<bool, Flaw> {
    let Some(tag) = tag else { return Ok(false) };
    if tag.is_yaml_core_schema() {
        return Ok(tag.suffix == "str");
    }
    if tag.handle.is_empty() && tag.suffix == "!" {
        return Ok(true);
    }
    Err(Flaw::new(at, format!("the tag `{}` is not supported here", excerpt(&tag.to_string()))))
}

fn position(marker: Marker) -> Position {
    Position { line: marker.line().max(1), column: marker.col() + 1 }
}
