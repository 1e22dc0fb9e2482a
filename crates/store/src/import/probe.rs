//! A first look at a file: the few facts by which formats are told apart.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// The facts.
#[derive(Debug, Default)]
pub(super) struct Probe<'a> {
    /// All of the file, for formats that nothing but their reader knows.
    pub bytes: &'a [u8],
    /// The first JSON value of the file, if it begins with one.
    pub first: Shape,
    /// The keys that matter of that value, if it is an object.
    pub keys: Keys,
    /// It is a list with the object that JMH has for each benchmark.
    pub is_jmh: bool,
}

/// The kind of a value.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// There is none.
    #[default]
    Missing,
    /// A text, number or the like.
    Plain,
    /// A list.
    List,
    /// An object.
    Object,
}

/// Keys of an object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Keys {
    pub results: Shape,
    pub benchmarks: Shape,
    pub machine_info: Shape,
    pub context: Shape,
    pub reason: Shape,
}

impl<'a> Probe<'a> {
    /// Looks at the bytes.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        let first = first(bytes).unwrap_or_default();
        let is_jmh = first == Shape::List && has(bytes, b"\"primaryMetric\"");
        Self { bytes, first, keys: first_of(bytes).unwrap_or_default(), is_jmh }
    }
}

/// Reads the first JSON value.
fn first_of<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    serde_json::Deserializer::from_slice(bytes).into_iter().next()?.ok()
}

fn first(bytes: &[u8]) -> Option<Shape> {
    first_of::<Shape>(bytes).filter(|shape| *shape != Shape::Plain)
}

fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyShape)
    }
}

struct AnyShape;

impl<'de> Visitor<'de> for AnyShape {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Plain)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Plain)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Plain)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Plain)
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::Plain)
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Plain)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shape, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Shape::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Shape::Object)
    }
}
