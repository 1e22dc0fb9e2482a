//! Brings what processes wrote about their generated code into the profile folder.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::PathBuf,
    time::SystemTime,
};

use runner_shared::{
    profile_dir::{PERF_MAP, UNWIND_DATA},
    text::shown,
};
use system::files::{self, Links};

use super::dump::{JitUnwindForm, parse_dump};
use crate::{
    folder::Folder,
    mapped::Mapped,
    metadata::{Key, UnwindEntry},
    module::write_symbol,
    unwind_data::UnwindData,
};

/// The folder in which processes write such files, and the time since which they count.
#[derive(Debug, Clone)]
pub(crate) struct JitDir {
    pub(crate) path: PathBuf,
    pub(crate) since: SystemTime,
}

/// The result of a harvest.
#[derive(Debug, Default)]
pub(crate) struct Harvest {
    /// Generated functions that can be unwound, by process.
    pub(crate) entries: Vec<(i32, Vec<UnwindEntry>)>,
    /// Unwind files written, in the order of their keys.
    pub(crate) keys: Vec<Key>,
    /// `perf-<pid>.map` files written.
    pub(crate) maps: u64,
    pub(crate) warnings: Vec<String>,
}

/// Takes the files of these processes. Keys are numbered from `first_key` on.
pub(crate) fn harvest(
    dir: &JitDir,
    pids: impl Iterator<Item = i32>,
    folder: Folder<'_>,
    form: JitUnwindForm,
    first_key: usize,
) -> Result<Harvest, crate::ProfileError> {
    let mut harvest = Harvest::default();
    // Identical unwind data is written once, whichever process it is from.
    let mut shared: HashMap<(Vec<u8>, usize, u64), String> = HashMap::new();
    for pid in pids {
        let map = dir.open(&PERF_MAP.named(pid));
        let dump = dir.open(&format!("jit-{pid}.dump"));
        let (map, dump) = (harvest.usable(map), harvest.usable(dump));
        if map.is_none() && dump.is_none() {
            continue;
        }
        let mut entries = Vec::new();
        let mut output =
            Writing { folder, form, first_key, shared: &mut shared, found: &mut harvest };
        let bytes = dump.as_deref().unwrap_or_default();
        folder.write(&PERF_MAP, pid, |out| {
            if let Some(map) = &map {
                out.write_all(map)?;
                if !map.ends_with(b"\n") && !map.is_empty() {
                    out.write_all(b"\n")?;
                }
            }
            output.dump(pid, bytes, out, &mut entries)
        })?;
        harvest.maps = harvest.maps.saturating_add(1);
        if !entries.is_empty() {
            harvest.entries.push((pid, entries));
        }
        dir.remove_own(pid);
    }
    Ok(harvest)
}

impl Harvest {
    fn usable(&mut self, found: Result<Option<Mapped>, String>) -> Option<Mapped> {
        found.unwrap_or_else(|warning| {
            self.warnings.push(warning);
            None
        })
    }
}

impl JitDir {
    /// Opens a file if it is of this run: an older one belongs to another process that had the
    /// same number. A link is not followed, since anybody can put one there.
    fn open(&self, name: &str) -> Result<Option<Mapped>, String> {
        let path = self.path.join(name);
        let failed = |err: io::Error| format!("`{}` can't be read: {err}", shown(&path));
        let file = match files::open(&path, Links::Refuse) {
            Ok(file) => file,
            Err(err)
                if [io::ErrorKind::NotFound, io::ErrorKind::InvalidData].contains(&err.kind()) =>
            {
                return Ok(None);
            }
            Err(err) => return Err(failed(err)),
        };
        let metadata = file.metadata().map_err(failed)?;
        let is_of_this_run = metadata.modified().is_ok_and(|time| time >= self.since);
        if !is_of_this_run {
            return Ok(None);
        }
        Mapped::file(&file).map(Some).map_err(failed)
    }

