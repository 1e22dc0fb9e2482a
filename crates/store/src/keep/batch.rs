//! Records of others are kept several at a time, which is faster than one after the other.

use super::{Store, StoreError, entry::lighten};
use crate::{Packed, Record, RecordId};

/// Bytes of the JSON and the files of all records that are kept at a time; a larger one is kept alone.
const BATCH_BYTES: usize = 8 << 20;
/// Records that are kept at a time.
const BATCH: usize = 128;

/// Refused entries that are named; more are only counted.
const MOST_REFUSED: usize = 20;

/// The outcome of an import, or of a fetch from a shared store.
#[derive(Debug, Default)]
pub struct Imported {
    /// Records that are new, in their order there.
    pub added: Vec<RecordId>,
    /// Number of those that were there before.
    pub known: usize,
    /// Entries or objects that are no records or can't be read; of many the first ones.
    pub refused: Vec<Refused>,
    /// Number of all these.
    pub all_refused: usize,
}

/// An entry of an archive, or an object, that was refused.
#[derive(Debug)]
pub struct Refused {
    /// Its name, on one line.
    pub name: String,
    /// The reason.
    pub why: String,
}

impl Imported {
    /// Counts what was refused, and names it unless there are many.
    pub(crate) fn refuse(&mut self, name: String, why: String) {
        self.all_refused += 1;
        if self.refused.len() < MOST_REFUSED {
            self.refused.push(Refused { name, why });
        }
    }
}

/// Records that have come, and are not kept yet.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    store: &'a Store,
    records: Vec<(Packed, Record)>,
    /// Bytes of their JSON and of their files.
    bytes: usize,
}

impl<'a> Batch<'a> {
    pub(crate) const fn new(store: &'a Store) -> Self {
        Self { store, records: Vec::new(), bytes: 0 }
    }

    /// Takes a record whose JSON has so many bytes. Those before it are kept, and it itself as well, if they are many.
    pub(crate) fn add(
        &mut self,
        packed: Packed,
        record: Record,
        bytes: usize,
        imported: &mut Imported,
    ) -> Result<(), StoreError> {
        // A file may be far longer than its JSON: it may have parts that nobody unpacks.
        let bytes = bytes.saturating_add(packed.bytes.len());
        if self.bytes.saturating_add(bytes) > BATCH_BYTES {
            self.flush(imported)?;
        }
        self.records.push((packed, lighten(record)));
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes >= BATCH_BYTES || self.records.len() >= BATCH {
            self.flush(imported)?;
        }
        Ok(())
    }

    /// Keeps what waits.
    pub(crate) fn flush(&mut self, imported: &mut Imported) -> Result<(), StoreError> {
        self.bytes = 0;
        let records = std::mem::take(&mut self.records);
        let kept = self.store.keep_all(&records)?;
        for ((packed, _), is_new) in records.iter().zip(kept) {
            if is_new {
                imported.added.push(packed.id);
            } else {
                imported.known += 1;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A part of a compressed file that nobody unpacks, by RFC 8878.
    fn skippable(length: u32) -> Vec<u8> {
        let mut frame = [0x50, 0x2a, 0x4d, 0x18].to_vec();
        frame.extend(length.to_le_bytes());
        frame.resize(frame.len() + usize::try_from(length).unwrap(), 0);
        frame
    }

    #[test]
    fn long_files_of_short_records_are_kept_one_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let (mut batch, mut imported) = (Batch::new(&store), Imported::default());
        for time_ms in 0..3 {
            let record = Record { version: Record::VERSION, time_ms, ..Record::default() };
            let mut packed = record.pack().unwrap();
            packed.bytes.extend(skippable(5 << 20));
            batch.add(packed, record, 100, &mut imported).unwrap();
            assert_eq!(batch.records.len(), 1);
        }
        batch.flush(&mut imported).unwrap();
        assert_eq!(imported.added.len(), 3);
    }
}
