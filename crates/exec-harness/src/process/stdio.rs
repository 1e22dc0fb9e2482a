//! The standard streams of a round: never a pipe, which would slow the program down.

use std::{
    ffi::OsStr,
    fs::{File, OpenOptions},
    io::{self, Seek},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::fs::{FileExt, FileTypeExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::poll,
    sys::memfd::{MFdFlags, memfd_create},
    unistd::pipe2,
};
use runner_shared::{
    fault::{Attempt, Fault, explain},
    harness::RunArgs,
    reach,
    text::shown,
    walltime::as_float,
};

/// The part of the standard error of a failed round that is shown.
const TAIL_BYTES: u64 = 4096;
/// A program that writes more than this to its standard error in one round is not captured
/// any further: memory is worth more than the start of a flood.
const FLOOD_BYTES: u64 = 16 * 1024 * 1024;

/// A stream that could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("could not open `{}` for the benchmarked command: {why}", shown(path))]
pub(crate) struct StdioError {
    path: PathBuf,
    why: Fault,
}

impl StdioError {
    fn new(path: &Path, attempt: Attempt, err: &io::Error) -> Self {
        Self { path: path.to_owned(), why: explain(err, attempt) }
    }
}

/// The streams that the user asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Stdio {
    /// File to read; `/dev/null` without one.
    pub input: Option<PathBuf>,
    /// The destination of the output.
    pub output: Output,
}

/// The destination of standard output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Output {
    /// To `/dev/null`; standard error is captured for the case of a failure.
    #[default]
    Null,
    /// To where our own output goes, standard error as well.
    Inherit,
    /// To a file that each round overwrites.
    File(PathBuf),
}

impl Output {
    /// Reads `null`, `inherit` or a path.
    pub(crate) fn parse(word: &OsStr) -> Self {
        match word.to_str() {
            Some("null") => Self::Null,
            Some("inherit") => Self::Inherit,
            _ => Self::File(word.into()),
        }
    }
}

/// The last words of a program, kept in memory.
#[derive(Debug)]
pub(crate) struct Tail {
    file: Option<File>,
    flooded: bool,
}

/// Streams that were opened for a benchmark.
#[derive(Debug)]
pub(crate) struct OpenStdio {
    /// For the child, in the order of their numbers.
    pub streams: [OwnedFd; 3],
    /// The captured standard error of the child.
    pub tail: Tail,
    /// The state that each round must find as the first one did.
    rewind: Rewind,
}

impl Stdio {
    /// Reads what the user asked for.
    pub(crate) fn of(args: &RunArgs) -> Self {
        let input = args.input.as_ref().map(Into::into);
        Self { input, output: args.output.as_deref().map(Output::parse).unwrap_or_default() }
    }

    /// Returns what is known to go wrong when the streams are opened.
    pub(crate) fn check(&self) -> Vec<StdioError> {
        let input = self.input.as_deref().map(|path| (path, Attempt::Read, reach::can_read(path)));
        let output = match &self.output {
            Output::Null | Output::Inherit => None,
            Output::File(path) => Some((path.as_path(), Attempt::Write, reach::can_write(path))),
        };
        let refused = |(path, attempt, outcome): (_, _, io::Result<()>)| {
            outcome.err().map(|err| StdioError::new(path, attempt, &err))
        };
        input.into_iter().chain(output).filter_map(refused).collect()
    }

    /// Opens the three streams.
    pub(crate) fn open(&self) -> Result<OpenStdio, StdioError> {
        let null = Path::new("/dev/null");
        let mut rewind = Rewind::default();
        let input = self.input.as_deref().unwrap_or(null);
        let stdin = open(input, Attempt::Read, OpenOptions::new().read(true))?;
        if self.input.is_some() {
            rewind.input = Some(duplicate(input, &stdin)?);
        }
        let (stdout, tail) = match &self.output {
            Output::Null => {
                (open(null, Attempt::Write, OpenOptions::new().write(true))?, Tail::capture()?)
            }
            Output::Inherit => {
                let name = Path::new("standard output");
                (duplicate(name, io::stdout())?, Tail { file: None, flooded: false })
            }
            Output::File(path) => {
                let options = &mut OpenOptions::new();
                let file =
                    open(path, Attempt::Write, options.write(true).create(true).truncate(true))?;
                rewind.output = Some(duplicate(path, &file)?);
                (file, Tail::capture()?)
            }
        };
        let stderr = match &tail.file {
            Some(file) => duplicate(Path::new("memory"), file)?,
            None => duplicate(Path::new("standard error"), io::stderr())?,
        };
        Ok(OpenStdio { streams: [stdin.into(), stdout.into(), stderr.into()], tail, rewind })
    }
}

