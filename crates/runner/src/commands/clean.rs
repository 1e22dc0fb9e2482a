//! `codspeed clean`: profile folders in the temp folder that nobody looks at any more.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use nix::unistd::Uid;
use runner_shared::{
    fault::{Attempt, explain},
    profile_dir::{FILES, NOT_ARCHIVED, ProfileDir, ProfileFile},
    text::{bytes as amount, count, shown},
};
use system::lock::{FolderLock, LockError};

use super::Context;
use crate::{
    cli::CleanArgs,
    error::{CliError, ExitKind},
    event::RunEvent,
};

/// Entries of a folder that are looked at to tell its age and size.
const MOST_ENTRIES: usize = 100_000;

/// A folder of ours that may go.
struct Old {
    path: PathBuf,
    age: Duration,
    bytes: u64,
}

/// Removes what is old, or only shows it.
pub(crate) fn run(args: CleanArgs, context: &Context) -> Result<ExitKind, CliError> {
    let CleanArgs { dry_run, older_than } = args;
    let place = context.env.temp_dir();
    let found = find(&place, SystemTime::now(), Duration::from_nanos(older_than));
    let found = found.map_err(|err| {
        let what = format!("could not list `{}`: {}", shown(&place), explain(&err, Attempt::Read));
        CliError::new(ExitKind::Failed, what)
    })?;
    let (mut removed, mut bytes, mut failed) = (0_u64, 0_u64, 0_usize);
    for old in found {
        match remove(&old.path, dry_run) {
            Ok(true) => {
                removed += 1;
                bytes = bytes.saturating_add(old.bytes);
                context.print(&line(&old))?;
            }
            Ok(false) => {}
            Err(err) => {
                failed += 1;
                let why = explain(&err, Attempt::Write);
                let text = format!("could not remove `{}`: {why}", shown(&old.path));
                context.ui.event(&RunEvent::warning(text));
            }
        }
    }
    let what = count(removed, "profile folder");
    let size = amount(bytes);
    context.print(&match (removed, dry_run) {
        (0, _) => "nothing to remove".to_owned(),
        (_, true) => format!("{what} ({size}) would be removed"),
        (_, false) => format!("removed {what} ({size})"),
    })?;
    Ok(if failed == 0 { ExitKind::Ok } else { ExitKind::Failed })
}

fn line(old: &Old) -> String {
    let Old { path, age, bytes } = old;
    format!("{}  {}, {} old", shown(path), amount(*bytes), rough(*age))
}

/// An age, in the largest unit that it has two of.
fn rough(age: Duration) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let seconds = age.as_secs();
    let fits = UNITS.iter().find(|(length, _)| seconds >= 2 * length);
    match fits {
        Some((length, unit)) => count(seconds / length, unit),
        None => count(seconds, "second"),
    }
}

/// The folders of ours in a folder that have not changed for so long, the oldest first.
fn find(place: &Path, now: SystemTime, least: Duration) -> io::Result<Vec<Old>> {
    let user = Uid::effective().as_raw();
    let mut found = Vec::new();
    for entry in fs::read_dir(place)?.flatten() {
        let path = entry.path();
        let is_ours = entry.file_name().to_str().is_some_and(ProfileDir::is_fresh);
        // No link is followed.
        let about = fs::symlink_metadata(&path).ok().filter(|it| it.is_dir() && it.uid() == user);
        let (true, Some(about)) = (is_ours, about) else { continue };
        if holds_profile(&path) == Some(false) {
            continue;
        }
        let (newest, bytes) = measure(&path, about.modified().unwrap_or(now));
        let age = now.duration_since(newest).unwrap_or_default();
        if age >= least {
            found.push(Old { path, age, bytes });
        }
    }
    found.sort_by(|one, other| other.age.cmp(&one.age).then_with(|| one.path.cmp(&other.path)));
    Ok(found)
}

/// Returns whether a folder holds something that only a run leaves there; `None` if it is empty.
pub(super) fn holds_profile(path: &Path) -> Option<bool> {
    let Ok(entries) = fs::read_dir(path) else { return Some(false) };
    let mut holds = None;
    for entry in entries.flatten() {
        holds = Some(false);
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_known = |file: &ProfileFile| {
            file.folder().map_or_else(|| file.is(name), |folder| folder == name)
        };
        if name == NOT_ARCHIVED || FILES.iter().any(is_known) {
            return Some(true);
        }
    }
    holds
}

/// The time of the last change in a folder, and the bytes of its files.
fn measure(path: &Path, changed: SystemTime) -> (SystemTime, u64) {
    let (mut newest, mut bytes, mut left) = (changed, 0_u64, MOST_ENTRIES);
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(about) = fs::symlink_metadata(entry.path()) else { continue };
            left = left.saturating_sub(1);
            newest = newest.max(about.modified().unwrap_or(newest));
            bytes = bytes.saturating_add(about.len());
            if about.is_dir() && left > 0 {
                folders.push(entry.path());
            }
        }
    }
    (newest, bytes)
}

/// Removes a folder, or only says whether it would be: false for one that a running run has, or that somebody else has
/// removed.
fn remove(path: &Path, dry_run: bool) -> io::Result<bool> {
    let _lock = match FolderLock::acquire(path) {
        Ok(lock) => lock,
        Err(LockError::Folder { .. }) => return Ok(false),
        Err(LockError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(false);
        }
        Err(LockError::Io { source, .. }) => return Err(source),
        Err(err @ (LockError::Held { .. } | LockError::Nested { .. })) => {
            return Err(io::Error::other(err));
        }
    };
    if !dry_run {
        fs::remove_dir_all(path)?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_old_folders_of_ours_are_found() {
        let place = tempfile::tempdir().unwrap();
        let make = |name: &str, file: &str| {
            let folder = place.path().join(name);
            fs::create_dir_all(folder.join(file).parent().unwrap()).unwrap();
            fs::write(folder.join(file), "12345").unwrap();
            folder
        };
        let one = make("profile.AAAAAAAAAA.out", "runner.log");
        let two = make("profile.BBBBBBBBBB.out", "results/7.json");
        let three = make("profile.CCCCCCCCCC.out", ".codspeed/run.json");
        let empty = place.path().join("profile.DDDDDDDDDD.out");
        fs::create_dir(&empty).unwrap();
        let theirs = make("profile.EEEEEEEEEE.out", "letter.txt");
        make("profile.short.out", "runner.log");
        make("profile.AAAAAAAAAA.out.old", "runner.log");
        fs::write(place.path().join("profile.FFFFFFFFFF.out"), "a file").unwrap();
        symlink(&theirs, place.path().join("profile.GGGGGGGGGG.out")).unwrap();
        let now = SystemTime::now() + Duration::from_secs(100);
        let names = |least| {
            let found = find(place.path(), now, Duration::from_secs(least)).unwrap();
            let mut paths: Vec<PathBuf> = found.into_iter().map(|old| old.path).collect();
            paths.sort();
            paths
        };
        assert_eq!(names(50), [one.clone(), two, three, empty]);
        assert!(names(1_000).is_empty());
        let held = FolderLock::acquire(&one).unwrap();
        assert!(!remove(&one, false).unwrap(), "a run goes on in it");
        drop(held);
        assert!(remove(&one, true).unwrap() && one.exists());
        assert!(remove(&one, false).unwrap() && !one.exists());
        assert!(!remove(&one, false).unwrap(), "somebody else was faster");
        let refused = remove(&place.path().join("profile.FFFFFFFFFF.out"), false).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::NotADirectory, "no run has it");
    }
}
