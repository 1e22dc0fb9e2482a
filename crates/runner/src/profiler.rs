//! Switches a profiler on and off: the text protocol of `perf record --control=fifo:CTL,ACK`, which
//! `codspeed-memtrack` speaks as well. Each line is answered with `ack`; a profiler that is dead or silent is given up.

use runner_shared::text::shown;
use system::{
    files,
    temporary::{Folder, Kind},
};

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::stat::Mode,
    unistd::mkfifo,
};
use runner_shared::{
    bounds::PROFILER_ANSWER_BYTES,
    clock::{Monotonic, now},
};

/// An answer that takes longer will not come: a healthy profiler needs less than 10 ms.
const PATIENCE_NS: u64 = 5_000_000_000;
/// The answer of a profiler that has done what it was asked.
const ACK: &[u8] = b"ack\n";

/// A control channel that can't be made.
#[derive(Debug, thiserror::Error)]
#[error("could not create a control channel for the profiler in `{}`", shown(&folder))]
pub(crate) struct ChannelError {
    folder: PathBuf,
    #[source]
    source: io::Error,
}

/// The reason why a profiler did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ControlError {
    /// It has ended.
    #[error("the profiler exited before the benchmark")]
    Dead,
    /// It doesn't answer.
    #[error("the profiler did not answer within {} s", PATIENCE_NS / 1_000_000_000)]
    Silent,
    /// It says something else than that it has done what it was asked.
    #[error("invalid response from the profiler: expected `ack`")]
    Unexpected,
    /// The channel is broken.
    #[error("the profiler's control channel failed: {0}")]
    Broken(Errno),
}

/// Both FIFOs, in a private folder that is removed with them.
#[derive(Debug)]
pub(crate) struct ControlFifos {
    folder: Folder,
    ctl: File,
    ack: File,
}

impl ControlFifos {
    /// Makes them below `parent`.
    pub(crate) fn create(parent: &Path) -> Result<Self, ChannelError> {
        let made = || -> io::Result<Self> {
            let folder = Folder::create(parent, Kind::Control)?;
            let open = |name| {
                let path = folder.path().join(name);
                mkfifo(&path, Mode::S_IRWXU)?;
                // Reading and writing: opening waits for nobody.
                files::open_fifo(&path, OpenOptions::new().read(true).write(true))
            };
            let (ctl, ack) = (open("control.fifo")?, open("ack.fifo")?);
            Ok(Self { folder, ctl, ack })
        };
        made().map_err(|source| ChannelError { folder: parent.to_owned(), source })
    }

    /// The value of the profiler's option `--control`.
    pub(crate) fn argument(&self) -> OsString {
        let mut argument = OsString::from("fifo:");
        argument.push(self.folder.path().join("control.fifo"));
        argument.push(",");
        argument.push(self.folder.path().join("ack.fifo"));
        argument
    }

    /// The channel to a profiler that was started; `profiler` is readable when it has ended (a pidfd).
    pub(crate) fn connect(self, profiler: OwnedFd) -> ControlChannel {
        ControlChannel { fifos: self, profiler, failed: None }
    }
}

/// The way to a running profiler.
#[derive(Debug)]
pub(crate) struct ControlChannel {
    fifos: ControlFifos,
    profiler: OwnedFd,
    /// Once given up, a profiler is not waited for again.
    failed: Option<ControlError>,
}

impl ControlChannel {
    /// Sends a line, as `enable`, and waits until the profiler has acted upon it.
    pub(crate) fn say(&mut self, line: &str) -> Result<(), ControlError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let outcome = self.exchange(line);
        self.failed = outcome.err();
        outcome
    }

    /// Returns why the profiler was given up, if it was.
    pub(crate) fn failed(&self) -> Option<ControlError> {
        self.failed
    }

    fn exchange(&mut self, line: &str) -> Result<(), ControlError> {
        let broken = |err: io::Error| ControlError::Broken(errno(&err));
        self.drop_answers().map_err(broken)?;
        self.fifos.ctl.write_all(format!("{line}\n\0").as_bytes()).map_err(broken)?;
        let deadline = now().plus(PATIENCE_NS);
        let mut answer = Vec::new();
        let mut taken = 0;
        while !answer.starts_with(ACK) {
            // Bytes of 0 belong to no answer, but there may be any number of them.
            if answer.len() >= ACK.len() || taken > PROFILER_ANSWER_BYTES {
                return Err(ControlError::Unexpected);
            }
            self.wait(deadline)?;
            let mut chunk = [0; 16];
            match self.fifos.ack.read(&mut chunk) {
                Ok(len) => {
                    taken += len;
                    answer.extend(chunk.iter().take(len).filter(|byte| **byte != 0));
                }
                Err(err) if is_transient(&err) => {}
                Err(err) => return Err(broken(err)),
            }
        }
        Ok(())
    }

    /// Takes what is left of answers that nobody waited for.
    fn drop_answers(&mut self) -> io::Result<()> {
        let mut waste = [0; 4096];
        let mut taken = 0;
        loop {
            match self.fifos.ack.read(&mut waste) {
                // Who goes on writing would keep us here: its next answer tells what it is.
                Ok(len @ 1..) if taken < PROFILER_ANSWER_BYTES => taken += len,
                Ok(_) => return Ok(()),
                Err(err) if is_transient(&err) => return Ok(()),
                Err(err) => return Err(err),
            }
        }
    }

    /// Returns when there is something to read.
    fn wait(&self, deadline: Monotonic) -> Result<(), ControlError> {
        let left = deadline.since(now()).div_ceil(1_000_000);
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut watched = [
            PollFd::new(self.fifos.ack.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.profiler.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut watched, timeout) {
            Ok(0) if now() >= deadline => return Err(ControlError::Silent),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(ControlError::Broken(errno)),
        }
        let [answered, ended] = watched.map(|fd| fd.any().unwrap_or(false));
        if ended && !answered { Err(ControlError::Dead) } else { Ok(()) }
    }
}

