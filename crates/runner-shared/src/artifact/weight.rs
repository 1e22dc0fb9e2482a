//! The memory that the values of a file will take, before they do: an array of a million small numbers needs eight times
//! the bytes of its file.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Bytes for a value of any kind: the largest of them are the heads of texts and lists, of which each comes with others.
const VALUE: u64 = 16;

/// Bytes that the values of a file take at most, about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Weight(pub(super) u64);

impl Weight {
    const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    fn of_text(length: usize) -> Self {
        Self(VALUE.saturating_add(u64::try_from(length).unwrap_or(u64::MAX)))
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Weigh)
    }
}

struct Weigh;

/// A value without parts.
macro_rules! scalars {
    ($($visit:ident: $type:ty),+) => {
        $(fn $visit<E: Error>(self, _: $type) -> Result<Weight, E> {
            Ok(Weight(VALUE))
        })+
    };
}

impl<'de> Visitor<'de> for Weigh {
    type Value = Weight;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    scalars!(visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128, visit_f64: f64);

    fn visit_unit<E: Error>(self) -> Result<Weight, E> {
        Ok(Weight(VALUE))
    }

    fn visit_none<E: Error>(self) -> Result<Weight, E> {
        Ok(Weight(VALUE))
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Weight, D::Error> {
        Weight::deserialize(from)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Weight, D::Error> {
        Weight::deserialize(from)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Weight, E> {
        Ok(Weight::of_text(text.len()))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Weight, E> {
        Ok(Weight::of_text(bytes.len()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Weight, A::Error> {
        let mut sum = Weight(VALUE);
        while let Some(weight) = list.next_element::<Weight>()? {
            sum = sum.plus(weight);
        }
        Ok(sum)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Weight, A::Error> {
        let mut sum = Weight(VALUE);
        while let Some((key, value)) = map.next_entry::<Weight, Weight>()? {
            sum = sum.plus(key).plus(value);
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_with_too_many_values_is_not_read() {
        let text = format!("[{}1]", "1,".repeat(1000));
        let read = |most| super::super::read_json::<Vec<u8>>(text.as_bytes(), most);
        assert_eq!(read(1 << 20).unwrap().len(), 1001);
        let err = read(8 << 10).unwrap_err().to_string();
        assert_eq!(err, "its values would take more than 8 KiB of memory");
    }

    #[test]
    fn every_value_counts_and_texts_with_their_length() {
        let weigh =
            |json: &str| serde_json::from_str::<Weight>(json).map(|Weight(bytes)| bytes).ok();
        assert_eq!(weigh("[1, 2.5, null, true]"), Some(5 * VALUE));
        assert_eq!(weigh(r#"{"a":"bcd"}"#), Some(3 * VALUE + 4));
        assert_eq!(weigh("[1"), None);
    }
}
