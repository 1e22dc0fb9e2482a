//! Fetches the names of generated code: interpreters write them to a well-known place of their own.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use runner_shared::{
    fifo::perf_map,
    profile_dir::{CALLGRIND, ProfileDir, TRACEGRIND},
    text::shown,
};
use system::files::{self, Links};

/// Copies the maps of all processes that left a count into the profile folder and removes them
/// where they were. A map that is older than the run belongs to another process that had the same
/// number. Returns a sentence for each one that could not be copied.
pub(crate) fn harvest(folder: &ProfileDir, start: SystemTime) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder.path()) else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| pid(entry.file_name().to_str()?));
    let maps = pids.map(perf_map).filter(|map| is_of_this_run(map, start));
    maps.filter_map(|map| {
        let problem =
            |err| format!("could not copy `{}`, so function names are missing: {err}", shown(&map));
        take(&map, folder).map_err(problem).err()
    })
    .collect()
}

fn pid(name: &str) -> Option<u32> {
    CALLGRIND.number(name).or_else(|| TRACEGRIND.number(name))
}

fn is_of_this_run(map: &Path, start: SystemTime) -> bool {
    // Not through a link: anybody may put one there.
    let data = fs::symlink_metadata(map).ok().filter(fs::Metadata::is_file);
    data.and_then(|data| data.modified().ok()).is_some_and(|written| written >= start)
}

fn take(map: &PathBuf, folder: &ProfileDir) -> io::Result<()> {
    let name = map.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut from = files::open(map, Links::Refuse)?;
    files::replace_private_by(&folder.path().join(name), |to| io::copy(&mut from, to).map(drop))?;
    fs::remove_file(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_counts_of_processes_are_asked_for_their_maps() {
        let pids: Vec<_> = ["12.out", "7.tgtrace", "x.out", "12.log", "valgrind.3.log"]
            .iter()
            .filter_map(|name| pid(name))
            .collect();
        assert_eq!(pids, [12, 7]);
    }

    #[test]
    fn a_map_is_moved_and_an_old_one_is_not() {
        let (place, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let map = place.path().join("perf-1.map");
        fs::write(&map, "1000 20 py::f").unwrap();
        assert!(is_of_this_run(&map, SystemTime::UNIX_EPOCH));
        let written = fs::metadata(&map).unwrap().modified().unwrap();
        let later = written + std::time::Duration::from_secs(1);
        assert!(!is_of_this_run(&map, later));
        take(&map, &ProfileDir::new(folder.path())).unwrap();
        assert!(!map.exists());
        assert_eq!(fs::read(folder.path().join("perf-1.map")).unwrap(), b"1000 20 py::f");
    }
}
