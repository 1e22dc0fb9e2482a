//! Asks a tool something: for a limited time, and for an answer of limited length. Nothing else here waits for what a
//! tool says.

use std::{
    ffi::OsStr,
    io::{self, PipeReader, Read},
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use runner_shared::{
    clock::now,
    fault::{Attempt, explain},
    text::shown,
};
use system::signals::Signals;

use super::{
    pipes::{Output, Pipes, capacity},
    spawn::{AddressSpace, Child, Ended, Poll, SpawnError, Stdin, ToolCommand},
};
use crate::env::Env;

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// Limits of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Time until the tool has ended.
    pub time: Duration,
    /// Length of what it says, on both streams together.
    pub bytes: usize,
    /// Ctrl-C ends it. Otherwise it is waited for all the same.
    pub heeds_signals: bool,
}

impl Limits {
    /// For a tool that says what it is: the slowest ones start an interpreter.
    pub(crate) const QUESTION: Self =
        Self { time: Duration::from_secs(10), bytes: 1 << 20, heeds_signals: true };
    /// For a check of all commands of a run: there may be many, and a sentence for each.
    pub(crate) const CHECK: Self =
        Self { time: Duration::from_mins(1), bytes: 16 << 20, heeds_signals: true };
    /// For a command that tells somebody about results.
    pub(crate) const NOTIFICATION: Self =
        Self { time: Duration::from_mins(1), bytes: 1 << 20, heeds_signals: true };
    /// For a program that prepares the machine, or puts it back in order: it may have to wait for something itself.
    pub(crate) const HOOK: Self =
        Self { time: Duration::from_mins(5), bytes: 0, heeds_signals: false };
}

/// The words of a tool, and its end.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its end.
    pub ended: Ended,
    /// Its standard output, as it is.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: String,
}

/// The reason why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// The tool could not be started.
    #[error("could not start `{}`: {}", shown(&.0.program), explain(&.0.source, Attempt::Start))]
    Start(SpawnError),
    /// It does not come to its end.
    #[error("`{}` did not answer within {} s", shown(program), limit.as_secs_f32())]
    Silent {
        /// The tool.
        program: PathBuf,
        /// The time that it had.
        limit: Duration,
    },
    /// It says too much.
    #[error("`{}` wrote too much output: more than {most} bytes", shown(program))]
    Endless {
        /// The tool.
        program: PathBuf,
        /// The longest answer.
        most: usize,
    },
    /// It has failed.
    #[error("`{}` {ended}{}", shown(program), said(words))]
    Failed {
        /// The tool.
        program: PathBuf,
        /// Its end.
        ended: Ended,
        /// The last line that it said.
        words: String,
    },
    /// Somebody wants an end of all.
    #[error("stopped waiting for `{}`: the run is ending", shown(program))]
    Interrupted {
        /// The tool.
        program: PathBuf,
    },
    /// The system does not let us wait for it.
    #[error("could not read the output of `{}`: {}", shown(program), explain(err, Attempt::Read))]
    Unheard {
        /// The tool.
        program: PathBuf,
        /// The refusal of the system, which is in the text of this one.
        err: io::Error,
    },
}

impl AskError {
    /// Returns whether the user has to hear of it even if the tool isn't needed: time has gone, or something is wrong that is
    /// not about the tool.
    pub(crate) fn is_worth_a_warning(&self) -> bool {
        match self {
            Self::Silent { .. } | Self::Endless { .. } | Self::Unheard { .. } => true,
            Self::Start(_) | Self::Failed { .. } | Self::Interrupted { .. } => false,
        }
    }

    /// Returns whether there is no such tool, or one that does not run: another one may help.
    pub(crate) fn is_about_the_tool(&self) -> bool {
        const KINDS: [io::ErrorKind; 2] =
            [io::ErrorKind::NotFound, io::ErrorKind::PermissionDenied];
        match self {
            Self::Failed { .. } => true,
            Self::Start(err) => {
                KINDS.contains(&err.source.kind())
                    || err.source.raw_os_error() == io::Error::from(Errno::ENOEXEC).raw_os_error()
            }
            Self::Silent { .. }
            | Self::Endless { .. }
            | Self::Interrupted { .. }
            | Self::Unheard { .. } => false,
        }
    }
}

