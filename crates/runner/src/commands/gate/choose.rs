//! The runs that a gate compares. Files may come from anybody: they are bounded and checked, and nothing in them is run.

use std::path::Path;

use runner_shared::text::shown;
use store::{Entry, Filter, Selector};

use super::{Context, remote, store_if_any};
use crate::{
    ci,
    commands::{
        here,
        kept::MOST_LISTED,
        shares::{Loaded, MOST_TRIED, Shared, closest},
        sides::{Finder, goes_with, is_single, shares},
        store::read_record,
    },
    error::{CliError, ExitKind},
    event::RunEvent,
};

/// A state of the sources: its runs, the oldest first, and the entry of the newest one.
#[derive(Debug, Clone)]
pub(in crate::commands) struct Chosen {
    pub runs: Vec<Loaded>,
    pub entry: Entry,
}

/// Branches that others start from, where nobody says which one it is.
const USUAL_BRANCHES: [&str; 2] = ["main", "master"];

/// The run that is judged, and the store. A file needs no store.
pub(in crate::commands) fn head<'a>(
    word: &str,
    context: &'a Context,
) -> Result<(Option<Finder<'a>>, Chosen), CliError> {
    if let Selector::Path(path) = Selector::parse(word) {
        return Ok((store_if_any(context)?, file(&path)?));
    }
    let finder = Finder { kept: remote::open_fresh(remote::NEWEST, context)?, context };
    let chosen = named(word, None, &finder)?;
    Ok((Some(finder), chosen))
}

/// The run that the user names; of a branch, one that goes with `head`.
pub(in crate::commands) fn named(
    word: &str,
    head: Option<&Chosen>,
    finder: &Finder<'_>,
) -> Result<Chosen, CliError> {
    if let Selector::Path(path) = Selector::parse(word) {
        return file(&path);
    }
    let newest = head.and_then(|head| Some((head.runs.last()?, Some(&head.entry))));
    match finder.stored_side(word, newest)? {
        Some((runs, entry)) => Ok(Chosen { runs, entry }),
        // A file of that name.
        None => file(Path::new(word)),
    }
}

/// The record of an untrusted job. What it says of itself is not believed further than its numbers.
pub(in crate::commands) fn untrusted(path: &Path) -> Result<Chosen, CliError> {
    file(path)
        .map_err(|err| err.hint("the file has to be a record as `codspeed store export` writes it"))
}

/// The run to compare with.
pub(in crate::commands) fn base(
    told: Option<&str>,
    head: &Chosen,
    finder: Option<&Finder<'_>>,
    context: &Context,
) -> Result<Option<Chosen>, CliError> {
    match (told, finder) {
        (Some(word), Some(finder)) => named(word, Some(head), finder).map(Some),
        (Some(word), None) => without_store(word).map(Some),
        (None, None) => Ok(None),
        (None, Some(finder)) => usual_base(head, finder, context),
    }
}

/// The run of a name that is known before anything is measured.
pub(in crate::commands) fn before(
    word: &str,
    finder: Option<&Finder<'_>>,
) -> Result<Chosen, CliError> {
    finder.map_or_else(|| without_store(word), |finder| named(word, None, finder))
}

/// Of a run that was found before the measurement, and of a branch that may have one which goes better with it.
pub(in crate::commands) fn better(
    word: &str,
    found: &Chosen,
    head: &Chosen,
    finder: &Finder<'_>,
) -> Chosen {
    let goes = |of: &Chosen| of.entry.id != head.entry.id && goes_with(&of.entry, &head.entry);
    let shared = |of: &Chosen| of.runs.last().map(|run| Shared::of(run, &head.runs));
    if is_single(word) || goes(found) && shared(found).is_some_and(Shared::is_half) {
        return found.clone();
    }
    let again = named(word, Some(head), finder).ok().filter(goes);
    let is_better = |other: &Chosen| {
        !goes(found) || shared(other).zip(shared(found)).is_some_and(Shared::is_more)
    };
    again.filter(is_better).unwrap_or_else(|| found.clone())
}

fn without_store(word: &str) -> Result<Chosen, CliError> {
    match Selector::parse(word) {
        Selector::Path(path) => file(&path),
        Selector::Stored(_) => {
            let what = format!("there is no store to look for `{}` in", shown(word));
            Err(CliError::new(ExitKind::Usage, what)
                .hint("give `--base` the file of a record, or restore the store of earlier jobs"))
        }
    }
}

fn usual_base(
    head: &Chosen,
    finder: &Finder<'_>,
    context: &Context,
) -> Result<Option<Chosen>, CliError> {
    let of_project = || Filter::of_project(&finder.kept.project);
    let newest = |most| Filter { newest: Some(most), whole: true, ..of_project() };
    let mut entries = finder.kept.entries(&newest(MOST_LISTED), context)?;
    let branches = base_branches(context)?;
    let is_of_base = |entry: &Entry| branches.iter().any(|name| entry.branch() == Some(name));
    if !entries.iter().any(is_of_base) {
        for branch in &branches {
            let filter = Filter { branch: Some(branch.clone()), ..newest(MOST_TRIED) };
            entries.extend(finder.kept.entries(&filter, context)?);
        }
    }
    // No run is its own base, and head may have several.
    entries.retain(|entry| head.runs.iter().all(|(id, _)| *id != entry.id));
    let ranked = usual(&head.entry, &entries, &branches);
    let groups: Vec<Vec<&Entry>> = ranked
        .chunk_by(|(one, _), (other, _)| one == other)
        .map(|group| group.iter().map(|(_, entry)| *entry).collect())
        .collect();
    let found =
        closest(groups.iter().map(Vec::as_slice), &head.runs, |entry| finder.readable(entry));
    let Some((entry, run, shared)) = found else { return Ok(None) };
    shared.tell(&run, context);
    let branch = entry.branch().map(|branch| format!(" of `{}`", shown(branch)));
    let text = format!("comparing with {}{}", entry.id.short(), branch.unwrap_or_default());
    context.ui.event(&RunEvent::Step(text));
    // All runs of that commit tell more than one.
    let same = finder.of_commit(entry.branch().unwrap_or("last"), entry)?;
    let same = same.iter().filter(|one| head.runs.iter().all(|(id, _)| *id != one.id));
    let mut runs: Vec<Loaded> = same.filter_map(|entry| finder.readable(entry)).collect();
    runs.retain(|run| shares(run, &head.runs));
    Ok(Some(Chosen { runs, entry: entry.clone() }))
}

