//! What simulation mode finds on this machine.

use std::path::Path;

use runner_shared::{mode::Mode, text::shown};

use super::{valgrind::Valgrind, version::PINNED};
use crate::{
    env::Env,
    mode::readiness::{Lack, ModeStatus, harness},
};

/// The place where distributions put names that were cut out of libraries.
const DEBUG_NAMES: &str = "/usr/lib/debug/.build-id";

/// Every Valgrind, the one that is used first.
pub(crate) fn status(env: &Env) -> ModeStatus {
    let all = Valgrind::all(env);
    let mut status = ModeStatus {
        mode: Mode::Simulation,
        ready: !all.is_empty(),
        found: Vec::new(),
        lacks: Vec::new(),
    };
    for (index, Valgrind { program, version, build, .. }) in all.iter().enumerate() {
        let used = if index == 0 { "" } else { ", not used" };
        status.found.push(format!("valgrind: {version}, {build}, {}{used}", shown(&program)));
    }
    let setup = "codspeed setup -m simulation";
    match all.first() {
        None => status.lacks.push(Lack::with_fix("Valgrind", setup)),
        Some(best) if best.build.rank() < PINNED.rank() => {
            let limits = best.limits();
            let limits = if limits.is_empty() {
                "it is an older version".to_owned()
            } else {
                limits.join(", ")
            };
            let what = format!("the latest version of CodSpeed's Valgrind; without it: {limits}");
            status.lacks.push(Lack::with_fix(what, setup));
        }
        Some(_) => {}
    }
    if !Path::new(DEBUG_NAMES).is_dir() {
        let what = "function names of the C library (package `libc6-dbg`)";
        status.lacks.push(Lack::with_fix(what, format!("{setup} --apt")));
    }
    harness(&mut status, env);
    status
}
