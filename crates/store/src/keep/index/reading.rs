//! Records are read for the index: small ones on several cores, larger ones one by one.

use rayon::prelude::*;
use system::threads::start_pool;

use super::super::{Entry, StoreError, entry::lighten, records::Records};
use crate::{Invalid, Packed, Record, RecordId};

/// A file with the name of a record, and what the index takes of it if it can be read.
pub(super) type Found = (RecordId, Option<(Entry, Record)>);

/// The outcome of reading a record.
pub(super) type Read = Result<(Entry, Record), StoreError>;

/// Bytes of the JSON of a small record, and of its file. Whatever is in it, it takes at most 45 MB of memory.
const SMALL_BYTES: u64 = 512 << 10;
/// Small records that are read at the same time.
const AT_ONCE: usize = 4;
/// Fewer records are not worth the start of threads.
const WORTHWHILE: usize = 16;

/// Reads records, each to its end or not at all; `None` for those that are not small.
pub(super) fn read_small(ids: &[RecordId], records: &Records) -> Vec<(RecordId, Option<Read>)> {
    let read = |id: &RecordId| {
        let found = records.read_small(*id, SMALL_BYTES);
        (*id, (!is_large(&found)).then(|| found.map(|(record, packed)| outline(record, &packed))))
    };
    if ids.len() < WORTHWHILE {
        return ids.iter().map(read).collect();
    }
    start_pool();
    let parts = ids.par_chunks(ids.len().div_ceil(AT_ONCE));
    parts.flat_map_iter(|part| part.iter().map(read)).collect()
}

/// Reads a record of any length.
pub(super) fn read(id: RecordId, records: &Records) -> Read {
    records.read(id).map(|(record, packed)| outline(record, &packed))
}

/// Returns that of a record which the index takes.
fn outline(record: Record, packed: &Packed) -> (Entry, Record) {
    (Entry::of(packed, &record), lighten(record))
}

fn is_large<T>(found: &Result<T, StoreError>) -> bool {
    match found {
        Err(StoreError::Damaged { source: Invalid::Long { .. }, .. }) => true,
        // Its file is longer, or it is none: the system has no word for either.
        Err(StoreError::Io { err, .. }) => err.raw_os_error().is_none(),
        Ok(_) | Err(_) => false,
    }
}
