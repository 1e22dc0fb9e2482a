//! The record of a conversation, written as it comes: a run that is killed keeps which benchmarks it has finished, and when.
//!
//! The file is a list of pieces, each behind its length: what was new when a benchmark had finished. The end of a run puts the
//! whole record in its place, and the file is removed.

use std::{
    fs::File,
    io::{self, Write},
};

use runner_shared::{
    artifact::{Artifact, ExecutionTimestamps},
    bounds::{Allowance, RESULTS_FILE_BYTES, RESULTS_VALUES_BYTES},
    profile_dir::{JOURNAL, ProfileDir},
};
use system::files::{self, Links};

/// A record that is written.
#[derive(Debug)]
pub(crate) struct Journal {
    /// Nothing where it can't be written: it is only missed when the run is killed.
    file: Option<File>,
    uris: usize,
    markers: usize,
}

impl Journal {
    /// Begins it in the profile folder; one of an earlier run is replaced.
    pub(crate) fn begin(folder: &ProfileDir) -> Self {
        let parent = files::create_private_subfolder(&folder.not_archived());
        let file = parent.and_then(|()| files::create_private(&folder.file(&JOURNAL))).ok();
        Self { file, uris: 0, markers: 0 }
    }

    /// Nowhere.
    #[cfg(test)]
    pub(crate) const fn none() -> Self {
        Self { file: None, uris: 0, markers: 0 }
    }

    /// A benchmark has finished: adds what is new since the last one.
    pub(super) fn add(&mut self, record: &ExecutionTimestamps) {
        let Some(file) = &mut self.file else { return };
        let news = ExecutionTimestamps {
            uri_by_ts: record.uri_by_ts.get(self.uris..).unwrap_or_default().to_vec(),
            markers: record.markers.get(self.markers..).unwrap_or_default().to_vec(),
        };
        (self.uris, self.markers) = (record.uri_by_ts.len(), record.markers.len());
        let bytes = news.encode();
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes();
        // In one piece, so that the length is never alone.
        if file.write_all(&[&length[..], &bytes].concat()).is_err() {
            self.file = None;
        }
    }
}

/// Reads what a run that was killed has left, as far as there is room for it; whatever broke off at the end is left out. `None` if there is nothing.
///
/// # Errors
///
/// If the file can't be read.
pub(crate) fn read(folder: &ProfileDir) -> io::Result<Option<ExecutionTimestamps>> {
    files::refuse_link(&folder.not_archived())?;
    let bytes = match files::read(&folder.file(&JOURNAL), Links::Refuse, RESULTS_FILE_BYTES) {
        Ok(bytes) => bytes,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(err) => return Err(err),
    };
    let mut record = ExecutionTimestamps::default();
    let mut room = Allowance::of(RESULTS_VALUES_BYTES);
    let mut rest = &bytes[..];
    while let Some((length, after)) = rest.split_first_chunk::<8>()
        && let Ok(length) = usize::try_from(u64::from_le_bytes(*length))
        && let Some((piece, after)) = after.split_at_checked(length)
        && ExecutionTimestamps::weigh(piece).is_ok_and(|weight| room.take(weight))
        && let Ok(piece) = ExecutionTimestamps::decode(piece)
    {
        record.uri_by_ts.extend(piece.uri_by_ts);
        record.markers.extend(piece.markers);
        rest = after;
    }
    Ok((record != ExecutionTimestamps::default()).then_some(record))
}

/// Removes it: the whole record is in its place.
pub(crate) fn remove(folder: &ProfileDir) {
    // It stays out of archives, and the next run replaces it.
    drop(files::remove_from_subfolder(&folder.file(&JOURNAL)));
}

#[cfg(test)]
mod tests {
    use std::fs;

    use runner_shared::fifo::MarkerType;

    use super::*;

    #[test]
    fn what_was_finished_is_read_back_and_what_broke_off_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let dir = ProfileDir::new(folder.path());
        assert_eq!(read(&dir).unwrap(), None);
        let mut journal = Journal::begin(&dir);
        let mut record = ExecutionTimestamps::default();
        let mut lengths = vec![0];
        for number in 1..=3 {
            record.markers.push(MarkerType::SampleStart(number * 10));
            record.markers.push(MarkerType::SampleEnd(number * 10 + 5));
            record.uri_by_ts.push((number * 10 + 6, format!("a::{number}")));
            journal.add(&record);
            lengths.push(fs::metadata(dir.file(&JOURNAL)).unwrap().len());
        }
        assert_eq!(read(&dir).unwrap().unwrap(), record);
        let file = File::options().write(true).open(dir.file(&JOURNAL)).unwrap();
        for length in (0..lengths[3]).rev() {
            file.set_len(length).unwrap();
            let whole = lengths.iter().filter(|end| **end <= length).count() - 1;
            let read = read(&dir).unwrap().unwrap_or_default();
            assert_eq!(read.uri_by_ts, record.uri_by_ts[..whole], "{length}");
            assert_eq!(read.markers, record.markers[..whole * 2], "{length}");
        }
        remove(&dir);
        assert_eq!(read(&dir).unwrap(), None);
    }
}
