//! Records are read for the index: small ones on several cores, larger ones one by one.

use rayon::prelude::*;
use runner_shared::bounds::size;
use system::threads::start_pool;

use super::super::{Entry, StoreError, entry::lighten, records::Records};
use crate::{Invalid, Metric, Packed, Part, Record, RecordId, RecordedBenchmark};

/// A file with the name of a record, and what the index takes of it if it can be read.
pub(super) type Found = (RecordId, Option<(Entry, Record)>);

/// The outcome of reading a record.
pub(super) type Read = Result<(Entry, Record), StoreError>;

/// The outcome for a record of which only a small one is read; `None` of another.
pub(super) type Small = (RecordId, Option<Read>);

/// Bytes of the JSON of a small record, and of its file. Whatever is in it, it takes at most 45 MB of memory.
const SMALL_BYTES: u64 = 512 << 10;
/// Small records that are read at the same time.
const AT_ONCE: usize = 4;
/// Fewer records are not worth the start of threads.
const WORTHWHILE: usize = 16;

/// Records that are added to the index at a time.
const BATCH: usize = 64;
/// Records that are read before anybody looks at how much memory they take.
const STEP: usize = 16;

/// Records that are added to the index together.
#[derive(Debug)]
pub(super) struct Batch {
    /// Small ones.
    pub read: Vec<(RecordId, Read)>,
    /// Others, which are read one by one.
    pub large: Vec<RecordId>,
    /// Number of all these.
    pub looked_at: usize,
}

impl Batch {
    /// Reads the first of these records: at most 64, and no more once they take so many bytes without what the index
    /// doesn't need.
    pub(super) fn read(
        ids: &[RecordId],
        most: u64,
        read: &mut dyn FnMut(&[RecordId]) -> Vec<Small>,
    ) -> Self {
        let mut batch = Self { read: Vec::new(), large: Vec::new(), looked_at: 0 };
        let mut bytes = 0_u64;
        for step in ids.get(..BATCH.min(ids.len())).unwrap_or_default().chunks(STEP) {
            if bytes >= most {
                break;
            }
            for (id, found) in read(step) {
                match found {
                    Some(found) => {
                        let taken = found.as_ref().map_or(0, |(_, record)| taken(record));
                        bytes = bytes.saturating_add(taken);
                        batch.read.push((id, found));
                    }
                    None => batch.large.push(id),
                }
            }
            batch.looked_at += step.len();
        }
        batch
    }
}

/// Returns about what a record takes in memory without rounds and stacks, in bytes.
fn taken(record: &Record) -> u64 {
    /// Bytes of a value in a map, beside its key.
    const ENTRY: usize = 2 * size_of::<Metric>();
    let of_benchmark = |one: &RecordedBenchmark| {
        let keys: usize = one.metrics.keys().map(|key| key.len() + ENTRY).sum();
        let texts = [&one.name, &one.uri, &one.headline].map(String::len);
        size_of::<RecordedBenchmark>() + keys + texts.iter().sum::<usize>()
    };
    let benchmarks: usize = record.benchmarks.iter().map(of_benchmark).sum();
    let parts = record.parts.len() * size_of::<Part>();
    let labels: usize =
        record.labels.iter().map(|(key, value)| key.len() + value.len() + ENTRY).sum();
    size(size_of::<Record>() + benchmarks + parts + labels)
}

/// Reads records, each to its end or not at all; `None` for those that are not small.
pub(super) fn read_small(ids: &[RecordId], records: &Records) -> Vec<Small> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_ends_when_its_records_take_much() {
        let ids: Vec<RecordId> = (0_u8..100).map(|nth| RecordId::of(&[nth])).collect();
        let with = |benchmarks: usize| {
            let one = RecordedBenchmark { name: "sort".to_owned(), ..Default::default() };
            let record = Record {
                parts: vec![Part::default()],
                benchmarks: vec![one; benchmarks],
                ..Default::default()
            };
            let packed = record.pack().unwrap();
            move |ids: &[RecordId]| -> Vec<Small> {
                ids.iter().map(|id| (*id, Some(Ok(outline(record.clone(), &packed))))).collect()
            }
        };
        let looked_at = |benchmarks, most| {
            let batch = Batch::read(&ids, most, &mut with(benchmarks));
            assert_eq!(batch.read.len(), batch.looked_at);
            batch.looked_at
        };
        assert_eq!(looked_at(1, 1 << 20), BATCH);
        assert_eq!(looked_at(1_000, 1 << 20), STEP);
        assert_eq!(looked_at(100, 1 << 20), 2 * STEP, "each takes about 40 KB");
        assert_eq!(
            Batch::read(&ids, 1, &mut |ids| ids.iter().map(|id| (*id, None)).collect()).large.len(),
            BATCH
        );
    }
}
