//! What walltime mode finds on this machine.

use std::error::Error;

use runner_shared::{mode::Mode, text::shown};

use super::{kernel, perf::Perf};
use crate::{
    env::Env,
    mode::readiness::{Lack, ModeStatus, harness},
};

/// Times need nothing; a profile needs perf, and a kernel that lets it record.
pub(crate) fn status(env: &Env) -> ModeStatus {
    let (mut found, mut lacks) = (Vec::new(), Vec::new());
    match Perf::find(env) {
        Ok(perf) => found.push(format!("perf: {}, {}", perf.version, shown(&perf.program))),
        Err(err) => lacks.push(lack(&err)),
    }
    if let Err(err) = kernel::try_recording() {
        lacks.push(lack(&err));
    }
    let mut status = ModeStatus { mode: Mode::Walltime, ready: true, found, lacks };
    harness(&mut status, env);
    status
}

/// The error says itself what helps.
fn lack(err: &dyn Error) -> Lack {
    Lack { what: format!("profiles: {err}"), fix: None }
}