fn said(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

/// Returns what a small program prints, if it can be started, succeeds, and keeps to the limits of a question.
pub(crate) fn ask(
    program: &Path,
    args: &[&str],
    env: &Env,
    cwd: &Path,
) -> Result<String, AskError> {
    let command = command(program, args, env, cwd, Output::Piped);
    let Answer { ended, stdout, stderr } = command.answer(Limits::QUESTION)?;
    if ended == Ended::Code(0) {
        return Ok(String::from_utf8_lossy(&stdout).into_owned());
    }
    let last = stderr.lines().rfind(|line| !line.trim().is_empty());
    let words = last.map(|line| runner_shared::text::one_line(line.trim())).unwrap_or_default();
    Err(AskError::Failed { program: program.to_owned(), ended, words })
}

/// Runs a program of the machine's owner to its end. Nobody hears what it says.
pub(crate) fn run_hook(program: &Path, args: &[&str], env: &Env) -> Result<(), AskError> {
    let command = command(program, args, env, Path::new("/"), Output::Nowhere);
    command.answer(Limits::HOOK).map(drop)
}

fn command(program: &Path, args: &[&str], env: &Env, cwd: &Path, output: Output) -> ToolCommand {
    ToolCommand {
        program: program.to_owned(),
        args: args.iter().map(|arg| OsStr::new(arg).to_owned()).collect(),
        cwd: cwd.to_owned(),
        env: env.clone(),
        stdin: Stdin::Null,
        output,
        address_space: AddressSpace::Random,
    }
}

impl ToolCommand {
    /// Runs the tool to its end. One that exceeds a limit is ended, with its process group.
    pub(crate) fn answer(self, limits: Limits) -> Result<Answer, AskError> {
        let program = self.program.clone();
        let child = self.spawn().map_err(AskError::Start)?;
        // The child goes at the end of this, and its group with it if it still runs.
        listen(child, limits).map_err(|why| match why {
            Quit::Time => AskError::Silent { program, limit: limits.time },
            Quit::Bytes => AskError::Endless { program, most: limits.bytes },
            Quit::Signal => AskError::Interrupted { program },
            Quit::Io(err) => AskError::Unheard { program, err },
        })
    }
}

/// The reason why a tool is waited for no longer.
enum Quit {
    Time,
    Bytes,
    Signal,
    Io(io::Error),
}

impl From<io::Error> for Quit {
    fn from(err: io::Error) -> Self {
        Self::Io(err)
    }
}

/// A stream of the tool, as long as it is open, and what came.
struct Stream {
    pipe: Option<PipeReader>,
    bytes: Vec<u8>,
}

impl Stream {
    fn of(pipe: Option<PipeReader>) -> Self {
        Self { pipe, bytes: Vec::new() }
    }

    /// Reads once, and returns whether something came.
    fn read(&mut self, chunk: &mut [u8]) -> io::Result<bool> {
        let Some(pipe) = &mut self.pipe else { return Ok(false) };
        match pipe.read(chunk) {
            Ok(0) => self.pipe = None,
            Ok(len) => {
                self.bytes.extend(chunk.iter().take(len));
                return Ok(true);
            }
            Err(err) if is_transient(&err) => {}
            Err(err) => return Err(err),
        }
        Ok(false)
    }

    /// Returns how many bytes can be left in the pipe by a program that has ended. Who has inherited it may go on filling it.
    fn rest(&self) -> usize {
        self.pipe.as_ref().map_or(0, capacity)
    }
}

fn is_transient(err: &io::Error) -> bool {
    matches!(err.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Reads what the child says until it has ended. Its descendants, which may keep the pipes, are not waited for.
fn listen(mut child: Child, limits: Limits) -> Result<Answer, Quit> {
    let Pipes { stdout, stderr } = child.take_pipes();
    let mut streams = [Stream::of(stdout), Stream::of(stderr)];
    // Where nobody heeds signals, they end us by themselves, and the child with us.
    let signals = Signals::current().filter(|_| limits.heeds_signals);
    let deadline = now().plus(u64::try_from(limits.time.as_nanos()).unwrap_or(u64::MAX));
    let mut chunk = vec![0; CHUNK];
    loop {
        let left = deadline.since(now());
        if signals.is_some_and(Signals::interrupted) {
            return Err(Quit::Signal);
        }
        wait(child.as_fd(), &streams, signals, left)?;
        // First: what it said before is in the pipes then.
        let ended = match child.poll()? {
            Poll::Ended(ended) => Some(ended),
            Poll::Runs | Poll::WantsTerminal(_) => None,
        };
        for stream in &mut streams {
            let rest = if ended.is_some() { stream.rest() } else { 0 };
            let most = stream.bytes.len() + rest;
            while stream.read(&mut chunk)? && stream.bytes.len() < most {}
        }
        if streams.iter().map(|stream| stream.bytes.len()).sum::<usize>() > limits.bytes {
            return Err(Quit::Bytes);
        }
        if let Some(ended) = ended {
            let [stdout, stderr] = streams.map(|stream| stream.bytes);
            let stderr = String::from_utf8_lossy(&stderr).into_owned();
            return Ok(Answer { ended, stdout, stderr });
        }
        if left == 0 {
            return Err(Quit::Time);
        }
    }
}

/// Returns when something has happened, or when the time is over.
fn wait(
    child: BorrowedFd<'_>,
    streams: &[Stream],
    signals: Option<&Signals>,
    left_ns: u64,
) -> io::Result<()> {
    let timeout = PollTimeout::try_from(left_ns.div_ceil(1_000_000)).unwrap_or(PollTimeout::MAX);
    let fds = signals.map(AsFd::as_fd).into_iter().chain([child]);
    let pipes = streams.iter().filter_map(|stream| stream.pipe.as_ref().map(AsFd::as_fd));
    let mut watched: Vec<PollFd<'_>> =
        fds.chain(pipes).map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
    match poll(&mut watched, timeout) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests;
