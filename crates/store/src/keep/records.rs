//! The files of records: `records/ab/<digest>.zst`, each written whole or not at all, and never changed.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write},
    panic::resume_unwind,
    path::{Path, PathBuf},
    thread::{self, Builder},
    time::{Duration, SystemTime},
};

use nix::unistd::{AccessFlags, access};
use runner_shared::{bounds::RECORD_PACKED_BYTES, fault::Attempt};
use system::{
    files::{self, Links},
    temporary::NamedFile,
};

use super::StoreError;
use crate::{Packed, Record, RecordId};

const FOLDER: &str = "records";
/// The folder for files that are no records though their names say so.
const DAMAGED: &str = "damaged";
const EXTENSION: &str = ".zst";
/// The beginning of the names of files that are being written.
pub(super) const UNFINISHED: &str = ".unfinished-";
/// A file that is being written is not older than this, unless its writer was killed.
const UNFINISHED_AGE: Duration = Duration::from_hours(1);
/// Files that are brought to the disk at the same time.
const AT_ONCE: usize = 16;
/// Bytes of the stack of a thread that does nothing else.
const STACK_BYTES: usize = 128 << 10;
/// Tells Git that a store is no part of the project.
const IGNORE: &str = ".gitignore";

/// The files of the records of a store.
#[derive(Debug)]
pub(super) struct Records {
    store: PathBuf,
}

/// Everything that is in the folder of the records.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Files that have the name of a record, sorted.
    pub ids: Vec<RecordId>,
    /// All other files and folders.
    pub strange: Vec<PathBuf>,
    /// Folders that can't be read, with the reasons: nobody knows what is in them.
    pub unread: Vec<(PathBuf, StoreError)>,
}

impl Listing {
    /// Returns true if this record may be in a folder that can't be read.
    pub(super) fn hides(&self, id: RecordId) -> bool {
        let shard = shard(id);
        self.unread.iter().any(|(folder, _)| folder.ends_with(&shard))
    }
}

impl Records {
    /// Makes the folders of a store, or finds them.
    pub(super) fn create(store: &Path) -> Result<Self, StoreError> {
        let folder = store.join(FOLDER);
        if !folder.is_dir() {
            files::create_private_folder(store).map_err(StoreError::io(store, Attempt::Write))?;
            // A folder with other things in it is the user's, who may want Git to see them.
            if entries(store)?.is_empty() {
                let ignore = store.join(IGNORE);
                files::replace_private(&ignore, b"*\n")
                    .map_err(StoreError::io(&ignore, Attempt::Write))?;
            }
        }
        files::create_private_subfolder(&folder)
            .map_err(StoreError::io(&folder, Attempt::Write))?;
        Ok(Self { store: store.to_owned() })
    }

