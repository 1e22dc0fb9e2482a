//! Closes our memory, in which we hold secrets, to others on this machine. What the kernel shows of our start is closed by
//! `system::exposure`.

use std::{io, os::unix::process::CommandExt, process::Command};

use nix::sys::{
    prctl,
    resource::{Resource, getrlimit, setrlimit},
};

/// Options whose value is a secret.
pub(crate) const SECRET_OPTIONS: &[&str] = &["--token", "--oauth-token"];

/// Closes our memory to other processes of the user, and to files of crashes. Programs that we start are open as ever.
pub(crate) fn close_memory() {
    // Fails on no Linux.
    let _ = prctl::set_dumpable(false);
}

/// Opens the memory of a copy of us that waits to become `command`: a profiler can be attached to nothing else. No file
/// of its crash is written until it is that program.
pub(crate) fn open_copy(command: &mut Command) {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_CORE) else { return };
    if setrlimit(Resource::RLIMIT_CORE, 0, hard).is_err() {
        return;
    }
    let _ = prctl::set_dumpable(true);
    let restore = move || Ok(setrlimit(Resource::RLIMIT_CORE, soft, hard)?);
    before_exec(command, restore);
}

#[expect(
    unsafe_code,
    reason = "only what runs right before the program starts can change it alone"
)]
fn before_exec(
    command: &mut Command,
    action: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) {
    // SAFETY: the caller's action is a plain system call: async-signal-safe, and nothing is allocated.
    unsafe { command.pre_exec(action) };
}
