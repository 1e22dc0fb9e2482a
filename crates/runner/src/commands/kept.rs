//! The store of a command, and the project whose runs it asks for.

use std::path::{Path, PathBuf};

use runner_shared::{
    env_names,
    text::{count, shown},
};
use store::{Entry, Place, Progress, Scope, Selector, Store, StoreError, Surroundings, Wanted};

use super::{Context, here, sources};
use crate::{
    ab::Repository,
    ci,
    error::{CliError, ExitKind},
    event::RunEvent,
};

/// An index of fewer runs is made at once, and nobody has to hear of it.
const MOMENT: usize = 500;

/// A store, and the project whose runs are asked for.
pub(super) struct Kept {
    pub store: Store,
    pub project: String,
    folder: PathBuf,
}

/// Returns the place of the store: by the environment, the project and its settings, and the user's folders.
pub(super) fn place(context: &Context) -> Result<Place, CliError> {
    let folder = here()?;
    let config = sources::project_in_silence(context, &folder)?;
    let settings = config.as_ref().and_then(|config| config.store);
    let by_config = config.as_ref().and_then(|config| config.path.parent());
    let project = ci::project(&context.env, &folder);
    let path = |name| context.env.get(name).map(Path::new);
    Ok(Place::find(&Surroundings {
        told: path(env_names::STORE),
        project: project.root.as_deref().or(by_config),
        in_project: settings,
        data_home: path(env_names::XDG_DATA_HOME),
        home: path(env_names::HOME),
    })?)
}

/// Opens the store, which has to be there, and says what in it can't be read.
pub(super) fn open(context: &Context) -> Result<Kept, CliError> {
    let kept = open_quietly(context)?;
    kept.warn(context);
    Ok(kept)
}

/// Opens the store, which has to be there.
pub(super) fn open_quietly(context: &Context) -> Result<Kept, CliError> {
    let place = place(context)?;
    let store = Store::open_existing(place.folder(), &mut |step| tell(step, context))?;
    kept(store, context)
}

/// Opens the store, and makes it if it isn't there.
pub(super) fn open_or_make(context: &Context) -> Result<Kept, CliError> {
    let place = place(context)?;
    let store = Store::open_with(place.folder(), &mut |step| tell(step, context))?;
    let kept = kept(store, context)?;
    kept.warn(context);
    Ok(kept)
}

fn kept(store: Store, context: &Context) -> Result<Kept, CliError> {
    let folder = here()?;
    let project = ci::project(&context.env, &folder).name;
    Ok(Kept { store, project, folder })
}

/// Says once that a large index is made.
fn tell(Progress { done, of }: Progress, context: &Context) {
    let is_first = done <= of.min(MOMENT / 4);
    if of >= MOMENT && is_first {
        let number = u64::try_from(of).unwrap_or(u64::MAX);
        let text = format!("making an index of {}", count(number, "stored run"));
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

    fn find(
        &self,
        wanted: &Wanted,
        is_suitable: &dyn Fn(&Entry) -> bool,
        context: &Context,
    ) -> Result<Entry, CliError> {
        // Only asked for a word that is no name, ID or branch.
        let commit_of = |word: &str| {
            let repository = Repository::find(&self.folder, &context.env).ok()?;
            repository.commit(word).ok().map(|commit| commit.hash)
        };
        let scope = Scope { project: &self.project, commit_of: &commit_of, is_suitable };
        Ok(self.store.select(wanted, &scope)?)
    }
}

/// Returns whether there is no store yet, which is no trouble for who only looks.
pub(super) fn is_none(err: &CliError) -> bool {
    matches!(err.source.downcast_ref(), Some(StoreError::None { .. }))
}
