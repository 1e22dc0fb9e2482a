//! The store of a command, and the project whose runs it asks for.

use std::{
    cell::Cell,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use runner_shared::{
    env_names,
    fault::{Attempt, explain},
    reach,
    text::{count, shown},
};
use store::{
    Depth, Entry, Filter, NoPlace, Place, Progress, Scope, SelectError, Selector, Store,
    StoreError, Surroundings, Wanted,
};

use super::{Context, here, sources};
use crate::{
    ab::{Commit, GitError, Repository},
    ci::{self, Project},
    error::{CliError, ExitKind},
    event::RunEvent,
};

/// An index of fewer runs is made at once, and nobody has to hear of it.
const MOMENT: usize = 500;

/// Runs of the project, the newest ones, among which one is looked for.
pub(super) const MOST_LISTED: usize = 400;
/// Runs of the project, the newest ones, that are fetched for a word that is no run here, or for a branch, a label or a
/// mode that none has: it may be a typing error, and nobody waits for all runs because of one.
pub(super) const MOST_SEARCHED: usize = 1_000;
const DAY_MS: u64 = 24 * 3600 * 1000;

/// A store, and the project whose runs are asked for.
pub(super) struct Kept {
    pub store: Store,
    pub project: String,
    folder: PathBuf,
    /// Set if there may be other runs of the project elsewhere.
    elsewhere: Cell<Option<Elsewhere>>,
    /// True once the user knows that a search has come to its bound.
    has_told_bound: Cell<bool>,
}

/// Runs of the project that are not in this store yet.
#[derive(Clone, Copy)]
pub(super) struct Elsewhere {
    /// All runs since this time are here; `None` if older ones are as well, as far as is known.
    pub whole_since_ms: Option<u64>,
    /// Gets some of them, and returns where the others are; `None` after a warning.
    pub fetch: fn(&Kept, &More<'_>, &Context) -> Option<Elsewhere>,
}

/// Runs that are to be fetched from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct More<'a> {
    pub depth: Depth,
    /// Only those that are not newer, milliseconds since 1970.
    pub until_ms: Option<u64>,
    /// Those as well whose IDs begin with this.
    pub id: Option<&'a str>,
    /// True if the whole list is to be read again.
    pub is_thorough: bool,
}

impl More<'_> {
    pub(super) const fn of(depth: Depth) -> Self {
        Self { depth, until_ms: None, id: None, is_thorough: false }
    }
}

/// Said of a revision that a clone without history doesn't know.
const SHALLOW: &str = "this clone has only the latest commits: run `git fetch --unshallow` to get the others (in CI: \
    `fetch-depth: 0`)";

/// The way out where a store can't be used.
pub(super) const ELSEWHERE: &str =
    "set CODSPEED_STORE to a folder of yours, or make sure that you may read and write this one";

/// Said where there is no run at all.
pub(super) const NOTHING: &str =
    "no runs are stored yet: `codspeed run`, `exec` and `ab` store theirs";

/// Returns the place of the store: by the environment, the project and its settings, and the user's folders.
pub(super) fn place(context: &Context) -> Result<Place, CliError> {
    let folder = here()?;
    place_of(&folder, &ci::project(&context.env, &folder), context)
}

fn place_of(folder: &Path, project: &Project, context: &Context) -> Result<Place, CliError> {
    let config = sources::project_in_silence(context, folder)?;
    let settings = config.as_ref().and_then(|config| config.store);
    let by_config = config.as_ref().and_then(|config| config.path.parent());
    let path = |name| context.env.get(name).map(Path::new);
    Ok(Place::find(&Surroundings {
        told: path(env_names::STORE),
        project: project.root.as_deref().or(by_config),
        in_project: settings,
        data_home: path(env_names::XDG_DATA_HOME),
        home: path(env_names::HOME),
    })?)
}

/// Checks that a run can be recorded, for who needs its record: before it is measured.
pub(super) fn check_writable(context: &Context) -> Result<(), CliError> {
    let place = place(context)?;
    let folder = place.folder();
    reach::can_make_folder(folder).map_err(|err| {
        let why = explain(&err, Attempt::Write);
        let what = format!("no run can be recorded in `{}`: {why}", shown(folder));
        CliError::new(ExitKind::Failed, what).hint(ELSEWHERE)
    })
}

