//! The modules of a profile folder: where they lay in which process, and their unwind data.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt, io,
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use runner_shared::{
    fault::{Attempt, explain},
    profile_dir::{PERF_MAP, ProfileDir, SYMBOLS, UNWIND_DATA},
    text::shown,
};
use system::files::{self, Links};

use super::{cfi::Cfi, piece::Piece};
use crate::{
    jit::resplit,
    mapped::Mapped,
    metadata::{Metadata, SymbolEntry, UnwindEntry},
    space::Mapping,
    unwind_data::{Section, UnwindData},
};

/// The key of a mapped module, and the shift of its addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Located<'m> {
    pub(super) key: &'m str,
    pub(super) load_bias: u64,
}

/// All modules.
pub(super) struct Modules<'m> {
    folder: &'m ProfileDir,
    metadata: &'m Metadata,
    /// Keys by path; two files may have had the same name.
    by_path: HashMap<&'m str, Vec<&'m str>>,
    /// Unwind data by key, read when it is needed first.
    unwind: BTreeMap<&'m str, OnceLock<Option<Cfi>>>,
    /// Faults of files.
    notes: Mutex<BTreeSet<String>>,
}

/// Bytes of a file of the folder, at most: the symbols of a browser are a tenth of it.
pub(super) const MOST_BYTES: u64 = 128 << 20;

impl<'m> Modules<'m> {
    pub(super) fn new(folder: &'m ProfileDir, metadata: &'m Metadata) -> Self {
        let mut by_path: HashMap<&str, Vec<&str>> = HashMap::new();
        for (key, path) in &metadata.paths {
            by_path.entry(path).or_default().push(key);
        }
        let keys = metadata.paths.keys().map(|key| (&**key, OnceLock::new()));
        Self { folder, metadata, by_path, unwind: keys.collect(), notes: Mutex::default() }
    }

