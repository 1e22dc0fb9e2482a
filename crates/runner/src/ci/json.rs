//! JSON whose objects keep the order of their keys: it decides the id of a matrix job.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An object. A key that comes twice keeps its first place and gets the last value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Object(IndexMap<String, Json>);

/// Any value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Json {
    Object(Object),
    Array(Vec<Self>),
    /// Everything else; neither an object nor an array.
    Scalar(Value),
}

impl Object {
    /// The object that a text is, if it is one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Takes a key out; the last one moves to its place.
    pub(super) fn swap_remove(&mut self, key: &str) {
        self.0.swap_remove(key);
    }

    /// Without blanks.
    pub(super) fn compact(&self) -> String {
        // Neither an odd key nor an error of writing is possible here.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The entries with sorted keys.
    pub(super) fn to_map(&self) -> Map<String, Value> {
        let entry =
            |(key, value): (&String, &Json)| Some((key.clone(), serde_json::to_value(value).ok()?));
        self.0.iter().filter_map(entry).collect()
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
