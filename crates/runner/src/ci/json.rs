//! JSON whose objects keep the order of their keys: it decides the id of a matrix job.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, SeqAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::{Map, Number, Value};

/// An object. A key that comes twice keeps its first place and gets the last value.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Object(Vec<(String, Json)>);

/// Any value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    /// `{…}`
    Object(Object),
    /// `[…]`
    Array(Vec<Json>),
    /// Everything else; neither an object nor an array.
    Scalar(Value),
}

impl Object {
    /// The object that a text is, if it is one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match serde_json::from_str(text).ok()? {
            Json::Object(object) => Some(object),
            Json::Array(_) | Json::Scalar(_) => None,
        }
    }

    /// Takes a key out; the last one moves to its place.
    pub(super) fn swap_remove(&mut self, key: &str) {
        if let Some(place) = self.place(key) {
            self.0.swap_remove(place);
        }
    }

    /// Without blanks.
    pub(super) fn compact(&self) -> String {
        // Neither an odd key nor an error of writing is possible here.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The entries with sorted keys.
    pub(super) fn to_map(&self) -> Map<String, Value> {
        self.0.iter().map(|(key, value)| (key.clone(), value.to_value())).collect()
    }

    fn place(&self, key: &str) -> Option<usize> {
        self.0.iter().position(|(name, _)| name == key)
    }

    fn insert(&mut self, key: String, value: Json) {
        match self.0.iter_mut().find(|(name, _)| *name == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key, value)),
        }
    }
}

impl Json {
    fn to_value(&self) -> Value {
        match self {
            Self::Object(object) => Value::Object(object.to_map()),
            Self::Array(values) => Value::Array(values.iter().map(Self::to_value).collect()),
            Self::Scalar(value) => value.clone(),
        }
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Object(object) => object.serialize(serializer),
            Self::Array(values) => values.serialize(serializer),
            Self::Scalar(value) => value.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Scalar(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = access.next_element()? {
            values.push(value);
        }
        Ok(Json::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut object = Object::default();
        while let Some((key, value)) = access.next_entry()? {
            object.insert(key, value);
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_order_at_every_depth() {
        let text =
            r#"{"z":{"b":[1,{"y":null,"a":-2.5}],"a":"ü\n"},"a":true,"m":18446744073709551615}"#;
        let object = Object::parse(text).unwrap();
        assert_eq!(object.compact(), text);
        let sorted =
            r#"{"a":true,"m":18446744073709551615,"z":{"a":"ü\n","b":[1,{"a":-2.5,"y":null}]}}"#;
        assert_eq!(Value::Object(object.to_map()).to_string(), sorted);
    }

    #[test]
    fn the_last_one_takes_the_place_of_what_is_removed() {
        let text = r#"{"fail-fast":true,"job-index":2,"job-total":4,"max-parallel":4}"#;
        let mut object = Object::parse(text).unwrap();
        object.swap_remove("fail-fast");
        object.swap_remove("max-parallel");
        object.swap_remove("never");
        assert_eq!(object.compact(), r#"{"job-total":4,"job-index":2}"#);
    }

    #[test]
    fn twins_are_one_and_only_objects_are_objects() {
        assert_eq!(Object::parse(r#"{"a":1,"b":2,"a":3}"#).unwrap().compact(), r#"{"a":3,"b":2}"#);
        for text in ["null", "[]", "1", "", "{", "{} {}", &"[".repeat(100_000)] {
            assert_eq!(Object::parse(text), None);
        }
    }
}
