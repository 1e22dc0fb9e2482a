//! One run per machine: the FIFO paths exist once, and two measurements disturb each other anyway.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg, OFlag},
};

/// The lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// The lock file can't be used.
    #[error("could not use the lock file `{}`", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Somebody else has it, and we were told not to wait.
    #[error("another codspeed run is going on ({holder})")]
    Held {
        /// What is known of the other run.
        holder: String,
    },
}

/// The lock, held until it is dropped. The kernel gives it back even when we are killed.
#[derive(Debug)]
pub(crate) struct RunLock {
    _file: Flock<File>,
}

/// Who may run at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Nobody: the FIFO paths are used, or the time is measured.
    Alone,
    /// Others of this kind: counts are not disturbed by company.
    Together,
}

impl RunLock {
    /// Takes the lock. When somebody else has it, fails, or says so through `waiting` and waits.
    pub(crate) fn acquire(
        path: &Path,
        sharing: Sharing,
        wait: bool,
        waiting: impl FnOnce(String),
    ) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { path: path.to_owned(), source };
        let (at_once, patiently) = match sharing {
            Sharing::Alone => (FlockArg::LockExclusiveNonblock, FlockArg::LockExclusive),
            Sharing::Together => (FlockArg::LockSharedNonblock, FlockArg::LockShared),
        };
        let mut file = open(path).map_err(failed)?;
        file = match Flock::lock(file, at_once) {
            Ok(lock) => return Ok(Self::held(lock)),
            Err((file, Errno::EWOULDBLOCK)) => file,
            Err((_, errno)) => return Err(failed(errno.into())),
        };
        let holder = holder(&mut file);
        if !wait {
            return Err(LockError::Held { holder });
        }
        waiting(holder);
        loop {
            file = match Flock::lock(file, patiently) {
                Ok(lock) => return Ok(Self::held(lock)),
                Err((file, Errno::EINTR)) => file,
                Err((_, errno)) => return Err(failed(errno.into())),
            };
        }
    }

    fn held(mut lock: Flock<File>) -> Self {
        // Who we are, for the one who waits. Another user's file may be readable only: the lock
        // holds all the same.
        drop(lock.set_len(0));
        drop(lock.rewind());
        drop(write!(lock, "pid {}", std::process::id()));
        Self { _file: lock }
    }
}

/// Opens the lock file, or makes it such that every user of the machine can lock it.
fn open(path: &Path) -> io::Result<File> {
    // Never through a link: anybody may put one there, and the file is written to.
    let options = |write| {
        let mut options = OpenOptions::new();
        options.read(true).write(write).custom_flags(OFlag::O_NOFOLLOW.bits());
        options
    };
    let existing = || options(true).open(path).or_else(|_| options(false).open(path));
    match existing() {
        Err(err) if err.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    match options(true).create_new(true).mode(0o666).open(path) {
        Ok(file) => {
            // The umask may have taken the right to write from the others.
            drop(file.set_permissions(PermissionsExt::from_mode(0o666)));
            Ok(file)
        }
        // Somebody was faster.
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists => existing(),
        Err(err) => Err(err),
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    // At most a short line is of interest, whatever somebody has put there.
    match file.take(100).read_to_string(&mut text) {
        Ok(1..) => text,
        Ok(_) | Err(_) => "pid unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, victim) = (folder.path().join("lock"), folder.path().join("victim"));
        std::fs::write(&victim, "precious").unwrap();
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        assert!(RunLock::acquire(&path, Sharing::Alone, false, |_| ()).is_err());
        assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
    }

    #[test]
    fn those_who_share_run_together_and_not_beside_one_who_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let take = |sharing| RunLock::acquire(&path, sharing, false, |_| ());
        let together = (take(Sharing::Together).unwrap(), take(Sharing::Together).unwrap());
        assert!(take(Sharing::Alone).is_err());
        drop(together);
        let alone = take(Sharing::Alone).unwrap();
        assert!(take(Sharing::Together).is_err());
        drop(alone);
    }

    #[test]
    fn the_second_one_is_told_who_holds_it_and_gets_it_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = RunLock::acquire(&path, Sharing::Alone, false, |_| ()).unwrap();
        let err = RunLock::acquire(&path, Sharing::Alone, false, |_| ()).unwrap_err();
        let expected = format!("another codspeed run is going on (pid {})", std::process::id());
        assert_eq!(err.to_string(), expected);

        let (said, heard) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                RunLock::acquire(&path, Sharing::Alone, true, |holder| said.send(holder).unwrap())
            });
            // It waits, and says so, before the lock is given back.
            assert_eq!(heard.recv().unwrap(), format!("pid {}", std::process::id()));
            drop(first);
            second.join().unwrap().unwrap();
        });
    }
}
