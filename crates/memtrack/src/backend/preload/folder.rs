//! Where the library and the segment are while a program is traced: two private folders that are gone afterwards.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, OpenOptions},
    io,
    os::{
        fd::AsRawFd,
        unix::{
            ffi::OsStrExt,
            fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown},
        },
    },
    path::{Path, PathBuf},
};

use nix::sys::{
    statfs::{TMPFS_MAGIC, statfs},
    statvfs::statvfs,
};
use tempfile::TempDir;

use super::PreloadError;

const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/memtrack_preload.so"));
const LIBRARY_NAME: &str = "libcodspeed_memtrack_preload.so";
/// Memory that files can be in.
const SHARED_MEMORY: &str = "/dev/shm";
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
    _folders: Vec<TempDir>,
}

impl Folders {
    /// Makes both, below `temp` or where else it is possible, for the user `owner` when it isn't ours.
    pub(super) fn create(
        temp: &Path,
        owner: Option<(u32, u32)>,
    ) -> Result<(Self, File), PreloadError> {
        let (library_folder, library) = place_library(temp, owner)?;
        let (segment_folder, room) = place_segment(temp, owner)?;
        let segment = segment_folder.path().join("segment");
        let failed = |source| PreloadError::Segment { path: segment.clone(), source };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&segment)
            .map_err(failed)?;
        give(&segment, owner).map_err(failed)?;
        let folders =
            Self { library, segment, room, _folders: vec![library_folder, segment_folder] };
        Ok((folders, file))
    }
}

/// Programs are mapped from here, so the file system must allow that; the loader splits names at spaces and colons.
fn place_library(
    temp: &Path,
    owner: Option<(u32, u32)>,
) -> Result<(TempDir, PathBuf), PreloadError> {
    let mut last = None;
    for parent in [temp, Path::new("/tmp"), Path::new("/var/tmp"), Path::new(SHARED_MEMORY)] {
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

fn try_library(parent: &Path, owner: Option<(u32, u32)>) -> io::Result<(TempDir, PathBuf)> {
    let folder = private_folder(parent, owner)?;
    let path = folder.path().join(LIBRARY_NAME);
    fs::write(&path, LIBRARY)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o500))?;
    give(&path, owner)?;
    may_execute(&File::open(&path)?)?;
    Ok((folder, path))
}

/// Memory if there is some, else a disk.
fn place_segment(temp: &Path, owner: Option<(u32, u32)>) -> Result<(TempDir, u64), PreloadError> {
    let memory = Path::new(SHARED_MEMORY);
    let free = if statfs(memory).is_ok_and(|about| about.filesystem_type() == TMPFS_MAGIC) {
        free_bytes(memory)
    } else {
        0
    };
    if free >= ENOUGH
        && let Ok(folder) = private_folder(memory, owner)
    {
        return Ok((folder, free));
    }
    private_folder(temp, owner)
        .map(|folder| (folder, free_bytes(temp)))
        .map_err(|source| PreloadError::Segment { path: temp.to_owned(), source })
}

fn free_bytes(folder: &Path) -> u64 {
    statvfs(folder)
        .map_or(0, |about| about.blocks_available().saturating_mul(about.fragment_size()))
}

fn private_folder(parent: &Path, owner: Option<(u32, u32)>) -> io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("codspeed-memtrack-").tempdir_in(parent)?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700))?;
    give(folder.path(), owner)?;
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
