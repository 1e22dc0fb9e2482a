//! A store and a shared store get what they lack of each other.

use std::collections::{BTreeMap, BTreeSet};

use runner_shared::{fault::chain, text::one_line};

use crate::{
    Batch, Entry, Filter, Imported, Looked, Packed, RecordId, SharedError, SharedKey, SharedStore,
    Store, StoreError,
};

/// The reason why two stores could not be brought together.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The shared store failed.
    #[error("the shared store can't be used")]
    Shared(#[from] SharedError),
    /// The store on this machine failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The whole list of a project is read again after this time; until then only its end is.
const LIST_AGAIN_MS: u64 = 24 * 3600 * 1000;
/// The end of the list begins so long before the last look: runs come late, and clocks are wrong.
const LATE_MS: u64 = 8 * LIST_AGAIN_MS;

/// Runs of a project that have to be here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The newest ones, so many.
    Newest(usize),
    /// Those since this time, milliseconds since 1970.
    Since(u64),
    /// All.
    All,
}

/// A look at what has come to a shared store since the last one.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// The project whose runs are wanted.
    pub project: &'a str,
    /// The runs that are.
    pub depth: Depth,
    /// The time, milliseconds since 1970.
    pub now_ms: u64,
    /// True if the whole list is to be read, whenever that was done.
    pub is_thorough: bool,
}

/// Runs that were sent.
#[derive(Debug, Default)]
pub struct Pushed {
    /// Number of those that the shared store did not have.
    pub added: usize,
    /// The reasons why others could not be read here.
    pub unreadable: Vec<StoreError>,
}

impl Store {
    /// Adds these runs to the shared store. `progress` hears how many are done.
    ///
    /// # Errors
    ///
    /// The shared store can't be written; those that were sent by then are there.
    pub fn push(
        &self,
        shared: &SharedStore,
        ids: &[RecordId],
        progress: &mut dyn FnMut(usize),
    ) -> Result<Pushed, SyncError> {
        let mut pushed = Pushed::default();
        let is_single = ids.len() == 1;
        let mut there = if is_single { BTreeSet::new() } else { self.sent(shared, ids)? };
        for (place, id) in ids.iter().enumerate() {
            if there.insert(*id) {
                match self.get_packed(*id) {
                    Ok((packed, record)) => {
                        let key = SharedKey::of(&record, *id);
                        let is_new = !is_single || !shared.has(&key)?;
                        if is_new {
                            shared.add(&key, &packed)?;
                        }
                        pushed.added += usize::from(is_new);
                    }
                    Err(err) => pushed.unreadable.push(err),
                }
            }
            progress(place + 1);
        }
        Ok(pushed)
    }

    /// Returns all runs that the shared store has of the projects and the time of these.
    fn sent(
        &self,
        shared: &SharedStore,
        ids: &[RecordId],
    ) -> Result<BTreeSet<RecordId>, SyncError> {
        let entries = self.entries(&Filter::default())?;
        let entries: BTreeMap<RecordId, &Entry> =
            entries.iter().map(|entry| (entry.id, entry)).collect();
        let wanted = || ids.iter().filter_map(|id| entries.get(id));
        let oldest = wanted().map(|entry| entry.time_ms).min();
        let projects: BTreeSet<&str> = wanted().map(|entry| &*entry.project).collect();
        let mut there = BTreeSet::new();
        for project in projects {
            there.extend(shared.keys(Some(project), oldest)?.into_iter().map(|key| key.id));
        }
        Ok(there)
    }

