//! The day on which a waiver ends.

use std::{fmt, str::FromStr};

/// A day, as in `2026-12-31`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(String);

/// A text that is no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a day such as `2026-12-31`")]
pub struct DayError;

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let midnight = format!("{text}T00:00:00Z");
        humantime::parse_rfc3339(&midnight).map_err(|_unparsed| DayError)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Day {
    /// Returns the day of a time in milliseconds since 1970, in UTC.
    pub fn of(time_ms: u64) -> Self {
        Self(crate::shown::day(time_ms))
    }
}
