//! One run per machine: the FIFO paths exist once, and two measurements disturb each other anyway.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg, OFlag},
};
use runner_shared::text::shown;

use crate::{
    files::{self, Links},
    guard,
    lineage::ancestors,
};

/// The lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The lock file can't be used.
    #[error("could not use the lock file `{}`", shown(path))]
    Io {
        /// The lock file.
        path: PathBuf,
        /// The refusal of the system.
        #[source]
        source: io::Error,
    },
    /// Another process has it, and we were told not to wait.
    #[error("another codspeed run is in progress ({holder})")]
    Held {
        /// The other run.
        holder: Holder,
    },
    /// The process that has it has started us: it would wait for us, and we for it.
    #[error(
        "this run was started by another codspeed run (pid {holder}), which waits for it to finish: runs can't be \
            nested"
    )]
    Nested {
        /// Process id of the other run, and where it counts.
        holder: String,
    },
    /// Another run writes into the same profile folder.
    #[error("another codspeed run is writing to the folder `{}` ({holder})", shown(folder))]
    Folder {
        /// The profile folder.
        folder: PathBuf,
        /// The other run.
        holder: Holder,
    },
}

/// The run that has the lock, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Process id, if it can be seen.
    pub pid: Option<i32>,
}

impl Holder {
    /// Returns a sentence for who waits for it.
    #[must_use]
    pub fn waited_for(self) -> String {
        format!(
            "another codspeed run is in progress ({self}); waiting for it to finish (use `--no-wait` to fail instead)"
        )
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "pid {pid}"),
            None => f.write_str("pid unknown"),
        }
    }
}

/// The lock, held until it is dropped. The kernel gives it back even when we are killed.
#[derive(Debug)]
pub struct RunLock {
    _file: Flock<File>,
}

/// Which runs may go on at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// None: the FIFO paths are used, or the time is measured.
    Alone,
    /// Others of this kind: counts are not disturbed by company.
    Together,
}

impl RunLock {
    /// Takes the lock. When another process has it, fails, or says so through `waiting` and waits.
    ///
    /// # Errors
    ///
    /// If another one has it and `wait` is false, if that one is above us, or if the lock file can't be used.
    pub fn acquire(
        path: &Path,
        sharing: Sharing,
        wait: bool,
        waiting: impl FnOnce(Holder),
    ) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { path: path.to_owned(), source };
        let (at_once, patiently) = match sharing {
            Sharing::Alone => (FlockArg::LockExclusiveNonblock, FlockArg::LockExclusive),
            Sharing::Together => (FlockArg::LockSharedNonblock, FlockArg::LockShared),
        };
        let mut file = open(path).map_err(failed)?;
        let holders = holders(&file);
        let above = || ancestors().into_iter().find(|process| holders.contains(&process.pid));
        if let Some(process) = (!holders.is_empty()).then(above).flatten() {
            return Err(LockError::Nested { holder: process.pid.to_string() });
        }
        file = match Flock::lock(file, at_once) {
            Ok(lock) => return Ok(Self::held(lock)),
            Err((file, Errno::EWOULDBLOCK)) => file,
            Err((_, errno)) => return Err(failed(errno.into())),
        };
        let Written { pid, mark } = written(&mut file);
        // Another PID namespace may lie between us and a run that has started us: it is none of our ancestors, and its
        // number means somebody else here. Of several holders, only the last one is known by its mark.
        if mark.is_some_and(|mark| guard::is_below(&mark)) {
            let holder = match holders.first() {
                Some(pid) => pid.to_string(),
                None => format!("{} in another PID namespace", pid.unwrap_or_default()),
            };
            return Err(LockError::Nested { holder });
        }
        // What the kernel says comes before what is written in the file, which every user may write.
        let holder = Holder { pid: holders.first().copied().or(pid) };
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

