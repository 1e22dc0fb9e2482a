//! Selection of the files of a folder that go into an archive, and their order.

use std::{
    ffi::OsString,
    fmt, fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use runner_shared::{
    profile_dir::{NOT_ARCHIVED, OLDER_WALLTIME_METADATA, WALLTIME_METADATA},
    text::shown,
};

use super::ArchiveError;

/// Something that is not in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Below the profile folder.
    pub path: PathBuf,
    /// The reason.
    pub why: Why,
}

/// The reason why something is not in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A FIFO, a socket or a device.
    Special,
    /// A symbolic link: what it leads to may be of another user, endless, or what is just being packed.
    Link,
    /// It was there, and is gone.
    Vanished,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.why {
            Why::Special => "it is a FIFO, a socket or a device",
            Why::Link => "it is a symbolic link",
            Why::Vanished => "it no longer exists",
        };
        write!(f, "`{}`: {why}", shown(&self.path))
    }
}

/// A folder or a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Below the folder that is archived; empty for that folder itself.
    pub(super) name: PathBuf,
    pub(super) is_folder: bool,
}

impl Entry {
    /// Returns the name in the archive. An older folder gets the names that belong to the version
    /// which the upload announces; its content is the same by either name.
    pub(super) fn archived(&self) -> &Path {
        if self.name == Path::new(OLDER_WALLTIME_METADATA.path) {
            Path::new(WALLTIME_METADATA.path)
        } else {
            &self.name
        }
    }
}

/// An entry of an archive.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) root: PathBuf,
    /// A folder comes before what is in it.
    pub(super) entries: Vec<Entry>,
    /// Bytes of all files.
    pub(super) total: u64,
    pub(super) skipped: Vec<Skipped>,
}

/// Lists a folder with all that is below it, except for the file `but` and what lies in [`NOT_ARCHIVED`].
pub(super) fn list(root: &Path, but: &Path) -> Result<Listing, ArchiveError> {
    let mut listing = Listing {
        root: root.to_owned(),
        entries: vec![Entry { name: PathBuf::new(), is_folder: true }],
        total: 0,
        skipped: Vec::new(),
    };
    let but = fs::metadata(but).ok().map(|file| (file.dev(), file.ino()));
    // A stack, not recursion: folders may be nested as deep as the file system allows.
    let mut left = children(root, Path::new(""))?;
    left.retain(|name| name != Path::new(NOT_ARCHIVED));
    if left.iter().any(|name| name == Path::new(WALLTIME_METADATA.path)) {
        // What an older runner has left in the same folder says the same of another run.
        left.retain(|name| name != Path::new(OLDER_WALLTIME_METADATA.path));
    }
    while let Some(name) = left.pop() {
        let path = root.join(&name);
        match look(&path).map_err(|source| ArchiveError::Read { path, source })? {
            Found::Folder => {
                left.extend(children(root, &name)?);
                listing.entries.push(Entry { name, is_folder: true });
            }
            Found::File { id, .. } if Some(id) == but => {}
            Found::File { size, .. } => {
                listing.total += size;
                listing.entries.push(Entry { name, is_folder: false });
            }
            Found::Nothing(why) => listing.skipped.push(Skipped { path: name, why }),
        }
    }
    Ok(listing)
}

enum Found {
    Folder,
    File { size: u64, id: (u64, u64) },
    Nothing(Why),
}

fn look(path: &Path) -> io::Result<Found> {
    let itself = match fs::symlink_metadata(path) {
        Ok(itself) => itself,
        Err(err) if err.kind() == io::ErrorKind::NotFound => {
            return Ok(Found::Nothing(Why::Vanished));
        }
        Err(err) => return Err(err),
    };
    let kind = itself.file_type();
    Ok(if kind.is_dir() {
        Found::Folder
    } else if kind.is_file() {
        Found::File { size: itself.len(), id: (itself.dev(), itself.ino()) }
    } else if kind.is_symlink() {
        Found::Nothing(Why::Link)
    } else {
        Found::Nothing(Why::Special)
    })
}

/// Returns what is in a folder, the last name first.
fn children(root: &Path, name: &Path) -> Result<Vec<PathBuf>, ArchiveError> {
    let path = root.join(name);
    let read = || -> io::Result<Vec<OsString>> {
        let mut names: Vec<OsString> =
            fs::read_dir(&path)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
        names.sort_by(|a, b| b.cmp(a));
        Ok(names)
    };
    match read() {
        Ok(names) => Ok(names.into_iter().map(|child| name.join(child)).collect()),
        Err(source) => Err(ArchiveError::Read { path, source }),
    }
}
