//! From a tree to text: one key a line, texts in double quotes.

use super::{Node, Value};

/// The tree as a document. Where its parts once were is lost, and so are comments.
pub(crate) fn write(node: &Node) -> String {
    let mut out = String::new();
    match &node.value {
        Value::Scalar { .. } => out = scalar(node) + "\n",
        Value::Sequence(_) | Value::Mapping(_) => block(node, 0, &mut out),
    }
    out
}

fn block(node: &Node, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match &node.value {
        Value::Mapping(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                out.extend([indent.as_str(), &word(&key.text), ":"]);
                below(value, depth, out);
            }
        }
        Value::Sequence(items) if !items.is_empty() => {
            for item in items {
                out.extend([indent.as_str(), "-"]);
                below(item, depth, out);
            }
        }
        Value::Mapping(_) | Value::Sequence(_) | Value::Scalar { .. } => {
            out.extend([indent.as_str(), &scalar(node), "\n"]);
        }
    }
}

/// The value after `key:` or `-`: on the same line if it is short.
fn below(node: &Node, depth: usize, out: &mut String) {
    let short = match &node.value {
        Value::Scalar { .. } => true,
        Value::Sequence(items) => items.is_empty(),
        Value::Mapping(entries) => entries.is_empty(),
    };
    if short {
        out.extend([" ", &scalar(node), "\n"]);
    } else {
        out.push('\n');
        block(node, depth + 1, out);
    }
}

fn scalar(node: &Node) -> String {
    match &node.value {
        Value::Scalar { text, plain: true } if text.is_empty() => "null".to_owned(),
        // It was read like this.
        Value::Scalar { text, plain: true } if is_simple(text) => text.clone(),
        Value::Scalar { text, .. } => quoted(text),
        Value::Sequence(_) => "[]".to_owned(),
        Value::Mapping(_) => "{}".to_owned(),
    }
}

/// A key: without quotes if it can't be anything else.
fn word(text: &str) -> String {
    if is_simple(text) && text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// Returns whether no character means anything to YAML.
fn is_simple(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '+' | '-' | '~');
    !text.is_empty() && text.chars().all(fits) && text.chars().any(|c| c != '-' && c != '.')
}

/// As in JSON, which YAML understands; but nothing that can't be seen, and nothing that YAML takes for the end of a line.
fn quoted(text: &str) -> String {
    let mut out = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                out.extend(format!("\\U{:08X}", u32::from(c)).chars());
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
