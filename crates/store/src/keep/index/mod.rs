//! The index: a database that is made of the records and can be made again at any time.

mod connection;
mod figures;
mod history;
mod reading;
mod rows;
mod schema;

use std::{collections::BTreeSet, path::Path};

use runner_shared::bounds::INDEX_BATCH_BYTES;
use rusqlite::{Connection, OptionalExtension};

use super::{
    BenchmarkKey, Entry, Filter, History, IndexError, Looked, Progress, StoreError,
    records::Records,
};
use crate::{Record, RecordId};
use connection::Opened;
pub(super) use connection::unused;
use reading::{Batch, Found, Read};
use rows::Dictionary;

/// The index of a store.
#[derive(Debug)]
pub(super) struct Index {
    connection: Connection,
    /// The name of its file; `None` of one in memory.
    name: Option<String>,
    /// Files and folders that the system could not read just now; the next opening tries again.
    skipped: usize,
}

impl Index {
    /// Opens the index of a store; makes it anew where it is missing, damaged or of another version, and compares it
    /// with the files.
    pub(super) fn open(
        folder: &Path,
        records: &Records,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, StoreError> {
        let judged = connection::current(folder);
        match connection::open(folder) {
            Ok(Some(opened)) => {
                let mut index = Self::from(opened);
                match index.reconcile(folder, records, progress) {
                    Err(err) if err.is_index_damage() => {}
                    other => return other.map(|()| index),
                }
            }
            Ok(None) => {}
            Err(err) if err.is_damage() => {}
            Err(err) => return Err(err.of(folder)),
        }
        Self::rebuild(judged.as_deref(), folder, records, progress)
    }

    /// Opens the index of a store that can't be written to. One that is of no use is made anew in memory.
    pub(super) fn open_read_only(
        folder: &Path,
        records: &Records,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, StoreError> {
        if let Ok(Some(opened)) = connection::open_read_only(folder) {
            let index = Self::from(opened);
            let known = index.known();
            let listing = records.list()?;
            let there: BTreeSet<RecordId> = listing.ids.iter().copied().collect();
            let is_same = |known: BTreeSet<RecordId>| {
                known.iter().filter(|id| !listing.hides(**id)).eq(there.iter())
            };
            if known.is_ok_and(is_same) {
                return Ok(Self { skipped: listing.unread.len(), ..index });
            }
        }
        let connection = schema::in_memory().map_err(|err| IndexError::from(err).of(folder))?;
        let mut index = Self { connection, name: None, skipped: 0 };
        index.reconcile(folder, records, progress)?;
        Ok(index)
    }

    /// Opens the index again if another one has taken its place; else makes it anew.
    pub(super) fn renew(
        &self,
        folder: &Path,
        records: &Records,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, StoreError> {
        if connection::current(folder) == self.name {
            Self::rebuild(self.name.as_deref(), folder, records, progress)
        } else {
            Self::open(folder, records, progress)
        }
    }

    /// Makes the index anew in the place of the one of this name.
    fn rebuild(
        old: Option<&str>,
        folder: &Path,
        records: &Records,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, StoreError> {
        let opened = connection::replace(folder, old, |connection| {
            let mut index = Self { connection, name: None, skipped: 0 };
            index.reconcile(folder, records, progress)?;
            Ok(index.connection)
        })?;
        let mut index = Self::from(opened);
        // What was added by others in the meantime.
        index.reconcile(folder, records, progress)?;
        Ok(index)
    }

    /// Names of all records that it knows, readable or not.
    fn known(&self) -> Result<BTreeSet<RecordId>, IndexError> {
        let mut statement =
            self.connection.prepare("SELECT id FROM run UNION ALL SELECT id FROM unreadable")?;
        let mut rows = statement.query([])?;
        let mut known = BTreeSet::new();
        while let Some(row) = rows.next()? {
            known.insert(rows::id(row, 0)?);
        }
        Ok(known)
    }

    /// Adds records that it doesn't know, and drops those that are gone.
    fn reconcile(
        &mut self,
        folder: &Path,
        records: &Records,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), StoreError> {
        // In this order: what another program adds meanwhile is a file too many, never one too few.
        let known = self.known().map_err(|err| err.of(folder))?;
        let listing = records.list()?;
        let there: BTreeSet<RecordId> = listing.ids.iter().copied().collect();
        let gone = known.difference(&there).filter(|id| !listing.hides(**id));
        let gone: Vec<RecordId> = gone.copied().collect();
        if !gone.is_empty() {
            self.remove(&gone).map_err(|err| err.of(folder))?;
        }
        let fresh: Vec<RecordId> = there.difference(&known).copied().collect();
        let mut done = 0;
        self.skipped = listing.unread.len();
        while done < fresh.len() {
            let left = fresh.get(done..).unwrap_or_default();
            let Batch { read, large, looked_at } =
                Batch::read(left, INDEX_BATCH_BYTES, &mut |ids| reading::read_small(ids, records));
            let judged = read.into_iter().map(|(id, read)| self.judge(id, read));
            let found = judged.collect::<Result<Vec<_>, _>>()?;
            let found: Vec<Found> = found.into_iter().flatten().collect();
            self.note_all(&found).map_err(|err| err.of(folder))?;
            drop(found);
            for id in large {
                let found = self.judge(id, reading::read(id, records))?;
                self.note_all(found.as_slice()).map_err(|err| err.of(folder))?;
            }
            done += looked_at;
            progress(Progress { done, of: fresh.len() });
        }
        Ok(())
    }

    /// Adds records, or notes that they can't be read.
    fn note_all(&mut self, records: &[Found]) -> Result<(), IndexError> {
        let transaction = connection::begin(&mut self.connection)?;
        let mut dictionary = Dictionary::new(&transaction);
        for (id, found) in records {
            match found {
                Some((entry, record)) => rows::insert(&mut dictionary, entry, record)?,
                None => rows::note_unreadable(&transaction, *id)?,
            }
        }
        dictionary.finish()?;
        Ok(transaction.commit()?)
    }

    /// Returns what there is to note of a record: nothing if another program has removed it, or if the system can't read
    /// it just now, which is counted.
    fn judge(&mut self, id: RecordId, read: Read) -> Result<Option<Found>, StoreError> {
        match read {
            Ok(record) => Ok(Some((id, Some(record)))),
            Err(StoreError::Missing { .. }) => Ok(None),
            Err(err) if err.is_of_system() => {
                self.skipped += 1;
                Ok(None)
            }
            Err(StoreError::Damaged { .. } | StoreError::Io { .. }) => Ok(Some((id, None))),
            Err(err) => Err(err),
        }
    }

    /// Returns how many files have the name of a record and can't be read.
    pub(super) fn unreadable(&self) -> Result<usize, IndexError> {
        let count: i64 =
            self.connection.query_row("SELECT count(*) FROM unreadable", [], |row| row.get(0))?;
        let count = usize::try_from(count).ok().ok_or(IndexError::Damage)?;
        Ok(count + self.skipped)
    }

    /// Adds a record. One that it knows changes nothing.
    pub(super) fn insert(&mut self, entry: &Entry, record: &Record) -> Result<(), IndexError> {
        self.insert_all([(entry, record)].into_iter())
    }

    /// Adds several records at once.
    pub(super) fn insert_all<'a>(
        &mut self,
        records: impl Iterator<Item = (&'a Entry, &'a Record)>,
    ) -> Result<(), IndexError> {
        let transaction = connection::begin(&mut self.connection)?;
        let mut dictionary = Dictionary::new(&transaction);
        for (entry, record) in records {
            rows::insert(&mut dictionary, entry, record)?;
        }
        dictionary.finish()?;
        Ok(transaction.commit()?)
    }

    /// Returns the names of objects of shared stores that this version has refused.
    pub(super) fn refused(&self) -> Result<BTreeSet<String>, IndexError> {
        let sql = "SELECT name FROM refused WHERE version >= ?1";
        let mut statement = self.connection.prepare(sql)?;
        let names = statement.query_map([Record::VERSION], |row| row.get(0))?;
        Ok(names.collect::<rusqlite::Result<_>>()?)
    }

    /// Notes that this version refuses an object.
    pub(super) fn refuse(&self, name: &str) -> Result<(), IndexError> {
        let sql = "INSERT OR REPLACE INTO refused VALUES (?1, ?2)";
        self.connection.execute(sql, rusqlite::params![name, Record::VERSION])?;
        Ok(())
    }

    /// Returns the last look at a place in a shared store.
    pub(super) fn looked(&self, place: &str) -> Result<Option<Looked>, IndexError> {
        let sql = "SELECT listed_ms, whole_since_ms FROM looked WHERE place = ?1";
        let row: Option<(i64, Option<i64>)> = self
            .connection
            .query_row(sql, [place], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((listed, since)) = row else { return Ok(None) };
        let whole_since_ms = since.map(rows::unsigned).transpose()?;
        Ok(Some(Looked { listed_ms: rows::unsigned(listed)?, whole_since_ms }))
    }

    /// Notes a look.
    pub(super) fn look(&self, place: &str, looked: Looked) -> Result<(), IndexError> {
        let sql = "INSERT OR REPLACE INTO looked VALUES (?1, ?2, ?3)";
        let since = looked.whole_since_ms.map(rows::signed);
        let listed = rows::signed(looked.listed_ms);
        self.connection.execute(sql, rusqlite::params![place, listed, since])?;
        Ok(())
    }

    /// Drops these records.
    pub(super) fn remove(&mut self, ids: &[RecordId]) -> Result<(), IndexError> {
        let transaction = connection::begin(&mut self.connection)?;
        for id in ids {
            rows::remove(&transaction, *id)?;
        }
        // Shared stores may have them: what is lacking here is no longer known.
        transaction.execute("DELETE FROM looked", [])?;
        Ok(transaction.commit()?)
    }

    /// Returns the entries of the runs that fit, the newest first.
    pub(super) fn entries(&self, filter: &Filter) -> Result<Vec<Entry>, IndexError> {
        let found = rows::select(&self.connection, filter)?;
        Ok(found.into_iter().map(|(_, entry)| entry).collect())
    }

    /// Returns values of the runs that fit.
    pub(super) fn history(
        &self,
        runs: &Filter,
        metric: Option<&str>,
        is_wanted: &dyn Fn(&BenchmarkKey) -> bool,
    ) -> Result<History, IndexError> {
        let entries = rows::select(&self.connection, runs)?;
        history::read(&self.connection, entries, runs.project.as_deref(), metric, is_wanted)
    }

    /// Returns what the database finds wrong with itself.
    pub(super) fn flaws(&self) -> Result<Vec<String>, IndexError> {
        let mut statement = self.connection.prepare("PRAGMA integrity_check(20)")?;
        let said = statement.query_map([], |row| row.get(0))?;
        let said = said.collect::<Result<Vec<String>, _>>()?;
        Ok(said.into_iter().filter(|text| text != "ok").collect())
    }

    /// Returns whether it says of a record what that itself says.
    pub(super) fn agrees(&self, entry: &Entry, record: &Record) -> Result<bool, IndexError> {
        let Some((number, known)) = rows::find(&self.connection, entry.id)? else {
            return Ok(false);
        };
        Ok(known == *entry && rows::agrees(&self.connection, number, record)?)
    }
}

impl From<Opened> for Index {
    fn from(Opened { connection, name }: Opened) -> Self {
        Self { connection, name: Some(name), skipped: 0 }
    }
}
