//! The folders of the library and the segment while a program is traced; both are gone afterwards.
//!
//! A traced process can become anybody, so anybody may load the library and write to the segment who knows its name.
//! That name is a secret, which is in the environment of the traced processes: the folder can't be listed by others.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{self, Read},
    os::{
        fd::AsRawFd,
        unix::{
            ffi::OsStrExt,
            fs::{MetadataExt, PermissionsExt, chown},
        },
    },
    path::{Path, PathBuf},
};

use nix::sys::{
    statfs::{TMPFS_MAGIC, statfs},
    statvfs::statvfs,
};
use system::{
    files::{self, Links},
    temporary::{Folder, Kind},
};

use super::PreloadError;

const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/memtrack_preload.so"));
const LIBRARY_NAME: &str = "libcodspeed_memtrack_preload.so";
/// Memory that files can be in.
const SHARED_MEMORY: &str = "/dev/shm";
const SEGMENT_NAME: &str = "segment";
/// Less free memory than this is not worth a try, in bytes.
const ENOUGH: u64 = 8 << 20;

/// Both folders.
#[derive(Debug)]
pub(super) struct Folders {
    /// The library.
    pub library: PathBuf,
    /// The file for the segment.
    pub segment: PathBuf,
    /// Bytes that the file can have.
    pub room: u64,
    _kept: [Folder; 2],
}

impl Folders {
    /// Makes both, below `temp` or where else it is possible, for the user `owner` when it isn't ours.
    pub(super) fn create(
        temp: &Path,
        owner: Option<(u32, u32)>,
    ) -> Result<(Self, File), PreloadError> {
        let (library_folder, library) = place_library(temp, owner)?;
        let (segment_folder, room) = place_segment(temp, owner)?;
        let secret = secret().map_err(|source| PreloadError::Segment {
            path: segment_folder.path().to_owned(),
            source,
        })?;
        let segment = segment_folder.path().join(format!("{SEGMENT_NAME}-{secret}"));
        let failed = |source| PreloadError::Segment { path: segment.clone(), source };
        let file = files::create_private(&segment).map_err(failed)?;
        file.set_permissions(fs::Permissions::from_mode(0o666)).map_err(failed)?;
        give(&segment, owner).map_err(failed)?;
        let folders = Self { library, segment, room, _kept: [library_folder, segment_folder] };
        Ok((folders, file))
    }
}

impl Folders {
    /// Returns one of both files that is not there any more: programs that have begun since were not counted.
    pub(super) fn missing(&self) -> Option<&Path> {
        [&self.library, &self.segment]
            .into_iter()
            .find(|path| !files::is_there(path))
            .map(PathBuf::as_path)
    }
}

/// 128 bits that nobody can guess, as text.
fn secret() -> io::Result<String> {
    let mut bytes = [0; 16];
    files::open_kernel("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// Programs are mapped from here, so the file system must allow that; the loader splits names at spaces and colons.
fn place_library(
    temp: &Path,
    owner: Option<(u32, u32)>,
) -> Result<(Folder, PathBuf), PreloadError> {
    let mut last = None;
    let mut parents = [temp, Path::new("/tmp"), Path::new("/var/tmp"), Path::new(SHARED_MEMORY)];
    if nix::unistd::geteuid().is_root() {
        // Programs can become other users.
        parents.sort_by_key(|parent| !is_open_to_all(parent));
    }
    for parent in parents {
        if parent.as_os_str().as_bytes().iter().any(|byte| b" :".contains(byte)) {
            continue;
        }
        match try_library(parent, owner) {
            Ok(placed) => return Ok(placed),
            Err(source) => {
                last = Some(PreloadError::Library { path: parent.to_owned(), source });
            }
        }
    }
    Err(last.unwrap_or_else(|| PreloadError::Library {
        path: temp.to_owned(),
        source: io::ErrorKind::InvalidInput.into(),
    }))
}

/// Tells whether any user reaches the files in a folder.
fn is_open_to_all(folder: &Path) -> bool {
    let Ok(folder) = folder.canonicalize() else { return false };
    folder.ancestors().all(|of| fs::metadata(of).is_ok_and(|about| about.mode() & 0o001 != 0))
}

fn try_library(parent: &Path, owner: Option<(u32, u32)>) -> io::Result<(Folder, PathBuf)> {
    let folder = folder_without_list(parent, owner)?;
    let path = folder.path().join(LIBRARY_NAME);
    files::replace(&path, LIBRARY)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o555))?;
    give(&path, owner)?;
    may_execute(&files::open(&path, Links::Refuse)?)?;
    Ok((folder, path))
}

