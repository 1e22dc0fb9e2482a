//! Private folders for as long as a program runs. What one that was killed has left is removed when the next one is made.
//!
//! A folder is locked while its program lives; the kernel gives the lock back however that ends. So a folder without one
//! belongs to nobody, and none of a process that lives is taken for such.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown},
    },
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg, OFlag},
    unistd::{Uid, setfsuid},
};
use tempfile::TempDir;

use super::{Known, known};

/// Tries to make a folder that nobody takes away before it is locked.
const TRIES: usize = 10;
/// Letters behind the first part of a name.
const RANDOM: usize = 6;

/// A use of a folder, and with it the beginning of its name. No other program uses these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// FIFOs by which a profiler or a tracer is switched.
    Control,
    /// A FIFO by which a tracer tells how far it is.
    Progress,
    /// Copies of files that processes may overwrite.
    Copies,
    /// Scripts in front of other programs.
    Shims,
    /// The log of a tracer of a database.
    Log,
    /// The library that counts a command.
    Harness,
    /// The library and the memory of a traced process.
    Tracer,
    /// A package that is being unpacked where it is to stay.
    Package,
    /// Two states of a repository, with what is built of them.
    Sides,
    /// Results of the doctor's own measurement.
    Doctor,
    /// Things that filters of Git make of files while these are compared.
    Filters,
}

/// All of them.
const KINDS: [Kind; 11] = [
    Kind::Control,
    Kind::Progress,
    Kind::Copies,
    Kind::Shims,
    Kind::Log,
    Kind::Harness,
    Kind::Tracer,
    Kind::Package,
    Kind::Sides,
    Kind::Doctor,
    Kind::Filters,
];

impl Kind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Control => "codspeed-control-",
            Self::Progress => "codspeed-progress-",
            Self::Copies => "codspeed-copies-",
            Self::Shims => "codspeed-shims.",
            Self::Log => "codspeed-log-",
            Self::Harness => ".exec-harness-",
            Self::Tracer => "codspeed-memtrack-",
            Self::Package => ".unfinished-",
            Self::Sides => "codspeed-sides-",
            Self::Doctor => "codspeed-doctor-",
            Self::Filters => "codspeed-filters-",
        }
    }
}

/// A folder of a name that nobody else has, removed with all that is in it when it is dropped.
#[derive(Debug)]
pub struct Folder {
    held: Option<TempDir>,
    known: Known,
    /// Nobody has one on file systems without locks.
    lock: Option<Flock<File>>,
}

impl Folder {
    /// Makes one for this user alone below `parent`, and removes those that the dead have left there.
    ///
    /// # Errors
    ///
    /// If it can't be made.
    pub fn create(parent: &Path, kind: Kind) -> io::Result<Self> {
        Self::create_for(None, parent, kind)
    }

    /// The same for this user and group, if not for ourselves.
    ///
    /// # Errors
    ///
    /// If it can't be made, or not be given to them.
    pub fn create_for(owner: Option<(u32, u32)>, parent: &Path, kind: Kind) -> io::Result<Self> {
        for _ in 0..TRIES {
            let mut fresh = Self::make(parent, kind)?;
            if let Some((user, group)) = owner {
                chown(fresh.path(), Some(user), Some(group))?;
            }
            match lock(fresh.path()) {
                Ok(lock) if is_still(&lock, fresh.path()) => {
                    remove_orphans(parent, lock.metadata()?.uid());
                    fresh.lock = Some(lock);
                    return Ok(fresh);
                }
                // One who was looking for orphans was here first, and has taken it.
                Ok(_) | Err(Errno::EWOULDBLOCK | Errno::ENOENT) => {}
                // File systems without locks: then nobody is an orphan there either.
                Err(Errno::ENOLCK | Errno::ENOSYS | Errno::EOPNOTSUPP | Errno::EINVAL) => {
                    return Ok(fresh);
                }
                Err(errno) => return Err(errno.into()),
            }
        }
        Err(io::Error::other("others remove what is made there"))
    }

