//! What the version of a Valgrind says: whose build it is, and which of several is preferred.

use std::fmt;

/// The version of the fork that is pinned, as [`Build::Fork`] has it.
pub(crate) const PINNED: Build = Build::Fork { version: [3, 26, 0], iteration: 6 };
/// Older ones were never tried.
const OLDEST_TRIED: [u32; 2] = [3, 19];

/// The owner of the build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    /// `3.26.0.codspeed6`: CodSpeed's; no number at the end is iteration 0.
    Fork {
        /// Of the Valgrind it is made from.
        version: [u32; 3],
        /// Of the fork.
        iteration: u32,
    },
    /// `3.25.codspeed`: CodSpeed's, from before versions had three numbers.
    OldFork,
    /// `3.19.0`: the original.
    Stock {
        /// The first two numbers.
        version: [u32; 2],
    },
    /// Something else that calls itself Valgrind.
    Unknown,
}

impl Build {
    /// Reads what `valgrind --version` prints. Never fails: capabilities decide, not versions.
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.trim();
        let text = text.strip_prefix("valgrind-").unwrap_or(text);
        if let Some((version, iteration)) = text.split_once(".codspeed") {
            let iteration = if iteration.is_empty() { Some(0) } else { iteration.parse().ok() };
            return match (numbers(version), iteration) {
                (Some(version), Some(iteration)) => Self::Fork { version, iteration },
                (Some(_) | None, _) => Self::OldFork,
            };
        }
        let mut parts = text.split('.');
        let mut next = || parts.next()?.parse().ok();
        match (next(), next()) {
            (Some(major), Some(minor)) => Self::Stock { version: [major, minor] },
            (_, _) => Self::Unknown,
        }
    }

    /// Returns whether CodSpeed made it.
    pub(crate) const fn is_fork(self) -> bool {
        matches!(self, Self::Fork { .. } | Self::OldFork)
    }

    /// The higher the better: the fork from the pinned version on, any fork, a stock one that is
    /// new enough, anything else.
    pub(crate) fn rank(self) -> u8 {
        match self {
            Self::Fork { version, iteration } => {
                let is_new = match PINNED {
                    Self::Fork { version: pinned, iteration: least } => {
                        (version, iteration) >= (pinned, least)
                    }
                    Self::OldFork | Self::Stock { .. } | Self::Unknown => true,
                };
                if is_new { 3 } else { 2 }
            }
            Self::OldFork => 2,
            Self::Stock { version } if version >= OLDEST_TRIED => 1,
            Self::Stock { .. } | Self::Unknown => 0,
        }
    }
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fork { .. } | Self::OldFork => "CodSpeed's fork",
            Self::Stock { .. } => "stock",
            Self::Unknown => "unknown origin",
        })
    }
}

fn numbers(text: &str) -> Option<[u32; 3]> {
    let numbers: Result<Vec<u32>, _> = text.split('.').map(str::parse).collect();
    numbers.ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_apart_and_ranked() {
        let fork = |version, iteration| Build::Fork { version, iteration };
        let table = [
            ("valgrind-3.26.0.codspeed", fork([3, 26, 0], 0), 2),
            ("3.26.0.codspeed6", PINNED, 3),
            ("valgrind-3.26.0.codspeed7\n", fork([3, 26, 0], 7), 3),
            ("valgrind-3.25.codspeed", Build::OldFork, 2),
            ("valgrind-3.26.0.codspeed-x", Build::OldFork, 2),
            ("valgrind-3.99.0.codspeed", fork([3, 99, 0], 0), 3),
            ("valgrind-3.27.1", Build::Stock { version: [3, 27] }, 1),
            ("valgrind-3.19.0", Build::Stock { version: [3, 19] }, 1),
            ("valgrind-3.18.1", Build::Stock { version: [3, 18] }, 0),
            ("valgrind-3.20.0.GIT", Build::Stock { version: [3, 20] }, 1),
            ("garbage", Build::Unknown, 0),
            ("", Build::Unknown, 0),
        ];
        for (text, build, rank) in table {
            assert_eq!((Build::parse(text), Build::parse(text).rank()), (build, rank), "{text}");
        }
    }
}