fn is_transient(err: &io::Error) -> bool {
    matches!(err.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn errno(err: &io::Error) -> Errno {
    err.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw)
}

#[cfg(test)]
mod tests {
    use std::{os::fd::OwnedFd, thread};

    use super::*;

    /// A channel, the profiler's ends of it, and what keeps the profiler alive.
    fn channel() -> (ControlChannel, File, File, OwnedFd) {
        let fifos = ControlFifos::create(&std::env::temp_dir()).unwrap();
        let open = |name| {
            OpenOptions::new().read(true).write(true).open(fifos.folder.path().join(name)).unwrap()
        };
        let (ctl, ack) = (open("control.fifo"), open("ack.fifo"));
        // The end of a pipe becomes readable when the other one is closed, like a pidfd.
        let (ends, alive) = nix::unistd::pipe().unwrap();
        (fifos.connect(ends), ctl, ack, alive)
    }

    #[test]
    fn a_line_is_sent_as_perf_wants_it_and_its_answer_awaited() {
        let (mut channel, mut ctl, mut ack, _alive) = channel();
        let profiler = thread::spawn(move || {
            let mut line = [0; 8];
            ctl.read_exact(&mut line).unwrap();
            // An answer in two pieces.
            ack.write_all(b"ac").unwrap();
            ack.write_all(b"k\n\0").unwrap();
            line
        });
        assert_eq!(channel.say("enable"), Ok(()));
        assert_eq!(&profiler.join().unwrap(), b"enable\n\0");
        assert_eq!(channel.failed(), None);
    }

    #[test]
    fn a_dead_profiler_is_noticed_at_once_and_not_asked_again() {
        let (mut channel, _ctl, _ack, alive) = channel();
        drop(alive);
        for _ in 0..2 {
            assert_eq!(channel.say("enable"), Err(ControlError::Dead));
        }
        assert_eq!(channel.failed(), Some(ControlError::Dead));
    }

    #[test]
    fn a_stale_answer_is_not_taken_for_the_next_one() {
        let (mut channel, _ctl, mut ack, alive) = channel();
        ack.write_all(b"ack\n\0").unwrap();
        drop(alive);
        assert_eq!(channel.say("disable"), Err(ControlError::Dead));
    }

    #[test]
    fn a_profiler_that_floods_is_given_up() {
        for flood in [b"nonsense".to_vec(), vec![0; PROFILER_ANSWER_BYTES + 64]] {
            let (mut channel, mut ctl, mut ack, _alive) = channel();
            let profiler = thread::spawn(move || {
                let mut line = [0; 8];
                ctl.read_exact(&mut line).unwrap();
                ack.write_all(&flood).unwrap();
            });
            assert_eq!(channel.say("enable"), Err(ControlError::Unexpected));
            profiler.join().unwrap();
        }
    }

    #[test]
    fn old_answers_without_end_keep_nobody() {
        let (mut channel, _ctl, ack, alive) = channel();
        let flood = thread::spawn(move || {
            nix::fcntl::fcntl(&ack, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))
                .unwrap();
            // The channel is gone once its end of the pipe is.
            let mut dead = [PollFd::new(alive.as_fd(), PollFlags::empty())];
            while poll(&mut dead, PollTimeout::ZERO) == Ok(0) {
                drop((&ack).write(b"xxxx"));
            }
        });
        assert_eq!(channel.say("enable"), Err(ControlError::Unexpected));
        drop(channel);
        flood.join().unwrap();
    }

    #[test]
    fn the_folder_is_private_and_gone_afterwards() {
        let fifos = ControlFifos::create(&std::env::temp_dir()).unwrap();
        let folder = fifos.folder.path().to_owned();
        let mode = std::os::unix::fs::MetadataExt::mode(&folder.metadata().unwrap());
        assert_eq!(mode & 0o777, 0o700);
        let argument = fifos.argument().into_string().unwrap();
        assert!(argument.starts_with("fifo:/") && argument.ends_with("/ack.fifo"), "{argument}");
        drop(fifos);
        assert!(!folder.exists());
    }
}
