//! Limits of the time and the number of rounds: from the user's words to checked numbers.

use runner_shared::{
    duration::{DurationError, parse_nanos},
    harness::WalltimeArgs,
    share::{Share, ShareError},
    walltime::as_float,
};

/// Warm-up when nothing is said.
const DEFAULT_WARMUP_NS: u64 = 1_000_000_000;
/// Time for all rounds when nothing is said.
const DEFAULT_MAX_TIME_NS: u64 = 3_000_000_000;
/// Most rounds when nothing is said: more don't sharpen the number, they only fill the disk.
const DEFAULT_MAX_ROUNDS: u64 = 10_000;
/// Most rounds when asked for: 100 MB of records.
const HARD_MAX_ROUNDS: u64 = 1_000_000;

/// Checked limits of a measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    /// Nanoseconds of rounds that are not counted; 0 for none.
    pub warmup_ns: u64,
    /// Least nanoseconds of measurement; 0 for none.
    pub min_time_ns: u64,
    /// Most nanoseconds of measurement.
    pub max_time_ns: Option<u64>,
    /// Least rounds; 0 for none.
    pub min_rounds: u64,
    /// Most rounds as asked for.
    pub max_rounds: Option<u64>,
    /// Most rounds in any case.
    pub round_cap: u64,
    /// Rounds that are run even if they take longer than `max_time_ns`; `round_cap` holds all the same.
    pub floor_rounds: u64,
    /// Relative half-width of the interval of the median that is good enough.
    pub target_precision: Option<f64>,
}

/// Limits that can't be met.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum LimitsError {
    /// A duration that can't be read.
    #[error("invalid value `{text}` for `{option}`")]
    Duration {
        /// The option.
        option: &'static str,
        /// The text as given.
        text: String,
        /// The form that was expected.
        #[source]
        source: DurationError,
    },
    /// A warm-up without end.
    #[error("invalid value `{text}` for `--warmup-time`: expected a finite duration")]
    EndlessWarmup {
        /// The text as given.
        text: String,
    },
    /// A precision that is no share.
    #[error("invalid value `{text}` for `--target-precision`")]
    Precision {
        /// The text as given.
        text: String,
        /// The form that was expected.
        #[source]
        source: ShareError,
    },
    /// The least time is longer than the most time.
    #[error("`--min-time` ({}) is longer than `--max-time` ({})", seconds(*min), seconds(*max))]
    Times {
        /// Nanoseconds.
        min: u64,
        /// Nanoseconds.
        max: u64,
    },
    /// More rounds at least than at most.
    #[error("`--min-rounds` ({min}) is more than `--max-rounds` ({max})")]
    Rounds {
        /// At least.
        min: u64,
        /// At most.
        max: u64,
    },
    /// A measurement without rounds.
    #[error("`{option}` is 0, but at least one round is required")]
    NoRounds {
        /// The option.
        option: &'static str,
    },
    /// Too many rounds to keep in memory.
    #[error("`{option}` is {rounds}, but at most {HARD_MAX_ROUNDS} rounds can be kept")]
    TooManyRounds {
        /// The option.
        option: &'static str,
        /// As given.
        rounds: u64,
    },
    /// Nothing says when to stop.
    #[error(
        "the measurement would never end: give at least one of `--max-time`, `--min-time`, `--max-rounds` and `--min-rounds`"
    )]
    Endless,
}

fn precision(text: &str) -> Result<f64, LimitsError> {
    let refused = |source| LimitsError::Precision { text: text.to_owned(), source };
    text.parse().map(Share::value).map_err(refused)
}

fn seconds(nanos: u64) -> String {
    format!("{:.2} s", as_float(nanos) / 1e9)
}

