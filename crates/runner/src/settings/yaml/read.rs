//! From bytes to a tree, by `serde-saphyr`. Everything that could make a small file large or deep is refused.

use std::{collections::BTreeMap, fmt};

use runner_shared::bounds::SETTINGS_BYTES;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{
    DuplicateKeyPolicy, Error, Location, MergeKeyPolicy, MessageFormatter as _,
    NonFiniteFloatPolicy, Options, Spanned, UserMessageFormatter, budget::BudgetBreach,
};

use super::{Key, Node, Position, Value, excerpt, is_special};

/// The most values in a file, those that aliases make of it included, and that are kept for them.
const MAX_NODES: usize = 132 * 1024;
/// The most bytes of text that aliases may make of it.
const MAX_TEXT: usize = 1024 * 1024;
/// The most mappings and lists inside each other.
const MAX_DEPTH: usize = 32;

/// A problem and its position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub(crate) struct Flaw {
    /// The position.
    pub at: Position,
    /// The problem.
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
    match serde_saphyr::from_str_with_options(text, options()) {
        Ok(Some(raw)) => node(raw, text, false),
        Ok(None) => Ok(Node { at: Position::START, value: Value::NOTHING }),
        Err(err) => Err(Flaw::of(&err)),
    }
}

/// Returns what is allowed, and what is left to us: what keys and words mean.
fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_total_scalar_bytes: MAX_TEXT,
            max_recorded_anchor_events: MAX_NODES,
            max_recorded_anchor_bytes: MAX_TEXT,
            max_anchors: MAX_NODES,
            max_aliases: MAX_NODES,
            // Many aliases of one anchor are fine, as long as they don't make too much of it.
            enforce_alias_anchor_ratio: false,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        ignore_binary_tag_for_string: true,
        reject_unsupported_tags: true,
        strict_booleans: true,
        with_snippet: false,
    }
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

    /// Takes over an error of the library, at the alias if it is about the value behind one.
    fn of(err: &Error) -> Self {
        let at = err.location().map_or(Position::START, position);
        if let Error::AliasError { error, .. } = err {
            return Self::new(at, words(error, "aliases nest too deeply".to_owned()));
        }
        Self::new(at, words(err, format!("more than {MAX_DEPTH} nested mappings and lists")))
    }
}

/// Returns what an error of the library means, in our words where the user can do something about it.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library knows about all else")]
fn words(err: &Error, too_deep: String) -> String {
    match err {
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. }
        | Error::AliasReplayStackDepthExceeded { .. } => too_deep,
        Error::Budget { .. } | Error::AliasReplayLimitExceeded { .. } => {
            "too much data, with all that aliases stand for".to_owned()
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            "an alias must not be inside its own anchor".to_owned()
        }
        Error::MultipleDocuments { .. } => "expected a single document".to_owned(),
        Error::UnsupportedTag { tag, .. } => {
            format!("the tag `{}` is not supported here", excerpt(tag))
        }
        other => UserMessageFormatter.format_message(other).into_owned(),
    }
}

/// A value as the library tells it.
enum Raw {
    /// A text, with or without quotes.
    Text(String),
    /// A word that is nothing, a boolean or a number, as it stands in the file.
    Word,
    List(Vec<Spanned<Self>>),
    Mapping(Vec<(Spanned<Self>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Word)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Word)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Word)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Word)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Word)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Mapping(entries))
    }
}

/// Makes a node of what was read from `text`. A value behind an alias stands where its anchor is, the alias itself where
/// it is written.
fn node(raw: Spanned<Raw>, text: &str, is_behind: bool) -> Result<Node, Flaw> {
    let Spanned { value, referenced, defined } = raw;
    let at = position(if is_behind { defined } else { referenced });
    let is_behind = is_behind || referenced != defined;
    let word = word(text, defined).unwrap_or_default();
    let is_quoted = word.starts_with(['"', '\'', '|', '>']);
    let value = match value {
        // A word that would mean something else is a text by its tag.
        Raw::Text(text) => Value::Scalar { plain: !is_quoted && !is_special(&text), text },
        Raw::Word => {
            Value::Scalar { text: word.trim_matches(['"', '\'']).to_owned(), plain: !is_quoted }
        }
        Raw::List(items) => {
            let items = items.into_iter().map(|item| node(item, text, is_behind));
            Value::Sequence(items.collect::<Result<_, _>>()?)
        }
        Raw::Mapping(raw) => {
            let (mut entries, mut seen) = (Vec::new(), BTreeMap::new());
            for (name, value) in raw {
                let key = key(node(name, text, is_behind)?)?;
                if let Some(first) = seen.insert(key.text.clone(), key.at) {
                    let what = format!("duplicate key `{}`; first at {first}", excerpt(&key.text));
                    return Err(Flaw::new(key.at, what));
                }
                entries.push((key, node(value, text, is_behind)?));
            }
            Value::Mapping(entries)
        }
    };
    Ok(Node { at, value })
}

fn key(Node { at, value }: Node) -> Result<Key, Flaw> {
    match value {
        Value::Scalar { text, .. } => Ok(Key { at, text }),
        Value::Sequence(_) | Value::Mapping(_) => {
            Err(Flaw::new(at, "a key must be a plain string"))
        }
    }
}

/// Returns what is written at a place.
fn word(text: &str, place: Location) -> Option<&str> {
    let start = usize::try_from(place.span().byte_offset()?).ok()?;
    let length = usize::try_from(place.span().byte_len()?).ok()?;
    text.get(start..start.checked_add(length)?)
}

fn position(place: Location) -> Position {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).max(1);
    Position { line: number(place.line()), column: number(place.column()) }
}
