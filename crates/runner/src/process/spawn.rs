//! The only place that starts a program: explicit folder, explicit environment, a process group of its own.
//! A program can be held before its first instruction (`held.rs`), or run beside the benchmark (`helper.rs`).

use std::{
    ffi::{OsStr, OsString},
    fmt,
    fs::File,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::process::{CommandExt, ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        personality::{self, Persona},
        signal::{Signal, kill, killpg},
        wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid},
    },
    unistd::{Pid, getpid},
};

use runner_shared::{command_text, text::shown};
use system::{
    guard, pidfd,
    signals::{self, Signals},
};

use super::pipes::{Output, Pipes};
use crate::env::Env;

/// A program to start.
#[derive(Debug)]
pub(crate) struct ToolCommand {
    /// The program; looked up in `PATH` when it has no slash.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// The place where it runs.
    pub cwd: PathBuf,
    /// All variables that it sees, and who it runs as.
    pub env: Env,
    /// Its standard input.
    pub stdin: Stdin,
    /// The place where what it says goes.
    pub output: Output,
    /// The place where its memory lies.
    pub address_space: AddressSpace,
}

/// The place where the memory of a program lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressSpace {
    /// Somewhere else in each run, as usual.
    Random,
    /// At the same addresses in each run, if the system allows it.
    Fixed,
}

/// Returns whether the system lets us decide where the memory of programs lies: a filter of system calls may forbid it.
pub(crate) fn can_fix_addresses() -> io::Result<()> {
    let now = personality::get()?;
    personality::set(now | Persona::ADDR_NO_RANDOMIZE)?;
    // It counts from the next program on, which is none of this thread.
    personality::set(now)?;
    Ok(())
}

/// The standard input of a program.
#[derive(Debug)]
pub(crate) enum Stdin {
    /// Our own standard input.
    Inherit,
    /// Nothing.
    Null,
    /// This file, from its present position on.
    File(File),
}

/// A program that could not be started.
#[derive(Debug, thiserror::Error)]
#[error("could not start `{}`", shown(program))]
pub(crate) struct SpawnError {
    pub(super) program: PathBuf,
    #[source]
    pub(super) source: io::Error,
}

/// Runs a program to its end, with our streams, our rights and in our process group: the user sees it as if
/// they had started it. It decides what signals mean, however many: one that installs something must not be ended in the
/// middle of it.
pub(crate) fn run_visibly(
    program: &Path,
    args: &[&OsStr],
    env: &Env,
    signals: &Signals,
) -> Result<Ended, SpawnError> {
    let _heeding = signals.heed(signals::ALL);
    #[expect(clippy::disallowed_methods, reason = "this is the place that the rule names")]
    let mut command = Command::new(program);
    command.args(args).env_clear().envs(env.iter());
    with_our_signals(&mut command);
    let ended = command.spawn().and_then(|mut child| {
        let pid = i32::try_from(child.id()).map(Pid::from_raw).map_err(io::Error::other)?;
        let pidfd = pidfd::open(pid)?;
        loop {
            let mut watched = [
                PollFd::new(pidfd.as_fd(), PollFlags::POLLIN),
                PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut watched, PollTimeout::NONE) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            // A key of the terminal has reached it as well.
            while let Some(heard) = signals.next().filter(|heard| !heard.by_kernel) {
                // It may just have ended.
                let _ = kill(pid, heard.to_pass_on());
            }
            if let Some(status) = child.try_wait()? {
                return Ok(Ended::of(status));
            }
        }
    });
    ended.map_err(|source| SpawnError { program: program.to_owned(), source })
}

/// Starts a program that goes its own way, such as a browser: nobody hears of it again, and it says nothing here.
pub(crate) fn start_and_forget(
    program: &Path,
    args: &[&str],
    env: &Env,
    signals: &Signals,
) -> Result<(), SpawnError> {
    #[expect(clippy::disallowed_methods, reason = "this is the place that the rule names")]
    let mut command = Command::new(program);
    command.args(args).env_clear().envs(env.iter()).process_group(0);
    as_its_user(&mut command, env);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    with_our_signals(&mut command);
    let failed = |source| SpawnError { program: program.to_owned(), source };
    command.spawn().map(|_| signals.spare_descendants()).map_err(failed)
}

/// The end of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(Signal),
}

impl Ended {
    fn of(status: ExitStatus) -> Self {
        let by_signal = status.signal().and_then(|signal| Signal::try_from(signal).ok());
        match (status.code(), by_signal) {
            (None, Some(signal)) => Self::Signal(signal),
            (code, _) => Self::Code(code.unwrap_or(-1)),
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "ended with exit code {code}"),
            Self::Signal(signal) => write!(f, "was ended by {signal}"),
        }
    }
}

/// A running program and the group that it leads. Dropping it ends the group.
#[derive(Debug)]
pub(crate) struct Child {
    pub(super) pid: Pid,
    pub(super) pidfd: OwnedFd,
    pub(super) ended: Option<Ended>,
    /// What it says, as far as that is not said elsewhere.
    pub(super) pipes: Pipes,
}

impl ToolCommand {
    /// The command line, for those who want to repeat it in a shell.
    pub(crate) fn shown(&self) -> String {
        let words =
            [self.program.as_os_str()].into_iter().chain(self.args.iter().map(|arg| &**arg));
        let words: Vec<_> = words.map(OsStr::to_owned).collect();
        shown(&command_text::join(&words)).into_owned()
    }

