//! The ways to measure, and every spelling that each has on a boundary.

use std::fmt;

/// A way to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// Instruction counts under Valgrind.
    Simulation,
    /// Real time.
    Walltime,
    /// Allocations.
    Memory,
}

/// Every name that a mode has on a boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModeNames {
    /// The name that a user types and reads.
    pub cli: &'static str,
    /// Older spellings that are still understood.
    pub aliases: &'static [&'static str],
    /// Value of `CODSPEED_RUNNER_MODE` for the benchmark; old clients know only this spelling.
    pub env: &'static str,
    /// Name of the executor in uploads.
    pub executor: &'static str,
}

/// All modes with their names, in the order in which they are shown.
pub const MODES: &[(Mode, ModeNames)] = &[
    (
        Mode::Simulation,
        ModeNames {
            cli: "simulation",
            aliases: &["instrumentation"],
            env: "instrumentation",
            executor: "valgrind",
        },
    ),
    (
        Mode::Walltime,
        ModeNames { cli: "walltime", aliases: &[], env: "walltime", executor: "walltime" },
    ),
    (Mode::Memory, ModeNames { cli: "memory", aliases: &[], env: "memory", executor: "memory" }),
];

/// A word that names no mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown mode `{word}`; the modes are `simulation`, `walltime` and `memory`")]
pub struct UnknownMode {
    /// The word as it was given.
    pub word: String,
}

impl Mode {
    /// The row of [`MODES`] of this mode.
    pub const fn names(self) -> ModeNames {
        let index = match self {
            Self::Simulation => 0,
            Self::Walltime => 1,
            Self::Memory => 2,
        };
        #[expect(clippy::indexing_slicing, reason = "the table has a row for each variant")]
        MODES[index].1
    }

    /// Reads the word that a user typed, or an older spelling of it.
    pub fn parse(word: &str) -> Result<Self, UnknownMode> {
        MODES
            .iter()
            .find(|(_, names)| names.cli == word || names.aliases.contains(&word))
            .map(|(mode, _)| *mode)
            .ok_or_else(|| UnknownMode { word: word.to_owned() })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.names().cli)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_has_the_row_that_names_it() {
        for (mode, names) in MODES {
            assert_eq!(mode.names(), *names);
            assert_eq!(Mode::parse(names.cli), Ok(*mode));
            for alias in names.aliases {
                assert_eq!(Mode::parse(alias), Ok(*mode));
            }
        }
        assert!(Mode::parse("Walltime").is_err(), "names are lower case");
    }
}