    /// Gets all runs of the shared store that are not here, of all projects; only those since a time (milliseconds since
    /// 1970) if that is given. Objects that are no records, or can't be read, are refused one by one. `progress` hears
    /// how many have come, and how many there are.
    ///
    /// # Errors
    ///
    /// The shared store can't be read, or a run can't be kept; those that have come by then are kept, and in `found`.
    pub fn pull(
        &self,
        shared: &SharedStore,
        since_ms: Option<u64>,
        found: &mut Imported,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(), SyncError> {
        let known = self.ids(&Filter { since_ms, ..Filter::default() })?;
        let mut wanted = shared.keys(None, since_ms)?;
        wanted.retain(|key| !known.contains(&key.id));
        self.fetch(shared, &wanted, found, progress).map(drop)
    }

    /// Gets the runs of a project that have come to the shared store since the last look, as far back as is wanted, and all
    /// that have names. The whole list is read once a day, else only its end. Objects that this version has refused
    /// before are left out unless the look is thorough.
    ///
    /// Returns the time since when all runs of the project are here; `None` if none is missing.
    ///
    /// # Errors
    ///
    /// As those of [`pull`](Self::pull).
    pub fn refresh(
        &self,
        shared: &SharedStore,
        look: Look<'_>,
        found: &mut Imported,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Option<u64>, SyncError> {
        let place = format!("{} {}", shared.place(), look.project);
        let last = self.looked(&place)?.filter(|_| !look.is_thorough);
        let is_recent = |last: &Looked| {
            look.now_ms.checked_sub(last.listed_ms).is_some_and(|age| age < LIST_AGAIN_MS)
        };
        let last = match last.filter(is_recent) {
            Some(last) if self.reaches(last.whole_since_ms, look)? => Some(last),
            _ => None,
        };
        let since_ms = last.map(|last| last.listed_ms.saturating_sub(LATE_MS));
        let mut listed = shared.keys(Some(look.project), since_ms)?;
        if !look.is_thorough {
            let refused = self.refused_objects()?;
            listed.retain(|key| !refused.contains(&object(shared, key)));
        }
        let from_ms = match look.depth {
            Depth::All => None,
            Depth::Since(time) => Some(time),
            Depth::Newest(count) => {
                listed.len().checked_sub(count).and_then(|at| listed.get(at)).map(|key| key.time_ms)
            }
        };
        let known = self.ids(&Filter { since_ms, ..Filter::of_project(look.project) })?;
        let missing = listed.into_iter().filter(|key| !known.contains(&key.id));
        let (wanted, left): (Vec<SharedKey>, Vec<SharedKey>) =
            missing.partition(|key| key.is_named || from_ms.is_none_or(|from| key.time_ms >= from));
        let is_whole = self.fetch(shared, &wanted, found, progress)?;
        let whole_since_ms = left
            .last()
            .map(|newest| newest.time_ms.saturating_add(1))
            .max(last.and_then(|last| last.whole_since_ms));
        if is_whole {
            let listed_ms = last.map_or(look.now_ms, |last| last.listed_ms);
            self.note_looked(&place, Looked { listed_ms, whole_since_ms })?;
        }
        Ok(whole_since_ms)
    }

    /// Returns true if the runs that are wanted are among those that are here.
    fn reaches(&self, whole_since_ms: Option<u64>, look: Look<'_>) -> Result<bool, StoreError> {
        let Some(since) = whole_since_ms else { return Ok(true) };
        match look.depth {
            Depth::All => Ok(false),
            Depth::Since(time) => Ok(since <= time),
            Depth::Newest(count) => {
                let filter = Filter {
                    since_ms: Some(since),
                    newest: Some(count),
                    ..Filter::of_project(look.project)
                };
                Ok(self.entries(&filter)?.len() >= count)
            }
        }
    }

    fn ids(&self, filter: &Filter) -> Result<BTreeSet<RecordId>, StoreError> {
        Ok(self.entries(filter)?.into_iter().map(|entry| entry.id).collect())
    }

    /// Gets these records. Returns false if one could not be read that may be the next time.
    fn fetch(
        &self,
        shared: &SharedStore,
        wanted: &[SharedKey],
        found: &mut Imported,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<bool, SyncError> {
        let mut batch = Batch::new(self);
        let (mut done, all, mut is_whole) = (0, wanted.len(), true);
        let fetched = shared.fetch(wanted, |key, fetched| {
            done += 1;
            progress(done, all);
            let why = match fetched.map(Packed::accept_sized) {
                Ok(Ok((packed, record, length))) if SharedKey::of(&record, packed.id) == *key => {
                    return Ok(batch.add(packed, record, length, found)?);
                }
                Ok(Ok(_)) => "its content is that of another run".to_owned(),
                Ok(Err(err)) => err.to_string(),
                Err(err @ SharedError::Long { .. }) => err.to_string(),
                Err(err) => {
                    is_whole = false;
                    found.refuse(one_line(&key.to_string()), one_line(&chain(&err)));
                    return Ok(());
                }
            };
            found.refuse(one_line(&key.to_string()), one_line(&why));
            Ok::<_, SyncError>(self.note_refused(&object(shared, key))?)
        });
        batch.flush(found)?;
        fetched.map(|()| is_whole)
    }
}

/// The name of an object among those of all shared stores.
fn object(shared: &SharedStore, key: &SharedKey) -> String {
    format!("{} {key}", shared.place())
}
