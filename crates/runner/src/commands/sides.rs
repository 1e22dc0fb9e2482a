//! The runs that are compared: found by the words of the command line, or the newest ones that go together.

use std::{
    cmp::Reverse,
    io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use results::{Reading, Report};
use runner_shared::{
    fault::{Attempt, explain},
    profile_dir::ProfileDir,
    text::shown,
};
use store::{
    Entry, Filter, Record, SelectError, Selector, Store, Wanted,
    compare::{Floors, Run},
};

use super::{
    Context, here, inspect,
    kept::{Kept, MOST_LISTED},
    outcome, remote,
    shares::{Loaded, MOST_TRIED, Shared, closest, identities},
    store::read_record,
};
use crate::{
    error::{CliError, ExitKind},
    event::RunEvent,
    mode::walltime,
    recording,
};

/// Runs of a commit that are compared together.
const MOST_OF_COMMIT: usize = 20;
/// Earlier runs from which the noise between runs is learnt.
const MOST_LEARNT: usize = 16;
/// All files of these have at most so many bytes: nobody waits for more.
const MOST_LEARNT_BYTES: u64 = 1 << 20;
/// The files of runs that are looked at for a hint have about so many bytes together: nobody waits for more.
const MOST_LOOKED_AT_BYTES: u64 = 1 << 20;

/// Both sides, and what is known of the noise between runs.
pub(super) struct Sides {
    pub base: Vec<Loaded>,
    pub head: Vec<Loaded>,
    pub floors: Floors,
}

impl Sides {
    /// Finds the runs.
    pub(super) fn find(
        base: Option<&str>,
        head: Option<&str>,
        context: &Context,
    ) -> Result<Self, CliError> {
        // Files need no store.
        if let (Some(base), Some(head)) = (base.and_then(path), head.and_then(path)) {
            let (base, head) = (vec![read(base, context)?], vec![read(head, context)?]);
            return Ok(Self { base, head, floors: Floors::default() });
        }
        let finder = Finder { kept: remote::open_fresh(remote::NEWEST, context)?, context };
        let (head, head_entry) = match head {
            Some(word) => finder.side(word, None)?,
            None => finder.side("last", None)?,
        };
        let Some(newest) = head.last() else { return Err(nothing_before()) };
        let (base, _) = match base {
            Some(word) => finder.side(word, Some((newest, head_entry.as_ref())))?,
            None => (vec![finder.before(newest, head_entry.as_ref())?], None),
        };
        let floors = head_entry.map(|entry| finder.floors(&entry)).transpose()?.unwrap_or_default();
        Ok(Self { base, head, floors })
    }
}

/// Runs as they are compared.
pub(super) fn runs(of: &[Loaded]) -> Vec<Run<'_>> {
    of.iter().map(|(id, record)| Run { id: *id, record }).collect()
}

/// Returns the one run that a word stands for; of several of a commit the newest one.
pub(super) fn single(word: &str, context: &Context) -> Result<Loaded, CliError> {
    if path(word).is_some() {
        return read(word, context);
    }
    let finder = Finder { kept: remote::open_fresh(remote::NEWEST, context)?, context };
    let (mut runs, _) = finder.side(word, None)?;
    // There is at least the one that was found.
    runs.pop().ok_or_else(nothing_before)
}

/// Returns the folder that a word means, if it means one.
pub(super) fn is_folder_of_profile(word: &str) -> Option<PathBuf> {
    let path = Path::new(path(word)?);
    path.is_dir().then(|| path.to_owned())
}

/// The path that a word is.
fn path(word: &str) -> Option<&str> {
    match Selector::parse(word) {
        Selector::Path(_) => Some(word),
        Selector::Stored(_) => None,
    }
}

fn read(word: &str, context: &Context) -> Result<Loaded, CliError> {
    let path = here()?.join(word);
    if path.is_dir() {
        return folder(&path, context);
    }
    let (packed, record) = read_record(&path)?;
    Ok((packed.id, record))
}

