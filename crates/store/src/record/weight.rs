//! The memory that the JSON of a record will take, before it does: a map of one value takes as much as one of eleven.

use std::fmt;

use runner_shared::artifact::weigh_json;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// Bytes of JSON whose values never take too much: each byte takes at most 90.
const LIGHT: usize = 1 << 20;
/// Bytes of a map, and of a list, beyond those that each value counts: they have room for several.
const MAP: u64 = 640;
const LIST: u64 = 128;

/// Returns about what the values of the JSON of a record take in memory, in bytes; 0 if they never take too much.
///
/// # Errors
///
/// If it is no JSON of a record.
pub(crate) fn weight(json: &[u8]) -> Result<u64, serde_json::Error> {
    if json.len() <= LIGHT { Ok(0) } else { whole_weight(json) }
}

/// The same of JSON of any length.
///
/// # Errors
///
/// If it is no JSON of a record.
pub(crate) fn whole_weight(json: &[u8]) -> Result<u64, serde_json::Error> {
    let Outline { verdicts: Rooms(verdicts), environment, parts } = serde_json::from_slice(json)?;
    let environments = parts.into_iter().filter_map(|Area { environment }| environment);
    let languages =
        environments.chain(environment).map(|Machine { languages: Rooms(bytes) }| bytes);
    let rooms = languages.fold(verdicts, u64::saturating_add);
    Ok(weigh_json(json)?.saturating_add(rooms))
}

/// That of a record in which maps and lists are nested by others.
#[derive(Deserialize)]
struct Outline {
    #[serde(default)]
    verdicts: Rooms,
    environment: Option<Machine>,
    #[serde(default)]
    parts: Vec<Area>,
}

#[derive(Deserialize)]
struct Area {
    environment: Option<Machine>,
}

#[derive(Deserialize)]
struct Machine {
    #[serde(default)]
    languages: Rooms,
}

/// Bytes of all maps and lists in a value.
#[derive(Default)]
struct Rooms(u64);

impl<'de> Deserialize<'de> for Rooms {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Count)
    }
}

struct Count;

/// A value without parts.
macro_rules! scalars {
    ($($visit:ident: $type:ty),+) => {
        $(fn $visit<E>(self, _: $type) -> Result<Rooms, E> {
            Ok(Rooms(0))
        })+
    };
}

impl<'de> Visitor<'de> for Count {
    type Value = Rooms;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E>(self) -> Result<Rooms, E> {
        Ok(Rooms(0))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Rooms, A::Error> {
        let mut sum = LIST;
        while let Some(Rooms(bytes)) = list.next_element()? {
            sum = sum.saturating_add(bytes);
        }
        Ok(Rooms(sum))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rooms, A::Error> {
        let mut sum = MAP;
        while let Some((IgnoredAny, Rooms(bytes))) = map.next_entry()? {
            sum = sum.saturating_add(bytes);
        }
        Ok(Rooms(sum))
    }
}

#[cfg(test)]
mod tests {
    use runner_shared::bounds::RECORD_VALUES_BYTES;

    use super::*;

    #[track_caller]
    fn is_heavy(json: &str) {
        let weight = weight(json.as_bytes()).unwrap();
        assert!(weight > RECORD_VALUES_BYTES, "{weight}");
    }

    #[test]
    fn lists_of_nothing_are_heavy() {
        let empty = "\"\",".repeat(7 << 20);
        is_heavy(&format!("{{\"command\":[{empty}\"\"]}}"));
    }

    #[test]
    fn nested_maps_and_lists_count_with_their_room() {
        let maps = "{\"a\":0},".repeat(200_000);
        is_heavy(&format!("{{\"verdicts\":[{{\"found\":[{maps}0]}}]}}"));
        let lists = "[0],".repeat(800_000);
        is_heavy(&format!("{{\"verdicts\":[{{\"found\":[{lists}0]}}]}}"));
        let languages = (0..200_000).map(|number| format!("\"{number}\":{{\"a\":\"\"}}"));
        let languages = languages.collect::<Vec<_>>().join(",");
        is_heavy(&format!("{{\"parts\":[{{\"environment\":{{\"languages\":{{{languages}}}}}}}]}}"));
    }

    #[test]
    fn many_rounds_are_light_enough() {
        let rounds = "1234567.25,".repeat(1_000_000);
        let json = format!("{{\"parts\":[{{}}],\"verdicts\":[],\"x\":[{rounds}0]}}");
        assert!((16_000_000..RECORD_VALUES_BYTES).contains(&weight(json.as_bytes()).unwrap()));
    }
}
