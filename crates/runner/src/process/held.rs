//! A program that exists as a process and waits before it becomes the program: a profiler can be attached to it
//! and sees its first instruction. Its streams, its group and its end are ours, whatever the profiler does.

use std::{
    ffi::c_int,
    io::{self, PipeReader, PipeWriter, Read, Write},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::Command,
};

use nix::unistd::{ForkResult, Pid, fork, setpgid};
use system::{fork_lock, guard, pidfd};

use crate::exposure;

use super::{
    pipes::{Output, Pipes},
    spawn::{Child, SpawnError, ToolCommand},
};

/// What a shell says of a program that can't be started. Nobody sees it: the pipe tells the reason.
const NOT_STARTED: c_int = 127;

/// A process that waits. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Held {
    child: Child,
    program: PathBuf,
    go: PipeWriter,
    failure: PipeReader,
}

impl ToolCommand {
    /// Makes the process of the program. To be called while no other thread works than that of `system::signals`.
    pub(crate) fn hold(self) -> Result<Held, SpawnError> {
        let (program, output) = (self.program.clone(), self.output);
        let held = fork_held(self.prepare(), output, program.clone());
        held.map_err(|source| SpawnError { program, source })
    }
}

impl Held {
    /// The process.
    pub(crate) fn pid(&self) -> Pid {
        self.child.pid
    }

    /// Lets it become the program.
    pub(crate) fn release(self) -> Result<Child, SpawnError> {
        let Self { child, program, mut go, mut failure } = self;
        let mut errno = [0; size_of::<c_int>()];
        let told = go.write_all(&[1]).map(|()| drop(go));
        // A program that starts closes the pipe without a word.
        let source = match told.and_then(|()| failure.read(&mut errno)) {
            Ok(0) => return Ok(child),
            Ok(_) => io::Error::from_raw_os_error(c_int::from_ne_bytes(errno)),
            Err(err) => err,
        };
        guard::forget_the_gone();
        Err(SpawnError { program, source })
    }
}

#[expect(unsafe_code, reason = "the standard library starts programs at once or not at all")]
fn fork_held(mut command: Command, output: Output, program: PathBuf) -> io::Result<Held> {
    let pipes = Pipes::connect(&mut command, output)?;
    let (mut wait, go) = io::pipe()?;
    let (failure, mut tell) = io::pipe()?;
    let _still = fork_lock::hold();
    // SAFETY: beside us there is only the thread that hears signals, which holds no lock now, so the copy can do what we can.
    match unsafe { fork() }? {
        ForkResult::Parent { child: pid } => {
            // Both sides do it, so that it is done whoever comes first.
            let _ = setpgid(pid, pid);
            let child = Child { pid, pidfd: pidfd::open(pid)?, ended: None, pipes };
            Ok(Held { child, program, go, failure })
        }
        ForkResult::Child => {
            let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
            drop((go, failure, pipes));
            exposure::open_copy(&mut command);
            if wait.read_exact(&mut [0]).is_ok() {
                let err = command.exec();
                let errno = err.raw_os_error().unwrap_or(libc::EINVAL);
                drop(tell.write_all(&errno.to_ne_bytes()));
            }
            // SAFETY: ends the copy without running what the original has to run at its end.
            unsafe { libc::_exit(NOT_STARTED) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use nix::sys::{signal::Signal, wait::waitpid};

    use super::*;
    use crate::{
        env::Env,
        process::{AddressSpace, Ended, Poll, Stdin},
    };

    fn held(program: &str, args: &[&str], cwd: &Path) -> Result<Held, SpawnError> {
        let args = args.iter().map(Into::into).collect();
        let env = Env::default();
        let (program, cwd, stdin) = (program.into(), cwd.to_owned(), Stdin::Null);
        let (output, address_space) = (Output::Inherit, AddressSpace::Random);
        ToolCommand { program, args, cwd, env, stdin, output, address_space }.hold()
    }

    #[test]
    fn nothing_happens_before_it_is_let_go_and_its_end_is_ours() {
        let folder = tempfile::tempdir().unwrap();
        let text = "echo a > ran; exit 3";
        let held = held("/bin/sh", &["-c", text], folder.path()).unwrap();
        assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
        let mut child = held.release().unwrap();
        // Blocks until the end; the child keeps what `poll` would find.
        let peek = nix::sys::wait::WaitPidFlag::WEXITED | nix::sys::wait::WaitPidFlag::WNOWAIT;
        nix::sys::wait::waitid(nix::sys::wait::Id::Pid(child.pid), peek).unwrap();
        assert_eq!(child.poll().unwrap(), Poll::Ended(Ended::Code(3)));
        assert!(folder.path().join("ran").exists());
    }

    #[test]
    fn a_program_that_is_not_there_is_named_when_it_is_let_go() {
        let held = held("/no/such/program", &[], Path::new("/")).unwrap();
        let err = held.release().unwrap_err();
        assert_eq!(err.to_string(), "could not start `/no/such/program`");
        assert_eq!(err.source.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn what_is_not_let_go_ends() {
        let held = held("/bin/true", &[], Path::new("/")).unwrap();
        let pid = held.pid();
        drop(held);
        assert!(waitpid(pid, None).is_err(), "it was collected");
        assert!(nix::sys::signal::kill(pid, None::<Signal>).is_err());
    }
}
