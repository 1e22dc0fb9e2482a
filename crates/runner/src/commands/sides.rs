//! The runs that are compared: found by the words of the command line, or the newest ones that go together.

use std::{
    collections::BTreeSet,
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
    Entry, Filter, Record, RecordId, SelectError, Selector, Store,
    compare::{Floors, Run},
};

use super::{Context, here, inspect, kept::Kept, outcome, remote, store::read_record};
use crate::{
    error::{CliError, ExitKind},
    mode::walltime,
    recording,
};

/// Runs of the project among which one is looked for that goes with another one.
const MOST_LISTED: usize = 1_000;
/// Earlier runs that are looked at for one that shares benchmarks.
pub(super) const MOST_TRIED: usize = 50;
/// Runs of a commit that are compared together.
const MOST_OF_COMMIT: usize = 20;
/// Earlier runs from which the noise between runs is learnt.
const MOST_LEARNT: usize = 16;
/// All files of these have at most so many bytes: nobody waits for more.
const MOST_LEARNT_BYTES: u64 = 1 << 20;

/// A run with its name.
pub(super) type Loaded = (RecordId, Record);

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
        let finder = Finder { kept: remote::open_fresh(context)?, context };
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

    /// Leaves out benchmarks that nobody wants to see.
    pub(super) fn keep(&mut self, is_wanted: impl Fn(&str, &str) -> bool) {
        for (_, record) in self.base.iter_mut().chain(&mut self.head) {
            record.benchmarks.retain(|one| is_wanted(&one.name, &one.uri));
        }
    }
}

/// Runs as they are compared.
pub(super) fn runs(of: &[Loaded]) -> Vec<Run<'_>> {
    of.iter().map(|(id, record)| Run { id: *id, record }).collect()
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

fn nothing_before() -> CliError {
    CliError::new(
        ExitKind::Usage,
        "there is no earlier run of this project with the same benchmarks",
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
        if let Some(word) = path(word) {
            return Ok((vec![read(word, self.context)?], None));
        }
        let is_suitable = |entry: &Entry| {
            let Some((head, of_head)) = head else { return true };
            let goes = of_head.is_none_or(|of_head| goes_with(entry, of_head));
            let has_own = || {
                load(&self.kept.store, entry)
                    .is_ok_and(|run| shares(&run, std::slice::from_ref(head)))
            };
            entry.id != head.0 && goes && has_own()
        };
        let entry = match self.kept.select_suitable(word, &is_suitable, self.context) {
            Ok(entry) => entry,
            // What is no run may be a file or a folder here.
            Err(err) if is_unknown(&err) && Path::new(word).exists() => {
                return Ok((vec![read(word, self.context)?], None));
            }
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
        let runs = entries.iter().map(|entry| load(&self.kept.store, entry));
        let mut runs = runs.collect::<Result<Vec<_>, _>>()?;
        if let Some((head, _)) = head {
            let heads = std::slice::from_ref(head);
            runs.retain(|run| run.0 == entry.id || shares(run, heads));
        }
        Ok((runs, Some(entry)))
    }

    /// Returns all runs of the commit or branch that a word names which measured the same as `entry`, the oldest first.
    pub(super) fn of_commit(&self, word: &str, entry: &Entry) -> Result<Vec<Entry>, CliError> {
        let alone = vec![entry.clone()];
        let is_one_run = entry.name.as_deref() == Some(word)
            || entry.id.to_string().starts_with(word)
            || word.starts_with("last")
            || word.contains('=');
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

    /// Returns the newest run before `head` that shares benchmarks with it, one of the same environment first.
    fn before(&self, head: &Loaded, of_head: Option<&Entry>) -> Result<Loaded, CliError> {
        let (id, record) = head;
        let newest = Some(MOST_LISTED);
        let filter = Filter { newest, ..Filter::of_project(&self.kept.project) };
        let earlier = self.kept.store.entries(&filter)?;
        let earlier = earlier.into_iter().filter(|entry| {
            entry.id != *id && entry.time_ms <= record.time_ms && entry.benchmarks > 0
        });
        let (same, other): (Vec<Entry>, Vec<Entry>) =
            earlier.partition(|entry| of_head.is_none_or(|of_head| goes_with(entry, of_head)));
        for entry in same.iter().take(MOST_TRIED).chain(other.iter().take(MOST_TRIED)) {
            let loaded = load(&self.kept.store, entry)?;
            if shares(&loaded, std::slice::from_ref(head)) {
                return Ok(loaded);
            }
        }
        Err(nothing_before())
    }

    /// Learns the noise between runs from the newest ones on the same kind of machine.
    pub(super) fn floors(&self, head: &Entry) -> Result<Floors, CliError> {
        let newest = Some(4 * MOST_LEARNT);
        let filter = Filter { newest, complete: true, ..Filter::of_project(&head.project) };
        let entries = self.kept.store.entries(&filter)?;
        let mut bytes = 0;
        let near = entries.iter().filter(|entry| goes_with(entry, head)).take(MOST_LEARNT);
        let near = near.take_while(|entry| {
            bytes += entry.bytes;
            bytes <= MOST_LEARNT_BYTES
        });
        let loaded = near.map(|entry| load(&self.kept.store, entry));
        let mut loaded: Vec<Loaded> = loaded.collect::<Result<_, _>>()?;
        loaded.reverse();
        Ok(Floors::learn(&runs(&loaded)))
    }
}

/// They may be comparable: the same kind of machine, and a mode in common.
pub(super) fn goes_with(entry: &Entry, head: &Entry) -> bool {
    entry.environment == head.environment
        && entry.modes.iter().any(|mode| head.modes.contains(mode))
}

/// Returns true if a run has a benchmark that one of these has, too.
pub(super) fn shares(of: &Loaded, heads: &[Loaded]) -> bool {
    let own = identities(&of.1);
    heads.iter().any(|(_, head)| !identities(head).is_disjoint(&own))
}

fn identities(of: &Record) -> BTreeSet<(Option<store::Mode>, &str)> {
    of.benchmarks.iter().map(|one| (of.mode_of(one), one.uri.as_str())).collect()
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