    /// Takes the lock for a program that may be a part of a run: then the run has it, and there is nothing to take. One that
    /// can't be used is no reason to measure nothing: it is told as a warning, as is whom we wait for.
    ///
    /// # Errors
    ///
    /// If another one has it and `wait` is false.
    pub fn acquire_alone(
        path: &Path,
        wait: bool,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Option<Self>, LockError> {
        let waiting = |holder: Holder| tell(&holder.waited_for());
        match Self::acquire(path, Sharing::Alone, wait, waiting) {
            Ok(lock) => Ok(Some(lock)),
            Err(LockError::Nested { .. }) => Ok(None),
            Err(LockError::Io { path, source }) => {
                tell(&format!(
                    "warning: could not use the lock file `{}` ({source}): another measurement may run at the same \
                        time",
                    shown(&path)
                ));
                Ok(None)
            }
            Err(err @ (LockError::Held { .. } | LockError::Folder { .. })) => Err(err),
        }
    }

    fn held(mut lock: Flock<File>) -> Self {
        // Our number and the mark of all that we start, for a run that waits. Another user's file may be readable only:
        // the lock holds all the same.
        drop(lock.set_len(0));
        drop(lock.rewind());
        let mark = guard::own_mark().map(|mark| format!(" mark {mark}"));
        drop(write!(lock, "pid {}{}", std::process::id(), mark.unwrap_or_default()));
        Self { _file: lock }
    }
}

/// A profile folder that no other run writes into until this is dropped. Runs that may go on at the same time need it.
#[derive(Debug)]
pub struct FolderLock {
    _folder: Flock<File>,
}

impl FolderLock {
    /// Takes the folder, which is there already.
    ///
    /// # Errors
    ///
    /// If another run has it, or if the folder can't be opened.
    pub fn acquire(folder: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { path: folder.to_owned(), source };
        let flags = (OFlag::O_DIRECTORY | OFlag::O_NONBLOCK).bits();
        #[expect(clippy::disallowed_methods, reason = "a folder is no file")]
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(folder);
        match Flock::lock(opened.map_err(failed)?, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Self { _folder: lock }),
            Err((file, Errno::EWOULDBLOCK)) => {
                let holder = Holder { pid: holders(&file).first().copied() };
                Err(LockError::Folder { folder: folder.to_owned(), holder })
            }
            Err((_, errno)) => Err(failed(errno.into())),
        }
    }
}

/// Opens the lock file, or makes it such that every user of the machine can lock it.
fn open(path: &Path) -> io::Result<File> {
    // Never through a link: anybody may put one there, and the file is written to.
    let existing = || {
        files::open_with(path, Links::Refuse, OpenOptions::new().read(true).write(true))
            .or_else(|_| files::open(path, Links::Refuse))
    };
    match existing() {
        Err(err) if err.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o666);
    match files::open_with(path, Links::Refuse, &mut options) {
        Ok(file) => {
            // The umask may have taken the right to write from the others.
            drop(file.set_permissions(PermissionsExt::from_mode(0o666)));
            Ok(file)
        }
        // Another run was faster.
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists => existing(),
        Err(err) => Err(err),
    }
}

/// The words of the last holder about itself.
#[derive(Debug, Default, PartialEq, Eq)]
struct Written {
    pid: Option<i32>,
    /// The mark of its guard, which all have that it has started.
    mark: Option<String>,
}

/// Reads `pid N` or `pid N mark M`. Anything else that is in the file is of no interest.
fn written(file: &mut File) -> Written {
    let mut text = String::new();
    if file.take(100).read_to_string(&mut text).is_err() {
        return Written::default();
    }
    let words: Vec<&str> = text.split(' ').collect();
    let number = |word: &str| word.parse().ok().filter(|pid| *pid > 0);
    match words[..] {
        ["pid", pid] => Written { pid: number(pid), mark: None },
        ["pid", pid, "mark", mark] => Written { pid: number(pid), mark: Some(mark.to_owned()) },
        _ => Written::default(),
    }
}

