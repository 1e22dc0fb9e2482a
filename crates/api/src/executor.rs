//! The names that the service has for the modes.

use runner_shared::mode::{MODES, Mode};
use serde::{Deserialize, Serialize};

/// The instrument that measured, as the service names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Executor {
    /// Simulation mode.
    Valgrind,
    /// Walltime mode.
    Walltime,
    /// Memory mode.
    Memory,
}

impl From<Mode> for Executor {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Simulation => Self::Valgrind,
            Mode::Walltime => Self::Walltime,
            Mode::Memory => Self::Memory,
        }
    }
}

impl From<Executor> for Mode {
    fn from(executor: Executor) -> Self {
        match executor {
            Executor::Valgrind => Self::Simulation,
            Executor::Walltime => Self::Walltime,
            Executor::Memory => Self::Memory,
        }
    }
}

impl Executor {
    /// Reads a word of the service; none if we don't know it.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        let (mode, _) = MODES.iter().find(|(_, names)| names.executor == word)?;
        Some((*mode).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_has_one_name_at_the_service() {
        for (mode, names) in MODES {
            let executor = Executor::from(*mode);
            assert_eq!(Mode::from(executor), *mode);
            assert_eq!(Executor::parse(names.executor), Some(executor));
            assert_eq!(serde_json::to_value(executor).unwrap(), names.executor);
        }
        assert_eq!(Executor::parse("simulation"), None);
    }
}