/// A word that means another run as soon as there is a new one, or one run only.
pub(super) fn is_single(word: &str) -> bool {
    match Selector::parse(word) {
        Selector::Path(_) | Selector::Stored(Wanted::Last(_) | Wanted::Label(..)) => true,
        Selector::Stored(Wanted::Word(_)) => false,
    }
}

fn nothing_before() -> CliError {
    CliError::new(
        ExitKind::Usage,
        "there is no earlier run of this project that has finished one of the same benchmarks",
    )
    .hint("run `codspeed store list` to see the stored runs, and name one: `codspeed compare RUN`")
}

/// Looks for runs in the store.
pub(super) struct Finder<'a> {
    pub kept: Kept,
    pub context: &'a Context,
}

impl Finder<'_> {
    /// Returns the runs that a word stands for, the oldest first, with the entry of the newest one. Of a branch the
    /// newest one is taken that can be compared with `head`.
    pub(super) fn side(
        &self,
        word: &str,
        head: Option<(&Loaded, Option<&Entry>)>,
    ) -> Result<(Vec<Loaded>, Option<Entry>), CliError> {
        let stored = if path(word).is_some() { None } else { self.stored_side(word, head)? };
        match stored {
            Some((runs, entry)) => Ok((runs, Some(entry))),
            None => Ok((vec![read(word, self.context)?], None)),
        }
    }

    /// The same of a word that is no path; `None` if it is that of no run, and a file or a folder here has that name.
    pub(super) fn stored_side(
        &self,
        word: &str,
        head: Option<(&Loaded, Option<&Entry>)>,
    ) -> Result<Option<(Vec<Loaded>, Entry)>, CliError> {
        let is_suitable = |entry: &Entry, is_enough: fn(Shared) -> bool| {
            let Some((head, of_head)) = head else { return true };
            let goes = of_head.is_none_or(|of_head| goes_with(entry, of_head));
            let has_own = || {
                let run = self.readable(entry);
                run.is_some_and(|run| is_enough(Shared::of(&run, std::slice::from_ref(head))))
            };
            entry.id != head.0 && goes && has_own()
        };
        let select = |is_enough: fn(Shared) -> bool| {
            let is_suitable = |entry: &Entry| is_suitable(entry, is_enough);
            self.kept.select_suitable(word, &is_suitable, self.context)
        };
        // Of a branch, one with half of the benchmarks rather than one with any.
        let found = match select(Shared::is_half) {
            Ok(entry) if !is_suitable(&entry, Shared::is_half) => select(Shared::is_some),
            other => other,
        };
        let entry = match found {
            Ok(entry) => entry,
            Err(err) if is_unknown(&err) && Path::new(word).exists() => return Ok(None),
            Err(err) => return Err(err),
        };
        if head.is_some_and(|(head, _)| head.0 == entry.id) {
            let what = format!("`{}` is the run that it would be compared with", shown(word));
            return Err(CliError::new(ExitKind::Usage, what)
                .hint("run `codspeed store list` to see the stored runs, and name another one"));
        }
        let mut entries = self.of_commit(word, &entry)?;
        if head.is_some_and(|(head, _)| entries.iter().any(|one| one.id == head.0)) {
            entries = vec![entry.clone()];
        }
        let is_suitable =
            |run: &Loaded| head.is_none_or(|(head, _)| shares(run, std::slice::from_ref(head)));
        let mut runs = Vec::new();
        for one in &entries {
            if one.id == entry.id {
                let run = load(&self.kept.store, one)?;
                let is_branch = entry.name.as_deref() != Some(word) && entry.branch() == Some(word);
                if let Some((head, _)) = head.filter(|_| is_branch) {
                    Shared::of(&run, std::slice::from_ref(head)).tell(&run, self.context);
                }
                runs.push(run);
            } else {
                // It only makes more certain what the others say.
                runs.extend(self.readable(one).filter(is_suitable));
            }
        }
        Ok(Some((runs, entry)))
    }

    /// Returns all runs of the commit or branch that a word names which measured the same as `entry`, the oldest first.
    pub(super) fn of_commit(&self, word: &str, entry: &Entry) -> Result<Vec<Entry>, CliError> {
        let alone = vec![entry.clone()];
        let is_one_run = entry.name.as_deref() == Some(word)
            || entry.id.to_string().starts_with(word)
            || is_single(word);
        let clean = entry.commit.as_ref().filter(|commit| commit.dirty == Some(false));
        let Some(commit) = clean.filter(|_| !is_one_run) else { return Ok(alone) };
        let filter = Filter {
            commit: Some(commit.hash.clone()),
            complete: true,
            newest: Some(MOST_OF_COMMIT),
            ..Filter::of_project(&entry.project)
        };
        let mut all = self.kept.store.entries(&filter)?;
        all.retain(|one| {
            one.kind == entry.kind
                && one.modes == entry.modes
                && one.benchmarks == entry.benchmarks
                && one.environment == entry.environment
                && one.commit.as_ref().is_some_and(|commit| commit.dirty == Some(false))
        });
        all.reverse();
        Ok(if all.iter().any(|one| one.id == entry.id) { all } else { alone })
    }

    /// Returns the newest run before `head` that has half of its benchmarks, else the one that has most: one of the same
    /// environment first, and of these one that came to its end.
    fn before(&self, head: &Loaded, of_head: Option<&Entry>) -> Result<Loaded, CliError> {
        let (id, record) = head;
        if identities(record).is_empty() {
            let what = format!("the run {} has finished no benchmark", id.short());
            return Err(CliError::new(ExitKind::Usage, what).hint(
                "run `codspeed store list` to see the stored runs, and name two: `codspeed compare BASE HEAD`",
            ));
        }
        let newest = Some(MOST_LISTED);
        let until_ms = Some(record.time_ms);
        let of_project = Filter::of_project(&self.kept.project);
        let filter = Filter { newest, until_ms, whole: true, ..of_project };
        let mut earlier = self.kept.entries(&filter, self.context)?;
        earlier.retain(|entry| entry.id != *id && entry.benchmarks > 0);
        let rank = |entry: &Entry| {
            (of_head.is_none_or(|of_head| goes_with(entry, of_head)), entry.is_complete)
        };
        // Stable: the newest one stays first.
        earlier.sort_by_key(|entry| Reverse(rank(entry)));
        let earlier: Vec<&Entry> = earlier.iter().collect();
        let alike = earlier.chunk_by(|one, other| rank(one).0 == rank(other).0);
        let found = closest(alike, std::slice::from_ref(head), |entry| self.readable(entry));
        let (_, run, shared) = found.ok_or_else(nothing_before)?;
        shared.tell(&run, self.context);
        Ok(run)
    }

    /// Learns the noise between runs from the newest ones before `head` on the same kind of machine.
    pub(super) fn floors(&self, head: &Entry) -> Result<Floors, CliError> {
        let (newest, until_ms) = (Some(4 * MOST_LEARNT), Some(head.time_ms));
        let of_project = Filter::of_project(&head.project);
        let filter = Filter { newest, until_ms, complete: true, whole: true, ..of_project };
        let entries = self.kept.entries(&filter, self.context)?;
        let mut bytes = 0;
        let is_near = |entry: &&Entry| entry.id != head.id && goes_with(entry, head);
        let near = entries.iter().filter(is_near).take(MOST_LEARNT);
        let near = near.take_while(|entry| {
            bytes += entry.bytes;
            bytes <= MOST_LEARNT_BYTES
        });
        let mut loaded: Vec<Loaded> = near.filter_map(|entry| self.readable(entry)).collect();
        loaded.reverse();
        Ok(Floors::learn(&runs(&loaded)))
    }

    /// Returns a run that others can take the place of; `None` with a warning, said once, if it can't be read.
    pub(super) fn readable(&self, entry: &Entry) -> Option<Loaded> {
        let err = match load(&self.kept.store, entry) {
            Ok(loaded) => return Some(loaded),
            Err(err) => err.source,
        };
        if self.context.unreadable.borrow_mut().insert(entry.id) {
            let text = format!("{err}, so it is left out");
            let hint = Some("run `codspeed store check` to see why".to_owned());
            self.context.ui.event(&RunEvent::Warning { text, hint });
        }
        None
    }
}

