//! A program that runs beside the benchmark, such as a profiler: its output goes to files, and it is asked to end.
//!
//! Somebody else may collect it when it has ended, so it is only ever addressed by its descriptor.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::Signal,
        wait::{Id, WaitPidFlag, waitid},
    },
    unistd::Pid,
};
use runner_shared::clock::now;
use system::{guard, pidfd};

use super::spawn::{SpawnError, ToolCommand};

/// The place where the output of a helper goes.
#[derive(Debug)]
pub(crate) struct Streams {
    /// Its standard output.
    pub stdout: OwnedFd,
    /// Its standard error.
    pub stderr: OwnedFd,
}

/// A running program. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Helper {
    pid: Pid,
    pidfd: OwnedFd,
}

impl ToolCommand {
    /// Starts the program beside the benchmark.
    pub(crate) fn spawn_beside(self, streams: Streams) -> Result<Helper, SpawnError> {
        let program = self.program.clone();
        let mut command = self.prepare();
        command.stdout(streams.stdout).stderr(streams.stderr);
        let started = command.spawn().inspect_err(|_| guard::forget_the_gone()).and_then(|child| {
            let pid = i32::try_from(child.id()).map(Pid::from_raw).map_err(io::Error::other)?;
            Ok(Helper { pid, pidfd: pidfd::open(pid)? })
        });
        started.map_err(|source| SpawnError { program, source })
    }
}

impl Helper {
    /// Another descriptor of it, readable once it has ended.
    pub(crate) fn watch(&self) -> io::Result<OwnedFd> {
        self.pidfd.try_clone()
    }

    /// Asks it to end, and waits for that at most this long. Returns whether it has.
    pub(crate) fn end(&self, signal: Signal, patience_ns: u64) -> bool {
        send_signal(self.pidfd.as_fd(), signal);
        let deadline = now().plus(patience_ns);
        loop {
            let left = deadline.since(now());
            let timeout =
                PollTimeout::try_from(left.div_ceil(1_000_000)).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)], timeout) {
                Ok(1..) => return true,
                Ok(_) if left > 0 => {}
                Err(Errno::EINTR) => {}
                Ok(_) | Err(_) => return false,
            }
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        send_signal(self.pidfd.as_fd(), Signal::SIGKILL);
        // A killed process ends, so this returns; it fails if somebody else has collected it.
        let _ = waitid(Id::PIDFd(self.pidfd.as_fd()), WaitPidFlag::WEXITED);
        guard::forget(self.pid);
    }
}

/// Sends a signal to the very process; one that has ended doesn't mind.
#[expect(unsafe_code, reason = "pidfd_send_signal has no safe wrapper in the crates that we use")]
pub(crate) fn send_signal(pidfd: BorrowedFd<'_>, signal: Signal) {
    let (number, fd) = (signal_number(signal), pidfd.as_raw_fd());
    let no_details = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the pointer to details may be null, and the descriptor is open.
    let _ = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, number, no_details, 0) };
}

#[expect(clippy::as_conversions, reason = "the numbers of the enum are those of the kernel")]
const fn signal_number(signal: Signal) -> i32 {
    signal as i32
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Lines, PipeReader};

    use super::*;
    use crate::{
        env::Env,
        process::{AddressSpace, Output, Stdin},
    };

    /// A shell with this text, and what it says, line by line.
    fn helper(text: &str) -> (Helper, Lines<BufReader<PipeReader>>) {
        let (program, cwd, stdin) = ("/bin/sh".into(), "/".into(), Stdin::Null);
        let (args, env) = (vec!["-c".into(), text.into()], Env::default());
        let (output, address_space) = (Output::Inherit, AddressSpace::Random);
        let command = ToolCommand { program, args, cwd, env, stdin, output, address_space };
        let (said, stdout) = io::pipe().unwrap();
        let stdout = OwnedFd::from(stdout);
        let streams = Streams { stdout, stderr: tempfile::tempfile().unwrap().into() };
        (command.spawn_beside(streams).unwrap(), BufReader::new(said).lines())
    }

    #[test]
    fn one_that_ends_when_asked_has_said_what_it_had_to_say() {
        let (helper, mut said) =
            helper("trap 'echo bye; exit 0' INT; echo ready; while :; do :; done");
        assert_eq!(said.next().unwrap().unwrap(), "ready");
        assert!(helper.end(Signal::SIGINT, 60_000_000_000));
        assert_eq!(said.next().unwrap().unwrap(), "bye");
    }

    #[test]
    fn one_that_does_not_listen_is_given_up_and_killed() {
        let (helper, mut said) = helper("trap '' INT; echo ready; while :; do :; done");
        assert_eq!(said.next().unwrap().unwrap(), "ready");
        assert!(!helper.end(Signal::SIGINT, 0));
        let watch = helper.watch().unwrap();
        drop(helper);
        let mut watched = [PollFd::new(watch.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut watched, PollTimeout::ZERO).unwrap(), 1, "it has ended");
    }
}
