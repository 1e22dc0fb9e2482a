//! The conversation with the runner. Without a runner everything here does nothing.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::fd::AsFd,
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use runner_shared::{
    clock::now,
    fifo::{Client, ClientError, Command, FifoPaths, MarkerType},
    harness::INTEGRATION,
};
use system::files;

/// A runner that says nothing for this long is gone. It answers in microseconds; only switching
/// a profiler on takes longer.
const ANSWER_NS: u64 = 10_000_000_000;

/// A runner that refuses us.
#[derive(Debug, thiserror::Error)]
#[error(
    "the runner is incompatible with this exec-harness ({version}); use the one from the same release"
)]
pub(crate) struct Incompatible {
    version: &'static str,
    #[source]
    source: ClientError,
}

/// The connection, if there is a runner.
#[derive(Debug)]
pub(crate) struct Link {
    client: Option<Client<File, AckReader>>,
    pid: i32,
    /// A problem with the connection, for the user.
    pub warning: Option<String>,
}

impl Link {
    /// A connection to nobody, for processes that must not talk.
    pub(crate) fn none() -> Self {
        Self { client: None, pid: nix::unistd::getpid().as_raw(), warning: None }
    }

    /// Connects to the runner that serves `paths`, if one does, and says who we are.
    ///
    /// Opening the control FIFO for writing without waiting fails at once when nobody reads it,
    /// so FIFOs that a dead runner left behind cost nothing. A runner that is there and can't be reached is a warning.
    pub(crate) fn connect(paths: &FifoPaths) -> Result<Self, Incompatible> {
        let pid = Self::none().pid;
        let ctl = match files::open_fifo(&paths.ctl, OpenOptions::new().write(true)) {
            Ok(ctl) => ctl,
            Err(err) if is_nobody(&err) => return Ok(Self::none()),
            Err(err) => return Ok(Self::unreached(&err)),
        };
        let ack = match files::open_fifo(&paths.ack, OpenOptions::new().read(true).write(true)) {
            Ok(ack) => ack,
            Err(err) => return Ok(Self::unreached(&err)),
        };
        // From here on a message that is longer than the FIFO waits for its reader.
        let _ = fcntl(&ctl, FcntlArg::F_SETFL(OFlag::empty()));
        let mut client = Client::new(ctl, AckReader(ack));
        match client.handshake() {
            Ok(_) => {}
            Err(source @ ClientError::Refused { .. }) => {
                return Err(Incompatible { version: env!("CARGO_PKG_VERSION"), source });
            }
            Err(err) => return Ok(Self::unreached(&err)),
        }
        let mut link = Self { client: Some(client), pid, warning: None };
        link.tell(&[Command::SetIntegration {
            name: INTEGRATION.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }]);
        Ok(link)
    }

    fn unreached(err: &dyn std::error::Error) -> Self {
        let reason = runner_shared::fault::chain(err);
        let warning = format!("could not connect to the runner: {reason}");
        Self { warning: Some(warning), ..Self::none() }
    }

    /// Opens the window of a measurement.
    pub(crate) fn start(&mut self) {
        self.tell(&[Command::StartBenchmark]);
    }

    /// Hands over the rounds (start and end in nanoseconds) and closes the window.
    pub(crate) fn stop(&mut self, rounds: impl Iterator<Item = (u64, u64)>) {
        if self.client.is_none() {
            return;
        }
        let pid = self.pid;
        let marker = |marker| Command::AddMarker { pid, marker };
        let mut commands: Vec<_> = rounds
            .flat_map(|(start, end)| {
                [marker(MarkerType::RoundStart(start)), marker(MarkerType::RoundEnd(end))]
            })
            .collect();
        commands.push(Command::StopBenchmark);
        self.tell(&commands);
    }

    /// Says which benchmark the last window was.
    pub(crate) fn executed(&mut self, uri: String) {
        let pid = self.pid;
        self.tell(&[Command::CurrentBenchmark { pid, uri }]);
    }

    fn tell(&mut self, commands: &[Command]) {
        let Some(client) = &mut self.client else { return };
        match client.expect_acks(commands) {
            Ok(()) => {}
            // The runner could not do it (a dead profiler, say) and tells the user itself.
            Err(ClientError::Refused { request }) => {
                self.warning.get_or_insert(format!("the runner refused {request}"));
            }
            Err(err) => {
                let reason = runner_shared::fault::chain(&err);
                self.warning = Some(format!("lost the connection to the runner: {reason}"));
                self.client = None;
            }
        }
    }
}

/// Returns whether an error means that there is no runner: no FIFO, or one that nobody reads.
fn is_nobody(err: &io::Error) -> bool {
    err.kind() == io::ErrorKind::NotFound
        || err.raw_os_error().map(Errno::from_raw) == Some(Errno::ENXIO)
}

/// Reads answers, but waits for them only so long.
#[derive(Debug)]
struct AckReader(File);

impl Read for AckReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let deadline = now().plus(ANSWER_NS);
        loop {
            let left = deadline.since(now());
            if left == 0 {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let millis =
                PollTimeout::try_from(left.div_ceil(1_000_000)).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)], millis) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            match self.0.read(into) {
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use nix::{sys::stat::Mode, unistd::mkfifo};

    use super::*;

    #[test]
    fn nobody_is_no_trouble_and_a_runner_that_can_not_be_reached_is() {
        let folder = tempfile::tempdir().unwrap();
        let paths = FifoPaths::in_dir(folder.path());
        let warning = || Link::connect(&paths).unwrap().warning;
        assert_eq!(warning(), None, "there is no FIFO");
        mkfifo(&paths.ctl, Mode::S_IRWXU).unwrap();
        assert_eq!(warning(), None, "nobody reads it");
        let _reader =
            files::open_fifo(&paths.ctl, OpenOptions::new().read(true).write(true)).unwrap();
        let said = warning().unwrap();
        assert!(said.starts_with("could not connect to the runner"), "{said}");
        std::fs::remove_file(&paths.ctl).unwrap();
        std::fs::create_dir(&paths.ctl).unwrap();
        assert!(warning().is_some());
    }
}
