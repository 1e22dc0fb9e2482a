//! Reads results and keeps some of their benchmarks: there may be more of them than memory has room for.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{WalltimeBenchmark, WalltimeResults};

/// Tells which benchmarks are kept.
type Keep<'a> = &'a mut dyn FnMut(&WalltimeBenchmark) -> bool;

/// The whole file.
pub(super) struct Results<'a>(pub Keep<'a>);

impl<'de> Visitor<'de> for Results<'_> {
    type Value = WalltimeResults;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("struct WalltimeResults")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WalltimeResults, A::Error> {
        let (mut creator, mut instrument, mut benchmarks) = (None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            let is_new = match &*key {
                "creator" => creator.replace(map.next_value()?).is_none(),
                "instrument" => instrument.replace(map.next_value()?).is_none(),
                "benchmarks" => {
                    benchmarks.replace(map.next_value_seed(Benchmarks(&mut *self.0))?).is_none()
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    true
                }
            };
            if !is_new {
                return Err(A::Error::custom(format!("duplicate field `{key}`")));
            }
        }
        Ok(WalltimeResults {
            creator: creator.ok_or_else(|| A::Error::missing_field("creator"))?,
            instrument: instrument.ok_or_else(|| A::Error::missing_field("instrument"))?,
            benchmarks: benchmarks.ok_or_else(|| A::Error::missing_field("benchmarks"))?,
        })
    }
}

/// The list of benchmarks.
struct Benchmarks<'a>(Keep<'a>);

impl<'de> DeserializeSeed<'de> for Benchmarks<'_> {
    type Value = Vec<WalltimeBenchmark>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Benchmarks<'_> {
    type Value = Vec<WalltimeBenchmark>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        while let Some(benchmark) = list.next_element()? {
            if (self.0)(&benchmark) {
                kept.push(benchmark);
            }
        }
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_are_not_wanted_are_read_and_not_kept() {
        let bench = |name: &str| {
            format!(
                r#"{{"name":"{name}","uri":"{name}","config":{{}},"stats":{{"min_ns":1,"max_ns":1,"mean_ns":1,"stdev_ns":0,"q1_ns":1,"median_ns":1,"q3_ns":1,"rounds":1,"total_time":1,"iqr_outlier_rounds":0,"stdev_outlier_rounds":0,"iter_per_round":1,"warmup_iters":0}}}}"#
            )
        };
        let text = |benchmarks: &str| {
            format!(
                r#"{{"creator":{{"name":"x","version":"1","pid":1}},"more":[1],"instrument":{{"type":"walltime"}},"benchmarks":[{benchmarks}]}}"#
            )
        };
        let read = |text: &str| {
            let mut json = serde_json::Deserializer::from_str(text);
            WalltimeResults::deserialize_some(&mut json, &mut |of| of.name != "b")
        };
        let results = read(&text(&["a", "b", "c"].map(bench).join(","))).unwrap();
        let names: Vec<&str> = results.benchmarks.iter().map(|of| &*of.name).collect();
        assert_eq!(names, ["a", "c"]);
        assert!(read(&text(r#"{"name":"b"}"#)).is_err(), "what is not kept has to be right, too");
        assert!(read("{}").unwrap_err().to_string().starts_with("missing field `creator`"));
        let twice = r#"{"benchmarks":[],"benchmarks":[]}"#;
        assert!(read(twice).unwrap_err().to_string().starts_with("duplicate field"));
    }
}
