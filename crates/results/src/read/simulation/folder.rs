//! The files of simulation mode, by their names.

use std::{collections::BTreeSet, ffi::OsString, fs, io::Read, path::PathBuf};

use runner_shared::profile_dir::{
    BECAME, CALLGRIND, EARLIER_CALLGRIND, PACKED_TRACEGRIND, ProfileDir, TRACEGRIND,
};
use system::files::{self, Links};

use crate::read::{ReadError, file::names};

/// So much of a command is shown, in bytes.
const LONGEST_COMMAND: u64 = 1000;

/// A file that a process has left.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Entry {
    /// Of callgrind, now or earlier in the same process.
    Callgrind {
        /// The process.
        pid: u32,
        /// The file.
        path: PathBuf,
    },
    /// Of tracegrind.
    Tracegrind {
        /// The process.
        pid: u32,
        /// The file.
        path: PathBuf,
    },
    /// Named like one of them, but a folder, a pipe or the like.
    NoFile(PathBuf),
}

/// All files of processes, by process number.
pub(super) fn entries(
    dir: &ProfileDir,
    ignore: &BTreeSet<OsString>,
) -> Result<Vec<Entry>, ReadError> {
    let names = names(dir.path())?;
    let mut entries: Vec<Entry> =
        names.difference(ignore).filter_map(|name| Entry::of(dir.path().join(name))).collect();
    entries.sort_unstable();
    Ok(entries)
}

/// The program that the count of a process is only of, if the process was another one before.
pub(super) fn became(dir: &ProfileDir, pid: u32) -> Option<String> {
    let path = dir.file_of(&BECAME, pid);
    let mut bytes = Vec::new();
    files::open(&path, Links::Refuse).ok()?.take(LONGEST_COMMAND).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

impl Entry {
    fn of(path: PathBuf) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let earlier = || {
            let (pid, nth) = EARLIER_CALLGRIND.key(name)?.split_once('.')?;
            pid.parse().ok().filter(|_| nth.parse::<u32>().is_ok())
        };
        let trace = || TRACEGRIND.number(name).or_else(|| PACKED_TRACEGRIND.number(name));
        let (pid, is_trace) = match CALLGRIND.number(name).or_else(earlier) {
            Some(pid) => (pid, false),
            None => (trace()?, true),
        };
        // A broken link is no file either, but opening it tells the reason.
        let is_odd = fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file());
        Some(match (is_odd, is_trace) {
            (true, _) => Self::NoFile(path),
            (false, true) => Self::Tracegrind { pid, path },
            (false, false) => Self::Callgrind { pid, path },
        })
    }
}