/// Memory if there is some, else a disk.
fn place_segment(temp: &Path, owner: Option<(u32, u32)>) -> Result<(Folder, u64), PreloadError> {
    let memory = Path::new(SHARED_MEMORY);
    let free = if statfs(memory).is_ok_and(|about| about.filesystem_type() == TMPFS_MAGIC) {
        free_bytes(memory)
    } else {
        0
    };
    if free >= ENOUGH
        && let Ok(folder) = folder_without_list(memory, owner)
    {
        return Ok((folder, free));
    }
    folder_without_list(temp, owner)
        .map(|folder| (folder, free_bytes(temp)))
        .map_err(|source| PreloadError::Segment { path: temp.to_owned(), source })
}

fn free_bytes(folder: &Path) -> u64 {
    statvfs(folder)
        .map_or(0, |about| about.blocks_available().saturating_mul(about.fragment_size()))
}

fn folder_without_list(parent: &Path, owner: Option<(u32, u32)>) -> io::Result<Folder> {
    let folder = Folder::create_for(owner, parent, Kind::Tracer)?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
    Ok(folder)
}

fn give(path: &Path, owner: Option<(u32, u32)>) -> io::Result<()> {
    let Some((user, group)) = owner else { return Ok(()) };
    let about = fs::metadata(path)?;
    if (about.uid(), about.gid()) == (user, group) {
        return Ok(());
    }
    chown(path, Some(user), Some(group))
}

#[expect(unsafe_code, reason = "mapping a file has no safe wrapper")]
fn may_execute(file: &File) -> io::Result<()> {
    const LEN: usize = 4096;
    // SAFETY: a new mapping at an address of the kernel's choice, of a file that is open.
    let place = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            LEN,
            libc::PROT_READ | libc::PROT_EXEC,
            libc::MAP_PRIVATE,
            file.as_raw_fd(),
            0,
        )
    };
    if place == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the mapping that was just made, which nobody uses.
    unsafe { libc::munmap(place, LEN) };
    Ok(())
}

/// `LD_PRELOAD` with the library in front of what the user has.
pub(super) fn preload_list(library: &Path, before: Option<&OsStr>) -> OsString {
    let mut list = library.as_os_str().to_owned();
    if let Some(before) = before.filter(|before| !before.is_empty()) {
        list.push(":");
        list.push(before);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_preloads_stays_behind_ours() {
        let library = Path::new("/x/ours.so");
        assert_eq!(preload_list(library, None), "/x/ours.so");
        assert_eq!(preload_list(library, Some(OsStr::new(""))), "/x/ours.so");
        assert_eq!(preload_list(library, Some(OsStr::new("a.so b.so"))), "/x/ours.so:a.so b.so");
    }

    #[test]
    fn a_library_is_never_where_the_loader_cannot_name_it() {
        let temp = tempfile::Builder::new().prefix("with space").tempdir().unwrap();
        let (folders, _file) = Folders::create(temp.path(), None).unwrap();
        assert!(!folders.library.starts_with(temp.path()));
        let (library, segment) = (folders.library.clone(), folders.segment.clone());
        drop(folders);
        assert!(!library.exists() && !segment.exists(), "nothing stays behind");
    }
}
