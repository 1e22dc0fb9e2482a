//! A store gets what it lacks of a shared store.

use std::{collections::BTreeSet, ops::RangeInclusive};

use runner_shared::{fault::chain, text::one_line};

use crate::{
    Batch, Filter, Imported, Listed, Looked, Packed, RecordId, SharedError, SharedKey, SharedStore,
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
    /// Of these, only those that are not newer, milliseconds since 1970; [`Depth::Newest`] counts them alone.
    pub until_ms: Option<u64>,
    /// Besides, those whose IDs begin with this. The whole list is read for them.
    pub id: Option<&'a str>,
    /// The time, milliseconds since 1970.
    pub now_ms: u64,
    /// True if the whole list is to be read, whenever that was done.
    pub is_thorough: bool,
}

impl Store {
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
        let mut wanted = shared.list(None, since_ms)?;
        wanted.retain(|listed| !known.contains(&listed.key.id));
        self.fetch(shared, &wanted, found, progress).map(drop)
    }

    /// Gets the runs of a project that have come to the shared store since the last look, as far back as is wanted, and all
    /// that have names. The whole list is read once a day, else only its end. Objects that this version has refused
    /// before are left out unless they were replaced since, or the look is thorough.
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
        let is_whole_list = look.is_thorough || look.id.is_some();
        let last = self.looked(&place)?.filter(|_| !is_whole_list);
        let is_recent = |last: &Looked| {
            look.now_ms.checked_sub(last.listed_ms).is_some_and(|age| age < LIST_AGAIN_MS)
        };
        let last = match last.filter(is_recent) {
            Some(last) if self.reaches(last.whole_since_ms, look)? => Some(last),
            _ => None,
        };
        let since_ms = last.map(|last| last.listed_ms.saturating_sub(LATE_MS));
        let mut listed = shared.list(Some(look.project), since_ms)?;
        if !look.is_thorough {
            let refused = self.refused_objects()?;
            listed.retain(|one| !refused.contains(&object(shared, one)));
        }
        let times = look.times(&listed);
        let known = self.ids(&Filter { since_ms, ..Filter::of_project(look.project) })?;
        let missing = listed.into_iter().filter(|one| !known.contains(&one.key.id));
        let (wanted, left): (Vec<Listed>, Vec<Listed>) =
            missing.partition(|Listed { key, .. }| times.contains(&key.time_ms) || look.names(key));
        let is_whole = self.fetch(shared, &wanted, found, progress)?;
        let whole_since_ms = left
            .last()
            .map(|newest| newest.key.time_ms.saturating_add(1))
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
                    until_ms: look.until_ms,
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
        wanted: &[Listed],
        found: &mut Imported,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<bool, SyncError> {
        let mut batch = Batch::new(self);
        let (mut done, all, mut is_whole) = (0, wanted.len(), true);
        let fetched = shared.fetch(wanted, |listed, fetched| {
            let key = &listed.key;
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
            Ok::<_, SyncError>(self.note_refused(&object(shared, listed))?)
        });
        batch.flush(found)?;
        fetched.map(|()| is_whole)
    }
}

impl Look<'_> {
    /// Returns the times of the runs that are wanted, by the sorted list of those that there are.
    fn times(&self, listed: &[Listed]) -> RangeInclusive<u64> {
        let until = self.until_ms.unwrap_or(u64::MAX);
        let since = match self.depth {
            Depth::All => 0,
            Depth::Since(time) => time,
            Depth::Newest(count) => {
                let all = listed.partition_point(|one| one.key.time_ms <= until);
                let oldest = all.checked_sub(count).and_then(|at| listed.get(at));
                oldest.map_or(0, |one| one.key.time_ms)
            }
        };
        since..=until
    }

    /// Returns true for a run that is wanted however old it is.
    fn names(&self, key: &SharedKey) -> bool {
        key.is_named || self.id.is_some_and(|start| key.id.to_string().starts_with(start))
    }
}

/// The name of an object in its state among those of all shared stores.
fn object(shared: &SharedStore, listed: &Listed) -> String {
    let Listed { key, state } = listed;
    format!("{} {key} {state}", shared.place())
}
