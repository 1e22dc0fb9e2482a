//! Commands that were counted several times each: what was asked for, and the counts of all repeats.

use runner_shared::{
    artifact::Repeats,
    profile_dir::{ProfileDir, REPEATS},
    text::shown,
};
use system::files;

use super::file::{artifact, room_for_values};
use crate::{
    counts::{Repeated, RepeatedSide},
    memory::MemoryCounts,
};

/// Returns the wishes for a comparison; nothing for a run that compares no counts.
pub(super) fn asked(profile_dir: &ProfileDir, warnings: &mut Vec<String>) -> Option<Repeats> {
    let path = profile_dir.file(&REPEATS);
    if !files::is_there(&path) {
        return None;
    }
    let asked: Repeats = artifact(&path, &mut room_for_values(), warnings)?;
    if asked.version == Repeats::VERSION {
        return Some(asked);
    }
    warnings.push(format!(
        "{}: unknown version {}, written by a newer codspeed, so nothing is compared",
        shown(&path),
        asked.version
    ));
    None
}

/// Returns a command with its first counts.
pub(super) fn side<C>(name: &str, uri: &str, first: C) -> RepeatedSide<C> {
    RepeatedSide { name: name.to_owned(), uri: uri.to_owned(), counts: vec![first] }
}

/// Counts of memory mode while they are put together, window by window.
pub(super) struct MemoryRepeats(Option<Repeated<MemoryCounts>>);

impl MemoryRepeats {
    /// Nothing is counted yet.
    pub(super) fn new(asked: Option<Repeats>) -> Self {
        Self(asked.map(|asked| Repeated { asked, sides: Vec::new() }))
    }

    /// Takes the counts of a window. Returns whether they are those of a repeat, which is no result by itself.
    pub(super) fn takes(&mut self, name: &str, uri: &str, counts: MemoryCounts) -> bool {
        let Some(repeated) = &mut self.0 else { return false };
        if let Some(known) = repeated.sides.iter_mut().find(|side| side.uri == uri) {
            known.counts.push(counts);
            return true;
        }
        repeated.sides.push(side(name, uri, counts));
        false
    }

    pub(super) fn finish(self) -> Option<Repeated<MemoryCounts>> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use runner_shared::artifact::Artifact;

    use super::*;

    #[test]
    fn another_version_is_told_and_not_compared() {
        let folder = tempfile::tempdir().unwrap();
        let dir = ProfileDir::new(folder.path());
        let path = dir.file(&REPEATS);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut warnings = Vec::new();
        let known = crate::counts::tests::asked(None);
        fs::write(&path, known.encode()).unwrap();
        assert_eq!(asked(&dir, &mut warnings), Some(known.clone()));
        assert!(warnings.is_empty());
        fs::write(&path, Repeats { version: 2, ..known }.encode()).unwrap();
        assert_eq!(asked(&dir, &mut warnings), None);
        assert!(warnings[0].contains("version 2"), "{warnings:?}");
    }
}
