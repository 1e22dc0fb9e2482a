//! Where the library and the segment are while a program is traced: two folders that are gone afterwards.
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
    time::Duration,
};

use nix::sys::{
    statfs::{TMPFS_MAGIC, statfs},
    statvfs::statvfs,
};
use system::{
    files::{self, Links},
    temporary::Folder,
};

use super::{PreloadError, segment::is_orphan};

const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/memtrack_preload.so"));
const LIBRARY_NAME: &str = "libcodspeed_memtrack_preload.so";
/// Memory that files can be in.
const SHARED_MEMORY: &str = "/dev/shm";
const PREFIX: &str = "codspeed-memtrack-";
const SEGMENT_NAME: &str = "segment";
/// A segment of this age has a lock, or no tracer.
const YOUNG: Duration = Duration::from_mins(1);
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
        // The memory first: the folder of the library is an orphan when that is gone.
        for parent in [Path::new(SHARED_MEMORY), temp] {
            remove_orphans(parent);
        }
        let (library_folder, library) = place_library(temp, owner)?;
        let (segment_folder, room) = place_segment(temp, owner)?;
        let secret = secret().map_err(|source| PreloadError::Segment {
            path: segment_folder.path().to_owned(),
            source,
        })?;
        let name = format!("{SEGMENT_NAME}-{secret}");
        let segment = segment_folder.path().join(&name);
        let failed = |source| PreloadError::Segment { path: segment.clone(), source };
        let file = files::create_private(&segment).map_err(failed)?;
        file.set_permissions(fs::Permissions::from_mode(0o666)).map_err(failed)?;
        give(&segment, owner).map_err(failed)?;
        let link = library_folder.path().join(&name);
        std::os::unix::fs::symlink(&segment, link).map_err(failed)?;
        let folders = Self { library, segment, room, _kept: [library_folder, segment_folder] };
        Ok((folders, file))
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

/// Whether any user reaches what is in a folder.
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

/// Removes what a tracer that was killed has left below `parent`: nobody will ever read it.
fn remove_orphans(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let folder = entry.path();
        if entry.file_name().as_bytes().starts_with(PREFIX.as_bytes()) && is_abandoned(&folder) {
            // Another tracer may be at it, too.
            drop(fs::remove_dir_all(&folder));
        }
    }
}

/// Whether the segment in a folder, or the one that it has a link to, has no tracer.
fn is_abandoned(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_segment = |name: &OsStr| name.as_bytes().starts_with(SEGMENT_NAME.as_bytes());
    let mut entries = entries.map(|entry| entry.file_name());
    let Some(name) = entries.find(|name| is_segment(name)) else { return false };
    let segment = folder.join(name);
    let Ok(about) = fs::symlink_metadata(&segment) else { return false };
    // One that is just being made has no lock yet.
    let age = about.modified().ok().and_then(|since| since.elapsed().ok());
    if about.uid() != nix::unistd::geteuid().as_raw() || age.is_none_or(|age| age < YOUNG) {
        return false;
    }
    if about.is_symlink() {
        return fs::metadata(&segment).is_err_and(|err| err.kind() == io::ErrorKind::NotFound);
    }
    files::open(&segment, Links::Refuse).is_ok_and(|file| is_orphan(&file))
}

fn free_bytes(folder: &Path) -> u64 {
    statvfs(folder)
        .map_or(0, |about| about.blocks_available().saturating_mul(about.fragment_size()))
}

fn folder_without_list(parent: &Path, owner: Option<(u32, u32)>) -> io::Result<Folder> {
    let folder = Folder::create(PREFIX, parent)?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
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

    #[test]
    fn what_a_killed_tracer_has_left_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let make = |name: &str, file: &str, age: u64| {
            let folder = parent.path().join(name);
            fs::create_dir(&folder).unwrap();
            let file = File::create(folder.join(file)).unwrap();
            file.set_modified(std::time::SystemTime::now() - Duration::from_mins(age)).unwrap();
            folder
        };
        let orphan = make("codspeed-memtrack-a", SEGMENT_NAME, 2);
        let young = make("codspeed-memtrack-b", SEGMENT_NAME, 0);
        let other = make("codspeed-memtrack-c", "library", 2);
        let foreign = make("something", SEGMENT_NAME, 2);
        remove_orphans(parent.path());
        assert!(!orphan.exists());
        assert!(young.exists() && other.exists() && foreign.exists());
    }
}
