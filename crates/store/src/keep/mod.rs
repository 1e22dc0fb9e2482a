//! The store: a folder of records, and an index that answers questions about them without opening any.
//!
//! The records are the truth: a record is kept once its file is there, whole and under the digest of its content. The
//! index is made of them, and made again if it is missing, damaged or of another version. So a program that is killed
//! at any moment leaves a store that opens, with all records but the one that was being written.

mod archive;
mod batch;
mod check;
mod entry;
mod error;
mod gc;
mod index;
mod place;
mod points;
mod records;
mod select;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    path::{Path, PathBuf},
};

pub(crate) use batch::Batch;
pub use batch::{Imported, Refused};
pub use check::{CheckReport, Flaw};
pub use entry::{Entry, Filter};
pub use error::{IndexError, StoreError};
pub use gc::{Collected, Retention};
pub use place::{NoPlace, Place, Surroundings};
pub use points::{BenchmarkKey, History, Point, Series};
pub use select::{Scope, SelectError, Selector, Wanted};

use crate::{Packed, Record, RecordId};
use index::Index;
use records::Records;

/// A store that is open. Any number of programs may have the same one open, and write to it, at the same time.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    records: Records,
    index: RefCell<Index>,
    /// True if the folder can't be written to.
    is_read_only: bool,
    /// Files below the names of records that are none.
    unreadable: Cell<usize>,
}

/// A step of making the index, of mending it, or of a check: some more records are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Records that are done by now.
    pub done: usize,
    /// Records that have to be.
    pub of: usize,
}

/// The last look at a project in a shared store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Looked {
    /// The time when the whole list was read, milliseconds since 1970.
    pub listed_ms: u64,
    /// All runs since this time are here; `None` if all are.
    pub whole_since_ms: Option<u64>,
}

