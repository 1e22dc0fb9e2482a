//! YAML as a tree that knows where each part was written. Decides nothing about keys and types.
//!
//! Documents are bounded in size, depth and in what aliases may expand to.

mod read;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;

pub(crate) use read::{Flaw, read};
pub(crate) use write::write;

/// A place in a file, counted from 1; columns are characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Position {
    /// The first character of a file.
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// The place where it begins.
    pub at: Position,
    /// The title.
    pub value: Value,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// A word or a text.
    Scalar {
        /// Its characters, without quotes.
        text: String,
        /// Without quotes and tag, so that it may also be a number, a boolean or nothing.
        plain: bool,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values, in their order; no key occurs twice.
    Mapping(Vec<(Key, Node)>),
}

impl Value {
    /// Nothing: what an empty file holds.
    const NOTHING: Self = Self::Scalar { text: String::new(), plain: true };
}

/// A key and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// The place where it begins.
    pub at: Position,
    /// Its characters.
    pub text: String,
}

impl Node {
    /// A text that nobody has written yet.
    pub(crate) fn text(text: &str) -> Self {
        let value = Value::Scalar { text: text.to_owned(), plain: false };
        Self { at: Position::START, value }
    }

    /// An empty mapping that nobody has written yet.
    pub(crate) const fn mapping() -> Self {
        Self { at: Position::START, value: Value::Mapping(Vec::new()) }
    }

    /// Nothing: left out, `~` or `null`.
    pub(crate) fn is_null(&self) -> bool {
        self.plain().is_some_and(|text| matches!(text, "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The characters of what may be more than a text.
    pub(crate) fn plain(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, plain: true } => Some(text),
            Value::Scalar { plain: false, .. } | Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// A text, but for numbers and other words that mean something else without quotes.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, plain } if !(*plain && is_special(text)) => Some(text),
            Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// The value of a key of a mapping.
    pub(crate) fn get(&self, wanted: &str) -> Option<&Self> {
        self.entries().iter().find(|(key, _)| key.text == wanted).map(|(_, node)| node)
    }

    /// The keys and values of a mapping.
    pub(crate) fn entries(&self) -> &[(Key, Self)] {
        match &self.value {
            Value::Mapping(entries) => entries,
            Value::Scalar { .. } | Value::Sequence(_) => &[],
        }
    }

    /// Sets what is found by going down these keys; `None` takes it away. What is in the way is replaced.
    pub(crate) fn set(&mut self, path: &[&str], node: Option<Self>) {
        let Some((first, rest)) = path.split_first() else {
            if let Some(node) = node {
                *self = node;
            }
            return;
        };
        if !matches!(self.value, Value::Mapping(_)) {
            *self = Self::mapping();
        }
        let Value::Mapping(entries) = &mut self.value else { return };
        let index = entries.iter().position(|(key, _)| key.text == *first);
        match (index, node) {
            (Some(index), None) if rest.is_empty() => {
                entries.remove(index);
            }
            (None, None) => {}
            (Some(index), node) => {
                if let Some((_, inner)) = entries.get_mut(index) {
                    inner.set(rest, node);
                }
            }
            (None, Some(node)) => {
                let mut inner = Self::mapping();
                inner.set(rest, Some(node));
                let key = Key { at: Position::START, text: (*first).to_owned() };
                entries.push((key, inner));
            }
        }
    }

    /// Returns what it is, for a sentence that says `found …`.
    pub(crate) fn found(&self) -> String {
        match &self.value {
            Value::Mapping(_) => "a mapping".to_owned(),
            Value::Sequence(_) => "a list".to_owned(),
            Value::Scalar { .. } if self.is_null() => "nothing".to_owned(),
            Value::Scalar { text, plain } => match kind(text) {
                Some(kind) if *plain => format!("the {kind} `{}`", excerpt(text)),
                Some(_) | None => format!("the string `{}`", excerpt(text)),
            },
        }
    }
}

/// Returns what a word without quotes is, if it is no text.
fn kind(text: &str) -> Option<&'static str> {
    let number = || {
        let digits = text.trim_start_matches(['+', '-']);
        let based = [("0x", 16), ("0o", 8)].into_iter().any(|(prefix, radix)| {
            digits.strip_prefix(prefix).is_some_and(|rest| u64::from_str_radix(rest, radix).is_ok())
        });
        let starts = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        (starts && text.parse::<f64>().is_ok())
            || based
            || matches!(digits, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN")
    };
    match text {
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Some("boolean"),
        _ if number() => Some("number"),
        _ => None,
    }
}

/// Returns whether a word without quotes is no text.
fn is_special(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL") || kind(text).is_some()
}

/// The beginning of a text, on one line and harmless for a terminal.
pub(crate) fn excerpt(text: &str) -> String {
    const MOST: usize = 60;
    let line = text.lines().next().unwrap_or_default();
    let shown: String = line.chars().filter(|c| !c.is_control()).take(MOST).collect();
    if shown == text { shown } else { format!("{shown}…") }
}
