//! Files and folders that are gone when the program is, however it is asked to end: they are known in one place from
//! before they exist until they are gone. What is left when a program is killed is in a [`Folder`], and the next one removes
//! that.

mod folder;

use std::{
    collections::BTreeSet,
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tempfile::{NamedTempFile, TempPath};

pub use folder::{Folder, Kind, tidy};

/// All there are.
static KNOWN: Mutex<BTreeSet<Known>> = Mutex::new(BTreeSet::new());

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Known {
    path: PathBuf,
    /// Device and inode, where somebody else may make another one under the same name.
    identity: Option<(u64, u64)>,
}

impl Known {
    fn remove(&self) {
        let Self { path, identity } = self;
        let Ok(now) = fs::symlink_metadata(path) else { return };
        if identity.is_some_and(|identity| identity != (now.dev(), now.ino())) {
            return;
        }
        // Whoever has made it impossible has to clear up.
        drop(if now.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) });
    }
}

fn known() -> MutexGuard<'static, BTreeSet<Known>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes all of them. As long as the result lives, whoever makes another one waits.
pub(crate) fn remove_all() -> impl Sized {
    let known = known();
    known.iter().for_each(Known::remove);
    known
}

/// A file of a name that nobody else has, removed when it is dropped.
#[derive(Debug)]
pub struct NamedFile {
    file: File,
    path: Option<TempPath>,
    known: Known,
}

impl NamedFile {
    /// Makes one among the user's temporary files that nobody else may read.
    ///
    /// # Errors
    ///
    /// If it can't be made.
    pub fn create() -> io::Result<Self> {
        Self::create_in(&std::env::temp_dir(), ".tmp", 0o600)
    }

    /// Makes one with this mode in the folder `parent`, whose name begins with `prefix`.
    ///
    /// # Errors
    ///
    /// If it can't be made.
    pub fn create_in(parent: &Path, prefix: &str, mode: u32) -> io::Result<Self> {
        let mut known = known();
        #[expect(clippy::disallowed_methods, reason = "this is the place that the rule names")]
        let fresh = tempfile::Builder::new()
            .prefix(prefix)
            .permissions(Permissions::from_mode(mode))
            .tempfile_in(parent)?;
        let (file, path) = NamedTempFile::into_parts(fresh);
        let entry = Known { path: path.to_path_buf(), identity: None };
        known.insert(entry.clone());
        Ok(Self { file, path: Some(path), known: entry })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.known.path
    }

    /// The open file.
    pub fn as_file(&self) -> &File {
        &self.file
    }

    /// The same, to be read and written.
    pub fn as_file_mut(&mut self) -> &mut File {
        &mut self.file
    }

    /// Moves it to its place, where it stays.
    ///
    /// # Errors
    ///
    /// If it can't be moved; then it is removed.
    pub fn persist(mut self, place: &Path) -> io::Result<()> {
        let mut known = known();
        if let Some(path) = self.path.take() {
            path.persist(place).map_err(|err| err.error)?;
        }
        known.remove(&self.known);
        Ok(())
    }
}

impl Write for NamedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NamedFile {
    fn drop(&mut self) {
        let mut known = known();
        drop(self.path.take());
        known.remove(&self.known);
    }
}

/// Something that others find under a known name, such as a FIFO. Removed when it is dropped, unless somebody else has
/// made another one under that name.
#[derive(Debug)]
pub struct Public {
    known: Known,
}

impl Public {
    /// Lets `make` make it, which is told its path.
    ///
    /// # Errors
    ///
    /// Those of `make`, and if it isn't there afterwards.
    pub fn create(path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<Self> {
        let mut known = known();
        make(path)?;
        let data = fs::symlink_metadata(path)?;
        let entry = Known { path: path.to_owned(), identity: Some((data.dev(), data.ino())) };
        known.insert(entry.clone());
        Ok(Self { known: entry })
    }

    /// Device and inode.
    pub fn identity(&self) -> (u64, u64) {
        // Always there: it was made so.
        self.known.identity.unwrap_or_default()
    }
}

impl Drop for Public {
    fn drop(&mut self) {
        let mut known = known();
        self.known.remove();
        known.remove(&self.known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of what is in the folder.
    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn dropped_and_moved_paths_are_forgotten_the_rest_is_removed() {
        let outer = tempfile::tempdir().unwrap();
        let at = |name: &str| outer.path().join(name);
        let folder = Folder::create(outer.path(), Kind::Copies).unwrap();
        fs::write(folder.path().join("inner"), "x").unwrap();
        let file = NamedFile::create_in(outer.path(), "b-", 0o600).unwrap();
        Folder::create(outer.path(), Kind::Package).unwrap().persist(&at("kept")).unwrap();
        NamedFile::create_in(outer.path(), "d-", 0o644).unwrap().persist(&at("moved")).unwrap();
        drop(NamedFile::create_in(outer.path(), "e-", 0o600).unwrap());
        let ours = Public::create(&at("ours"), |path| fs::write(path, "1")).unwrap();
        let theirs = Public::create(&at("theirs"), |path| fs::write(path, "1")).unwrap();
        // Somebody else has made another one.
        fs::write(at("other"), "2").unwrap();
        fs::rename(at("other"), at("theirs")).unwrap();
        assert_eq!(names(outer.path()).len(), 6, "{:?}", names(outer.path()));
        drop(remove_all());
        assert_eq!(names(outer.path()), ["kept", "moved", "theirs"]);
        drop((folder, file, ours, theirs));
        assert_eq!(names(outer.path()), ["kept", "moved", "theirs"]);
        let mine = |known: &&Known| known.path.starts_with(outer.path());
        assert_eq!(known().iter().filter(mine).count(), 0);
    }

    #[test]
    fn a_private_file_is_private_and_replaces_an_old_one() {
        let outer = tempfile::tempdir().unwrap();
        let file = NamedFile::create_in(outer.path(), ".x-", 0o600).unwrap();
        assert_eq!(file.path().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(outer.path().join("old"), "old").unwrap();
        file.persist(&outer.path().join("old")).unwrap();
        assert_eq!(fs::read(outer.path().join("old")).unwrap(), b"");
    }
}
