//! Opens the sinks that a [`Screen`] asks for. The only place here that looks at real streams.

use std::{
    fs::File,
    io::{self, IsTerminal, Write},
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    time::{SystemTime, UNIX_EPOCH},
};

use nix::{
    libc,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use results::TableStyle;
use runner_shared::{clock::now, env_names};

use super::{
    Claim, Screen, Sink, Surface,
    buildkite::Buildkite,
    github::GitHub,
    gitlab::GitLab,
    json::Json,
    log_file::LogFile,
    out::Out,
    plain::Plain,
    shown::Named,
    style::Paint,
    summary::Summary,
    surface::Level,
    terminal::{Facts, Look, Terminal},
};
use crate::env::Env;

/// The party that looks on.
pub(super) struct People {
    pub sink: Box<dyn Sink>,
    pub level: Level,
    /// Groups are markers in a log, and are there at any level.
    pub is_log: bool,
}

/// One of our standard streams.
pub(super) type Stdio = Box<dyn Write + Send>;

/// The sink for people.
pub(super) fn people(env: &Env, screen: Screen) -> People {
    let Screen { surface, level, claim, full_output, log: _ } = screen;
    let log = || if claim == Claim::Free { stdout() } else { stderr() };
    let results = (claim == Claim::Free).then(stdout);
    let paint = Paint::choose(env, io::stderr().is_terminal());
    let named = Named::default();
    let sink: Box<dyn Sink> = match surface {
        Surface::Plain => Box::new(Plain { results, rest: stderr(), paint, named }),
        Surface::GitHub => Box::new(GitHub { log: log(), named }),
        Surface::GitLab => {
            let paint = Paint::choose(env, true);
            Box::new(GitLab { log: log(), paint, clock: seconds, open: Vec::new(), named })
        }
        Surface::Buildkite => Box::new(Buildkite { log: log(), named }),
        Surface::Terminal => {
            let quiet = level < Level::Info;
            let whole = results.is_none() || io::stdout().is_terminal();
            let look = Look { paint, whole, full_output, quiet };
            let size = Box::new(|| terminal_size(io::stderr().as_fd()));
            let facts = Facts { size, clock: Box::new(now) };
            Box::new(Terminal::new(results, stderr(), facts, look))
        }
    };
    People { sink, level, is_log: surface.is_log() }
}

/// JSON lines, if they are wanted.
pub(super) fn json(screen: Screen) -> Option<Json<Stdio>> {
    (screen.claim == Claim::Messages).then(|| Json::new(stdout()))
}

/// The log for the profile folder, if it is wanted.
pub(super) fn log(env: &Env, screen: Screen) -> io::Result<Option<LogFile<File>>> {
    let folder = env.temp_dir();
    screen.log.then(|| LogFile::create(&folder)).transpose()
}

/// GitHub's page.
pub(super) fn summary(env: &Env, screen: Screen) -> Option<Summary> {
    let path = env.get(env_names::GITHUB_STEP_SUMMARY)?;
    (screen.surface == Surface::GitHub).then(|| Summary::new(path.into()))
}

/// Returns how tables look where people read them.
pub(super) fn table_style(env: &Env, screen: Screen) -> TableStyle {
    let natural = match screen.surface {
        Surface::Terminal | Surface::Plain => match screen.claim {
            Claim::Free => io::stdout().is_terminal(),
            Claim::Export | Claim::Messages => io::stderr().is_terminal(),
        },
        Surface::GitLab => true,
        Surface::GitHub | Surface::Buildkite => false,
    };
    let colour = Paint::choose(env, natural).0;
    resized(TableStyle { colour, width: None }, screen.claim)
}

/// The same style for the terminal as it is now: the one that shows results.
pub(super) fn resized(style: TableStyle, claim: Claim) -> TableStyle {
    let size = match claim {
        Claim::Free => terminal_size(io::stdout().as_fd()),
        Claim::Export | Claim::Messages => terminal_size(io::stderr().as_fd()),
    };
    let width = size.map(|(_, columns)| columns);
    TableStyle { width, ..style }
}

/// For news that came before anybody had chosen anything.
pub(super) const fn fallback() -> Screen {
    Screen::new(Surface::Plain, Level::Info)
}

fn stdout() -> Out<Stdio> {
    Out::new(stream(io::stdout()))
}

fn stderr() -> Out<Stdio> {
    Out::new(stream(io::stderr()))
}

/// The stream without a buffer: what is written is there, in the order in which it was written.
fn stream(stream: impl AsFd + Write + Send + 'static) -> Stdio {
    match stream.as_fd().try_clone_to_owned() {
        Ok(copy) => Box::new(Patient(copy.into())),
        Err(_) => Box::new(stream),
    }
}

/// Some programs leave their pipes in a state in which nobody waits for room. This waits all the same.
struct Patient(File);

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(bytes) {
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => {
                    poll(
                        &mut [PollFd::new(self.0.as_fd(), PollFlags::POLLOUT)],
                        PollTimeout::NONE,
                    )?;
                }
                other => return other,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// Rows and columns, if it is a terminal.
#[expect(unsafe_code, reason = "TIOCGWINSZ has no safe wrapper in the crates that we use")]
fn terminal_size(fd: BorrowedFd<'_>) -> Option<(u16, u16)> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the request writes one `winsize`, which `size` is.
    let outcome = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    (outcome == 0 && size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_row, size.ws_col))
}

#[cfg(test)]
mod tests {
    use std::{io::Read, os::fd::OwnedFd, thread};

    use nix::fcntl::{FcntlArg, OFlag, fcntl};

    use super::*;

    #[test]
    fn a_pipe_that_does_not_wait_loses_nothing() {
        let (mut reader, writer) = io::pipe().unwrap();
        fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        let writing = thread::spawn(move || {
            let mut patient = Patient(OwnedFd::from(writer).into());
            patient.write_all(&vec![b'x'; 1_000_000]).unwrap();
        });
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        writing.join().unwrap();
        assert_eq!(all.len(), 1_000_000);
    }
}
