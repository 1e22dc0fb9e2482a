//! A store and a shared store get what they lack of each other.

use std::collections::BTreeSet;

use runner_shared::text::one_line;

use crate::{
    Filter, Packed, RecordId, Refused, SharedError, SharedKey, SharedStore, Store, StoreError,
};

/// Refused objects that are named; more are only counted.
const MOST_REFUSED: usize = 20;
/// The outcome of a pull.
#[derive(Debug, Default)]
pub struct Pulled {
    /// Runs that are new here.
    pub added: usize,
    /// Objects that are no records or can't be read; of many the first ones.
    pub refused: Vec<Refused>,
    /// Number of all these.
    pub all_refused: usize,
}

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

impl Store {
    /// Adds these runs to the shared store, and returns how many it did not have. `progress` hears how many are done.
    ///
    /// # Errors
    ///
    /// A run can't be read here or written there; those before it are there.
    pub fn push(
        &self,
        shared: &SharedStore,
        ids: &[RecordId],
        progress: &mut dyn FnMut(usize),
    ) -> Result<usize, SyncError> {
        let mut added = 0;
        for (place, id) in ids.iter().enumerate() {
            let (packed, record) = self.get_packed(*id)?;
            let key = SharedKey { time_ms: record.time_ms, id: *id };
            added += usize::from(shared.push(key, &packed)?);
            progress(place + 1);
        }
        Ok(added)
    }

    /// Gets the runs of the shared store that are not here: all of them, or those since this time (milliseconds since
    /// 1970). Objects that are no records, or can't be read, are refused one by one. `progress` hears how many have come, and how many there are.
    ///
    /// # Errors
    ///
    /// The shared store can't be read, or a run can't be kept; those that have come by then are kept.
    pub fn pull(
        &self,
        shared: &SharedStore,
        since_ms: Option<u64>,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Pulled, SyncError> {
        let known: BTreeSet<RecordId> =
            self.entries(&Filter::default())?.into_iter().map(|entry| entry.id).collect();
        let mut wanted = shared.keys(since_ms)?;
        wanted.retain(|key| !known.contains(&key.id));
        let mut pulled = Pulled::default();
        let (mut done, all) = (0, wanted.len());
        shared.fetch(&wanted, |key, fetched| {
            done += 1;
            progress(done, all);
            self.take_shared(key, fetched, &mut pulled)
        })?;
        Ok(pulled)
    }

    /// Keeps what has come, unless it is no record or not that of its key.
    fn take_shared(
        &self,
        key: SharedKey,
        fetched: Result<Vec<u8>, SharedError>,
        pulled: &mut Pulled,
    ) -> Result<(), SyncError> {
        let why = match fetched.map(Packed::accept) {
            Ok(Ok((packed, record))) if packed.id == key.id => {
                self.keep(&packed, &record)?;
                pulled.added += 1;
                return Ok(());
            }
            Ok(Ok(_)) => "its content is that of another run".to_owned(),
            Ok(Err(err)) => err.to_string(),
            Err(err) => one_line(&chain(&err)),
        };
        pulled.all_refused += 1;
        if pulled.refused.len() < MOST_REFUSED {
            pulled.refused.push(Refused { name: one_line(&key.to_string()), why });
        }
        Ok(())
    }
}

/// An error with all its causes.
fn chain(err: &SharedError) -> String {
    let causes = std::iter::successors(std::error::Error::source(err), |cause| cause.source());
    causes.fold(err.to_string(), |text, cause| format!("{text}: {cause}"))
}