    /// Finds the folders of a store.
    pub(super) fn find(store: &Path) -> Result<Self, StoreError> {
        let folder = store.join(FOLDER);
        files::refuse_link(&folder).map_err(StoreError::io(&folder, Attempt::Read))?;
        match fs::metadata(&folder) {
            Ok(about) if about.is_dir() => Ok(Self { store: store.to_owned() }),
            Err(err) if err.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::io(&folder, Attempt::Read)(err))
            }
            Ok(_) | Err(_) => Err(StoreError::None { folder: store.to_owned() }),
        }
    }

    /// Checks that files can be made in its folders.
    pub(super) fn check_writable(&self) -> Result<(), StoreError> {
        [&self.store, &self.folder()].into_iter().try_for_each(|path| {
            access(path, AccessFlags::W_OK | AccessFlags::X_OK)
                .map_err(|errno| StoreError::io(path, Attempt::Write)(errno.into()))
        })
    }

    fn folder(&self) -> PathBuf {
        self.store.join(FOLDER)
    }

    /// The file of a record.
    pub(super) fn path(&self, id: RecordId) -> PathBuf {
        self.folder().join(shard(id)).join(id.to_string() + EXTENSION)
    }

    /// Writes a record; true if it was not there, or damaged. On return it is on the disk.
    pub(super) fn write(&self, packed: &Packed) -> Result<bool, StoreError> {
        Ok(self.write_all(&[packed])?.contains(&true))
    }

    /// Writes records, and returns of each whether it was not there, or damaged. On return all are on the disk.
    pub(super) fn write_all(&self, all: &[&Packed]) -> Result<Vec<bool>, StoreError> {
        let mut folders = BTreeSet::new();
        let is_new = all.chunks(AT_ONCE).map(|some| self.put(some, &mut folders));
        let is_new = is_new.collect::<Result<Vec<_>, _>>();
        // What was written before a failure is listed by the next opening, and has to be there after it.
        if !folders.is_empty() {
            // A new folder has to be on the disk as well.
            folders.insert(self.folder());
        }
        let folders: Vec<PathBuf> = folders.into_iter().collect();
        together(&folders, |folder| {
            sync_folder(folder).map_err(StoreError::io(folder, Attempt::Write))
        })?;
        Ok(is_new?.concat())
    }

    /// Writes a few records, and adds the folders whose names have to be brought to the disk. Returns of each whether it
    /// was not there, or damaged.
    fn put(
        &self,
        some: &[&Packed],
        folders: &mut BTreeSet<PathBuf>,
    ) -> Result<Vec<bool>, StoreError> {
        let mut unfinished: Vec<(PathBuf, NamedFile)> = Vec::new();
        let mut is_new = Vec::new();
        for packed in some {
            let path = self.path(packed.id);
            let is_known =
                self.read(packed.id).is_ok() || unfinished.iter().any(|(other, _)| *other == path);
            is_new.push(!is_known);
            if !is_known {
                let file = self.begin(&path, &packed.bytes);
                unfinished
                    .push((path.clone(), file.map_err(StoreError::io(&path, Attempt::Write))?));
            }
        }
        together(&unfinished, |(path, file)| {
            file.as_file().sync_all().map_err(StoreError::io(path, Attempt::Write))
        })?;
        for (path, file) in unfinished {
            file.persist(&path).map_err(StoreError::io(&path, Attempt::Write))?;
            folders.extend(path.parent().map(Path::to_owned));
        }
        Ok(is_new)
    }

    /// Writes the content of a file under another name, and makes its folder.
    fn begin(&self, path: &Path, bytes: &[u8]) -> io::Result<NamedFile> {
        files::create_private_subfolder(path.parent().unwrap_or(&self.store))?;
        let mut file = NamedFile::create_in(&self.folder(), UNFINISHED, 0o600)?;
        file.write_all(bytes)?;
        Ok(file)
    }

    /// Reads a record, and returns it with the bytes of its file.
    pub(super) fn read(&self, id: RecordId) -> Result<(Record, Packed), StoreError> {
        let bytes = self.bytes(id, RECORD_PACKED_BYTES)?;
        let record = Record::unpack(&bytes, Some(id))
            .map_err(|source| StoreError::Damaged { id, source })?;
        Ok((record, Packed { id, bytes }))
    }

    /// Reads a record whose file and JSON have at most so many bytes each; of a larger one, [`StoreError::Damaged`] or
    /// [`StoreError::Io`].
    pub(super) fn read_small(
        &self,
        id: RecordId,
        most: u64,
    ) -> Result<(Record, Packed), StoreError> {
        let bytes = self.bytes(id, most)?;
        let record = Record::unpack_within(&bytes, Some(id), most)
            .map_err(|source| StoreError::Damaged { id, source })?;
        Ok((record, Packed { id, bytes }))
    }

    /// The bytes of the file of a record, whatever they are.
    fn bytes(&self, id: RecordId, most: u64) -> Result<Vec<u8>, StoreError> {
        let path = self.path(id);
        match files::read(&path, Links::Refuse, most) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => Err(StoreError::Missing { id }),
            other => other.map_err(StoreError::io(&path, Attempt::Read)),
        }
    }

    /// Removes a record; true if it was there.
    pub(super) fn remove(&self, id: RecordId) -> Result<bool, StoreError> {
        remove_file(&self.path(id))
    }

    /// Moves a file to the folder for damaged ones, and returns its new place.
    pub(super) fn set_aside(&self, file: &Path) -> Result<PathBuf, StoreError> {
        let folder = self.store.join(DAMAGED);
        files::create_private_subfolder(&folder)
            .map_err(StoreError::io(&folder, Attempt::Write))?;
        let name = file.file_name().unwrap_or_default();
        let mut place = folder.join(name);
        for number in 1.. {
            if !files::is_there(&place) {
                break;
            }
            let mut other = name.to_owned();
            other.push(format!(".{number}"));
            place = folder.join(other);
        }
        fs::rename(file, &place).map_err(StoreError::io(file, Attempt::Write))?;
        Ok(place)
    }

    /// Returns what is there.
    pub(super) fn list(&self) -> Result<Listing, StoreError> {
        let mut listing = Listing::default();
        let folder = self.folder();
        for entry in entries(&folder)? {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_shard = name.len() == 2 && entry.file_type().is_ok_and(|kind| kind.is_dir());
            if !is_shard {
                listing.strange.push(path);
                continue;
            }
            let files = match entries(&path) {
                Ok(files) => files,
                Err(why) => {
                    listing.unread.push((path, why));
                    continue;
                }
            };
            for file in files {
                let text = file.file_name();
                let id = text.to_str().and_then(|text| text.strip_suffix(EXTENSION));
                match id.and_then(|id| id.parse::<RecordId>().ok()) {
                    Some(id) if self.path(id) == file.path() => listing.ids.push(id),
                    Some(_) | None => listing.strange.push(file.path()),
                }
            }
        }
        listing.ids.sort_unstable();
        listing.strange.sort_unstable();
        Ok(listing)
    }

    /// Returns files that were being written when their writer was killed, and of all in the folder of the store those
    /// that `unused` chooses by their names; none that is young.
    pub(super) fn unfinished(
        &self,
        unused: &dyn Fn(&[String]) -> Vec<PathBuf>,
    ) -> Result<Vec<PathBuf>, StoreError> {
        let mut found = Vec::new();
        for folder in [&self.store, &self.folder()] {
            let old: Vec<String> = entries(folder)?
                .iter()
                .filter(|entry| is_old(entry))
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect();
            let unfinished = old.iter().filter(|name| name.starts_with(UNFINISHED));
            found.extend(unfinished.map(|name| folder.join(name)));
            if folder == &self.store {
                found.extend(unused(&old));
            }
        }
        Ok(found)
    }
}