/// They may be comparable: the same kind of machine, and a mode in common.
pub(super) fn goes_with(entry: &Entry, head: &Entry) -> bool {
    entry.environment == head.environment
        && entry.modes.iter().any(|mode| head.modes.contains(mode))
}

/// Returns true if a run has finished a benchmark that one of these has finished, too.
pub(super) fn shares(of: &Loaded, heads: &[Loaded]) -> bool {
    Shared::of(of, heads).is_some()
}

pub(super) fn load(store: &Store, entry: &Entry) -> Result<Loaded, CliError> {
    Ok((entry.id, store.get(entry.id)?))
}

fn is_unknown(err: &CliError) -> bool {
    matches!(
        err.source.downcast_ref(),
        Some(SelectError::Unknown { .. } | SelectError::Empty { .. })
    )
}

/// Returns true if there is an earlier run that `codspeed compare` could compare with this one. Only the newest ones on
/// this kind of machine are looked at.
pub(super) fn has_before(kept: &Kept, head: &Loaded) -> Result<bool, CliError> {
    let filter = Filter { newest: Some(MOST_LISTED), ..Filter::of_project(&kept.project) };
    let entries = kept.store.entries(&filter)?;
    let Some(itself) = entries.iter().find(|entry| entry.id == head.0) else { return Ok(false) };
    let mut bytes = 0;
    let earlier = entries.iter().filter(|entry| {
        entry.id != itself.id && entry.time_ms <= itself.time_ms && goes_with(entry, itself)
    });
    let mut tried = earlier.take(MOST_TRIED).take_while(|entry| {
        let has_room = bytes <= MOST_LOOKED_AT_BYTES;
        bytes += entry.bytes;
        has_room
    });
    Ok(tried.any(|entry| {
        let run = load(&kept.store, entry);
        run.is_ok_and(|run| shares(&run, std::slice::from_ref(head)))
    }))
}