    /// Makes one that is known, and not locked yet.
    fn make(parent: &Path, kind: Kind) -> io::Result<Self> {
        let mut known = known();
        #[expect(clippy::disallowed_methods, reason = "this is the place that the rule names")]
        let folder = tempfile::Builder::new()
            .prefix(kind.prefix())
            .rand_bytes(RANDOM)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)?;
        let entry = Known { path: folder.path().to_owned(), identity: None };
        known.insert(entry.clone());
        Ok(Self { held: Some(folder), known: entry, lock: None })
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.known.path
    }

    /// Moves it to its place, where it stays.
    ///
    /// # Errors
    ///
    /// If it can't be moved; then it is removed.
    pub fn persist(mut self, place: &Path) -> io::Result<()> {
        let mut known = known();
        fs::rename(&self.known.path, place)?;
        known.remove(&self.known);
        // There is nothing left to remove.
        drop(self.held.take().map(TempDir::keep));
        Ok(())
    }
}

impl AsRef<Path> for Folder {
    fn as_ref(&self) -> &Path {
        self.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let mut known = known();
        drop(self.held.take());
        known.remove(&self.known);
        // Last: nobody is to take it for an orphan before.
        drop(self.lock.take());
    }
}

/// Removes from `parent` what programs of ours have left there that were killed.
pub fn tidy(parent: &Path) {
    // Changes nothing, as there is no such user, and returns who we are for files.
    remove_orphans(parent, setfsuid(Uid::from_raw(u32::MAX)).as_raw());
}

/// Removes folders of `user` that no process has. No link is followed.
fn remove_orphans(parent: &Path, user: u32) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let path = entry.path();
        if is_name(entry.file_name().as_bytes())
            && fs::symlink_metadata(&path).is_ok_and(|about| about.is_dir() && about.uid() == user)
            && let Ok(_lock) = lock(&path)
        {
            // Another one may be at it, too.
            drop(fs::remove_dir_all(&path));
        }
    }
}

/// Returns whether a folder of ours can have this name.
fn is_name(name: &[u8]) -> bool {
    let is_random =
        |rest: &[u8]| rest.len() == RANDOM && rest.iter().all(u8::is_ascii_alphanumeric);
    KINDS.iter().any(|kind| name.strip_prefix(kind.prefix().as_bytes()).is_some_and(is_random))
}

/// Locks a folder, if nobody has.
fn lock(path: &Path) -> Result<Flock<File>, Errno> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    #[expect(clippy::disallowed_methods, reason = "a folder is no file")]
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path);
    let file = opened.map_err(|err| err.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| errno)
}

/// Returns whether the folder at `path` is the one that was locked.
fn is_still(lock: &Flock<File>, path: &Path) -> bool {
    let identity = |about: fs::Metadata| (about.dev(), about.ino());
    let (there, ours) = (fs::symlink_metadata(path).map(identity), lock.metadata().map(identity));
    there.ok().is_some_and(|there| ours.ok() == Some(there))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(parent: &Path) -> Vec<String> {
        let entries = fs::read_dir(parent).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_the_dead_have_left_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let path = parent.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::write(path.join("file"), "x").unwrap();
            path
        };
        make("codspeed-copies-AAAAAA");
        make("codspeed-control-AAAAAA");
        make("codspeed-copies-longer-than-ours");
        make("theirs");
        fs::write(parent.path().join("codspeed-copies-BBBBBB"), "a file").unwrap();
        let victim = make("victim");
        std::os::unix::fs::symlink(&victim, parent.path().join("codspeed-copies-CCCCCC")).unwrap();
        std::os::unix::fs::symlink(&victim, make("codspeed-copies-DDDDDD").join("link")).unwrap();

        let first = Folder::create(parent.path(), Kind::Copies).unwrap();
        let second = Folder::create(parent.path(), Kind::Copies).unwrap();
        assert_eq!(fs::metadata(first.path()).unwrap().mode() & 0o7777, 0o700);
        assert!(first.path().exists() && second.path().exists(), "those of the living stay");
        drop((first, second));
        let left = [
            "codspeed-copies-BBBBBB",
            "codspeed-copies-CCCCCC",
            "codspeed-copies-longer-than-ours",
            "theirs",
            "victim",
        ];
        assert_eq!(names(parent.path()), left);
        assert_eq!(fs::read(victim.join("file")).unwrap(), b"x", "no link is followed");
    }

    #[test]
    fn many_at_the_same_time_do_not_take_each_others() {
        let parent = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let folder = Folder::create(parent.path(), Kind::Copies).unwrap();
                        fs::write(folder.path().join("file"), "x").unwrap();
                    }
                });
            }
        });
        assert!(names(parent.path()).is_empty());
    }
}