    /// Starts the program.
    pub(crate) fn spawn(self) -> Result<Child, SpawnError> {
        let (program, output) = (self.program.clone(), self.output);
        let mut command = self.prepare();
        let started = Pipes::connect(&mut command, output).and_then(|pipes| {
            let id = command.spawn().inspect_err(|_| guard::forget_the_gone())?.id();
            let pid = i32::try_from(id).map(Pid::from_raw).map_err(io::Error::other)?;
            let pidfd = pidfd::open(pid).inspect_err(|_| {
                // Nobody could wait for it: it goes, and its group with it.
                let _ = killpg(pid, Signal::SIGKILL);
                let _ = waitpid(pid, None);
                guard::forget(pid);
            })?;
            Ok(Child { pid, pidfd, ended: None, pipes })
        });
        started.map_err(|source| SpawnError { program, source })
    }

    /// The program for the standard library. Its output is not taken care of.
    pub(super) fn prepare(self) -> Command {
        let Self { program, args, cwd, env, stdin, output: _, address_space } = self;
        #[expect(clippy::disallowed_methods, reason = "this is the place that the rule names")]
        let mut command = Command::new(program);
        command.args(args).current_dir(cwd).env_clear().envs(env.iter()).process_group(0);
        command.stdin(match stdin {
            Stdin::Inherit => Stdio::inherit(),
            Stdin::Null => Stdio::null(),
            Stdin::File(file) => file.into(),
        });
        // First: what comes then would be undone by it.
        as_its_user(&mut command, &env);
        in_the_child(&mut command, address_space);
        command
    }
}

impl Child {
    /// Returns what the program says; the first one who asks gets it.
    pub(crate) fn take_pipes(&mut self) -> Pipes {
        std::mem::take(&mut self.pipes)
    }

    /// Asks the whole group to do something about `signal`.
    pub(crate) fn signal_group(&self, signal: Signal) {
        if self.ended.is_none() {
            // The group may just have ended by itself.
            let _ = killpg(self.pid, signal);
        }
    }

    /// Collects processes that were left to us by their parents and have ended.
    pub(crate) fn collect_orphans(&self) {
        let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        while let Ok(status) = waitid(Id::All, peek)
            && let Some(pid) = status.pid()
        {
            if pid == self.pid {
                // Ours is asked for elsewhere; what comes behind it is collected by init.
                return;
            }
            let _ = waitpid(pid, None);
            guard::forget(pid);
        }
    }

    /// Returns how the program ended, if it has; doesn't wait.
    pub(crate) fn poll(&mut self) -> io::Result<Poll> {
        if let Some(ended) = self.ended {
            return Ok(Poll::Ended(ended));
        }
        let flags = WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED;
        let status = waitpid(self.pid, Some(flags))?;
        let ended = match status {
            WaitStatus::Exited(_, code) => Ended::Code(code),
            WaitStatus::Signaled(_, signal, _) => Ended::Signal(signal),
            WaitStatus::Stopped(_, signal @ (Signal::SIGTTIN | Signal::SIGTTOU)) => {
                return Ok(Poll::WantsTerminal(signal));
            }
            WaitStatus::Stopped(..)
            | WaitStatus::Continued(_)
            | WaitStatus::StillAlive
            | WaitStatus::PtraceEvent(..)
            | WaitStatus::PtraceSyscall(_) => return Ok(Poll::Runs),
        };
        self.ended = Some(ended);
        guard::forget(self.pid);
        Ok(Poll::Ended(ended))
    }
}

/// The state of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Poll {
    /// It goes on.
    Runs,
    /// It was stopped because it wants to use a terminal that is not its own.
    WantsTerminal(Signal),
    /// It has ended.
    Ended(Ended),
}

impl AsFd for Child {
    /// Readable once the program has ended.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.ended.is_none() {
            self.signal_group(Signal::SIGKILL);
            // Killed processes end, so this returns; there is nobody left to tell how.
            let _ = waitpid(self.pid, None);
            guard::forget(self.pid);
        }
    }
}

/// Lets the program have the signals that we keep from ourselves.
#[expect(unsafe_code, reason = "only code that runs after the fork can change the child alone")]
fn with_our_signals(command: &mut Command) {
    // SAFETY: this is a plain system call: async-signal-safe, and nothing is allocated.
    unsafe { command.pre_exec(signals::release) };
}

/// Lets the program run as the user of its environment.
#[expect(unsafe_code, reason = "only code that runs after the fork can change the child alone")]
fn as_its_user(command: &mut Command, env: &Env) {
    let Some(user) = env.user().cloned() else { return };
    // SAFETY: these are plain system calls: async-signal-safe, and nothing is allocated.
    unsafe { command.pre_exec(move || user.become_them()) };
}

/// Does all that has to be done between fork and exec: tie the program's life to ours, give it the
/// signals that we keep from ourselves, and fix its addresses.
#[expect(unsafe_code, reason = "only code that runs after the fork can change the child alone")]
fn in_the_child(command: &mut Command, address_space: AddressSpace) {
    let parent = getpid();
    let prepare = move || {
        guard::tie(parent)?;
        if address_space == AddressSpace::Fixed
            && let Ok(now) = personality::get()
        {
            // Containers often forbid it. That is known, and nothing depends on it.
            let _ = personality::set(now | Persona::ADDR_NO_RANDOMIZE);
        }
        signals::release()
    };
    // SAFETY: these are plain system calls: async-signal-safe, and nothing is allocated.
    unsafe { command.pre_exec(prepare) };
}