/// Opens the store, which has to be there, and says what in it can't be read.
pub(super) fn open(context: &Context) -> Result<Kept, CliError> {
    let kept = open_quietly(context)?;
    kept.warn(context);
    Ok(kept)
}

/// Opens the store, which has to be there.
pub(super) fn open_quietly(context: &Context) -> Result<Kept, CliError> {
    open_by(Store::open_existing, context)
}

/// Opens the store, and makes it if it isn't there.
pub(super) fn open_or_make(context: &Context) -> Result<Kept, CliError> {
    let kept = open_by(Store::open_with, context)?;
    kept.warn(context);
    Ok(kept)
}

type Open = fn(&Path, &mut dyn FnMut(Progress)) -> Result<Store, StoreError>;

fn open_by(open: Open, context: &Context) -> Result<Kept, CliError> {
    let folder = here()?;
    let project = ci::project(&context.env, &folder);
    let place = place_of(&folder, &project, context)?;
    let store = open(place.folder(), &mut |step| tell("making an index of", step, context))?;
    Ok(Kept {
        store,
        project: project.name,
        folder,
        elsewhere: Cell::default(),
        has_told_bound: Cell::default(),
    })
}

/// Says once what is done with many runs.
pub(super) fn tell(what: &str, Progress { done, of }: Progress, context: &Context) {
    let is_first = done <= of.min(MOMENT / 4);
    if of >= MOMENT && is_first {
        let number = u64::try_from(of).unwrap_or(u64::MAX);
        let text = format!("{what} {}", count(number, "stored run"));
        context.ui.event(&RunEvent::Step(text));
    }
}

impl Kept {
    fn warn(&self, context: &Context) {
        if let unreadable @ 1.. = self.store.unreadable() {
            let number = u64::try_from(unreadable).unwrap_or(u64::MAX);
            let runs = count(number, "stored run");
            let text = format!(
                "not listed, because unreadable: {runs}; run `codspeed store check` to see why"
            );
            context.ui.event(&RunEvent::warning(text));
        }
    }