    /// Nobody else cleans up after a benchmark. What isn't ours, or older, stays.
    fn remove_own(&self, pid: i32) {
        for path in [PERF_MAP.named(pid), format!("jit-{pid}.dump")] {
            let path = self.path.join(path);
            let is_ours = fs::symlink_metadata(&path).is_ok_and(|metadata| {
                metadata.is_file()
                    && metadata.uid() == nix::unistd::geteuid().as_raw()
                    && metadata.modified().is_ok_and(|time| time >= self.since)
            });
            if is_ours {
                // A file that stays is only untidy.
                drop(fs::remove_file(&path));
            }
        }
    }
}

/// The destinations of the functions of a dump.
struct Writing<'a> {
    folder: Folder<'a>,
    form: JitUnwindForm,
    first_key: usize,
    shared: &'a mut HashMap<(Vec<u8>, usize, u64), String>,
    found: &'a mut Harvest,
}

impl Writing<'_> {
    fn dump(
        &mut self,
        pid: i32,
        bytes: &[u8],
        map: &mut impl Write,
        entries: &mut Vec<UnwindEntry>,
    ) -> io::Result<()> {
        let mut without_unwind = 0_u64;
        let Some(functions) = parse_dump(bytes) else {
            if !bytes.is_empty() {
                self.found.warnings.push(format!("`jit-{pid}.dump` is not a jitdump"));
            }
            return Ok(());
        };
        for loaded in functions {
            let name = String::from_utf8_lossy(loaded.name);
            write_symbol(map, loaded.start, loaded.size, &name)?;
            let Some(unwind) = loaded.unwind else {
                without_unwind = without_unwind.saturating_add(1);
                continue;
            };
            let sharing = unwind.sharing(self.form, loaded.size);
            let key = if let Some(key) = self.shared.get(&sharing) {
                key.clone()
            } else {
                let path = format!("jit_{name}");
                let data = unwind.form(self.form, &path, loaded.size);
                let key = self.write_unwind(&data)?;
                self.shared.insert(sharing, key.clone());
                self.found.keys.push(Key { key: key.clone(), path });
                key
            };
            entries.push(UnwindEntry {
                unwind_data_key: key,
                timestamp: Some(loaded.time),
                avma_range: (loaded.start..loaded.start.saturating_add(loaded.size)).into(),
                base_avma: if self.form == JitUnwindForm::Correct { loaded.start } else { 0 },
            });
        }
        if without_unwind > 0 {
            self.found.warnings.push(format!(
                "{without_unwind} functions in `jit-{pid}.dump` have no unwind data: stacks are truncated there"
            ));
        }
        Ok(())
    }

    /// Writes unwind data under the next key.
    fn write_unwind(&self, data: &UnwindData<'_>) -> io::Result<String> {
        let number = self.first_key.saturating_add(self.found.keys.len());
        let key = crate::metadata::key(number, data.path);
        self.folder.write(&UNWIND_DATA, &key, |out| data.write(out)).map_err(io::Error::other)?;
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use runner_shared::profile_dir::ProfileDir;

    use super::*;

    #[test]
    fn only_files_of_this_run_count() {
        let temp = tempfile::tempdir().unwrap();
        let target = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(temp.path().join(name), bytes).unwrap();
        write("perf-1.map", b"10 8 new");
        write("perf-2.map", b"10 8 old");
        let hour = std::time::Duration::from_hours(1);
        let old = fs::File::options().write(true).open(temp.path().join("perf-2.map")).unwrap();
        old.set_modified(SystemTime::now() - hour).unwrap();
        std::os::unix::fs::symlink("perf-1.map", temp.path().join("perf-3.map")).unwrap();
        write("jit-4.dump", b"no dump at all");
        let since = SystemTime::now() - hour / 2;
        let dir = JitDir { path: temp.path().to_owned(), since };
        let profile = ProfileDir::new(target.path());
        let folder = Folder::new(&profile);
        let found = harvest(&dir, 1..=4, folder, JitUnwindForm::Correct, 0).unwrap();
        assert_eq!(fs::read(target.path().join("perf-1.map")).unwrap(), b"10 8 new\n");
        let left = |name: &str| temp.path().join(name).exists();
        assert!(!left("perf-1.map") && left("perf-2.map"));
        assert!(!target.path().join("perf-2.map").exists());
        assert!(!target.path().join("perf-3.map").exists());
        assert_eq!(found.warnings.len(), 2, "{:?}", found.warnings);
    }
}
