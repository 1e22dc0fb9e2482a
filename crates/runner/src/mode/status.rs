//! What each mode finds on this machine and what it lacks, without running a benchmark and without
//! the network.

use std::path::{Path, PathBuf};

use runner_shared::{env_names, mode::Mode, text};

use super::{memory::TRACER, simulation, walltime};
use crate::{env::Env, process, tools};

/// The state of a mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModeStatus {
    /// The mode.
    pub mode: Mode,
    /// It can measure.
    pub ready: bool,
    /// What it uses.
    pub found: Vec<String>,
    /// What it could use, or needs.
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

/// Asks every mode. To add one, add its function here.
const MODES: &[fn(&Env) -> ModeStatus] = &[walltime::status, simulation::status, memory];

/// The state of all modes.
pub(crate) fn all(env: &Env) -> Vec<ModeStatus> {
    MODES.iter().map(|status| status(env)).collect()
}

fn memory(env: &Env) -> ModeStatus {
    let mut status =
        ModeStatus { mode: Mode::Memory, ready: true, found: Vec::new(), lacks: Vec::new() };
    match tools::sibling(TRACER, env_names::MEMTRACK, env) {
        Ok(path) => {
            status.found.push(format!("{TRACER}: {}", text::shown(&path)));
            status.lacks.extend(rights(&path, env));
        }
        Err(err) => {
            status.ready = false;
            status.lacks.push(Lack::with_fix(err.to_string(), err.hint()));
        }
    }
    harness(&mut status, env);
    status
}

/// The rights that a tracer lacks to use eBPF, unless we are root or its file has them.
fn rights(tracer: &Path, env: &Env) -> Option<Lack> {
    let shown = text::shown(&tracer).into_owned();
    if nix::unistd::geteuid().is_root() {
        return None;
    }
    let ask =
        |getcap: PathBuf| process::ask(&getcap, &[&text::as_text(tracer)], env, Path::new("/"));
    match tools::find("getcap", env).map(ask) {
        Some(Ok(caps)) if caps.contains("cap_bpf") => return None,
        Some(Err(err)) if err.is_worth_a_warning() => {
            return Some(Lack { what: err.to_string(), fix: None });
        }
        Some(Ok(_) | Err(_)) | None => {}
    }
    let what = "the permission to use eBPF, which is needed to see static programs";
    let fix =
        format!("sudo setcap cap_bpf,cap_perfmon,cap_sys_admin+ep {}", shell_words::quote(&shown));
    Some(Lack::with_fix(what, fix))
}

/// Returns what `codspeed exec` needs in every mode.
pub(in crate::mode) fn harness(status: &mut ModeStatus, env: &Env) {
    match tools::sibling("exec-harness", env_names::EXEC_HARNESS, env) {
        Ok(path) => status.found.push(format!("exec-harness: {}", text::shown(&path))),
        Err(err) => status.lacks.push(Lack::with_fix(
            format!("{err}; required by `codspeed exec`"),
            "unpack the complete release, or set CODSPEED_EXEC_HARNESS",
        )),
    }
}
