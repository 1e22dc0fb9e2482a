//! Programs under test: one that has ended, and one that still runs.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStderr, Command, Output, Stdio},
    thread,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::wait::arrives;

/// A program that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Exit code; -1 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Run {
    /// All that the user sees, for snapshots.
    pub fn shown(&self) -> String {
        let Self { code, stdout, stderr } = self;
        format!("exit code: {code}\n--- stdout\n{stdout}--- stderr\n{stderr}")
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A program that runs. Dropping it before its end asks it to stop, insists, and waits for it.
#[derive(Debug)]
pub struct Running {
    child: Option<Child>,
    stderr: BufReader<ChildStderr>,
    /// The standard error read so far.
    said: String,
}

impl Running {
    /// Starts a program.
    #[track_caller]
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child: Some(child), stderr, said: String::new() }
    }

    /// Its process; a private program has the same one as the command that made it private.
    pub fn pid(&self) -> Pid {
        let id = self.child.as_ref().map(Child::id).unwrap();
        Pid::from_raw(id.try_into().unwrap())
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Reads its standard error up to the first line that contains `text`, and returns that line.
    #[track_caller]
    pub fn says(&mut self, text: &str) -> String {
        loop {
            let comes = !self.stderr.buffer().is_empty() || arrives(self.stderr.get_ref());
            assert!(comes, "not a word of `{text}`:\n{}", self.said);
            let mut line = String::new();
            let len = self.stderr.read_line(&mut line).unwrap();
            assert!(len > 0, "ended without a word of `{text}`:\n{}", self.said);
            self.said.push_str(&line);
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Waits until it has printed something, which is read by [`Self::end`] only.
    #[track_caller]
    pub fn prints(&self) {
        let stdout = self.child.as_ref().and_then(|child| child.stdout.as_ref()).unwrap();
        assert!(arrives(stdout), "printed nothing:\n{}", self.said);
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(mut self) -> Run {
        let mut child = self.child.take().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        // At the same time: who writes much to one of them waits for us.
        let printed = thread::spawn(move || {
            let mut bytes = Vec::new();
            stdout.read_to_end(&mut bytes).unwrap();
            bytes
        });
        while self.stderr.read_line(&mut self.said).unwrap() > 0 {}
        let code = child.wait().unwrap().code().unwrap_or(-1);
        let stdout = String::from_utf8_lossy(&printed.join().unwrap()).into_owned();
        Run { code, stdout, stderr: std::mem::take(&mut self.said) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let pid = Pid::from_raw(child.id().try_into().unwrap());
        // Different signals: two of the same kind may arrive as one.
        for signal in [Signal::SIGTERM, Signal::SIGINT] {
            // It may have ended by itself.
            let _ = kill(pid, signal);
        }
        drop(child.wait());
    }
}
