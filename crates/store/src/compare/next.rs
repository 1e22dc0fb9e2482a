//! The command that would tell more: both sides in turns.

use std::ffi::OsString;

use runner_shared::{
    command_text::join,
    text::{as_text, one_line},
};

use super::model::Run;
use crate::{Kind, Mode};

/// Digits of a commit that tell it from others.
const DIGITS: usize = 12;

/// Returns the command that measures both sides in turns; `None` if no record says what was measured. Words in capitals
/// are for the user to fill in.
pub(super) fn paired_command(base: &Run<'_>, head: &Run<'_>, mode: Mode) -> Option<String> {
    let words = |run: &Run<'_>| -> Vec<OsString> {
        run.record.command.iter().map(OsString::from).collect()
    };
    let (old, new) = (words(base), words(head));
    if new.is_empty() || head.record.kind == Kind::Import {
        return None;
    }
    let shown = |words: &[OsString]| one_line(&as_text(&join(words)));
    let mode = match mode {
        Mode::Walltime => "",
        Mode::Simulation => "-m simulation ",
        Mode::Memory => "-m memory ",
    };
    let is_exec = head.record.kind == Kind::Exec;
    if is_exec && old != new && !old.is_empty() {
        let old = shown(&[OsString::from(shown(&old))]);
        return Some(format!("codspeed exec {mode}--vs {old} -- {}", shown(&new)));
    }
    let commit = |run: &Run<'_>| {
        let commit = run.record.commit.as_ref()?;
        let digits: String = commit.hash.chars().take(DIGITS).collect();
        let is_hash = digits.len() == DIGITS && digits.chars().all(|it| it.is_ascii_hexdigit());
        is_hash.then_some((digits, commit.dirty))
    };
    let head_words = shown(&new);
    let exec = if is_exec { "--exec " } else { "" };
    // Changes that no commit has can't be checked out again.
    let old = commit(base).filter(|(_, dirty)| *dirty != Some(true));
    match (old, commit(head)) {
        (Some((old, _)), Some((new, dirty))) if old != new || dirty == Some(true) => {
            let new = if dirty == Some(true) { String::new() } else { format!("--head {new} ") };
            Some(format!("codspeed ab {mode}--base {old} {new}--build BUILD {exec}-- {head_words}"))
        }
        _ if is_exec => Some(format!("codspeed exec {mode}--vs OLD -- {head_words}")),
        _ => Some(format!("codspeed ab {mode}--base OLD --build BUILD -- {head_words}")),
    }
}
