//! One program, watched: how it ended, what it said, how long it took, and how much memory it had.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::files;
use crate::shell::Cmd;

/// A command that needs longer hangs. Any command takes far less than a second, on a machine that has nothing else to do.
const LIMIT: Duration = Duration::from_secs(20);
/// More of what a program says is not looked at.
const MOST_OUTPUT: usize = 1 << 20;
/// The exit code of `codspeed` for a fault of its own.
const BUG: i32 = 70;
/// The exit code of a panic that nobody catches.
const PANIC: i32 = 101;

/// The fate of a program.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) status: ExitStatus,
    /// Both streams.
    pub(super) output: String,
    pub(super) seconds: f64,
    /// The most memory that it or one of its children had at a time.
    pub(super) peak_mib: i64,
}

impl Outcome {
    /// Returns a fault that no program of ours may have, whatever happens to it.
    pub(super) fn fault(&self) -> Option<String> {
        if self.seconds >= LIMIT.as_secs_f64() {
            return Some(format!("hangs: {:.0} s", self.seconds));
        }
        if let Some(signal) = self.status.signal() {
            return Some(format!("ended by signal {signal}"));
        }
        let is_fault = matches!(self.status.code(), Some(BUG | PANIC));
        if is_fault || self.output.contains("panicked at") {
            return Some(format!("panic: {}", self.line()));
        }
        None
    }

    pub(super) fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// The line that says most: that of an error, of a warning, or the first one.
    pub(super) fn line(&self) -> &str {
        let find = |word: &str| self.output.lines().find(|line| line.contains(word));
        let line = find("panicked").or_else(|| find("error:")).or_else(|| find("warning:"));
        line.or_else(|| self.output.lines().next()).unwrap_or_default()
    }
}

/// Runs a program to its end, or to the limit. Ends whatever it leaves in its process group.
pub(super) fn probe(cmd: &Cmd, stdin: Option<&Path>) -> Result<Outcome> {
    #[expect(clippy::disallowed_methods, reason = "no program of a user's machine")]
    let out = tempfile::NamedTempFile::new().context("could not make a file for the output")?;
    let mut command = cmd.command();
    // One place in the file for both streams.
    let both = out.reopen()?;
    command.process_group(0).stdout(both.try_clone()?).stderr(both);
    if let Some(path) = stdin {
        command.stdin(Stdio::from(files::open(path)?));
    }
    let started = command.spawn().with_context(|| format!("could not start `{}`", cmd.shown()))?;
    let pid = Pid::from_raw(i32::try_from(started.id())?);
    let clock = std::time::SystemTime::now();
    let (ended, wait) = channel();
    let guard = thread::spawn(move || end_in_time(pid, &wait));
    let (status, usage) = wait4(pid)?;
    drop((ended.send(()), guard.join()));
    let seconds = clock.elapsed().unwrap_or_default().as_secs_f64();
    let _ = killpg(pid, Signal::SIGKILL);
    let mut bytes = files::read(out.path())?;
    bytes.truncate(MOST_OUTPUT);
    let output = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Outcome { status, output, seconds, peak_mib: usage.ru_maxrss / 1024 })
}

fn end_in_time(group: Pid, ended: &Receiver<()>) {
    if ended.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
        let _ = killpg(group, Signal::SIGKILL);
    }
}

#[expect(unsafe_code, reason = "no crate that we use tells the memory of one child")]
fn wait4(pid: Pid) -> Result<(ExitStatus, libc::rusage)> {
    let mut status = 0;
    // SAFETY: all zeros is a value of this structure of numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both places are ours and of the right type, and the child is waited for nowhere else.
    let found = unsafe { libc::wait4(pid.as_raw(), &raw mut status, 0, &raw mut usage) };
    if found < 0 {
        return Err(std::io::Error::last_os_error()).context("could not wait for a program");
    }
    Ok((ExitStatus::from_raw(status), usage))
}
