//! What each mode finds on this machine and what it lacks, without running a benchmark and without
//! the network.

use std::path::{Path, PathBuf};

use runner_shared::{env_names, mode::Mode, text};

use super::{
    memory::TRACER,
    readiness::{Lack, ModeStatus, harness},
    simulation, walltime,
};
use crate::{env::Env, process, tools};

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
