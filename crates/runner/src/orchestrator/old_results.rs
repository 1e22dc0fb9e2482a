//! Files of an earlier run in the profile folder, told apart from those of this one.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use runner_shared::{
    mode::Mode,
    profile_dir::{CALLGRIND, FILES, PACKED_TRACEGRIND, ProfileDir, RESULTS, TRACEGRIND},
    text::shown,
};

use crate::{event::RunEvent, ui::Ui};

/// Result files that an earlier run left in the profile folder.
pub(super) struct OldResults {
    place: PathBuf,
    /// By name: what tells a file from another one of that name. A process of this run may have
    /// the same number as one of the earlier run.
    files: BTreeMap<OsString, Identity>,
}

/// Device, inode, and time of the last change.
type Identity = (u64, u64, i64, i64);

impl OldResults {
    /// Looks, and says so if there is something.
    pub(super) fn of(mode: Mode, folder: &ProfileDir, ui: &Ui) -> Self {
        let found = Self::find(mode, folder);
        if !found.files.is_empty() {
            ui.event(&RunEvent::warning(format!(
                "`{}` contains results of an earlier run, which are kept but not shown",
                shown(folder)
            )));
        }
        found
    }

    /// Returns true if there is a file with results of this mode, by now.
    pub(super) fn any(mode: Mode, folder: &ProfileDir) -> bool {
        !Self::find(mode, folder).files.is_empty()
    }

    fn find(mode: Mode, folder: &ProfileDir) -> Self {
        let (place, kinds) = match mode {
            Mode::Walltime | Mode::Memory => {
                let kinds = FILES.iter().filter(|kind| kind.folder() == RESULTS.folder());
                (folder.results(), kinds.copied().collect())
            }
            Mode::Simulation => {
                (folder.path().to_owned(), vec![CALLGRIND, TRACEGRIND, PACKED_TRACEGRIND])
            }
        };
        let is_result = |name: &OsString| {
            name.to_str().is_some_and(|name| kinds.iter().any(|kind| kind.is(name)))
        };
        let mut files = list(&place);
        files.retain(|name, _| is_result(name));
        Self { place, files }
    }

    /// Names of those that are still what they were.
    pub(super) fn untouched(&self) -> BTreeSet<OsString> {
        let now = list(&self.place);
        let same = self.files.iter().filter(|(name, identity)| now.get(*name) == Some(identity));
        same.map(|(name, _)| name.clone()).collect()
    }
}

fn list(place: &Path) -> BTreeMap<OsString, Identity> {
    let Ok(entries) = fs::read_dir(place) else { return BTreeMap::new() };
    let identified = entries.flatten().filter_map(|entry| {
        let data = entry.metadata().ok()?;
        Some((entry.file_name(), (data.dev(), data.ino(), data.ctime(), data.ctime_nsec())))
    });
    identified.collect()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_file_of_a_new_process_with_a_reused_pid_is_not_old() {
        let folder = tempfile::tempdir().unwrap();
        let results = folder.path().join("results");
        fs::create_dir(&results).unwrap();
        for name in ["7.json", "8.json", "notes.txt"] {
            fs::write(results.join(name), "old").unwrap();
        }
        let ui = Ui::early();
        let old = OldResults::of(Mode::Walltime, &ProfileDir::new(folder.path()), &ui);
        let mut new = tempfile::NamedTempFile::new_in(&results).unwrap();
        io::Write::write_all(&mut new, b"new").unwrap();
        new.persist(results.join("7.json")).unwrap();
        assert_eq!(old.untouched(), BTreeSet::from([OsString::from("8.json")]));
    }
}