impl Limits {
    /// Checks what the user asked for and adds the defaults.
    pub(crate) fn resolve(args: &WalltimeArgs) -> Result<Self, LimitsError> {
        let WalltimeArgs { warmup_time, max_time, min_time, max_rounds, min_rounds, .. } = args;
        let nanos = |option, text: &Option<String>| {
            let Some(text) = text else { return Ok(None) };
            let refused = |source| LimitsError::Duration { option, text: text.clone(), source };
            parse_nanos(text).map(Some).map_err(refused)
        };
        let warmup_ns = nanos("--warmup-time", warmup_time)?.unwrap_or(DEFAULT_WARMUP_NS);
        if warmup_ns == u64::MAX {
            let text = warmup_time.clone().unwrap_or_default();
            return Err(LimitsError::EndlessWarmup { text });
        }
        let min_time_ns = nanos("--min-time", min_time)?.unwrap_or(0);
        let given_max_time = nanos("--max-time", max_time)?;
        let nothing_given = min_time.is_none() && min_rounds.is_none() && max_rounds.is_none();
        let max_time_ns = match given_max_time {
            None if nothing_given => Some(DEFAULT_MAX_TIME_NS),
            None | Some(0 | u64::MAX) => None,
            Some(nanos) => Some(nanos),
        };
        if let Some(max) = max_time_ns.filter(|max| min_time_ns > *max) {
            return Err(LimitsError::Times { min: min_time_ns, max });
        }
        for (option, rounds) in [("--min-rounds", *min_rounds), ("--max-rounds", *max_rounds)] {
            match rounds {
                Some(0) => return Err(LimitsError::NoRounds { option }),
                Some(rounds) if rounds > HARD_MAX_ROUNDS => {
                    return Err(LimitsError::TooManyRounds { option, rounds });
                }
                Some(_) | None => {}
            }
        }
        if let (Some(min), Some(max)) = (*min_rounds, *max_rounds)
            && min > max
        {
            return Err(LimitsError::Rounds { min, max });
        }
        if nothing_given && max_time_ns.is_none() {
            return Err(LimitsError::Endless);
        }
        let asks_for_more = min_time_ns > 0 || min_rounds.is_some();
        let default_cap = if asks_for_more { HARD_MAX_ROUNDS } else { DEFAULT_MAX_ROUNDS };
        Ok(Self {
            warmup_ns,
            min_time_ns,
            max_time_ns,
            min_rounds: min_rounds.unwrap_or(0),
            max_rounds: *max_rounds,
            round_cap: max_rounds.unwrap_or(default_cap),
            floor_rounds: 1,
            target_precision: args
                .target_precision
                .as_ref()
                .map(|text| precision(text))
                .transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(pairs: &[(&str, &str)]) -> WalltimeArgs {
        let mut args = WalltimeArgs::default();
        for (key, value) in pairs {
            let text = Some((*value).to_owned());
            match *key {
                "warmup" => args.warmup_time = text,
                "max_time" => args.max_time = text,
                "min_time" => args.min_time = text,
                "max_rounds" => args.max_rounds = value.parse().ok(),
                "min_rounds" => args.min_rounds = value.parse().ok(),
                "precision" => args.target_precision = text,
                other => panic!("{other}"),
            }
        }
        args
    }

    fn resolve(pairs: &[(&str, &str)]) -> Result<Limits, String> {
        Limits::resolve(&args(pairs)).map_err(|err| {
            let source = std::error::Error::source(&err).map(|err| format!(": {err}"));
            format!("{err}{}", source.unwrap_or_default())
        })
    }

    #[test]
    fn the_default_is_1_s_of_warm_up_and_3_s_of_measurement() {
        let limits = resolve(&[]).unwrap();
        assert_eq!((limits.warmup_ns, limits.max_time_ns), (1_000_000_000, Some(3_000_000_000)));
        assert_eq!((limits.min_rounds, limits.max_rounds, limits.round_cap), (0, None, 10_000));
        assert_eq!(resolve(&[("min_rounds", "3")]).unwrap().max_time_ns, None);
        assert_eq!(resolve(&[("min_time", "1m")]).unwrap().round_cap, 1_000_000);
        let endless = resolve(&[("max_time", "inf"), ("max_rounds", "5")]).unwrap();
        assert_eq!((endless.max_time_ns, endless.round_cap), (None, 5));
        assert_eq!(resolve(&[("precision", "1%")]).unwrap().target_precision, Some(0.01));
    }

    #[test]
    fn what_cannot_be_met_is_refused() {
        let messages: Vec<String> = [
            &[("min_time", "2s"), ("max_time", "1")][..],
            &[("min_rounds", "5"), ("max_rounds", "4")],
            &[("max_time", "0")],
            &[("max_time", "0"), ("warmup", "0")],
            &[("warmup", "inf"), ("max_rounds", "1")],
            &[("max_time", "soon")],
            &[("min_time", "-1")],
            &[("max_rounds", "18446744073709551615")],
            &[("max_rounds", "0")],
            &[("min_rounds", "0"), ("max_rounds", "3")],
            &[("max_time", "1e-10")],
            &[("precision", "200%")],
        ]
        .iter()
        .map(|pairs| resolve(pairs).unwrap_err())
        .collect();
        insta::assert_snapshot!(messages.join("\n"));
    }

    #[test]
    fn mixed_dimensions_are_allowed() {
        assert!(resolve(&[("min_time", "1s"), ("max_rounds", "5")]).is_ok());
        assert!(resolve(&[("max_time", "1s"), ("min_rounds", "5")]).is_ok());
    }
}
