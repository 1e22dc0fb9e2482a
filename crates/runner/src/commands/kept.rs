//! The store of a command, and the project whose runs it asks for.

use std::{
    cell::Cell,
    path::{Path, PathBuf},
};

use runner_shared::{
    env_names,
    fault::{Attempt, explain},
    reach,
    text::{count, shown},
};
use store::{
    Entry, Filter, NoPlace, Place, Progress, Scope, SelectError, Selector, Store, StoreError,
    Surroundings, Wanted,
};

use super::{Context, here, sources};
use crate::{
    ab::{GitError, Repository},
    ci::{self, Project},
    error::{CliError, ExitKind},
    event::RunEvent,
};

/// An index of fewer runs is made at once, and nobody has to hear of it.
const MOMENT: usize = 500;

/// Runs of the project, the newest ones, among which one is looked for.
pub(super) const MOST_LISTED: usize = 400;

/// A store, and the project whose runs are asked for.
pub(super) struct Kept {
    pub store: Store,
    pub project: String,
    folder: PathBuf,
    /// Set if there may be other runs of the project elsewhere.
    elsewhere: Cell<Option<Elsewhere>>,
}

/// Runs of the project that are not in this store yet.
#[derive(Clone, Copy)]
pub(super) struct Elsewhere {
    /// All runs since this time are here; `None` if older ones are as well, as far as is known.
    pub whole_since_ms: Option<u64>,
    /// Gets all runs. Trouble with that is a warning.
    pub fetch: fn(&Kept, &Context),
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
    Ok(Kept { store, project: project.name, folder, elsewhere: Cell::default() })
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
            let repository = Repository::find(&self.folder, &context.env).ok()?;
            let found = repository.commit(word);
            if let Err(GitError::NoCommit { shallow, .. }) = &found {
                is_cut_off.set(*shallow && word.contains(['~', '^']));
            }
            found.ok().map(|commit| commit.hash)
        };
        let scope = Scope { project: &self.project, commit_of: &commit_of, is_suitable };
        let found = self.store.select(wanted, &scope);
        let may_be_elsewhere = match &found {
            Ok(entry) => self.is_cut_at(entry.time_ms) || self.is_cut() && !is_suitable(entry),
            Err(SelectError::Unknown { wanted, .. }) => !self.folder.join(wanted).is_file(),
            Err(err) => matches!(err, SelectError::Few { .. } | SelectError::Empty { .. }),
        };
        let found = if may_be_elsewhere && self.fetch_rest(context) {
            self.store.select(wanted, &scope)
        } else {
            found
        };
        found.map_err(|err| {
            let err = CliError::from(err);
            if is_cut_off.get() { err.hint(SHALLOW) } else { err }
        })
    }

    /// Returns the entries of the runs of the project that fit, the newest first, wherever they are. One that is here while
    /// newer ones are not is none of the newest.
    pub(super) fn entries(
        &self,
        filter: &Filter,
        context: &Context,
    ) -> Result<Vec<Entry>, CliError> {
        let found = self.store.entries(filter)?;
        let is_full = filter.newest.is_some_and(|newest| found.len() >= newest);
        let oldest =
            if is_full { found.last().map(|entry| entry.time_ms) } else { filter.since_ms };
        if self.is_cut_at(oldest.unwrap_or(0)) && self.fetch_rest(context) {
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

    /// Gets all runs of the project, once. Returns false if there is no other place, or that was done.
    fn fetch_rest(&self, context: &Context) -> bool {
        let elsewhere = self.elsewhere.take();
        if let Some(Elsewhere { fetch, .. }) = elsewhere {
            fetch(self, context);
        }
        elsewhere.is_some()
    }
}

/// Returns whether there is not even a place for a store, which is no trouble for who can do without.
pub(super) fn is_nowhere(err: &CliError) -> bool {
    matches!(err.source.downcast_ref(), Some(NoPlace::NoHome))
}

/// Returns whether there is no store yet, which is no trouble for who only looks.
pub(super) fn is_none(err: &CliError) -> bool {
    matches!(err.source.downcast_ref(), Some(StoreError::None { .. }))
}
