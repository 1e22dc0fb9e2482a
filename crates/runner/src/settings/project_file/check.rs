//! Compares a tree with the table of keys: wrong types are errors, unknown keys are warnings, but for those of limits.

use runner_shared::duration::parse_nanos;

use super::keys::{Key, Object, Shape};
use crate::settings::{
    nearest::nearest,
    options::parse_pattern,
    yaml::{Flaw, Node, Position, Value, excerpt},
};

/// A value and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed<T> {
    /// Where.
    pub at: Position,
    /// The path.
    pub value: T,
}

/// A length of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Duration {
    /// As the user wrote it, which `exec-harness` understands.
    pub text: String,
    /// The value in nanoseconds.
    pub nanos: u64,
}

/// A mapping whose values have the right types. What is null is not in it.
#[derive(Debug)]
pub(super) struct Fields {
    /// The place where it begins.
    pub at: Position,
    found: Vec<(&'static str, Placed<Field>)>,
}

#[derive(Debug)]
enum Field {
    Text(String),
    Names(Vec<String>),
    Duration(Duration),
    Count(u64),
    Object(Fields),
    List(Vec<Fields>),
}

impl Fields {
    fn take<T>(&mut self, name: &str, is: impl FnOnce(Field) -> Option<T>) -> Option<Placed<T>> {
        let index = self.found.iter().position(|(known, _)| *known == name)?;
        let (_, Placed { at, value }) = self.found.swap_remove(index);
        Some(Placed { at, value: is(value)? })
    }

    pub(super) fn text(&mut self, name: &str) -> Option<Placed<String>> {
        self.take(name, |field| if let Field::Text(text) = field { Some(text) } else { None })
    }

    pub(super) fn names(&mut self, name: &str) -> Vec<String> {
        let names =
            self.take(name, |field| if let Field::Names(it) = field { Some(it) } else { None });
        names.map(|names| names.value).unwrap_or_default()
    }

    pub(super) fn duration(&mut self, name: &str) -> Option<Placed<Duration>> {
        self.take(name, |field| if let Field::Duration(time) = field { Some(time) } else { None })
    }

    pub(super) fn count(&mut self, name: &str) -> Option<Placed<u64>> {
        self.take(name, |field| if let Field::Count(count) = field { Some(count) } else { None })
    }

    pub(super) fn object(&mut self, name: &str) -> Option<Placed<Self>> {
        self.take(name, |field| if let Field::Object(fields) = field { Some(fields) } else { None })
    }