impl OpenStdio {
    /// Splits off what the child gets from what stays with us.
    pub(crate) fn split(self) -> ([OwnedFd; 3], Rewind, Tail) {
        let Self { streams, tail, rewind } = self;
        (streams, rewind, tail)
    }
}

/// Files whose position is shared with the child.
#[derive(Debug, Default)]
pub(crate) struct Rewind {
    input: Option<File>,
    output: Option<File>,
}

impl Rewind {
    /// Puts the input back to its start and empties the output, so that each round sees the same.
    pub(crate) fn rewind(&mut self) {
        // A pipe or a device has no position and no length, and needs none.
        if let Some(input) = &mut self.input {
            drop(input.rewind());
        }
        if let Some(output) = &mut self.output {
            drop(output.set_len(0));
            drop(output.rewind());
        }
    }
}

impl Tail {
    fn capture() -> Result<Self, StdioError> {
        let failed =
            |errno: Errno| StdioError::new(Path::new("memory file"), Attempt::Write, &errno.into());
        let memory = memfd_create("stderr", MFdFlags::MFD_CLOEXEC).map_err(failed)?;
        // Several processes of a round may write, and the file is emptied between rounds.
        fcntl(&memory, FcntlArg::F_SETFL(OFlag::O_APPEND)).map_err(failed)?;
        Ok(Self { file: Some(memory.into()), flooded: false })
    }

    /// Keeps the memory bounded; called between rounds and once a second within long ones.
    pub(crate) fn check_flood(&mut self) {
        if self.len() > FLOOD_BYTES {
            self.flooded = true;
            self.clear();
        }
    }

    /// Forgets what was written so far.
    pub(crate) fn clear(&mut self) {
        if let Some(file) = self.file.as_ref()
            && self.len() > 0
        {
            // The worst case is that old words are shown as well.
            drop(file.set_len(0));
        }
    }

    /// The last 4 KiB as text, at most, beginning with a whole line where possible.
    pub(crate) fn last_words(&self) -> String {
        let Some(file) = &self.file else { return String::new() };
        let len = self.len();
        let start = len.saturating_sub(TAIL_BYTES);
        let mut bytes = vec![0; usize::try_from(len - start).unwrap_or(0)];
        if file.read_exact_at(&mut bytes, start).is_err() {
            return String::new();
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let cut = match text.split_once('\n') {
            Some((_, rest)) if start > 0 && !rest.is_empty() => rest.to_owned(),
            Some(_) | None => text,
        };
        let words = cut.trim_end();
        if self.flooded {
            let megabytes = as_float(FLOOD_BYTES) / 1e6;
            return format!("{words}\n(more than {megabytes:.0} MB, only the end was kept)");
        }
        words.to_owned()
    }

    fn len(&self) -> u64 {
        self.file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |data| data.len())
    }
}

/// Opens what the user has named, which may be a device. A FIFO that nobody opens at its other end would keep us waiting for
/// ever: it has some time.
fn open(path: &Path, attempt: Attempt, options: &mut OpenOptions) -> Result<File, StdioError> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let options = options.custom_flags(flags.bits());
    let opened = open_soon(path, options).and_then(|file| {
        if attempt == Attempt::Read && file.metadata()?.file_type().is_fifo() {
            await_writer(&file)?;
        }
        // The program reads and writes as usual.
        let flags = OFlag::from_bits_retain(fcntl(&file, FcntlArg::F_GETFL)?);
        fcntl(&file, FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK))?;
        Ok(file)
    });
    let file = opened.map_err(|err| StdioError::new(path, attempt, &err))?;
    duplicate(path, &file)
}

const NO_READER: &str = "nothing reads from this FIFO: start its reader first";
const NO_WRITER: &str = "nothing writes to this FIFO: start its writer first";
/// The other end of a FIFO, which may be starting as well, has so many turns of so many milliseconds.
const TURNS: u32 = 50;
const TURN_MS: u16 = 20;

