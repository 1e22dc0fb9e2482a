//! The largest file that a process may write (`ulimit -f`): a write beyond it shall be an error with a name, not our end.

use nix::sys::signal::{SigSet, Signal};

fn signal() -> SigSet {
    SigSet::from_iter([Signal::SIGXFSZ])
}

/// Lets writes beyond the limit fail (`EFBIG`) rather than end the process. To be called before there are threads.
pub fn outlive_large_files() {
    // Only a number that is no signal could be refused.
    let _ = signal().thread_block();
}

/// Undoes that in a process that was just forked, as other programs expect to be ended. Only makes an async-signal-safe
/// call.
///
/// # Errors
/// The system refuses; it has no reason to.
pub fn be_ended_by_large_files() -> std::io::Result<()> {
    Ok(signal().thread_unblock()?)
}

/// The mask without what [`outlive_large_files`] has added to it.
#[must_use]
pub fn usual(mut mask: SigSet) -> SigSet {
    mask.remove(Signal::SIGXFSZ);
    mask
}
