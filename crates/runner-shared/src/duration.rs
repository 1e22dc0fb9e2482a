//! Durations as users write them: `1.5` (seconds), `300ms`, `1m 30s`.

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// A number below zero, or not a number.
    #[error("expected a duration of zero or more")]
    Negative,
    /// Above zero, but below the smallest step of our clocks: it would silently become zero.
    #[error("expected zero or at least a nanosecond")]
    TooShort,
    /// Neither a number nor a list of numbers with units.
    #[error("expected a duration such as `3s`, `300ms` or `1m 30s`")]
    Malformed,
}

/// Nanoseconds in `text`: a bare number is seconds, anything else a list like `1m 30s`.
///
/// Times longer than `u64` nanoseconds (584 years) saturate, so `inf` means "without end".
pub fn parse_nanos(text: &str) -> Result<u64, DurationError> {
    let trimmed = text.trim();
    if let Ok(seconds) = trimmed.parse::<f64>() {
        if seconds.is_nan() || seconds < 0.0 {
            return Err(DurationError::Negative);
        }
        if 0.0 < seconds && seconds * 1e9 < 1.0 {
            return Err(DurationError::TooShort);
        }
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative; float to integer casts truncate and saturate, as specified"
        )]
        return Ok((seconds * 1e9) as u64);
    }
    let parsed =
        humantime::parse_duration(trimmed).map_err(|_unparsed| DurationError::Malformed)?;
    Ok(u64::try_from(parsed.as_nanos()).unwrap_or(u64::MAX))
}

/// Nanoseconds for people: four significant digits and a unit, as in `1.234 ms`.
pub fn show_nanos(nanos: f64) -> String {
    const UNITS: &[(f64, &str)] = &[(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")];
    if !nanos.is_finite() || nanos <= 0.0 {
        return "0 ns".to_owned();
    }
    // 999.96 µs would be shown as `1000.0 µs`: what rounds up to the next unit is shown in it.
    let (scale, unit) =
        UNITS.iter().find(|(scale, _)| nanos / scale >= 0.999_95).copied().unwrap_or((1.0, "ns"));
    let value = nanos / scale;
    let decimals = match value {
        _ if value < 9.9995 => 3,
        _ if value < 99.995 => 2,
        _ => 1,
    };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_with_four_digits() {
        let shown: Vec<_> =
            [0.0, 0.5, 1.0, 12.0, 999.97, 1234.5, 532_100.0, 999_960.0, 5e9, 1.5e12]
                .into_iter()
                .map(show_nanos)
                .collect();
        let expected = [
            "0 ns",
            "0.500 ns",
            "1.000 ns",
            "12.00 ns",
            "1.000 µs",
            "1.234 µs",
            "532.1 µs",
            "1.000 ms",
            "5.000 s",
            "1500.0 s",
        ];
        assert_eq!(shown, expected);
    }

    #[track_caller]
    fn parses(text: &str, nanos: u64) {
        assert_eq!(parse_nanos(text), Ok(nanos), "for {text:?}");
    }

    #[test]
    fn numbers_are_seconds_and_everything_else_has_units() {
        parses("1", 1_000_000_000);
        parses(" 0.5 ", 500_000_000);
        parses(".5", 500_000_000);
        parses("1e-3", 1_000_000);
        parses("0", 0);
        parses("inf", u64::MAX);
        parses("1s500ms", 1_500_000_000);
        parses("1m 30s", 90_000_000_000);
        parses("1.5s", 1_500_000_000);
        parses("7ns", 7);
        parses("7nsec", 7);
        parses("3us", 3_000);
        parses("3µs", 3_000);
        parses("3usec", 3_000);
        parses("2 millis", 2_000_000);
        parses("2msec", 2_000_000);
        parses("1min", 60_000_000_000);
        parses("1hr", 3_600_000_000_000);
        parses("2 hours", 7_200_000_000_000);
        parses("1d", 86_400_000_000_000);
        parses("1wk", 604_800_000_000_000);
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", " ", "abc", "5 parsecs", "1s 5", "1.0000000001s", "--3"] {
            assert_eq!(parse_nanos(text), Err(DurationError::Malformed), "{text:?}");
        }
        assert_eq!(parse_nanos("1e-10"), Err(DurationError::TooShort));
        for text in ["-1", "nan", "-inf"] {
            assert_eq!(parse_nanos(text), Err(DurationError::Negative));
        }
    }
}
