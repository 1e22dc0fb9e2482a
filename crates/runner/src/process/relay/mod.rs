//! Passes on what a benchmark says, as long as it runs. Waits for events; a daemon that keeps a pipe is not waited for.

use std::{
    io::{self, PipeReader, Read},
    os::fd::AsFd,
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

use super::{
    lines::Lines,
    pipes::{Pipes, capacity},
};
use crate::event::Stream;

/// A line without an end, such as a question, is passed on when nothing has followed for this long.
const PATIENCE: Duration = Duration::from_millis(100);
/// The number of bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// A stream that a [`relay`] passes on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Relayed {
    /// Lines, or what has no end.
    Lines(Stream, Vec<u8>),
    /// Nothing has come for a while.
    Silence,
}

/// Reads until both pipes are closed, or until `over` is closed: then still passes on what is in them. While nothing
/// comes says so after each `silence`, if there is one.
pub(crate) fn relay(
    pipes: Pipes,
    over: &PipeReader,
    silence: &dyn Fn() -> Option<Duration>,
    pass: &mut dyn FnMut(Relayed),
) -> io::Result<()> {
    let source = |pipe, stream| Source { pipe, stream, lines: Lines::default() };
    let mut sources: Vec<Source> = [(pipes.stdout, Stream::Stdout), (pipes.stderr, Stream::Stderr)]
        .into_iter()
        .filter_map(|(pipe, stream)| Some(source(pipe?, stream)))
        .collect();
    let mut chunk = vec![0; CHUNK];
    while !sources.is_empty() {
        let unfinished = sources.iter().any(|source| !source.lines.is_empty());
        let ready = wait(over, &sources, if unfinished { Some(PATIENCE) } else { silence() })?;
        let Some((&ended, ready)) = ready.split_first() else { return Ok(()) };
        if ended {
            for source in &mut sources {
                source.drain(&mut chunk, pass)?;
            }
            return Ok(());
        }
        if !ready.contains(&true) {
            for source in &mut sources {
                source.pass_rest(pass);
            }
            if !unfinished {
                pass(Relayed::Silence);
            }
            continue;
        }
        let mut ready = ready.iter();
        let mut failed = Ok(());
        sources.retain_mut(|source| {
            if ready.next() != Some(&true) {
                return true;
            }
            let read = source.read(&mut chunk, pass);
            let goes_on = !matches!(read, Ok(Some(0)) | Err(_));
            if let Err(err) = read {
                failed = Err(err);
            }
            goes_on
        });
        failed?;
    }
    Ok(())
}

/// Returns whether it is over, and which sources have something to say.
fn wait(
    over: &PipeReader,
    sources: &[Source],
    patience: Option<Duration>,
) -> io::Result<Vec<bool>> {
    let timeout = patience.map_or(PollTimeout::NONE, |patience| {
        PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX)
    });
    let mut watched = vec![PollFd::new(over.as_fd(), PollFlags::POLLIN)];
    watched
        .extend(sources.iter().map(|source| PollFd::new(source.pipe.as_fd(), PollFlags::POLLIN)));
    while let Err(errno) = poll(&mut watched, timeout) {
        if errno != Errno::EINTR {
            return Err(errno.into());
        }
    }
    Ok(watched.iter().map(|fd| fd.any().unwrap_or(false)).collect())
}

/// One pipe.
#[derive(Debug)]
struct Source {
    pipe: PipeReader,
    stream: Stream,
    lines: Lines,
}

impl Source {
    /// Reads once. Returns how much there was: nothing at the end, `None` if there is nothing now.
    fn read(
        &mut self,
        chunk: &mut [u8],
        pass: &mut dyn FnMut(Relayed),
    ) -> io::Result<Option<usize>> {
        let len = match self.pipe.read(chunk) {
            Ok(len) => len,
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(err) if err.kind() == io::ErrorKind::Interrupted => return Ok(None),
            Err(err) => return Err(err),
        };
        match chunk.get(..len) {
            None | Some([]) => self.pass_rest(pass),
            Some(piece) => {
                if let Some(lines) = self.lines.push(piece) {
                    pass(Relayed::Lines(self.stream, lines));
                }
            }
        }
        Ok(Some(len))
    }

    /// Passes on what is in the pipe now. Who has inherited it may go on filling it.
    fn drain(&mut self, chunk: &mut [u8], pass: &mut dyn FnMut(Relayed)) -> io::Result<()> {
        let mut left = capacity(&self.pipe);
        while left > 0 {
            match self.read(chunk, pass)? {
                Some(len @ 1..) => left = left.saturating_sub(len),
                Some(0) | None => break,
            }
        }
        self.pass_rest(pass);
        Ok(())
    }

    fn pass_rest(&mut self, pass: &mut dyn FnMut(Relayed)) {
        if let Some(rest) = self.lines.rest() {
            pass(Relayed::Lines(self.stream, rest));
        }
    }
}

#[cfg(test)]
mod tests;
