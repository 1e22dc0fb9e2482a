//! The walltime results JSON that every integration writes and the service reads, and its statistics.

mod noise;
mod some;
mod stats;

use serde::{Deserialize, Deserializer, Serialize};

pub use noise::{Drift, Groups, NOISY_SHARE, Noise, NoiseVerdict, judge_noise, judge_times};
pub use stats::{BenchmarkStats, as_float, as_whole, median, median_half_width, quantile, sorted};

/// `results/<pid>.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WalltimeResults {
    /// The integration that wrote the file.
    pub creator: Creator,
    /// The instrument that measured.
    pub instrument: Instrument,
    /// One entry per benchmark.
    pub benchmarks: Vec<WalltimeBenchmark>,
}

impl WalltimeResults {
    /// Reads results of which only those benchmarks are kept that `keep` wants: all are looked at, one after the other.
    ///
    /// # Errors
    ///
    /// As those of any deserialisation, for what is not kept as well.
    pub fn deserialize_some<'de, D: Deserializer<'de>>(
        from: D,
        keep: &mut dyn FnMut(&WalltimeBenchmark) -> bool,
    ) -> Result<Self, D::Error> {
        from.deserialize_map(some::Results(keep))
    }
}

/// The integration that wrote a results file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Creator {
    /// For example `pytest-codspeed`.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// Process that wrote the file.
    #[serde(deserialize_with = "whole_number")]
    pub pid: u32,
}

/// The instrument of a results file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// `walltime`; pytest writes `analysis` in the other modes.
    #[serde(rename = "type")]
    pub kind: String,
}

/// One benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WalltimeBenchmark {
    /// Name as shown.
    pub name: String,
    /// Identity.
    pub uri: String,
    /// The settings of the benchmark.
    pub config: BenchmarkConfig,
    /// The statistics of the measurement.
    pub stats: BenchmarkStats,
}

/// The settings of a benchmark; integrations leave out what they don't know.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BenchmarkConfig {
    /// Nanoseconds of warm-up.
    #[serde(default)]
    pub warmup_time_ns: Option<f64>,
    /// Shortest allowed round in nanoseconds.
    #[serde(default)]
    pub min_round_time_ns: Option<f64>,
    /// Nanoseconds for all rounds.
    #[serde(default)]
    pub max_time_ns: Option<f64>,
    /// Most rounds.
    #[serde(default, deserialize_with = "whole_number_or_nothing")]
    pub max_rounds: Option<u64>,
}

/// An integer, also when it is written as `5.0`: some clients do.
fn whole_number<'de, D: Deserializer<'de>, N: TryFrom<u64>>(json: D) -> Result<N, D::Error> {
    let number = serde_json::Number::deserialize(json)?;
    number
        .as_u64()
        .or_else(|| number.as_f64().and_then(integral))
        .and_then(|whole| N::try_from(whole).ok())
        .ok_or_else(|| serde::de::Error::custom(format!("`{number}` is not a count")))
}

fn whole_number_or_nothing<'de, D: Deserializer<'de>>(json: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    struct Whole(#[serde(deserialize_with = "whole_number")] u64);
    Ok(Option::<Whole>::deserialize(json)?.map(|Whole(number)| number))
}

fn integral(number: f64) -> Option<u64> {
    // 2^53: up to here every integer is a float.
    let in_range = (0.0..=9_007_199_254_740_992.0).contains(&number) && number.fract() == 0.0;
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, not negative and within 53 bits"
    )]
    in_range.then_some(number as u64)
}

/// No measurement takes longer, in nanoseconds: thirty years.
const LONGEST_NS: f64 = 1e18;

/// A time that something may have taken.
fn duration<'de, D: Deserializer<'de>>(json: D) -> Result<f64, D::Error> {
    within(json, 0.0)
}

/// The same, but of two very different rounds, a quartile is estimated to lie outside, and may lie below zero.
fn quartile<'de, D: Deserializer<'de>>(json: D) -> Result<f64, D::Error> {
    within(json, -LONGEST_NS)
}

fn within<'de, D: Deserializer<'de>>(json: D, least: f64) -> Result<f64, D::Error> {
    let number = f64::deserialize(json)?;
    if (least..=LONGEST_NS).contains(&number) {
        return Ok(number);
    }
    Err(serde::de::Error::custom(format!("{number:e} is not a duration")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_neither_negative_nor_longer_than_a_life() {
        #[derive(Debug, Deserialize)]
        struct Duration(#[serde(deserialize_with = "duration")] f64);
        #[derive(Deserialize)]
        struct Quartile(#[serde(deserialize_with = "quartile")] f64);
        let quartile = |text: &str| serde_json::from_str(text).map(|Quartile(it)| it).ok();
        for (text, number) in [("0", 0.0), ("12.5", 12.5)] {
            let Duration(read) = serde_json::from_str(text).unwrap();
            assert!((read - number).abs() < f64::EPSILON, "{read}");
        }
        for (text, shown) in [("1e308", "1e308"), ("-1", "-1e0"), ("-1e-9", "-1e-9")] {
            let err = serde_json::from_str::<Duration>(text).unwrap_err().to_string();
            assert!(err.starts_with(&format!("{shown} is not a duration")), "{err}");
        }
        assert_eq!((quartile("-2.5"), quartile("-1e308")), (Some(-2.5), None));
    }

    #[test]
    fn integral_floats_are_counts_and_others_are_not() {
        let config = |text: &str| {
            serde_json::from_str::<BenchmarkConfig>(&format!("{{\"max_rounds\":{text}}}"))
                .map(|config| config.max_rounds)
                .ok()
        };
        assert_eq!(config("5"), Some(Some(5)));
        assert_eq!(config("5.0"), Some(Some(5)));
        assert_eq!(config("null"), Some(None));
        assert_eq!(config("5.5"), None);
        assert_eq!(config("-1"), None);
        assert_eq!(config("\"5\""), None);
        assert_eq!(config("1e300"), None);
    }
}