/// The processes that hold a lock on this file, as far as the kernel shows them.
fn holders(file: &File) -> Vec<i32> {
    const MOST_BYTES: u64 = 16 << 20;
    let list = files::read(Path::new("/proc/locks"), Links::Follow, MOST_BYTES).unwrap_or_default();
    let Ok(data) = file.metadata() else { return Vec::new() };
    let device = (nix::sys::stat::major(data.dev()), nix::sys::stat::minor(data.dev()));
    parse_locks(&String::from_utf8_lossy(&list), device, data.ino())
}

/// Reads `/proc/locks`, see `proc_locks(5)`: `1: FLOCK ADVISORY WRITE 708 fe:01:1310 0 EOF`. Lines with an arrow are of
/// processes that wait.
fn parse_locks(text: &str, device: (u64, u64), inode: u64) -> Vec<i32> {
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let holder = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, _, pid, file, ..] = words.as_slice() else { return None };
        let mut parts = file.split(':');
        let of = (hex(parts.next()?)?, hex(parts.next()?)?);
        let number: u64 = parts.next()?.parse().ok()?;
        // Some file systems show one device to `stat` and another one here; the number is theirs in both.
        let fits = number == inode && (of == device || of.0 == 0);
        pid.parse().ok().filter(|pid: &i32| fits && *pid > 0)
    };
    text.lines().filter_map(holder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us() -> Holder {
        Holder { pid: i32::try_from(std::process::id()).ok() }
    }

    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let err = RunLock::acquire(&path, Sharing::Alone, true, |_| ()).unwrap_err();
        let LockError::Io { source, .. } = err else { panic!("{err}") };
        assert_eq!(source.to_string(), "it is a pipe (FIFO), not a regular file");
    }

    #[test]
    fn only_a_number_is_taken_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        for (text, pid) in
            [("pid 42", Some(42)), ("pid 4\u{1b}[2J", None), ("::error::x", None), ("pid -1", None)]
        {
            std::fs::write(&path, text).unwrap();
            assert_eq!(written(&mut File::open(&path).unwrap()).pid, pid, "{text:?}");
        }
        std::fs::write(&path, "pid 42 mark 7-8").unwrap();
        let expected = Written { pid: Some(42), mark: Some("7-8".to_owned()) };
        assert_eq!(written(&mut File::open(&path).unwrap()), expected);
        assert_eq!(Holder { pid: None }.to_string(), "pid unknown");
    }

    #[test]
    fn the_kernels_list_names_holders_and_not_waiters() {
        let text = "1: FLOCK  ADVISORY  WRITE 708 fe:01:1310 0 EOF\n\
                    1: -> FLOCK  ADVISORY  WRITE 709 fe:01:1310 0 EOF\n\
                    2: POSIX  ADVISORY  READ  710 fe:01:1310 128 128\n\
                    3: FLOCK  ADVISORY  READ  711 fe:01:1311 0 EOF\n\
                    4: FLOCK  ADVISORY  READ  712 00:2d:1310 0 EOF\nx\n5: FLOCK";
        assert_eq!(parse_locks(text, (0xfe, 1), 1310), [708, 712]);
        assert_eq!(parse_locks(text, (0xfe, 2), 1311), [0; 0]);
    }

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
    fn a_folder_is_for_one_run_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::acquire(folder.path()).unwrap();
        let err = FolderLock::acquire(folder.path()).unwrap_err();
        let LockError::Folder { holder, .. } = err else { panic!("{err}") };
        assert_eq!(holder, us());
        drop(first);
        FolderLock::acquire(folder.path()).unwrap();
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
        let expected = format!("another codspeed run is in progress (pid {})", std::process::id());
        assert_eq!(err.to_string(), expected);

        let (said, heard) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                RunLock::acquire(&path, Sharing::Alone, true, |holder| said.send(holder).unwrap())
            });
            // It waits, and says so, before the lock is given back.
            assert_eq!(heard.recv().unwrap(), us());
            drop(first);
            second.join().unwrap().unwrap();
        });
    }
}