    /// Returns the runs that words stand for, each once.
    pub(super) fn select_all(
        &self,
        words: &[String],
        context: &Context,
    ) -> Result<Vec<Entry>, CliError> {
        let mut entries: Vec<Entry> = Vec::new();
        for word in words {
            let entry = self.select(word, context)?;
            if !entries.iter().any(|other| other.id == entry.id) {
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    /// Returns the run that a word stands for.
    pub(super) fn select(&self, word: &str, context: &Context) -> Result<Entry, CliError> {
        self.select_suitable(word, &|_| true, context)
    }

    /// The same; of several runs of a branch or a commit the newest suitable one.
    pub(super) fn select_suitable(
        &self,
        word: &str,
        is_suitable: &dyn Fn(&Entry) -> bool,
        context: &Context,
    ) -> Result<Entry, CliError> {
        match Selector::parse(word) {
            Selector::Stored(wanted) => self.find(&wanted, is_suitable, context),
            Selector::Path(path) => {
                let what = format!("`{}` is a path, not a stored run", shown(&path));
                Err(CliError::new(ExitKind::Usage, what)
                    .hint("run `codspeed store list` to see the stored runs"))
            }
        }
    }

    /// Says where there may be more runs.
    pub(super) fn note_elsewhere(&self, elsewhere: Elsewhere) {
        self.elsewhere.set(Some(elsewhere));
    }

    fn find(
        &self,
        wanted: &Wanted,
        is_suitable: &dyn Fn(&Entry) -> bool,
        context: &Context,
    ) -> Result<Entry, CliError> {
        let is_cut_off = Cell::new(false);
        // Only asked for a word that is no name, ID or branch.
        let commit_of = |word: &str| {
            let found = self.commit(word, context)?;
            if let Err(GitError::NoCommit { shallow, .. }) = &found {
                is_cut_off.set(*shallow && word.contains(['~', '^']));
            }
            found.ok().map(|commit| commit.hash)
        };
        let scope = Scope { project: &self.project, commit_of: &commit_of, is_suitable };
        let found = self.store.select(wanted, &scope);
        let more = match &found {
            Ok(entry) => self.more_than(entry, wanted, is_suitable(entry)),
            Err(err) => self.more_for(wanted, err),
        };
        let mut found = found;
        if more.is_some_and(|more| self.fetch(more, context)) {
            found = self.store.select(wanted, &scope);
            if let (Err(SelectError::Unknown { .. }), Wanted::Word(word)) = (&found, wanted)
                && let Some(since) = self.since_commit(word, context).filter(|_| self.is_cut())
            {
                self.fetch(More::of(Depth::Since(since)), context);
                found = self.store.select(wanted, &scope);
            }
            if matches!(found, Err(SelectError::Unknown { .. })) {
                self.tell_bound(context);
            }
        }
        found.map_err(|err| {
            let err = CliError::from(err);
            if is_cut_off.get() { err.hint(SHALLOW) } else { err }
        })
    }

    /// Returns the runs elsewhere that may be meant rather than the one that was found here.
    fn more_than<'a>(&self, entry: &Entry, wanted: &Wanted, is_suitable: bool) -> Option<More<'a>> {
        let is_alone = match wanted {
            Wanted::Last(_) | Wanted::Label(..) => false,
            // Those with names are all here, and an ID is one run.
            Wanted::Word(word) => {
                entry.name.as_ref() == Some(word)
                    || entry.branch() != Some(word) && entry.id.to_string().starts_with(word)
            }
        };
        let depth = match wanted {
            _ if is_alone => return None,
            // There may be a newer one.
            Wanted::Last(back) if self.is_cut_at(entry.time_ms) => {
                Depth::Newest(back.saturating_add(1))
            }
            Wanted::Label(..) | Wanted::Word(_) if self.is_cut_at(entry.time_ms) => {
                Depth::Since(entry.time_ms)
            }
            // There may be one that is suitable.
            Wanted::Word(_) if self.is_cut() && !is_suitable => Depth::Newest(MOST_SEARCHED),
            Wanted::Last(_) | Wanted::Label(..) | Wanted::Word(_) => return None,
        };
        Some(More::of(depth))
    }

    /// Returns the runs elsewhere among which the one may be that was not found here.
    fn more_for<'a>(&self, wanted: &'a Wanted, err: &SelectError) -> Option<More<'a>> {
        let searched = More { is_thorough: true, ..More::of(Depth::Newest(MOST_SEARCHED)) };
        self.elsewhere.get()?;
        match (err, wanted) {
            (SelectError::Few { .. }, Wanted::Last(back)) => {
                Some(More { depth: Depth::Newest(back.saturating_add(1)), ..searched })
            }
            (SelectError::Unknown { .. }, Wanted::Word(word)) => {
                if self.folder.join(word).is_file() {
                    return None;
                }
                Some(More { id: Some(word), ..searched })
            }
            (SelectError::Empty { .. }, Wanted::Word(word)) => {
                Some(More { id: Some(word), ..searched })
            }
            (SelectError::Empty { .. } | SelectError::Unknown { .. }, _) => Some(searched),
            _ => None,
        }
    }

    /// Returns the time before which the commit that a word stands for has no runs: the day before it was made.
    fn since_commit(&self, word: &str, context: &Context) -> Option<u64> {
        Some(day_ms(&self.commit(word, context)?.ok()?.date)?.saturating_sub(DAY_MS))
    }

    /// Returns the commit that a word stands for; `None` outside of a repository.
    fn commit(&self, word: &str, context: &Context) -> Option<Result<Commit, GitError>> {
        Some(Repository::find(&self.folder, &context.env).ok()?.commit(word))
    }

    /// Returns the entries of the runs of the project that fit, the newest first, wherever they are. One that is here while
    /// newer ones are not is none of the newest.
    pub(super) fn entries(
        &self,
        filter: &Filter,
        context: &Context,
    ) -> Result<Vec<Entry>, CliError> {
        let mut found = self.store.entries(filter)?;
        let is_cut = |found: &[Entry]| {
            let is_full = filter.newest.is_some_and(|newest| found.len() >= newest);
            let oldest =
                if is_full { found.last().map(|entry| entry.time_ms) } else { filter.since_ms };
            self.is_cut_at(oldest.unwrap_or(0))
        };
        let (of_time, is_by_time) = more_of(filter);
        if !is_by_time && is_cut(&found) {
            // If the newest ones don't have it, it may be a typing error.
            self.fetch(More::of(Depth::Newest(MOST_SEARCHED)), context);
            found = self.store.entries(filter)?;
            if found.is_empty() {
                self.tell_bound(context);
                return Ok(found);
            }
        }
        if is_cut(&found) && self.fetch(of_time, context) {
            return Ok(self.store.entries(filter)?);
        }
        Ok(found)
    }

    /// Returns true if runs of the project are known to be missing here.
    fn is_cut(&self) -> bool {
        self.is_cut_at(0)
    }

    /// Returns true if runs of this time or newer ones may be missing here.
    fn is_cut_at(&self, time_ms: u64) -> bool {
        let elsewhere = self.elsewhere.get();
        elsewhere.and_then(|it| it.whole_since_ms).is_some_and(|since| time_ms < since)
    }

    /// Gets runs of the project. Returns false if there is no other place, or it can't be read.
    fn fetch(&self, more: More<'_>, context: &Context) -> bool {
        let Some(elsewhere) = self.elsewhere.take() else { return false };
        self.elsewhere.set((elsewhere.fetch)(self, &more, context));
        true
    }

    /// Says once that older runs were not looked at, if there are any.
    fn tell_bound(&self, context: &Context) {
        if self.is_cut() && !self.has_told_bound.replace(true) {
            let text = format!(
                "only the newest {MOST_SEARCHED} runs of the shared store were looked through, and the IDs and names of \
                    all; `codspeed store pull` fetches the others"
            );
            context.ui.event(&RunEvent::warning(text));
        }
    }
}

/// Returns the runs that fit as far as their times tell, and whether these decide.
fn more_of(filter: &Filter) -> (More<'static>, bool) {
    let Filter { branch, commit, id, name, label, mode, .. } = filter;
    let is_by_time = branch.is_none()
        && commit.is_none()
        && id.is_none()
        && name.is_none()
        && label.is_none()
        && mode.is_none();
    let depth = match (filter.since_ms, filter.newest) {
        (Some(since), _) => Depth::Since(since),
        (None, Some(newest)) if is_by_time => Depth::Newest(newest),
        (None, _) => Depth::All,
    };
    (More { until_ms: filter.until_ms, ..More::of(depth) }, is_by_time)
}

/// Returns the beginning of a day such as `2026-11-30`, milliseconds since 1970.
fn day_ms(day: &str) -> Option<u64> {
    let day = humantime::parse_rfc3339(&format!("{day}T00:00:00Z")).ok()?;
    u64::try_from(day.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}

/// Returns whether there is not even a place for a store, which is no trouble for who can do without.
pub(super) fn is_nowhere(err: &CliError) -> bool {
    matches!(err.source.downcast_ref(), Some(NoPlace::NoHome))
}

/// Returns whether there is no store yet, which is no trouble for who only looks.
pub(super) fn is_none(err: &CliError) -> bool {
    matches!(err.source.downcast_ref(), Some(StoreError::None { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_time() {
        assert_eq!(day_ms("1970-01-02"), Some(DAY_MS));
        assert_eq!(day_ms("2026-11-30"), Some(1_795_996_800_000));
        assert_eq!([day_ms(""), day_ms("1969-01-01"), day_ms("2026-13-01")], [None; 3]);
    }

    #[test]
    fn times_alone_decide_only_where_nothing_else_is_asked() {
        let of = |filter: Filter| more_of(&filter);
        let newest = Filter { newest: Some(7), until_ms: Some(9), ..Filter::of_project("p") };
        let more = More { until_ms: Some(9), ..More::of(Depth::Newest(7)) };
        assert_eq!(of(newest.clone()), (more, true));
        let branch = Some("main".to_owned());
        let more = More { until_ms: Some(9), ..More::of(Depth::All) };
        assert_eq!(of(Filter { branch, ..newest.clone() }), (more, false));
        let since = Filter { since_ms: Some(3), ..newest };
        let more = More { until_ms: Some(9), ..More::of(Depth::Since(3)) };
        assert_eq!(of(since), (more, true));
    }
}
