//! Rows of the registry as parts of a JSON object: values by their paths, those with a common start in an object.

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    metrics::{Metric, Value, metrics},
    report::Benchmark,
};

/// Values by their paths, in the order of the registry.
pub(super) struct Rows(Vec<Row>);

/// The path of a value, and the value if it is known.
type Row = (&'static str, Option<Value>);

impl Rows {
    /// Returns what identifies a benchmark.
    pub(super) fn facts(of: Benchmark<'_>) -> Self {
        Self::of(metrics(of.mode()).facts, of)
    }

    /// Returns what was measured of it.
    pub(super) fn measured(of: Benchmark<'_>) -> Self {
        Self::of(metrics(of.mode()).measured, of)
    }

    fn of(rows: &'static [Metric], of: Benchmark<'_>) -> Self {
        Self(rows.iter().filter_map(|row| Some((row.json?, row.value(of)))).collect())
    }
}

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, part) in self.parts() {
            match part {
                Part::Value(value) => map.serialize_entry(key, value)?,
                Part::Object(inside) => {
                    let is_known = inside.0.iter().any(|(_, value)| value.is_some());
                    // Left out rather than `null`.
                    let optional = key.strip_suffix('?');
                    if is_known || optional.is_none() {
                        let inside = is_known.then_some(inside);
                        map.serialize_entry(optional.unwrap_or(key), &inside)?;
                    }
                }
            }
        }
        map.end()
    }
}

/// A value, or those whose paths begin with the same key.
enum Part<'a> {
    Value(&'a Option<Value>),
    Object(Rows),
}

impl Rows {
    /// Returns the keys of the object, each with what it is of.
    fn parts(&self) -> impl Iterator<Item = (&'static str, Part<'_>)> {
        let is_same = |one: &Row, other: &Row| {
            let keys = one.0.split_once('.').zip(other.0.split_once('.'));
            keys.is_some_and(|((one, _), (other, _))| one == other)
        };
        self.0.chunk_by(is_same).filter_map(|rows| {
            let (path, value) = rows.first()?;
            let Some((key, _)) = path.split_once('.') else {
                return Some((*path, Part::Value(value)));
            };
            let inside = |(path, value): &Row| Some((path.split_once('.')?.1, value.clone()));
            Some((key, Part::Object(Self(rows.iter().filter_map(inside).collect()))))
        })
    }
}
