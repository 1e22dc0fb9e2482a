//! The pipes through which the output of a program reaches us.

use std::{
    io::{self, PipeReader, PipeWriter},
    os::fd::AsFd,
    process::{Command, Stdio},
};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// A benchmark that says much shall not have to wait for us: the most that the kernel gives to anybody.
const CAPACITY: i32 = 1024 * 1024;

/// The place where the output of a program goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// To where ours goes.
    Inherit,
    /// To us, through pipes.
    Piped,
    /// To nobody.
    Nowhere,
    /// Its standard output to us; on our standard error it draws by itself.
    Draws,
}

/// Our ends of the pipes. They don't block.
#[derive(Debug, Default)]
pub(crate) struct Pipes {
    /// The standard output of the program.
    pub stdout: Option<PipeReader>,
    /// The standard error of the program.
    pub stderr: Option<PipeReader>,
}

impl Pipes {
    /// Makes the pipes and gives their other ends to the program that `command` will start. They are closed with it.
    pub(super) fn connect(command: &mut Command, output: Output) -> io::Result<Self> {
        let (stdout, stderr) = match output {
            Output::Inherit => (false, false),
            Output::Nowhere => {
                command.stdout(Stdio::null()).stderr(Stdio::null());
                (false, false)
            }
            Output::Piped => (true, true),
            Output::Draws => (true, false),
        };
        let mut pipes = Self::default();
        if stdout {
            let (ours, theirs) = pipe()?;
            command.stdout(theirs);
            pipes.stdout = Some(ours);
        }
        if stderr {
            let (ours, theirs) = pipe()?;
            command.stderr(theirs);
            pipes.stderr = Some(ours);
        }
        Ok(pipes)
    }
}

/// A pipe: our end, and that of a program.
pub(super) fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    // Who has many pipes already gets no large ones; the usual size does as well.
    let _ = fcntl(&reader, FcntlArg::F_SETPIPE_SZ(CAPACITY));
    // The two ends are opened apart, so that this does not reach the program.
    fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((reader, writer))
}

/// A pipe for the words of a program that nobody reads while it runs: the reading end, and that of the program. What does
/// not fit into `most` bytes, rounded up to pages, is refused to the program, which does not wait.
pub(crate) fn words(most: usize) -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    fcntl(&reader, FcntlArg::F_SETPIPE_SZ(i32::try_from(most).unwrap_or(CAPACITY)))?;
    for end in [reader.as_fd(), writer.as_fd()] {
        fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    }
    Ok((reader, writer))
}

/// Returns how many bytes fit into a pipe: no program can have left more than that in it.
pub(super) fn capacity(pipe: &PipeReader) -> usize {
    let size = fcntl(pipe, FcntlArg::F_GETPIPE_SZ).unwrap_or(CAPACITY);
    usize::try_from(size).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        os::fd::BorrowedFd,
    };

    use super::*;

    #[test]
    fn a_flood_on_a_pipe_is_refused_and_its_start_kept() {
        let (mut reader, mut writer) = words(4096).unwrap();
        let mut written = 0;
        let refused = loop {
            match writer.write(b"first words ") {
                Ok(len) => written += len,
                Err(err) => break err,
            }
        };
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
        let mut bytes = Vec::new();
        assert_eq!(reader.read_to_end(&mut bytes).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert!(bytes.starts_with(b"first words "));
        assert_eq!(bytes.len(), written);
        assert!(written <= 4096, "{written}");
    }

    #[test]
    fn our_end_does_not_wait_and_theirs_does() {
        let (reader, mut writer) = pipe().unwrap();
        let flags =
            |fd: BorrowedFd<'_>| OFlag::from_bits_truncate(fcntl(fd, FcntlArg::F_GETFL).unwrap());
        assert!(flags(reader.as_fd()).contains(OFlag::O_NONBLOCK));
        assert!(!flags(writer.as_fd()).contains(OFlag::O_NONBLOCK));
        writer.write_all(b"x").unwrap();
        assert!(capacity(&reader) >= 4096);
    }
}
