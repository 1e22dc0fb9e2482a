//! The command that is traced: started once, accompanied to its end.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::process::{CommandExt, ExitStatusExt},
    },
    path::Path,
    process::{Child, Command},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, getpid},
};
use runner_shared::{
    fault::{Attempt, explain},
    program,
    run_as::RunAs,
    text::shown,
};
use system::{
    guard,
    orphans::Orphans,
    pidfd,
    signals::{self, Heard, Signals},
};

/// The shell's exit code for a program that can't be started, and for one that isn't there.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// The end of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With this code.
    Code(u8),
    /// By this signal.
    Signal(i32),
}

impl Ended {
    /// Returns the code that a shell would give.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }
}

/// A command that can't be started.
#[derive(Debug, thiserror::Error)]
#[error("could not start `{}`", shown(program))]
pub(crate) struct StartError {
    program: OsString,
    #[source]
    source: io::Error,
}

impl StartError {
    /// Returns the code that a shell would give.
    pub(crate) fn code(&self) -> u8 {
        if self.source.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE }
    }
}

/// Says that a command can't be started, as far as that shows before it is; `path` is the value of `PATH`.
///
/// # Errors
///
/// Returns the error that the start would end with.
pub(crate) fn check(words: &[OsString], path: Option<&OsStr>) -> Result<(), StartError> {
    let command = command(words);
    let program = command.get_program();
    let found = program::find(program, path, Path::new(""));
    found.map(drop).map_err(|err| {
        let kind = if err.is_missing() {
            io::ErrorKind::NotFound
        } else {
            io::ErrorKind::PermissionDenied
        };
        StartError { program: program.to_owned(), source: io::Error::new(kind, err) }
    })
}

/// The program with its arguments; a single word is a line for the shell, as today's runner gives it.
pub(crate) fn command(words: &[OsString]) -> Command {
    let [line] = words else {
        let mut words = words.iter();
        return base(words.next().map_or("".as_ref(), OsString::as_os_str), words);
    };
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(byte);
    if line.as_encoded_bytes().iter().all(is_plain) {
        return base(line, std::iter::empty());
    }
    base("bash".as_ref(), [&OsString::from("-c"), line].into_iter())
}

fn base<'a>(program: &OsStr, args: impl Iterator<Item = &'a OsString>) -> Command {
    #[expect(clippy::disallowed_methods, reason = "the one place that starts the traced program")]
    let mut command = Command::new(program);
    command.args(args);
    command
}

/// The running command.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pidfd: OwnedFd,
}

impl Running {
    /// Starts it, as `user` if there is one. It dies with us: nobody would answer what the kernel asks in its name.
    pub(crate) fn start(command: &mut Command, user: Option<&RunAs>) -> Result<Self, StartError> {
        let program = command.get_program().to_owned();
        let user = user.cloned();
        let parent = getpid();
        let tie = move || {
            if let Some(user) = &user {
                user.become_them()?;
            }
            signals::release()?;
            guard::tie(parent)
        };
        #[expect(
            unsafe_code,
            reason = "only code that runs after the fork can change the child alone"
        )]
        // SAFETY: plain system calls: async-signal-safe, and nothing is allocated.
        unsafe {
            command.pre_exec(tie);
        }
        let started = command.spawn().and_then(|child| {
            let pidfd = pidfd::open(Pid::from_raw(child.id().cast_signed()))?;
            Ok(Self { child, pidfd })
        });
        started.map_err(|err| {
            let source = io::Error::new(err.kind(), explain(&err, Attempt::Start).to_string());
            StartError { program, source }
        })
    }

    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns its end, if it has ended; doesn't wait.
    pub(crate) fn ended(&mut self) -> io::Result<Option<Ended>> {
        let status = self.child.try_wait()?;
        Ok(status.map(|status| match (status.code(), status.signal()) {
            (Some(code), _) => Ended::Code(u8::try_from(code).unwrap_or(u8::MAX)),
            (None, signal) => Ended::Signal(signal.unwrap_or(0)),
        }))
    }

    /// Passes on the signals that we got, to the command and all that it has started: they decide what they mean, and the
    /// trace ends with the command. With a `client`, that has started us and tells the whole group of processes what a
    /// terminal would.
    ///
    /// The second one is the end of them all. `orphans` knows what ran before the command.
    pub(crate) fn pass_on(&self, signals: &Signals, client: bool, orphans: &Orphans) {
        let Ok(pid) = i32::try_from(self.pid()).map(Pid::from_raw) else { return };
        while let Some(heard) = signals.next() {
            let reaches_all = heard.by_kernel || (client && heard.by_parent);
            let signal = match signals.count() {
                0 | 1 if reaches_all => continue,
                0 | 1 => Heard::to_pass_on(heard),
                _ => Signal::SIGKILL,
            };
            // Before a parent ends and leaves its children to us, where they are found as orphans only.
            for pid in orphans.families(pid) {
                // It may just have ended.
                let _ = kill(pid, signal);
                // One that is stopped would not hear of it.
                let _ = kill(pid, Signal::SIGCONT);
            }
        }
    }
}

impl AsFd for Running {
    /// Readable once it has ended.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_is_a_line_for_the_shell_and_more_are_a_program() {
        let words = |words: &[&str]| {
            let words: Vec<OsString> = words.iter().map(Into::into).collect();
            format!("{:?}", command(&words))
        };
        assert_eq!(words(&["ls", "-l a"]), r#""ls" "-l a""#);
        assert_eq!(words(&["./run.sh"]), r#""./run.sh""#);
        assert_eq!(words(&["ls -l | wc"]), r#""bash" "-c" "ls -l | wc""#);
    }

    #[test]
    fn signals_become_the_codes_of_a_shell() {
        assert_eq!(Ended::Code(3).code(), 3);
        assert_eq!(Ended::Signal(11).code(), 139);
    }
}
