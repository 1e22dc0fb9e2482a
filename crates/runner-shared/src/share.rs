//! Shares as users write them: `3%` or `0.03`.

use std::{fmt, str::FromStr};

use crate::walltime::as_float;

/// A share above 0 and below 1, to a millionth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    millionths: u32,
}

/// A text that is no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a share between 0 and 100 % such as `1%` or `0.01`")]
pub struct ShareError;

impl Share {
    /// 3 %.
    pub const THREE_PERCENT: Self = Self { millionths: 30_000 };

    /// As a number: 0.03 is 3 %.
    pub fn value(self) -> f64 {
        as_float(u64::from(self.millionths)) / 1e6
    }
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let trimmed = text.trim();
        let parsed = match trimmed.strip_suffix('%') {
            Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
            None => trimmed.parse(),
        };
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and a million; no number becomes 0, which is refused"
        )]
        let millionths = parsed.map_or(0, |share| (share.clamp(0.0, 1.0) * 1e6).round() as u32);
        if !(1..1_000_000).contains(&millionths) {
            return Err(ShareError);
        }
        Ok(Self { millionths })
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.millionths) / 1e4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_and_fractions_are_shares() {
        for text in ["3%", " 3 % ", "0.03", ".03", "3e-2"] {
            assert_eq!(text.parse(), Ok(Share::THREE_PERCENT), "{text}");
        }
        for text in ["", "%", "0", "0%", "100%", "1", "-3%", "3 percent", "nan", "inf%", "1e-9"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
        assert_eq!("0.5%".parse::<Share>().unwrap().to_string(), "0.5%");
        assert_eq!(Share::THREE_PERCENT.to_string().parse(), Ok(Share::THREE_PERCENT));
    }
}
