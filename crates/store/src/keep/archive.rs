//! Records in one file: a tar archive of their files, to be carried to another store.
//!
//! An archive may come from anybody. Each entry has to be a record under the name of its digest; nothing in it decides
//! where anything is written, and few of them are in memory at a time.

use std::io::{Read, Write};

use runner_shared::{
    bounds::{EXPORT_ENTRIES, RECORD_PACKED_BYTES},
    text::one_line,
};
use tar::{Archive, Builder, Entry, EntryType, Header};

use super::{
    Store, StoreError,
    batch::{Batch, Imported},
};
use crate::{Invalid, Packed, Record, RecordId};

/// The folder of the records in an archive.
const FOLDER: &str = "codspeed-runs";
const EXTENSION: &str = ".zst";
/// Bytes before all that zstd has compressed.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

impl Store {
    /// Writes these records to one file. The same records make the same bytes.
    ///
    /// # Errors
    ///
    /// If one is missing or damaged, or the file can't be written ([`StoreError::Export`]).
    pub fn export(&self, ids: &[RecordId], to: &mut dyn Write) -> Result<(), StoreError> {
        let mut archive = Builder::new(to);
        for id in ids {
            let (_, packed) = self.records.read(*id)?;
            let mut header = Header::new_ustar();
            header.set_size(u64::try_from(packed.bytes.len()).unwrap_or(u64::MAX));
            header.set_mode(0o644);
            let path = format!("{FOLDER}/{id}{EXTENSION}");
            archive
                .append_data(&mut header, path, packed.bytes.as_slice())
                .map_err(StoreError::Export)?;
        }
        archive.finish().map_err(StoreError::Export)
    }

    /// Takes the records of a file that [`export`](Self::export) or anybody else has made; a single record is taken,
    /// too. Entries that are no records are refused, and the others are kept. All of that is added to `imported`.
    ///
    /// # Errors
    ///
    /// If it is no archive, or records can't be kept; those before are.
    pub fn import(&self, from: &mut dyn Read, imported: &mut Imported) -> Result<(), StoreError> {
        let mut first = Vec::new();
        let start = &mut *from;
        start.take(4).read_to_end(&mut first).map_err(|err| StoreError::of_archive(&err))?;
        if first.starts_with(b"{") || first == ZSTD {
            let bytes = read_within(&mut first.as_slice().chain(from))?;
            let (packed, record) = Packed::accept(bytes).map_err(StoreError::Record)?;
            if self.keep(&packed, &record)? {
                imported.added.push(packed.id);
            } else {
                imported.known += 1;
            }
            return Ok(());
        }
        let mut batch = Batch::new(self);
        let archive = Archive::new(first.as_slice().chain(from));
        let taken = take_entries(archive, &mut batch, imported);
        // Also of an archive that is damaged further on.
        let kept = batch.flush(imported);
        taken.and(kept)
    }
}

/// Takes the entries of an archive one after the other.
fn take_entries(
    mut archive: Archive<impl Read>,
    batch: &mut Batch<'_>,
    imported: &mut Imported,
) -> Result<(), StoreError> {
    // Raw: extensions of names are entries of their own, which nobody reads into memory.
    let entries = archive.entries().map_err(|err| StoreError::of_archive(&err))?.raw(true);
    let mut count = 0;
    for entry in entries {
        let mut entry = entry.map_err(|err| StoreError::of_archive(&err))?;
        count += 1;
        if count > EXPORT_ENTRIES {
            return Err(StoreError::Many { most: EXPORT_ENTRIES });
        }
        match accept(&mut entry)? {
            Ok((packed, record, bytes)) => batch.add(packed, record, bytes, imported)?,
            Err(why) => {
                let name = one_line(&String::from_utf8_lossy(&entry.path_bytes()));
                imported.refuse(name, one_line(&why));
            }
        }
    }
    if count == 0 { Err(StoreError::Archive) } else { Ok(()) }
}

impl Packed {
    /// Takes the bytes of a record, or of an export with a single one, which anybody may have made.
    ///
    /// # Errors
    ///
    /// If it is neither, or the record is refused.
    pub fn only(bytes: Vec<u8>) -> Result<(Self, Record), StoreError> {
        if bytes.starts_with(b"{") || bytes.starts_with(&ZSTD) {
            return Self::accept(bytes).map_err(StoreError::Record);
        }
        let mut archive = Archive::new(bytes.as_slice());
        let mut entries = archive.entries().map_err(|err| StoreError::of_archive(&err))?.raw(true);
        let Some(first) = entries.next() else { return Err(StoreError::Archive) };
        let found = accept(&mut first.map_err(|err| StoreError::of_archive(&err))?)?;
        let (packed, record, _) = found.map_err(|why| StoreError::Refused { why })?;
        match entries.next() {
            None => Ok((packed, record)),
            Some(_) => Err(StoreError::Several),
        }
    }
}

/// A record with the number of bytes of its JSON, or the reason why it is none.
type Accepted = Result<(Packed, Record, usize), String>;

/// Reads an entry that has to be a record.
fn accept(entry: &mut Entry<'_, impl Read>) -> Result<Accepted, StoreError> {
    if entry.header().entry_type() != EntryType::Regular {
        return Ok(Err("it is not a regular file".to_owned()));
    }
    let name = entry.path_bytes();
    let name = std::str::from_utf8(&name).ok();
    let id = name
        .and_then(|name| name.strip_prefix(FOLDER)?.strip_prefix('/')?.strip_suffix(EXTENSION))
        .and_then(|id| id.parse::<RecordId>().ok());
    let Some(id) = id else { return Ok(Err("its name is not that of a stored run".to_owned())) };
    if entry.size() > RECORD_PACKED_BYTES {
        return Ok(Err(Invalid::Long { most: RECORD_PACKED_BYTES }.to_string()));
    }
    let bytes = read_within(entry)?;
    Ok(match Packed::accept_sized(bytes) {
        Ok(accepted) if accepted.0.id == id => Ok(accepted),
        Ok(_) => Err(Invalid::Digest { expected: id }.to_string()),
        Err(err) => Err(err.to_string()),
    })
}

/// Reads at most one byte more than a record has, which is refused later.
fn read_within(from: &mut dyn Read) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    from.take(RECORD_PACKED_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|err| StoreError::of_archive(&err))?;
    Ok(bytes)
}
