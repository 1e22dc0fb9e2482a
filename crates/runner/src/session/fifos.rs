//! The FIFO pair as a resource: made for a run, removed on every way out of it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
};

use nix::{
    sys::{
        inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor},
        stat::Mode,
    },
    unistd::mkfifo,
};
use runner_shared::{
    fault::{Attempt, explain},
    fifo::FifoPaths,
    text::shown,
};
use system::{files, temporary::Public};

/// A FIFO that can't be made.
#[derive(Debug, thiserror::Error)]
#[error("could not create the FIFO `{}`", shown(&path))]
pub(crate) struct FifoError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl FifoError {
    /// Returns what can be done. Only who has put something else there can be another user.
    pub(crate) fn hint(&self) -> String {
        let of_others = [io::ErrorKind::PermissionDenied, io::ErrorKind::AlreadyExists];
        if of_others.contains(&self.source.kind()) {
            return "the FIFO may belong to another user: ask its owner, or root, to remove it"
                .to_owned();
        }
        explain(&self.source, Attempt::Write).to_string()
    }
}

/// Both FIFOs, open.
///
/// Crash safety: a killed runner leaves the files behind. The next run replaces them, and clients
/// that look whether anybody reads (ours does) are not held up by them.
#[derive(Debug)]
pub(crate) struct FifoPair {
    ctl: File,
    ack: File,
    /// `None` where the system has no watch to spare; then only dead clients are less well handled.
    watched: Option<Watched>,
    /// The answers' one first.
    made: [Public; 2],
}

/// Comings and goings of clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// One has opened the control FIFO.
    pub opened: bool,
    /// One has closed a side.
    pub closed: Closed,
}

/// The sides that were closed by a client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Closed {
    /// It says no more.
    pub ctl: bool,
    /// It reads no more answers.
    pub ack: bool,
}

/// Tells when clients come and go.
#[derive(Debug)]
struct Watched {
    inotify: Inotify,
    ctl: WatchDescriptor,
    ack: WatchDescriptor,
}

impl Watched {
    fn watch(paths: &FifoPaths) -> Option<Self> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok()?;
        let ctl =
            inotify.add_watch(&paths.ctl, AddWatchFlags::IN_OPEN | AddWatchFlags::IN_CLOSE).ok()?;
        let ack = inotify.add_watch(&paths.ack, AddWatchFlags::IN_CLOSE).ok()?;
        Some(Self { inotify, ctl, ack })
    }
}

impl FifoPair {
    /// Replaces what a dead run left. The caller holds the lock.
    pub(crate) fn create(paths: &FifoPaths) -> Result<Self, FifoError> {
        let (ack, made_ack) = make(&paths.ack)?;
        let (ctl, made_ctl) = make(&paths.ctl)?;
        Ok(Self { ctl, ack, watched: Watched::watch(paths), made: [made_ack, made_ctl] })
    }

    /// Readable when a client sent something.
    pub(crate) fn ctl(&self) -> BorrowedFd<'_> {
        self.ctl.as_fd()
    }

    /// Writable when there is room for answers.
    pub(crate) fn ack(&self) -> BorrowedFd<'_> {
        self.ack.as_fd()
    }

    /// Readable when a client has come or gone.
    pub(crate) fn changed(&self) -> Option<BorrowedFd<'_>> {
        self.watched.as_ref().map(|watched| watched.inotify.as_fd())
    }

    /// Returns the device and the inode of the control FIFO.
    pub(crate) fn identity(&self) -> (u64, u64) {
        let [_, ctl] = &self.made;
        ctl.identity()
    }

    /// Returns the comings and goings since this was asked last; doesn't wait.
    ///
    /// The kernel notes this before the client's parent can learn of its end, hence before the
    /// next client is even started.
    pub(crate) fn take_changes(&mut self) -> Changes {
        let mut seen = Changes::default();
        let Some(watched) = &self.watched else { return seen };
        while let Ok(events) = watched.inotify.read_events() {
            for event in events {
                let opened = event.mask.contains(AddWatchFlags::IN_OPEN);
                seen.opened |= opened;
                seen.closed.ctl |= !opened && event.wd == watched.ctl;
                seen.closed.ack |= event.wd == watched.ack;
            }
        }
        seen
    }

    /// Reads what has arrived; `None` when there is nothing.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        would_block(self.ctl.read(into))
    }

    /// Writes answers as far as there is room, which is all of them unless nobody reads.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(would_block(self.ack.write(bytes))?.unwrap_or(0))
    }

    /// Throws away answers that nobody took.
    pub(crate) fn drain_answers(&mut self) {
        let mut waste = [0; 4096];
        while let Ok(Some(1..)) = would_block(self.ack.read(&mut waste)) {}
    }
}

fn make(path: &Path) -> Result<(File, Public), FifoError> {
    let failed = |source| FifoError { path: path.to_owned(), source };
    match fs::remove_file(path) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(failed(err)),
        Ok(()) | Err(_) => {}
    }
    let made = Public::create(path, |path| Ok(mkfifo(path, Mode::S_IRWXU)?)).map_err(failed)?;
    // Reading and writing: opening waits for nobody, and no end of file comes between clients.
    let file = files::open_fifo(path, OpenOptions::new().read(true).write(true)).map_err(failed)?;
    Ok((file, made))
}

fn would_block(outcome: io::Result<usize>) -> io::Result<Option<usize>> {
    match outcome {
        Ok(len) => Ok(Some(len)),
        Err(err)
            if matches!(err.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) =>
        {
            Ok(None)
        }
        Err(err) => Err(err),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn the_pair_is_private_removed_at_the_end_and_replaces_old_ones() {
        let folder = tempfile::tempdir().unwrap();
        let paths = FifoPaths::in_dir(folder.path());
        fs::write(&paths.ctl, "left over").unwrap();
        let pair = FifoPair::create(&paths).unwrap();
        assert_eq!(fs::metadata(&paths.ctl).unwrap().mode() & 0o7777, 0o700);
        drop(pair);
        assert!(!paths.ctl.exists() && !paths.ack.exists());
    }

    #[test]
    fn a_pair_that_somebody_else_made_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let paths = FifoPaths::in_dir(folder.path());
        let first = FifoPair::create(&paths).unwrap();
        let _second = FifoPair::create(&paths).unwrap();
        drop(first);
        assert!(paths.ctl.exists() && paths.ack.exists());
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let paths = FifoPaths::in_dir(Path::new("/no/such/folder"));
        let err = FifoPair::create(&paths).unwrap_err();
        assert_eq!(err.to_string(), "could not create the FIFO `/no/such/folder/runner.ack.fifo`");
    }
}