impl Store {
    /// Opens the store in this folder, and makes it first if it isn't there.
    ///
    /// # Errors
    ///
    /// If the folder can't be made, read or written.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        Self::open_with(folder, &mut |_| {})
    }

    /// The same, and tells how far a new index is.
    ///
    /// # Errors
    ///
    /// As those of [`open`](Self::open).
    pub fn open_with(
        folder: &Path,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, StoreError> {
        let records = Records::create(folder)?;
        records.check_writable()?;
        Self::start(folder, records, false, progress)
    }

    /// Opens the store in this folder to read it; one that can be written to is mended where it has to be.
    ///
    /// # Errors
    ///
    /// [`StoreError::None`] if there is none, else as those of [`open`](Self::open).
    pub fn open_existing(
        folder: &Path,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, StoreError> {
        let records = Records::find(folder)?;
        let is_read_only = records.check_writable().is_err();
        Self::start(folder, records, is_read_only, progress)
    }

    fn start(
        folder: &Path,
        records: Records,
        is_read_only: bool,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, StoreError> {
        let index = if is_read_only {
            Index::open_read_only(folder, &records, progress)?
        } else {
            Index::open(folder, &records, progress)?
        };
        let unreadable = Cell::new(index.unreadable().map_err(|err| err.of(folder))?);
        Ok(Self {
            folder: folder.to_owned(),
            records,
            index: RefCell::new(index),
            is_read_only,
            unreadable,
        })
    }

    /// Returns true if the folder can't be written to.
    pub const fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    /// Returns how many files have the name of a record and can't be read: damaged ones, and those of newer versions.
    pub fn unreadable(&self) -> usize {
        self.unreadable.get()
    }

    /// Keeps a record and returns its name. One that is kept already changes nothing.
    ///
    /// # Errors
    ///
    /// If it can't be written; [`StoreError::Unlisted`] if it is kept, and only the index could not be brought up to
    /// date, which the next opening does.
    pub fn add(&self, record: &Record) -> Result<RecordId, StoreError> {
        let packed = record.pack().map_err(StoreError::Record)?;
        self.keep(&packed, record)?;
        Ok(packed.id)
    }

    /// Keeps what was packed already; true if it is new.
    pub(crate) fn keep(&self, packed: &Packed, record: &Record) -> Result<bool, StoreError> {
        let is_new = self.records.write(packed)?;
        let entry = Entry::of(packed, record);
        self.with_index(|index| index.insert(&entry, record))
            .map_err(|source| StoreError::Unlisted { id: packed.id, source: Box::new(source) })?;
        Ok(is_new)
    }

    /// Keeps what was packed already, and returns of each whether it is new. It is faster than one after the other, and
    /// on return all of them are on the disk.
    pub(crate) fn keep_all(&self, records: &[(Packed, Record)]) -> Result<Vec<bool>, StoreError> {
        let Some((first, _)) = records.first() else { return Ok(Vec::new()) };
        let id = first.id;
        let packed: Vec<&Packed> = records.iter().map(|(packed, _)| packed).collect();
        let is_new = self.records.write_all(&packed)?;
        let entries: Vec<Entry> =
            records.iter().map(|(packed, record)| Entry::of(packed, record)).collect();
        self.with_index(|index| {
            index
                .insert_all(entries.iter().zip(records).map(|(entry, (_, record))| (entry, record)))
        })
        .map_err(|source| StoreError::Unlisted { id, source: Box::new(source) })?;
        Ok(is_new)
    }

    /// Returns the names of objects that this version has refused.
    pub(crate) fn refused_objects(&self) -> Result<BTreeSet<String>, StoreError> {
        self.with_index(|index| index.refused())
    }

    /// Notes that this version refuses an object of this name. The index may forget it.
    pub(crate) fn note_refused(&self, name: &str) -> Result<(), StoreError> {
        self.with_index(|index| index.refuse(name))
    }

    /// Returns the last look at a place in a shared store. The index may forget it.
    pub(crate) fn looked(&self, place: &str) -> Result<Option<Looked>, StoreError> {
        self.with_index(|index| index.looked(place))
    }

    /// Notes a look.
    pub(crate) fn note_looked(&self, place: &str, looked: Looked) -> Result<(), StoreError> {
        self.with_index(|index| index.look(place, looked))
    }

    /// Returns a record.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] if there is none of this name, [`StoreError::Damaged`] if its file is no longer what it
    /// was.
    pub fn get(&self, id: RecordId) -> Result<Record, StoreError> {
        self.records.read(id).map(|(record, _)| record)
    }

    /// Returns a record with the bytes that are kept of it.
    ///
    /// # Errors
    ///
    /// As those of [`get`](Self::get).
    pub fn get_packed(&self, id: RecordId) -> Result<(Packed, Record), StoreError> {
        self.records.read(id).map(|(record, packed)| (packed, record))
    }

    /// Returns what is known of the records that fit, the newest first.
    ///
    /// # Errors
    ///
    /// If the index can't be read.
    pub fn entries(&self, filter: &Filter) -> Result<Vec<Entry>, StoreError> {
        self.with_index(|index| index.entries(filter))
    }

    /// Returns the values of a metric over the runs that fit: of each benchmark that `is_wanted`, the one of this key,
    /// or the one that leads in each run.
    ///
    /// # Errors
    ///
    /// If the index can't be read.
    pub fn series(
        &self,
        runs: &Filter,
        metric: Option<&str>,
        is_wanted: &dyn Fn(&BenchmarkKey) -> bool,
    ) -> Result<History, StoreError> {
        self.with_index(|index| index.history(runs, metric, is_wanted))
    }

    /// Removes these records for good and returns how many of them were there.
    ///
    /// # Errors
    ///
    /// If one can't be removed; those before it are gone.
    pub fn remove(&self, ids: &[RecordId]) -> Result<usize, StoreError> {
        let mut removed = 0;
        for id in ids {
            removed += usize::from(self.records.remove(*id)?);
        }
        self.with_index(|index| index.remove(ids))?;
        Ok(removed)
    }

    /// Asks the index, and once more after it was made anew if it turns out to be damaged.
    fn with_index<T>(
        &self,
        mut ask: impl FnMut(&mut Index) -> Result<T, IndexError>,
    ) -> Result<T, StoreError> {
        let mut index = self.index.borrow_mut();
        match ask(&mut index) {
            Err(err) if err.is_damage() && !self.is_read_only => {
                let fresh = index.renew(&self.folder, &self.records, &mut |_| {})?;
                *index = fresh;
                ask(&mut index).map_err(|err| err.of(&self.folder))
            }
            other => other.map_err(|err| err.of(&self.folder)),
        }
    }
}
