//! A descriptor of a process: readable once the process has ended, and never that of another one with its number.

use std::{
    io,
    os::fd::{FromRawFd, OwnedFd},
};

use nix::unistd::Pid;

/// Opens a descriptor of this process. It is closed when another program is started.
///
/// # Errors
///
/// If there is no such process, if there are too many open files, or if the kernel is older than 5.3.
#[expect(unsafe_code, reason = "pidfd_open has no safe wrapper in the crates that we use")]
pub fn open(pid: Pid) -> io::Result<OwnedFd> {
    // SAFETY: no pointers are involved.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    let Ok(fd @ 0..) = i32::try_from(fd) else {
        return Err(io::Error::last_os_error());
    };
    // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
