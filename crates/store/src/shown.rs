//! Values, changes, modes and days as people read them.

use std::time::{Duration, UNIX_EPOCH};

use results::Head;
use runner_shared::{
    duration::show_nanos,
    text::{bytes, grouped},
    walltime::{as_float, as_whole},
};

use crate::{MetricUnit, Mode};

/// Shown where something is not known.
pub const UNKNOWN: &str = "-";
/// Larger values are shown as this one, 292 years in nanoseconds: a wrong record may hold any number, and none shall fill
/// the screen.
const MOST_SHOWN: f64 = 9.2e18;
/// The last second of the year 9999: later ones have no usual spelling.
const LAST_SECOND: u64 = 253_402_300_799;

/// Returns a value with its unit: `1.234 ms`, `1.5 KB`, `12,345`.
pub fn value(number: f64, unit: MetricUnit) -> String {
    let number = number.min(MOST_SHOWN);
    match unit {
        MetricUnit::Nanoseconds => show_nanos(number),
        MetricUnit::Bytes => bytes(as_whole(number)),
        MetricUnit::Share => format!("{:.1} %", number * 100.0),
        MetricUnit::PerSecond => format!("{}/s", plain(number)),
        MetricUnit::Cycles => format!("{} cycles", plain(number)),
        MetricUnit::Number => plain(number),
    }
}

/// Returns the word for a mode, as options have it.
pub fn mode(mode: Mode) -> &'static str {
    runner_shared::mode::Mode::from(mode).names().cli
}

/// Returns a count as a number to compute with.
pub fn float(number: usize) -> f64 {
    as_float(u64::try_from(number).unwrap_or(u64::MAX))
}

/// Returns a ratio as a change: `+3.1 %`, `-0.2 %`; from the tenfold on `12x`.
pub fn change(ratio: f64) -> String {
    if !ratio.is_finite() {
        return UNKNOWN.to_owned();
    }
    if ratio >= 10.0 {
        return format!("{ratio:.0}x");
    }
    let text = format!("{:+.1} %", (ratio - 1.0) * 100.0);
    if matches!(&*text, "+0.0 %" | "-0.0 %") { "0.0 %".to_owned() } else { text }
}

/// Returns the day of a time in milliseconds since 1970, in UTC: `2026-11-30`.
pub fn day(time_ms: u64) -> String {
    moment(time_ms).chars().take(10).collect()
}

/// Returns a time in milliseconds since 1970 as `2026-11-30T16:02:23Z`.
pub(crate) fn moment(time_ms: u64) -> String {
    let seconds = Duration::from_secs((time_ms / 1000).min(LAST_SECOND));
    humantime::format_rfc3339_seconds(UNIX_EPOCH + seconds).to_string()
}

/// Returns a point in time to the minute, in UTC: `2026-11-30 16:02`.
pub fn minute(time_ms: u64) -> String {
    moment(time_ms).chars().take(16).collect::<String>().replace('T', " ")
}

/// Returns at most so many letters of a text, with `…` at the end of what was longer.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Returns a head of a column, and how soon that goes where there is no room: 0 for never.
pub(crate) const fn head(title: &'static str, expendable: u8) -> Head {
    Head { title, expendable }
}

/// Returns the first digits of a commit, without what a stranger may have put in their place.
pub fn commit(hash: &str) -> String {
    let digits: String = hash.chars().take(9).filter(char::is_ascii_alphanumeric).collect();
    if digits.is_empty() { UNKNOWN.to_owned() } else { digits }
}

/// Returns a number in groups of three digits; small ones with two digits behind the point, if they have any.
fn plain(number: f64) -> String {
    if number < 0.0 {
        return format!("-{}", plain(-number));
    }
    if number < 1000.0 && number.fract() > 0.0 {
        return format!("{number:.2}");
    }
    grouped(as_whole(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_units() {
        for (number, unit, expected) in [
            (1.5e6, MetricUnit::Nanoseconds, "1.500 ms"),
            (1536.0, MetricUnit::Bytes, "1.5 KB"),
            (1_234_567.0, MetricUnit::Number, "1,234,567"),
            (12.5, MetricUnit::PerSecond, "12.50/s"),
            (0.8, MetricUnit::PerSecond, "0.80/s"),
            (12_000.0, MetricUnit::Cycles, "12,000 cycles"),
            (f64::MAX, MetricUnit::Number, "9,200,000,000,000,000,000"),
            (0.25, MetricUnit::Share, "25.0 %"),
            (-3.0, MetricUnit::Number, "-3"),
        ] {
            assert_eq!(value(number, unit), expected);
        }
    }

    #[test]
    fn changes_have_a_sign() {
        let all = [1.031, 0.5, 1.0, 0.9999, 12.3, f64::INFINITY].map(change);
        assert_eq!(all, ["+3.1 %", "-50.0 %", "0.0 %", "0.0 %", "12x", "-"]);
    }

    #[test]
    fn days_are_those_of_utc() {
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(moment(1_796_054_543_000), "2026-11-30T16:02:23Z");
        assert_eq!(day(u64::MAX), "9999-12-31");
        assert_eq!(minute(1_796_054_543_000), "2026-11-30 16:02");
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!([cut("äbc", 3), cut("äbcd", 3), cut("", 0)], ["äbc", "äb…", ""]);
    }

    #[test]
    fn a_commit_is_nothing_but_digits() {
        assert_eq!(commit("0123456789abcdef"), "012345678");
        assert_eq!(commit("\u{1b}[31m::x"), "31mx");
        assert_eq!(commit(""), "-");
    }
}
