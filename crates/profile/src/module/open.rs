//! Opens the files that a recording names, and only if they still are what was mapped.

use std::{
    collections::HashMap,
    fs::{File, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, SystemTime},
};

use system::files::{self, Links};

use super::{elf::Elf, vdso::own_vdso};
use crate::{
    mapped::Mapped,
    perf::Identity,
    replay::{MappedFile, VDSO},
    snapshot::{PinnedFile, Snapshot},
};

/// A module, open.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) bytes: Mapped,
    /// The same for two names of one file.
    pub(crate) unique: Unique,
}

/// The identity of a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Unique {
    File { device: u64, inode: u64, size: u64, modified: (i64, i64) },
    Vdso,
}

/// The reason why a module is left out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotOpened {
    #[error("can't be opened: {0}")]
    Io(#[from] io::Error),
    #[error("was replaced during the run")]
    Replaced,
    #[error("is not a regular file")]
    NotAFile,
}

/// Knows the files that were pinned during the run.
pub(crate) struct Opener<'a> {
    by_inode: HashMap<Identity, &'a PinnedFile>,
    by_path: HashMap<&'a str, Vec<&'a PinnedFile>>,
    started: SystemTime,
}

impl<'a> Opener<'a> {
    pub(crate) fn new(snapshots: &'a [Snapshot], started: SystemTime) -> Self {
        let mut opener = Self { by_inode: HashMap::new(), by_path: HashMap::new(), started };
        for pinned in snapshots.iter().flat_map(|snapshot| &snapshot.files) {
            let PinnedFile { device, inode, .. } = *pinned;
            opener.by_inode.entry(Identity::Inode { device, inode }).or_insert(pinned);
            opener.by_path.entry(&pinned.path).or_default().push(pinned);
        }
        opener
    }

    /// Opens a mapped file.
    pub(crate) fn open(&self, mapped: &MappedFile) -> Result<Opened, NotOpened> {
        if &*mapped.path == VDSO {
            let bytes = own_vdso().ok_or(NotOpened::NotAFile)?;
            return Ok(Opened { bytes: Mapped::Memory(bytes), unique: Unique::Vdso });
        }
        if let Some(pinned) = self.by_inode.get(&mapped.identity) {
            return opened(&pinned.file);
        }
        match mapped.identity {
            Identity::BuildId { length, bytes } => {
                let id = bytes.get(..usize::from(length)).unwrap_or_default();
                self.open_by_build_id(&mapped.path, id)
            }
            Identity::Inode { inode, .. } => self.open_by_inode(&mapped.path, inode),
            Identity::Unknown => opened(&open_file(&mapped.path)?),
        }
    }

    fn open_by_build_id(&self, path: &str, id: &[u8]) -> Result<Opened, NotOpened> {
        let is_it = |file: &Opened| {
            Elf::parse(&file.bytes).and_then(|elf| elf.build_id().map(|own| own == id))
        };
        let pinned = self.by_path.get(path).map(Vec::as_slice).unwrap_or_default();
        for pinned in pinned {
            let file = opened(&pinned.file)?;
            if is_it(&file) == Some(true) {
                return Ok(file);
            }
        }
        let file = opened(&open_file(path)?)?;
        if is_it(&file) == Some(true) { Ok(file) } else { Err(NotOpened::Replaced) }
    }

    /// Inodes differ from what the kernel says on some stacked filesystems, so one that differs
    /// proves nothing alone: the file must also have changed since the run began.
    fn open_by_inode(&self, path: &str, inode: u64) -> Result<Opened, NotOpened> {
        let file = open_file(path)?;
        let metadata = file.metadata()?;
        if metadata.ino() != inode && changed(&metadata) >= Some(self.started) {
            return Err(NotOpened::Replaced);
        }
        opened(&file)
    }
}

/// Returns the time when the file or its metadata was last changed.
fn changed(metadata: &Metadata) -> Option<SystemTime> {
    let seconds = Duration::from_secs(u64::try_from(metadata.ctime()).ok()?);
    let nanos = Duration::from_nanos(u64::try_from(metadata.ctime_nsec()).ok()?);
    SystemTime::UNIX_EPOCH.checked_add(seconds)?.checked_add(nanos)
}

fn open_file(path: &str) -> Result<File, NotOpened> {
    Ok(files::open(Path::new(path), Links::Follow)?)
}

fn opened(file: &File) -> Result<Opened, NotOpened> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(NotOpened::NotAFile);
    }
    let unique = Unique::File {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
    };
    Ok(Opened { bytes: Mapped::file(file)?, unique })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &Path, identity: Identity) -> MappedFile {
        MappedFile { path: path.to_str().unwrap().into(), identity }
    }

    #[test]
    fn a_replaced_file_is_not_taken_for_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lib.so");
        std::fs::write(&path, "old").unwrap();
        let inode = path.metadata().unwrap().ino();
        let identity = Identity::Inode { device: (1, 2), inode };
        let pinned = PinnedFile {
            device: (1, 2),
            inode,
            path: path.to_str().unwrap().to_owned(),
            file: File::open(&path).unwrap(),
        };
        std::fs::write(dir.path().join("new"), "new").unwrap();
        std::fs::rename(dir.path().join("new"), &path).unwrap();

        let empty = Opener::new(&[], SystemTime::UNIX_EPOCH);
        let replaced = empty.open(&file(&path, identity));
        assert!(matches!(replaced, Err(NotOpened::Replaced)));
        let build_id = Identity::BuildId { length: 1, bytes: [1; 20] };
        assert!(matches!(empty.open(&file(&path, build_id)), Err(NotOpened::Replaced)));
        let missing = empty.open(&file(&dir.path().join("gone"), identity));
        assert!(matches!(missing, Err(NotOpened::Io(_))));

        let later = SystemTime::now() + Duration::from_mins(1);
        let trusting = Opener::new(&[], later);
        assert_eq!(&*trusting.open(&file(&path, identity)).unwrap().bytes, b"new");

        let files = vec![pinned];
        let snapshots = [Snapshot { pid: 1, time: 1, mappings: Vec::new(), files }];
        let opener = Opener::new(&snapshots, SystemTime::UNIX_EPOCH);
        assert_eq!(&*opener.open(&file(&path, identity)).unwrap().bytes, b"old");
    }
}