/// The folder of a record within that of all records.
fn shard(id: RecordId) -> String {
    id.to_string().chars().take(2).collect()
}

/// Returns whether nobody can be writing to it any more.
fn is_old(entry: &fs::DirEntry) -> bool {
    let changed = entry.metadata().and_then(|about| about.modified());
    let age = changed.map(|changed| SystemTime::now().duration_since(changed));
    age.is_ok_and(|age| age.is_ok_and(|age| age > UNFINISHED_AGE))
}

fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>, StoreError> {
    let read = || fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>();
    match read() {
        // Somebody may remove it at the same time.
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other.map_err(StoreError::io(folder, Attempt::Read)),
    }
}

/// Brings files or folders to the disk, a few at the same time: that takes hardly longer than one.
fn together<T: Sync>(
    all: &[T],
    bring: impl Fn(&T) -> Result<(), StoreError> + Sync,
) -> Result<(), StoreError> {
    let bring = &bring;
    let some = |some: &[T]| {
        let Some((first, others)) = some.split_first() else { return Ok(()) };
        thread::scope(|scope| {
            let start = |one| {
                let thread = Builder::new().stack_size(STACK_BYTES);
                (one, thread.spawn_scoped(scope, move || bring(one)))
            };
            let started: Vec<_> = others.iter().map(start).collect();
            let done = started.into_iter().map(|(one, thread)| match thread {
                Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                // There may be no more threads.
                Err(_) => bring(one),
            });
            // All of them, whatever the first says.
            [bring(first)].into_iter().chain(done).fold(Ok(()), Result::and)
        })
    };
    all.chunks(AT_ONCE).try_for_each(some)
}

/// Brings the names in a folder to the disk.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "a folder is no file")]
    File::open(folder)?.sync_all()
}

/// Removes a file; true if it was there.
pub(super) fn remove_file(path: &Path) -> Result<bool, StoreError> {
    match fs::remove_file(path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(false),
        other => other.map(|()| true).map_err(StoreError::io(path, Attempt::Write)),
    }
}
