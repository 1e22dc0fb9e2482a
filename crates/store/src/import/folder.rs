//! The folder that criterion leaves: `target/criterion`, in which each benchmark has a folder `new`. The only file here
//! that opens others.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use runner_shared::{
    bounds::{BENCHMARKS, IMPORT_BYTES},
    text::count,
};
use system::files::{self, Links};

use super::{
    ImportError, Imported,
    criterion::{self, Files, TOOL},
};

/// Folders within folders: names of groups, functions and values are at most as many.
const DEEPEST: usize = 12;
/// The folder with the newest results of a benchmark; `base` and `change` beside it are of others.
const NEWEST: &str = "new";

/// A day, in milliseconds.
const DAY_MS: u64 = 24 * 3600 * 1000;
/// Benchmarks that are so much older than the newest one are of another run: criterion never removes any.
const OLD_MS: u64 = DAY_MS;

/// Reads the results that criterion has left in a folder or below it, in the order of their names. Their time is that of
/// the newest file.
///
/// # Errors
///
/// If a file can't be read or is none of criterion's, or if there is none.
pub fn read_folder(folder: &Path) -> Result<Imported, ImportError> {
    read_some(folder, BENCHMARKS)
}

/// The same of at most so many benchmarks; the record says how many others there are.
fn read_some(folder: &Path, most: usize) -> Result<Imported, ImportError> {
    let mut found = Found { folders: Vec::new(), most, left_out: 0 };
    found.search(folder, 0).map_err(|source| io_error(folder, source))?;
    let Found { folders: mut found, left_out, .. } = found;
    found.sort();
    let mut imported = Imported::of(TOOL, "");
    imported.leave_out(left_out);
    let mut drafts = Vec::new();
    let mut left = IMPORT_BYTES;
    for folder in found {
        let mut read = |name: &str| {
            let path = folder.join(name);
            let bytes = files::read(&path, Links::Refuse, left);
            let bytes = bytes.map_err(|source| io_error(&path, source))?;
            left = left.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            Ok::<_, ImportError>(bytes)
        };
        let sample = if files::is_there(&folder.join("sample.json")) {
            read("sample.json")?
        } else {
            Vec::new()
        };
        let files = Files {
            benchmark: read("benchmark.json")?,
            estimates: read("estimates.json")?,
            sample,
        };
        let draft = criterion::draft(&files)
            .map_err(|source| ImportError::Wrong { format: TOOL, source })?;
        drafts.push((draft, changed(&folder.join("estimates.json"))));
    }
    imported.time_ms = drafts.iter().filter_map(|(_, time)| *time).max();
    let mut old = 0;
    for (mut draft, time) in drafts {
        let age = imported.time_ms.zip(time).map(|(newest, time)| newest.saturating_sub(time));
        if let Some(age) = age.filter(|age| *age > OLD_MS) {
            let days = count(age / DAY_MS, "day");
            draft.note(format!("its results are {days} older than the newest ones of the folder"));
            old += 1;
        }
        imported.add(draft);
    }
    if old > 0 {
        let old = count(old, "benchmark");
        imported.warn(format!(
            "{old} of the folder did not run with the newest one: their results are older than a day"
        ));
    }
    if imported.is_empty() {
        return Err(ImportError::Empty { format: TOOL });
    }
    Ok(imported)
}

fn io_error(path: &Path, source: io::Error) -> ImportError {
    ImportError::Io { path: path.to_owned(), source }
}

/// Folders with the newest results.
struct Found {
    folders: Vec<PathBuf>,
    /// At most so many are kept.
    most: usize,
    /// Number of all others.
    left_out: u64,
}

impl Found {
    /// Looks for them in a folder, and follows no links.
    fn search(&mut self, folder: &Path, depth: usize) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                continue;
            }
            let path = entry.path();
            if entry.file_name() == NEWEST && files::is_there(&path.join("estimates.json")) {
                if self.folders.len() < self.most {
                    self.folders.push(path);
                } else {
                    self.left_out += 1;
                }
            } else if depth < DEEPEST {
                self.search(&path, depth + 1)?;
            }
        }
        Ok(())
    }
}

/// The time at which a file was written, in milliseconds since 1970.
fn changed(path: &Path) -> Option<u64> {
    let written = path.symlink_metadata().ok()?.modified().ok()?;
    u64::try_from(written.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::{super::Origin, *};

    #[test]
    fn benchmarks_without_room_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let interval = r#"{"confidence_level":0.95,"lower_bound":4.0,"upper_bound":6.0}"#;
        let estimate = format!(r#"{{"point_estimate":5.0,"confidence_interval":{interval}}}"#);
        for name in ["a", "b", "c"] {
            let new = folder.path().join(name).join("new");
            fs::create_dir_all(&new).unwrap();
            let about = format!(
                r#"{{"group_id":"{name}","function_id":null,"value_str":null,"throughput":null,"full_id":"{name}"}}"#
            );
            fs::write(new.join("benchmark.json"), about).unwrap();
            let all = format!(r#"{{"mean":{estimate},"median":{estimate},"std_dev":{estimate}}}"#);
            fs::write(new.join("estimates.json"), all).unwrap();
        }
        let record = |most| read_some(folder.path(), most).unwrap().into_record(Origin::default());
        assert_eq!((record(3).benchmarks.len(), record(3).parts[0].warnings.len()), (3, 0));
        let cut = record(2);
        assert_eq!(cut.benchmarks.len(), 2);
        assert_eq!(cut.parts[0].warnings, ["1 benchmark left out: no room"]);
    }
}
