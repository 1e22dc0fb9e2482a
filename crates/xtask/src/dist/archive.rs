//! Packs files into a `.tar.gz` of which every byte depends on them and one time alone; and reads such archives.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder, read::GzDecoder};
use tar::{Archive, Builder, EntryType, Header};

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// From the top of the archive, with slashes.
    pub(super) path: String,
    pub(super) executable: bool,
    pub(super) bytes: Vec<u8>,
}

/// Packs files, sorted by path, with their folders before them. They belong to nobody, and are of the given time.
pub(super) fn tar_gz(entries: Vec<Entry>, time: u64) -> Result<Vec<u8>> {
    let mut sorted: BTreeMap<String, Option<Entry>> = BTreeMap::new();
    for entry in entries {
        for (at, _) in entry.path.match_indices('/') {
            let folder = entry.path.get(..=at).unwrap_or_default().to_owned();
            sorted.entry(folder).or_insert(None);
        }
        sorted.insert(entry.path.clone(), Some(entry));
    }
    let mut tar = Builder::new(Vec::new());
    for (path, entry) in &sorted {
        let mut header = Header::new_gnu();
        let (kind, mode, bytes): (_, _, &[u8]) = match entry {
            None => (EntryType::Directory, 0o755, &[]),
            Some(entry) if entry.executable => (EntryType::Regular, 0o755, &entry.bytes),
            Some(entry) => (EntryType::Regular, 0o644, &entry.bytes),
        };
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(u64::try_from(bytes.len())?);
        header.set_mtime(time);
        header.set_uid(0);
        header.set_gid(0);
        tar.append_data(&mut header, path, bytes).with_context(|| format!("`{path}`"))?;
    }
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    gzip.write_all(&tar.into_inner()?)?;
    Ok(gzip.finish()?)
}

/// Finds a file in an archive, by the end of its path.
pub(super) fn file(archive: &[u8], name: &str) -> Result<Option<Vec<u8>>> {
    let mut archive = Archive::new(GzDecoder::new(archive));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let found = entry.path()?.file_name().is_some_and(|found| found == name);
        if found && entry.header().entry_type() == EntryType::Regular {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say;

    fn entry(path: &str, executable: bool) -> Entry {
        Entry { path: path.to_owned(), executable, bytes: path.as_bytes().to_vec() }
    }

    #[test]
    fn the_same_files_make_the_same_archive_in_any_order() {
        let files = || vec![entry("a/bin", true), entry("a/b/c", false), entry("a/README", false)];
        let backwards = files().into_iter().rev().collect();
        let archive = tar_gz(files(), 7).unwrap();
        assert_eq!(archive, tar_gz(backwards, 7).unwrap());
        assert_ne!(archive, tar_gz(files(), 8).unwrap());
    }

    #[test]
    fn entries_are_sorted_and_belong_to_nobody() {
        let files = vec![entry("a/bin", true), entry("a/b/c", false)];
        let bytes = tar_gz(files, 1_700_000_000).unwrap();
        let mut archive = Archive::new(GzDecoder::new(bytes.as_slice()));
        let shown = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            let (path, mode) =
                (say::path(&entry.path().unwrap()).to_string(), header.mode().unwrap());
            let (owner, time) = (header.uid().unwrap(), header.mtime().unwrap());
            format!("{path} {mode:o} {owner} {time}")
        });
        assert_eq!(
            shown.collect::<Vec<_>>(),
            [
                "a/ 755 0 1700000000",
                "a/b/ 755 0 1700000000",
                "a/b/c 644 0 1700000000",
                "a/bin 755 0 1700000000"
            ]
        );
        assert_eq!(file(&bytes, "c").unwrap().unwrap(), b"a/b/c");
        assert_eq!(file(&bytes, "d").unwrap(), None);
        assert!(file(b"no archive", "c").is_err());
    }
}