    /// Path of the module.
    pub(super) fn path(&self, key: &str) -> &'m str {
        self.metadata.paths.get(key).map_or("", |path| path)
    }

    /// Finds the module of a mapping in the metadata.
    pub(super) fn locate(&self, pid: i32, path: &str, mapping: &Mapping) -> Option<Located<'m>> {
        let keys = self.by_path.get(path)?;
        let entries = self.metadata.unwind.get(&pid).map(Vec::as_slice).unwrap_or_default();
        let exact = entries.iter().find(|entry| {
            entry.avma_range.start == mapping.start
                && entry.avma_range.end == mapping.end
                && keys.contains(&&*entry.unwind_data_key)
        });
        if let Some(entry) = exact {
            return self.located(entry);
        }
        // No unwind data: the symbols' shift that fits best.
        let entries = self.metadata.symbols.get(&pid).map(Vec::as_slice).unwrap_or_default();
        let fits = |entry: &&SymbolEntry| {
            keys.contains(&&*entry.perf_map_key) && entry.load_bias <= mapping.start
        };
        let best = entries.iter().filter(fits).max_by_key(|entry| entry.load_bias)?;
        Some(Located { key: &best.perf_map_key, load_bias: best.load_bias })
    }

    /// The module at an address of a process in which the recording shows no mapping there: one
    /// that only a snapshot has told of.
    pub(super) fn locate_address(&self, pid: i32, address: u64) -> Option<Located<'m>> {
        let entries = self.metadata.unwind.get(&pid)?;
        let entry = entries.iter().find(|entry| {
            entry.timestamp.is_none()
                && entry.avma_range.start <= address
                && address < entry.avma_range.end
        })?;
        self.located(entry)
    }

    fn located(&self, entry: &'m UnwindEntry) -> Option<Located<'m>> {
        let base_svma = self.cfi(&entry.unwind_data_key)?.base_svma;
        let load_bias = entry.base_avma.wrapping_sub(base_svma);
        Some(Located { key: &entry.unwind_data_key, load_bias })
    }

    /// Returns the metadata about the unwind data of a process.
    pub(super) fn unwind_entries(&self, pid: i32) -> &'m [UnwindEntry] {
        self.metadata.unwind.get(&pid).map(Vec::as_slice).unwrap_or_default()
    }

    /// The unwind data of a module.
    pub(super) fn cfi(&self, key: &str) -> Option<&Cfi> {
        self.unwind.get(key)?.get_or_init(|| self.read_unwind(key)).as_ref()
    }

    /// A file of the folder. One that isn't there is none; what can't be used is noted.
    fn file(&self, path: &Path) -> Option<Mapped> {
        let opened = files::open_within(path, Links::Refuse, MOST_BYTES);
        match opened.and_then(|file| Mapped::file(&file)) {
            Ok(file) => Some(file),
            Err(err) if err.kind() == io::ErrorKind::NotFound => None,
            Err(err) => {
                self.note(path, &explain(&err, Attempt::Read));
                None
            }
        }
    }

    fn note(&self, path: &Path, what: &dyn fmt::Display) {
        let text = format!("`{}` was left out: {what}", shown(path));
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).insert(text);
    }

    /// Faults of files of the folder, as sentences.
    pub(super) fn into_notes(self) -> impl Iterator<Item = String> {
        self.notes.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter()
    }

    fn read_unwind(&self, key: &str) -> Option<Cfi> {
        let path = self.folder.file_of(&UNWIND_DATA, key);
        let file = Arc::new(self.file(&path)?);
        let Some((data, _)) = UnwindData::read(&file) else {
            self.note(&path, &"it has invalid unwind data");
            return None;
        };
        let is_legacy_jit = data.eh_frame.svma == (0..0);
        if is_legacy_jit {
            return Some(self.read_legacy(key, &data));
        }
        Some(cfi_of(&data, &file))
    }

    /// Generated code whose unwind data was cut as services may expect it.
    fn read_legacy(&self, key: &str, data: &UnwindData<'_>) -> Cfi {
        let mut entries = self.metadata.unwind.values().flatten();
        let size = entries
            .find(|entry| entry.unwind_data_key == key)
            .map_or(0, |entry| entry.avma_range.end.saturating_sub(entry.avma_range.start));
        let whole = crate::jit::rejoin(data);
        let file = Arc::new(Mapped::Memory(whole));
        cfi_of(&resplit(data, &file, size), &file)
    }

    /// Names of generated functions of a process, as the folder has them.
    pub(super) fn perf_map(&self, pid: i32) -> Option<Mapped> {
        self.file(&self.folder.file_of(&PERF_MAP, pid))
    }

    /// Names of functions by address, as the folder has them.
    pub(super) fn symbols_file(&self, key: &str) -> Option<Mapped> {
        self.file(&self.folder.file_of(&SYMBOLS, key))
    }
}

/// Unwind data as it can be asked. Its parts are parts of `file`.
pub(super) fn cfi_of(data: &UnwindData<'_>, file: &Arc<Mapped>) -> Cfi {
    let piece = |section: &Section<'_>| (Piece::of(file, section.data), section.svma.start);
    Cfi::new(data.base_svma, piece(&data.eh_frame), data.eh_frame_hdr.as_ref().map(piece))
}

#[cfg(test)]
mod tests {
    use nix::{sys::stat::Mode, unistd::mkfifo};

    use super::*;

    #[test]
    fn files_of_modules_that_can_not_be_used_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let sparse = std::fs::File::create(at("a.symbols.map")).unwrap();
        sparse.set_len(MOST_BYTES + 1).unwrap();
        mkfifo(&at("b.unwind_data"), Mode::S_IRWXU).unwrap();
        std::fs::write(at("c.unwind_data"), "odd").unwrap();
        let mut metadata = Metadata::default();
        for key in ["a", "b", "c", "d"] {
            metadata.paths.insert(key.into(), "/lib/x".into());
        }
        let dir = ProfileDir::new(folder.path());
        let modules = Modules::new(&dir, &metadata);
        assert!(modules.symbols_file("a").is_none() && modules.symbols_file("d").is_none());
        assert!(["b", "c", "d"].iter().all(|key| modules.cfi(key).is_none()));
        let notes: Vec<String> = modules.into_notes().collect();
        let expected = ["a.symbols.map", "b.unwind_data", "c.unwind_data"];
        assert_eq!(notes.len(), expected.len(), "{notes:?}");
        for (note, name) in notes.iter().zip(expected) {
            assert!(note.contains(name), "{note}");
        }
    }
}
