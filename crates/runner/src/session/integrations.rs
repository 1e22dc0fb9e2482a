//! Which integrations can be measured in memory mode: a table. Older ones would measure time and call it memory.

use std::fmt;

/// The oldest version of an integration that knows a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MinimumVersion {
    /// As it announces itself.
    name: &'static str,
    /// Its name among users, where that differs.
    known_as: &'static str,
    /// Major, minor, patch.
    version: [u64; 3],
}

const fn since(name: &'static str, known_as: &'static str, version: [u64; 3]) -> MinimumVersion {
    MinimumVersion { name, known_as, version }
}

/// Those that run a benchmark once when the mode is memory.
pub(super) const MEMORY_INTEGRATIONS: &[MinimumVersion] = &[
    since("codspeed-rust", "cargo-codspeed and its libraries", [4, 2, 0]),
    since("codspeed-cpp", "google_benchmark of codspeed-cpp", [2, 1, 0]),
    since("pytest-codspeed", "", [4, 3, 0]),
    since("codspeed-node", "@codspeed/vitest-plugin and alike", [5, 2, 0]),
    since("exec-harness", "", [1, 0, 0]),
];

/// An integration that can't be measured in memory mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IntegrationError {
    /// Too old.
    #[error("{name} {version} doesn't support memory mode; {} or newer is required", shown(needed))]
    TooOld {
        /// As it announced itself.
        name: String,
        /// The same.
        version: String,
        /// The minimum version.
        needed: [u64; 3],
    },
    /// A version that isn't one.
    #[error(
        "{name} reports the invalid version `{version}`; {} or newer is required",
        shown(needed)
    )]
    Odd {
        /// As it announced itself.
        name: String,
        /// The same.
        version: String,
        /// The minimum version.
        needed: [u64; 3],
    },
    /// Not in the table.
    #[error("the integration `{name}` doesn't support memory mode")]
    Unknown {
        /// As it announced itself.
        name: String,
    },
}

impl IntegrationError {
    /// Returns what the user can do.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::TooOld { .. } | Self::Odd { .. } => {
                "update the integration in your project, or measure in another mode".to_owned()
            }
            Self::Unknown { .. } => {
                format!(
                    "memory mode supports {}; use `codspeed exec -m memory -- COMMAND` to measure any command",
                    known()
                )
            }
        }
    }
}

/// All that memory mode knows, for a sentence.
pub(super) fn known() -> String {
    MEMORY_INTEGRATIONS.iter().map(MinimumVersion::to_string).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for MinimumVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, known_as, version } = self;
        write!(f, "{name} {}", shown(version))?;
        if known_as.is_empty() { Ok(()) } else { write!(f, " ({known_as})") }
    }
}

/// Returns whether an integration is good enough. A pre-release counts as the release: it is newer than the one before.
pub(super) fn check(
    list: &[MinimumVersion],
    name: &str,
    version: &str,
) -> Result<(), IntegrationError> {
    let name = name.to_owned();
    let Some(minimum) = list.iter().find(|known| known.name == name) else {
        return Err(IntegrationError::Unknown { name });
    };
    let needed = minimum.version;
    match numbers(version) {
        Some(numbers) if numbers >= needed => Ok(()),
        Some(_) => Err(IntegrationError::TooOld { name, version: version.to_owned(), needed }),
        None => Err(IntegrationError::Odd { name, version: version.to_owned(), needed }),
    }
}

fn shown([major, minor, patch]: &[u64; 3]) -> String {
    format!("{major}.{minor}.{patch}")
}

/// The three numbers of a version of any ecosystem: `4.3.0`, `v5.2`, `4.3.0-beta.1`, `4.3.0b1.dev2`.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let version = version.trim();
    let mut parts = version.strip_prefix('v').unwrap_or(version).split('.');
    let mut next = || {
        let part = parts.next()?;
        let end = part.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(part.len());
        part.get(..end)?.parse::<u64>().ok()
    };
    let major = next()?;
    Some([major, next().unwrap_or(0), next().unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_all_ecosystems_are_compared() {
        let check = |version| check(MEMORY_INTEGRATIONS, "pytest-codspeed", version);
        for fine in ["4.3.0", "4.3", "5", "v4.10.1", "4.3.0b1", "4.3.0-beta.1", " 10.0.0.dev3+g1 "]
        {
            assert_eq!(check(fine), Ok(()), "{fine}");
        }
        for old in ["4.2.9", "4.2.99-rc.1", "3.100.100", "0", "4.2b1.9"] {
            assert!(matches!(check(old), Err(IntegrationError::TooOld { .. })), "{old}");
        }
        for odd in ["", "unknown", ".1", "-1.2", "99999999999999999999999.0.0"] {
            assert!(matches!(check(odd), Err(IntegrationError::Odd { .. })), "{odd}");
        }
    }

    #[test]
    fn every_refusal_says_what_is_needed() {
        let text = |name, version| {
            let err = check(MEMORY_INTEGRATIONS, name, version).unwrap_err();
            format!("{err}\n{}", err.hint())
        };
        let texts = [
            text("codspeed-node", "5.1.9"),
            text("codspeed-cpp", "?"),
            text("codspeed-go", "1.0.0"),
        ];
        insta::assert_snapshot!(texts.join("\n"));
    }
}
