//! The files of simulation mode, by their names.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use runner_shared::harness::BECAME_ENDING;
use system::files::{self, Links};

use crate::read::{ReadError, file::names};

/// So much of a command is shown, in bytes.
const LONGEST_COMMAND: u64 = 1000;

/// A file that a process has left.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Entry {
    /// `<pid>.out`, or `<pid>.<n>.out` for what the same process wrote before.
    Callgrind {
        /// The process.
        pid: u32,
        /// The file.
        path: PathBuf,
    },
    /// `<pid>.tgtrace`, with or without a suffix.
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
pub(super) fn entries(dir: &Path, ignore: &BTreeSet<OsString>) -> Result<Vec<Entry>, ReadError> {
    let names = names(dir)?;
    let mut entries: Vec<Entry> =
        names.difference(ignore).filter_map(|name| Entry::of(dir.join(name))).collect();
    entries.sort_unstable();
    Ok(entries)
}

/// The program that the count of a process is only of, if the process was another one before.
pub(super) fn became(dir: &Path, pid: u32) -> Option<String> {
    let path = dir.join(format!("{pid}{BECAME_ENDING}"));
    let mut bytes = Vec::new();
    files::open(&path, Links::Refuse).ok()?.take(LONGEST_COMMAND).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

impl Entry {
    fn of(path: PathBuf) -> Option<Self> {
        let (pid, rest) = path.file_name()?.to_str()?.split_once('.')?;
        let pid = pid.parse().ok()?;
        let earlier = rest.strip_suffix(".out").is_some_and(|n| n.parse::<u32>().is_ok());
        let is_trace = matches!(rest, "tgtrace" | "tgtrace.msgpack.lz4");
        if !is_trace && !earlier && rest != "out" {
            return None;
        }
        // A broken link is no file either, but opening it tells the reason.
        let is_odd = fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file());
        Some(match (is_odd, is_trace) {
            (true, _) => Self::NoFile(path),
            (false, true) => Self::Tracegrind { pid, path },
            (false, false) => Self::Callgrind { pid, path },
        })
    }
}