#[expect(clippy::disallowed_methods, reason = "the user has named it, and may want a device")]
fn open_soon(path: &Path, options: &OpenOptions) -> io::Result<File> {
    for _ in 0..TURNS {
        match options.open(path) {
            Err(err) if err.raw_os_error() == Some(libc::ENXIO) && is_fifo(path) => pause()?,
            opened => return opened,
        }
    }
    Err(io::Error::other(NO_READER))
}

fn await_writer(fifo: &File) -> io::Result<()> {
    let (_unread, sink) = pipe2(OFlag::O_CLOEXEC)?;
    for _ in 0..TURNS {
        if has_writer(fifo, &sink)? {
            return Ok(());
        }
        pause()?;
    }
    Err(io::Error::other(NO_WRITER))
}

/// Returns whether something was written to a FIFO, or somebody has it open for that. Takes nothing out of it; `sink` is the
/// end of a pipe with room.
#[expect(unsafe_code, reason = "no safe function asks whether a FIFO has a writer")]
fn has_writer(fifo: &File, sink: &OwnedFd) -> io::Result<bool> {
    // SAFETY: both descriptors are open, and no memory is given.
    let copied =
        unsafe { libc::tee(fifo.as_raw_fd(), sink.as_raw_fd(), 1, libc::SPLICE_F_NONBLOCK) };
    match copied {
        0 => Ok(false),
        1.. => Ok(true),
        _ if Errno::last() == Errno::EAGAIN => Ok(true),
        _ => Err(io::Error::last_os_error()),
    }
}

fn pause() -> io::Result<()> {
    match poll(&mut [], TURN_MS) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(err) => Err(err.into()),
    }
}

fn is_fifo(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| data.file_type().is_fifo())
}

/// A second descriptor. The standard library makes it with a number above 2, so that `dup2` in
/// the child never overwrites a stream that it still has to place.
fn duplicate(path: &Path, stream: impl AsFd) -> Result<File, StdioError> {
    let copy = stream.as_fd().try_clone_to_owned();
    copy.map(File::from).map_err(|err| StdioError::new(path, Attempt::Read, &err))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_fifo_is_used_only_if_its_other_end_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let input = Stdio { input: Some(path.clone()), output: Output::Null };
        let output = Stdio { input: None, output: Output::File(path.clone()) };
        let said = |of: &Stdio| of.open().err().unwrap().to_string();
        assert!(said(&input).ends_with(NO_WRITER), "{}", said(&input));
        assert!(said(&output).ends_with(NO_READER), "{}", said(&output));
        let mut both_ends = File::options().read(true).write(true).open(&path).unwrap();
        both_ends.write_all(b"words").unwrap();
        assert!(output.open().is_ok());
        let opened = input.open().unwrap();
        let flags = fcntl(&opened.streams[0], FcntlArg::F_GETFL).unwrap();
        assert!(!OFlag::from_bits_retain(flags).contains(OFlag::O_NONBLOCK));
    }

    #[test]
    fn the_end_of_a_long_text_is_kept_from_a_whole_line_on() {
        let tail = Tail::capture().unwrap();
        let mut writer = tail.file.as_ref().unwrap();
        for number in 0..2000 {
            writeln!(writer, "line {number}").unwrap();
        }
        let words = tail.last_words();
        assert!(words.starts_with("line ") && words.ends_with("line 1999"), "{words}");
        assert!(words.len() <= 4096);
    }

    #[test]
    fn a_flood_is_dropped_and_said() {
        let mut tail = Tail::capture().unwrap();
        let mut writer = tail.file.as_ref().unwrap().try_clone().unwrap();
        writer.write_all(&vec![b'x'; 17 * 1024 * 1024]).unwrap();
        tail.check_flood();
        writer.write_all(b"the end\n").unwrap();
        assert_eq!(tail.last_words(), "the end\n(more than 17 MB, only the end was kept)");
    }

    #[test]
    fn a_missing_input_is_named() {
        let stdio = Stdio { input: Some("/no/such/input".into()), output: Output::Null };
        let err = stdio.open().unwrap_err();
        let expected =
            "could not open `/no/such/input` for the benchmarked command: it does not exist";
        assert_eq!(err.to_string(), expected);
        // The same as is said before anything is opened.
        assert_eq!(stdio.check()[0].to_string(), expected);
    }
}
