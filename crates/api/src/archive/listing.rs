//! What of a folder goes into an archive, in which order, and what doesn't.

use std::{
    ffi::OsString,
    fmt, fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use runner_shared::artifact::{OLDER_WALLTIME_METADATA, WALLTIME_METADATA};

use super::ArchiveError;

/// Something that is not in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Below the profile folder.
    pub path: PathBuf,
    /// Why.
    pub why: Why,
}

/// Why something is not in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A FIFO, a socket or a device.
    Special,
    /// A link that leads nowhere, or around in a circle.
    DeadLink,
    /// A link to a folder.
    FolderLink,
    /// It was there, and is gone.
    Vanished,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.why {
            Why::Special => "it is a FIFO, a socket or a device",
            Why::DeadLink => "the link leads nowhere",
            Why::FolderLink => "it is a link to a folder",
            Why::Vanished => "it is gone",
        };
        write!(f, "`{}`: {why}", self.path.display())
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
        match self.name.to_str() {
            Some(OLDER_WALLTIME_METADATA) => Path::new(WALLTIME_METADATA),
            _ => &self.name,
        }
    }
}

/// What goes into an archive.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) root: PathBuf,
    /// A folder comes before what is in it.
    pub(super) entries: Vec<Entry>,
    /// Bytes of all files.
    pub(super) total: u64,
    pub(super) skipped: Vec<Skipped>,
}

/// Lists a folder with all that is below it, except for the file `but` and what lies in [`NOT_ARCHIVED`](super::NOT_ARCHIVED).
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
    left.retain(|name| name != Path::new(super::NOT_ARCHIVED));
    if left.iter().any(|name| name == Path::new(WALLTIME_METADATA)) {
        // What an older runner has left in the same folder says the same of another run.
        left.retain(|name| name != Path::new(OLDER_WALLTIME_METADATA));
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
    let is_link = itself.is_symlink();
    let target = if is_link {
        match fs::metadata(path) {
            Ok(target) => target,
            Err(err) if leads_nowhere(&err) => return Ok(Found::Nothing(Why::DeadLink)),
            Err(err) => return Err(err),
        }
    } else {
        itself
    };
    Ok(match (target.is_dir(), target.is_file()) {
        // Its content may lie anywhere, be endless, or be what we are just listing.
        (true, _) if is_link => Found::Nothing(Why::FolderLink),
        (true, _) => Found::Folder,
        (_, true) => Found::File { size: target.len(), id: (target.dev(), target.ino()) },
        (false, false) => Found::Nothing(Why::Special),
    })
}

fn leads_nowhere(err: &io::Error) -> bool {
    matches!(err.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        || err.raw_os_error() == Some(libc::ELOOP)
}

/// What is in a folder, the last name first.
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