/// A profile folder, or all parts in it, as a record.
fn folder(path: &Path, context: &Context) -> Result<Loaded, CliError> {
    let parts = inspect::parts(path).map_err(|err| unreadable(path, &err))?;
    let parts: Vec<PathBuf> = match &*parts {
        [] => vec![path.to_owned()],
        parts => parts.iter().map(|part| path.join(part)).collect(),
    };
    let written = path.metadata().and_then(|data| data.modified());
    let since = written.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let time_ms = since.and_then(|since| u64::try_from(since.as_millis()).ok()).unwrap_or(0);
    let mut record = Record { version: Record::VERSION, time_ms, ..Record::default() };
    for part in parts {
        let part = ProfileDir::new(part);
        let read = results::read(&part).map_err(|err| CliError::new(ExitKind::Failed, err))?;
        let Reading { mut report, broken } = read;
        if let Report::Walltime(report) = &mut report {
            walltime::read_profile(&part, report);
        }
        outcome::tell_broken(&broken, context);
        recording::add_folder(&mut record, &part, &report);
    }
    if !record.has_numbers() {
        let what = format!("`{}` contains no results", shown(path));
        return Err(CliError::new(ExitKind::Empty, what));
    }
    record.fit();
    let packed = record.pack().map_err(|err| CliError::new(ExitKind::Failed, err))?;
    Ok((packed.id, record))
}

fn unreadable(path: &Path, err: &io::Error) -> CliError {
    let what = format!("could not list `{}`: {}", shown(path), explain(err, Attempt::Read));
    CliError::new(ExitKind::Failed, what)
}
