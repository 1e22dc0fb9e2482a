//! The signals that a program inherits: each starts as a shell would start it, whoever has started us.
//!
//! A parent that ignores `SIGCHLD` would keep us from learning how a benchmark ended, and a blocked `SIGTERM` the benchmark
//! from being ended. Both are inherited by all that we start, too.

use std::ptr;

use nix::sys::signal::{SigSet, Signal};

/// Ignored on purpose where they are: by `nohup`, and by shells for what runs in their background. `SIGPIPE` is ignored by
/// Rust in our programs; those that we start get it anew.
const KEPT: [Signal; 7] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTSTP,
    Signal::SIGTTIN,
    Signal::SIGTTOU,
    Signal::SIGPIPE,
];

/// The largest number of a signal.
const LAST: libc::c_int = 64;

/// Blocks nothing, and ignores nothing but what is ignored on purpose. To be called first, while there is one thread.
pub(super) fn start_afresh() {
    for number in 1..=LAST {
        let is_kept = Signal::try_from(number).is_ok_and(|signal| KEPT.contains(&signal));
        if !is_kept && is_number_ignored(number) {
            // SAFETY: the default action is no function of ours.
            #[expect(unsafe_code, reason = "signals of all numbers, also those that have no name")]
            unsafe {
                libc::signal(number, libc::SIG_DFL);
            }
        }
    }
    // Only a number that is no signal could be refused.
    let _ = SigSet::empty().thread_set_mask();
}

/// Returns whether a signal is ignored.
#[expect(clippy::as_conversions, reason = "the numbers of the enum are those of the kernel")]
pub(super) fn is_ignored(signal: Signal) -> bool {
    is_number_ignored(signal as libc::c_int)
}

fn is_number_ignored(number: libc::c_int) -> bool {
    // SAFETY: a structure of numbers and an address, for which zero is a value.
    #[expect(unsafe_code, reason = "the safe wrapper knows no way only to ask")]
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: nothing is set, and the structure is ours to be filled.
    #[expect(unsafe_code, reason = "the safe wrapper knows no way only to ask")]
    let asked = unsafe { libc::sigaction(number, ptr::null(), &raw mut action) };
    asked == 0 && action.sa_sigaction == libc::SIG_IGN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_told() {
        // Rust ignores it in each of its programs.
        assert!(is_ignored(Signal::SIGPIPE) && !is_ignored(Signal::SIGTERM));
        assert!(!is_number_ignored(0) && !is_number_ignored(LAST + 1));
    }
}
