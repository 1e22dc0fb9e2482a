//! A store sends runs to a shared store, and replaces those there that are damaged.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Entry, Filter, Packed, RecordId, SharedError, SharedKey, SharedStore, Store, StoreError,
    SyncError,
};

/// The way to treat runs that the shared store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Present {
    /// They are believed to be sound.
    Believe,
    /// They are read, and those that are damaged are replaced.
    Verify,
}

/// Runs that were sent.
#[derive(Debug, Default)]
pub struct Pushed {
    /// Number of those that the shared store did not have.
    pub added: usize,
    /// Number of those that were damaged there, and are sound now.
    pub replaced: usize,
    /// The reasons why others could not be read here.
    pub unreadable: Vec<StoreError>,
    /// The reasons why others could not be read there, so that they are as they were.
    pub unverified: Vec<SharedError>,
}

/// Runs that the shared store has.
#[derive(Debug, Default)]
struct There {
    sound: BTreeSet<RecordId>,
    damaged: BTreeSet<RecordId>,
    /// Of objects that could not be read, which are left alone like sound ones.
    unverified: Vec<SharedError>,
}

impl Store {
    /// Adds these runs to the shared store. `progress` hears how many are done; first of the verified ones, if they are.
    ///
    /// # Errors
    ///
    /// The shared store can't be read or written; those that were sent by then are there.
    pub fn push(
        &self,
        shared: &SharedStore,
        ids: &[RecordId],
        present: Present,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Pushed, SyncError> {
        let mut pushed = Pushed::default();
        let keys = self.keys_of(ids)?;
        let There { sound, damaged, unverified } = match present {
            Present::Believe => There { sound: present_of(&keys, shared)?, ..There::default() },
            Present::Verify => verify(&keys, shared, progress)?,
        };
        pushed.unverified = unverified;
        let mut sent = BTreeSet::new();
        for (place, id) in ids.iter().enumerate() {
            if !sound.contains(id) && sent.insert(*id) {
                match self.get_packed(*id) {
                    Ok((packed, record)) => {
                        shared.add(&SharedKey::of(&record, *id), &packed)?;
                        let is_new = !damaged.contains(id);
                        pushed.added += usize::from(is_new);
                        pushed.replaced += usize::from(!is_new);
                    }
                    Err(err) => pushed.unreadable.push(err),
                }
            }
            progress(place + 1);
        }
        Ok(pushed)
    }

    /// Returns the keys of these runs, as far as they are listed.
    fn keys_of(&self, ids: &[RecordId]) -> Result<Vec<SharedKey>, StoreError> {
        let entries = match ids {
            [] => Vec::new(),
            [one] => self.entries(&Filter { id: Some(one.to_string()), ..Filter::default() })?,
            _ => self.entries(&Filter::default())?,
        };
        let entries: BTreeMap<RecordId, &Entry> =
            entries.iter().map(|entry| (entry.id, entry)).collect();
        let ids: BTreeSet<&RecordId> = ids.iter().collect();
        Ok(ids
            .into_iter()
            .filter_map(|id| entries.get(id))
            .map(|entry| SharedKey::of_entry(entry))
            .collect())
    }
}

/// Returns those of these keys that the shared store has: of many by its list.
fn present_of(keys: &[SharedKey], shared: &SharedStore) -> Result<BTreeSet<RecordId>, SharedError> {
    if let [one] = keys {
        return Ok(if shared.has(one)? { [one.id].into() } else { BTreeSet::new() });
    }
    let mut oldest: BTreeMap<&str, u64> = BTreeMap::new();
    for key in keys {
        let time = oldest.entry(&key.folder).or_insert(key.time_ms);
        *time = key.time_ms.min(*time);
    }
    let mut listed = BTreeSet::new();
    for (folder, since_ms) in oldest {
        listed.extend(shared.keys_in(folder, since_ms)?);
    }
    Ok(keys.iter().filter(|key| listed.contains(*key)).map(|key| key.id).collect())
}

/// Reads what the shared store has under these keys, several at the same time, and tells what is sound from what is not.
fn verify(
    keys: &[SharedKey],
    shared: &SharedStore,
    progress: &mut dyn FnMut(usize),
) -> Result<There, SharedError> {
    let mut there = There::default();
    shared.fetch(keys, |key: &SharedKey, found| {
        let is_sound = match found {
            Ok(bytes) => is_record(bytes, key),
            Err(SharedError::Long { .. }) => false,
            Err(err) => {
                there.unverified.push(err);
                true
            }
        };
        let all = if is_sound { &mut there.sound } else { &mut there.damaged };
        all.insert(key.id);
        progress(there.sound.len() + there.damaged.len());
        Ok::<(), SharedError>(())
    })?;
    Ok(there)
}

/// Returns true if these bytes are the record of this key.
fn is_record(bytes: Vec<u8>, key: &SharedKey) -> bool {
    let read = Packed::accept_sized(bytes);
    read.is_ok_and(|(packed, record, _)| SharedKey::of(&record, packed.id) == *key)
}
