//! Checks of the tools of each mode, as `codspeed status` finds them, and of the disk that results go to.

use runner_shared::{mode::Mode, text::shown};

use super::{By, Check, Facts, Seen};
use crate::mode::readiness::{Lack, ModeStatus};

/// Less is too little for the profile of a long run, bytes.
const LITTLE: u64 = 1 << 30;
/// Less is too little for anything, bytes.
const TOO_LITTLE: u64 = 64 << 20;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "disk",
        title: "temporary files",
        modes: &[Mode::Walltime, Mode::Simulation, Mode::Memory],
        why: "profiles, traces and results are written there; a full disk ends the run",
        look: disk,
    },
    Check {
        id: "walltime",
        title: "mode walltime",
        modes: &[Mode::Walltime],
        why: "times need no tools, a profile needs perf",
        look: |facts| mode(facts, Mode::Walltime),
    },
    Check {
        id: "simulation",
        title: "mode simulation",
        modes: &[Mode::Simulation],
        why: "needs Valgrind",
        look: |facts| mode(facts, Mode::Simulation),
    },
    Check {
        id: "memory",
        title: "mode memory",
        modes: &[Mode::Memory],
        why: "the tracer sees more with the permission to use eBPF",
        look: |facts| mode(facts, Mode::Memory),
    },
];

fn disk(facts: &Facts) -> Seen {
    let (folder, free) = &facts.temporary;
    let Some(free) = free else {
        return Seen::unknown(format!("could not check `{}`", shown(&folder)));
    };
    let text = format!("{} MiB free in `{}`", free >> 20, shown(&folder));
    let seen = match *free {
        free if free >= LITTLE => return Seen::ok(text),
        free if free >= TOO_LITTLE => Seen::note(text),
        _ => Seen::problem(text),
    };
    seen.fix(By::You, "make room, or set TMPDIR to a folder on another disk")
}

fn mode(facts: &Facts, wanted: Mode) -> Seen {
    let Some(status) = facts.modes.iter().find(|status| status.mode == wanted) else {
        return Seen::unknown("not checked");
    };
    let ModeStatus { mode: _, ready, found, lacks } = status;
    let lacking = lacks.iter().map(|lack| format!("missing {}", lack.what));
    let what = found.iter().cloned().chain(lacking).collect::<Vec<_>>().join("; ");
    let seen = match (ready, lacks.is_empty()) {
        (false, _) => Seen::problem(what),
        (true, true) => Seen::ok(what),
        (true, false) => Seen::note(what),
    };
    let fixes = lacks.iter().filter_map(|Lack { what: _, fix }| fix.as_ref());
    fixes.fold(seen, |seen, fix| {
        let by = if fix.starts_with("sudo ") || fix.contains("--apt") { By::Root } else { By::You };
        seen.fix(by, fix.as_str())
    })
}
