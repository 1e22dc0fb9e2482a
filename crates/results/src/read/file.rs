//! The files of the results folder: which there are, and their bytes within a limit.

use runner_shared::text::shown;

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use super::ReadError;
use runner_shared::{
    artifact::Artifact,
    bounds::{self, Allowance, RESULTS_FILE_BYTES as MAX_BYTES, RESULTS_VALUES_BYTES, Unit},
    profile_dir::{RESULTS, ROUND_LOG},
};
use system::files::{self, Links};

/// Something in the results folder that we know by its name.
pub(super) enum Entry {
    /// `*.json`.
    Results(PathBuf),
    /// `<pid>.RoundLog.msgpack`.
    Log {
        /// The file.
        path: PathBuf,
        /// Process that wrote it.
        pid: u32,
    },
    /// Named like a results file, but a folder, a pipe or the like.
    NoFile(PathBuf),
}

/// Lists the results folder, sorted by name. A folder that doesn't exist is empty.
pub(super) fn entries(dir: &Path, ignore: &BTreeSet<OsString>) -> Result<Vec<Entry>, ReadError> {
    let names = names(dir)?;
    Ok(names.difference(ignore).filter_map(|name| Entry::of(dir.join(name))).collect())
}

/// All names in a folder, sorted. One that doesn't exist is empty.
pub(crate) fn names(dir: &Path) -> Result<BTreeSet<OsString>, ReadError> {
    let list = |source| ReadError::List { path: dir.to_owned(), source };
    let found = match fs::read_dir(dir) {
        Ok(found) => found,
        Err(_) if !files::is_there(dir) => return Ok(BTreeSet::new()),
        Err(err) => return Err(list(err)),
    };
    let mut names = BTreeSet::new();
    for entry in found {
        names.insert(entry.map_err(list)?.file_name());
    }
    Ok(names)
}

impl Entry {
    fn of(path: PathBuf) -> Option<Self> {
        let name = path.file_name()?;
        // Whatever its name is: also one that is no text.
        if path.extension() == Path::new(RESULTS.path).extension() {
            // A broken link is no file either, but opening it tells the reason.
            let is_odd = fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file());
            return Some(if is_odd { Self::NoFile(path) } else { Self::Results(path) });
        }
        let pid = ROUND_LOG.number(name.to_str()?)?;
        Some(Self::Log { path, pid })
    }
}

/// The bytes of a file, unless it is too large.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, ReadError> {
    bytes_within(path, MAX_BYTES)
}

/// The same with another limit, in bytes.
pub(super) fn bytes_within(path: &Path, most: u64) -> Result<Vec<u8>, ReadError> {
    let failed = |source| ReadError::Io { path: path.to_owned(), source };
    let file = files::open(path, Links::Refuse).map_err(failed)?;
    let too_large = || ReadError::TooLarge { path: path.to_owned(), most };
    if file.metadata().map_err(failed)?.len() > most {
        return Err(too_large());
    }
    // The file may still be growing: the limit holds for what is read, not only for what was there.
    let mut bytes = Vec::new();
    let read = file.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(read).is_ok_and(|read| read <= most) { Ok(bytes) } else { Err(too_large()) }
}

/// The room for the values of all typed files of a folder.
pub(crate) fn room_for_values() -> Allowance {
    Allowance::of(RESULTS_VALUES_BYTES)
}

/// A typed file that only enriches; `None` and a warning if it can't be used, or if there is no room for it.
pub(crate) fn artifact<A: Artifact>(
    path: &Path,
    room: &mut Allowance,
    warnings: &mut Vec<String>,
) -> Option<A> {
    let bytes = match bytes(path) {
        Ok(bytes) => bytes,
        Err(err) => {
            warnings.push(with_causes(&err));
            return None;
        }
    };
    let decoded = A::weigh(&bytes).and_then(|weight| {
        let fits = room.take(weight);
        fits.then(|| A::decode(&bytes)).transpose()
    });
    match decoded {
        Ok(Some(artifact)) => Some(artifact),
        Ok(None) => {
            let most = bounds::shown(RESULTS_VALUES_BYTES, Unit::Bytes);
            warnings.push(format!(
                "`{}` was left out: files of its kind would take more than {most} of memory",
                shown(&path)
            ));
            None
        }
        Err(err) => {
            warnings.push(format!("`{}` was left out: {}", shown(&path), with_causes(&err)));
            None
        }
    }
}

pub(crate) fn with_causes(err: &dyn std::error::Error) -> String {
    let mut text = err.to_string();
    let mut cause = err.source();
    while let Some(err) = cause {
        text = format!("{text}: {err}");
        cause = err.source();
    }
    text
}
