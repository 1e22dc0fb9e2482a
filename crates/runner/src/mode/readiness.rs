//! The tools that a mode has found on this machine, and those that it lacks.

use runner_shared::{env_names, mode::Mode, text::shown};

use crate::{env::Env, tools};

/// The state of a mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModeStatus {
    /// The mode.
    pub mode: Mode,
    /// It can measure.
    pub ready: bool,
    /// The tools in use.
    pub found: Vec<String>,
    /// The tools that it could use, or needs.
    pub lacks: Vec<Lack>,
}

/// Something that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lack {
    /// What, and what it would be good for.
    pub what: String,
    /// The command that helps, if one does.
    pub fix: Option<String>,
}

impl Lack {
    /// Something that a command can mend.
    pub(crate) fn with_fix(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: Some(fix.into()) }
    }
}

/// Returns what `codspeed exec` needs in every mode.
pub(super) fn harness(status: &mut ModeStatus, env: &Env) {
    match tools::sibling("exec-harness", env_names::EXEC_HARNESS, env) {
        Ok(path) => status.found.push(format!("exec-harness: {}", shown(&path))),
        Err(err) => status.lacks.push(Lack::with_fix(
            format!("{err}; required by `codspeed exec`"),
            "unpack the complete release, or set CODSPEED_EXEC_HARNESS",
        )),
    }
}