/// The branch that the change is for, else those that it usually is.
pub(in crate::commands) fn base_branches(context: &Context) -> Result<Vec<String>, CliError> {
    let told = ci::base_branch(&context.env, &here()?);
    Ok(told.map_or_else(|| USUAL_BRANCHES.map(str::to_owned).into(), |branch| vec![branch]))
}

/// Sorts all earlier runs, which are given newest first, the best one first, with numbers that are the same for those
/// that are equally good: comparable ones of the base branch, then other comparable ones, then those that have come to
/// their end; runs of the same clean commit last, as Git may not know of what was changed. However few benchmarks the base
/// branch has, an earlier run of the change itself would hide what it has made worse.
fn usual<'a>(
    head: &Entry,
    entries: &'a [Entry],
    branches: &[String],
) -> Vec<((u8, usize), &'a Entry)> {
    let is_earlier =
        |entry: &&Entry| entry.id != head.id && entry.time_ms <= head.time_ms && entry.is_complete;
    let hash = |entry: &Entry| entry.commit.as_ref().map(|commit| commit.hash.clone());
    let dirty = head.commit.as_ref().is_some_and(|commit| commit.dirty != Some(false));
    // A clean run of the same commit is the same state of the sources.
    let is_other = |entry: &Entry| dirty || head.commit.is_none() || hash(entry) != hash(head);
    let rank = |entry: &Entry| {
        let branch = branches.iter().position(|name| entry.branch() == Some(name.as_str()));
        match (is_other(entry), goes_with(entry, head)) {
            (true, true) => (0, branch.unwrap_or(branches.len())),
            (true, false) => (1, 0),
            (false, true) => (2, 0),
            (false, false) => (3, 0),
        }
    };
    let earlier = entries.iter().filter(is_earlier);
    let mut all: Vec<((u8, usize), &Entry)> = earlier.map(|entry| (rank(entry), entry)).collect();
    all.retain(|(rank, _)| rank.0 < 3);
    // Stable: the newest one stays first.
    all.sort_by_key(|(rank, _)| *rank);
    all
}

/// Reads the file of a record.
fn file(path: &Path) -> Result<Chosen, CliError> {
    let (packed, record) = read_record(path)?;
    Ok(Chosen { entry: Entry::of(&packed, &record), runs: vec![(packed.id, record)] })
}

#[cfg(test)]
mod tests {
    use store::{CommitInfo, Mode, Part, Record, RecordId};

    use super::*;

    fn entry(nth: u8, branch: &str, commit: &str, machine: &str) -> Entry {
        let mut record = Record {
            version: Record::VERSION,
            time_ms: 1000 * u64::from(nth),
            name: Some(nth.to_string()),
            parts: vec![Part { mode: Mode::Walltime, ..Part::default() }],
            commit: Some(CommitInfo {
                hash: commit.repeat(40),
                branch: Some(branch.to_owned()),
                dirty: Some(false),
            }),
            ..Record::default()
        };
        machine.clone_into(&mut record.environment.processor.model);
        Entry::of(&record.pack().unwrap(), &record)
    }

    fn found(head: &Entry, entries: &[Entry]) -> Option<RecordId> {
        usual(head, entries, &["main".to_owned()]).first().map(|(_, entry)| entry.id)
    }

    #[test]
    fn the_base_is_the_newest_comparable_run_of_its_branch() {
        let head = entry(9, "mine", "9", "fast");
        let all = [
            entry(10, "main", "a", "fast"),
            head.clone(),
            entry(8, "mine", "8", "fast"),
            entry(7, "main", "7", "slow"),
            entry(6, "main", "6", "fast"),
            entry(5, "main", "5", "fast"),
        ];
        assert_eq!(found(&head, &all), Some(all[4].id));
        assert_eq!(found(&head, &all[1..4]), Some(all[2].id), "none of the branch");
        assert_eq!(found(&head, &all[3..4]), Some(all[3].id), "none that is comparable");
        assert_eq!(found(&head, &all[..2]), None, "none that is earlier");
    }

    #[test]
    fn the_same_state_is_no_base_unless_files_were_changed() {
        let mut head = entry(9, "main", "9", "fast");
        let all = [head.clone(), entry(8, "main", "9", "fast"), entry(7, "main", "7", "fast")];
        assert_eq!(found(&head, &all), Some(all[2].id));
        head.commit.as_mut().unwrap().dirty = Some(true);
        assert_eq!(found(&head, &all), Some(all[1].id));
    }

    #[test]
    fn files_that_are_no_records_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        for bytes in [&b""[..], b"{}", b"[1]", b"\x28\xb5\x2f\xfd\x00", &b"[".repeat(1 << 20)] {
            std::fs::write(&path, bytes).unwrap();
            assert!(untrusted(&path).is_err(), "{bytes:?}");
        }
        assert!(untrusted(&folder.path().join("none")).is_err());
        assert!(untrusted(folder.path()).is_err(), "a folder");
        assert!(untrusted(Path::new("/dev/zero")).is_err(), "no end");
    }
}
