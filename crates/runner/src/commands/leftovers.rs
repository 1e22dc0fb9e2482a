//! The profile folders that a run has made in the temp folder: they are removed at its end, unless the user is told to
//! look at one.

use std::{fs, rc::Rc};

use runner_shared::{
    fault::{Attempt, explain},
    mode::Mode,
    profile_dir::ProfileDir,
    text::shown,
};
use system::lock::FolderLock;

use super::Context;
use crate::{event::RunEvent, orchestrator::tell_of_folder, settings::RunPart};

/// The folders that are to be removed.
#[derive(Debug, Default)]
pub(super) struct Leftovers {
    folders: Vec<ProfileDir>,
    /// The folders of all parts are ours until the end of the run, so that nobody else removes one.
    held: Vec<Rc<FolderLock>>,
}

impl Leftovers {
    /// Notes the folder of a part, and returns whether it is to be removed: one that the user has named stays, and one
    /// with something in it that the user has asked for and nothing else has.
    pub(super) fn note(
        &mut self,
        part: &RunPart,
        (folder, lock): (&ProfileDir, &Rc<FolderLock>),
    ) -> bool {
        self.held.push(Rc::clone(lock));
        let has_more = part.mode == Mode::Memory && part.memory.stacks.is_some();
        let goes = !part.keep_profile && !has_more && part.profile_folder.is_none();
        if goes {
            self.folders.push(folder.clone());
        }
        goes
    }

    /// Returns whether one of the folders of the run stays.
    pub(super) const fn any_stays(&self) -> bool {
        self.folders.len() < self.held.len()
    }

    /// Lets a folder stay, and says where it is.
    pub(super) fn keep(&mut self, folder: &ProfileDir, context: &Context) {
        let place = self.folders.iter().position(|one| one == folder);
        if let Some(place) = place {
            tell_of_folder(&self.folders.remove(place), &context.ui);
        }
    }

    /// Lets all of them stay, and says where they are.
    pub(super) fn stay(&mut self, context: &Context) {
        for folder in std::mem::take(&mut self.folders) {
            tell_of_folder(&folder, &context.ui);
        }
    }

    /// Removes those that are left.
    pub(super) fn remove(self, context: &Context) {
        if !self.folders.is_empty() {
            // They may name one of these.
            context.signals.set_last_words(Vec::new());
        }
        for folder in self.folders {
            if let Err(err) = fs::remove_dir_all(folder.path()) {
                let why = explain(&err, Attempt::Write);
                let text =
                    format!("could not remove the profile folder `{}`: {why}", shown(&folder));
                context.ui.event(&RunEvent::warning(text));
            }
        }
    }
}