    pub(super) fn list(&mut self, name: &str) -> Vec<Self> {
        let list =
            self.take(name, |field| if let Field::List(list) = field { Some(list) } else { None });
        list.map(|list| list.value).unwrap_or_default()
    }
}

/// Reads a mapping. `what` it is, for a sentence that says `… must be a mapping`.
pub(super) fn check(
    node: &Node,
    object: &'static Object,
    what: &str,
    warnings: &mut Vec<Flaw>,
) -> Result<Fields, Flaw> {
    let entries = match &node.value {
        Value::Mapping(entries) => entries.as_slice(),
        Value::Scalar { .. } if node.is_null() => &[],
        Value::Scalar { .. } | Value::Sequence(_) => {
            let what = format!("{what} must be a mapping, but is {}", node.found());
            return Err(Flaw::new(node.at, what));
        }
    };
    let mut fields = Fields { at: node.at, found: Vec::new() };
    for (key, node) in entries {
        let Some(known) = object.keys.iter().find(|known| known.name == key.text) else {
            let flaw = Flaw::new(key.at, unknown(&key.text, object));
            if object.strict {
                return Err(flaw);
            }
            warnings.push(flaw);
            continue;
        };
        if !node.is_null() {
            let value = field(node, known, warnings)?;
            fields.found.push((known.name, Placed { at: node.at, value }));
        }
    }
    let given: Vec<_> = object
        .one_of
        .iter()
        .filter(|name| fields.found.iter().any(|(known, _)| known == *name))
        .collect();
    if !object.one_of.is_empty() && given.len() != 1 {
        let names = object.one_of.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
        let what = if given.is_empty() {
            format!("{what} needs {}", names.join(" or "))
        } else {
            format!("{what} must have only one of {}", names.join(" and "))
        };
        return Err(Flaw::new(node.at, what));
    }
    Ok(fields)
}

fn field(node: &Node, key: &Key, warnings: &mut Vec<Flaw>) -> Result<Field, Flaw> {
    let name = format!("`{}`", key.name);
    let wrong = || {
        let quotes = match (key.shape, node.plain()) {
            (Shape::Text, Some(_)) => "; put it in quotes to make it a string",
            (Shape::Count, None) if matches!(&node.value, Value::Scalar { text, .. } if text.parse::<u64>().is_ok()) => {
                "; remove the quotes to make it a number"
            }
            _ => "",
        };
        let what =
            format!("{name} must be {}, but is {}{quotes}", key.shape.wanted(), node.found());
        Flaw::new(node.at, what)
    };
    match key.shape {
        Shape::Text => node.as_text().map(|text| Field::Text(text.to_owned())).ok_or_else(wrong),
        Shape::Scalar(_) => match &node.value {
            Value::Scalar { text, .. } => Ok(Field::Text(text.clone())),
            Value::Sequence(_) | Value::Mapping(_) => Err(wrong()),
        },
        Shape::Names => {
            let Value::Sequence(items) = &node.value else { return Err(wrong()) };
            let names = items.iter().map(|item| {
                let text = item.as_text().ok_or_else(wrong)?;
                parse_pattern(text).map_err(|err| Flaw::new(item.at, format!("{name}: {err}")))
            });
            Ok(Field::Names(names.collect::<Result<_, _>>()?))
        }
        Shape::Count => {
            let count = node.plain().and_then(|text| text.parse().ok());
            let count = count.filter(|count| *count > 0).ok_or_else(wrong)?;
            Ok(Field::Count(count))
        }
        Shape::Duration => {
            let Value::Scalar { text, .. } = &node.value else { return Err(wrong()) };
            let wrong =
                |err| Flaw::new(node.at, format!("invalid value `{text}` for {name}: {err}"));
            let nanos = parse_nanos(text).map_err(wrong)?;
            Ok(Field::Duration(Duration { text: text.trim().to_owned(), nanos }))
        }
        Shape::Object(object) => Ok(Field::Object(check(node, object, &name, warnings)?)),
        Shape::List(object) => {
            let Value::Sequence(items) = &node.value else { return Err(wrong()) };
            let what = format!("an entry of {name}");
            let items = items.iter().map(|item| check(item, object, &what, warnings));
            Ok(Field::List(items.collect::<Result<_, _>>()?))
        }
    }
}

/// Returns what to say about a key that means nothing here.
fn unknown(text: &str, object: &Object) -> String {
    if text == "<<" {
        return "merge keys (`<<`) are not supported: an alias stands for a whole value".to_owned();
    }
    let shown = excerpt(text);
    let spelt = text.replace('_', "-");
    let deeper = object.keys.iter().find(|key| match key.shape {
        Shape::Object(inner) => inner.keys.iter().any(|inner| inner.name == spelt),
        Shape::Text
        | Shape::Names
        | Shape::Duration
        | Shape::Count
        | Shape::Scalar(_)
        | Shape::List(_) => false,
    });
    if let Some(deeper) = deeper {
        return format!("unknown key `{shown}`; did you mean `{spelt}` in `{}`?", deeper.name);
    }
    let names = object.keys.iter().map(|key| key.name);
    if let Some(name) = nearest(text, names.clone()) {
        return format!("unknown key `{shown}`; did you mean `{name}`?");
    }
    let names = names.map(|name| format!("`{name}`")).collect::<Vec<_>>();
    format!("unknown key `{shown}`; expected one of {}", names.join(", "))
}
