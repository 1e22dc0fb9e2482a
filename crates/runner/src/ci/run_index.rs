//! Counts the uploads of a job, so that several of one job don't overwrite each other, and so that a retry of the job,
//! which begins with a fresh checkout, comes to the same numbers.
//!
//! The number lies in the repository: `.codspeed/run-state/<run>/<SHA-256 of the part>.json`.

use std::{
    fs::{self, File},
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};
use serde::{Deserialize, Serialize};
use system::files::{self, Links};

use super::PartKey;

/// The interval at which it is checked whether another upload has finished.
const TURN: Duration = Duration::from_millis(50);

/// The content of the file.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    run_index: u64,
}

/// The number of one upload. Others of the same key wait until it is dropped, so hold one at a time.
#[derive(Debug)]
pub(crate) struct RunIndex {
    number: u64,
    /// The place where the next number goes; nothing when counting failed.
    file: Option<(PathBuf, Flock<File>)>,
}

impl RunIndex {
    /// Takes the number of the next upload; the file keeps its old content until [`commit`](Self::commit). As long as
    /// another process is uploading under the same key, says so through `waiting`, which may put an end to it.
    ///
    /// Counting is no reason to lose an upload: on an error the number is 0, and the error is a warning.
    pub(crate) fn take(
        key: &PartKey<'_>,
        waiting: impl FnMut() -> ControlFlow<()>,
    ) -> (Self, Option<io::Error>) {
        match Self::try_take(key, waiting) {
            Ok(index) => (index, None),
            Err(err) => (Self { number: 0, file: None }, Some(err)),
        }
    }

    fn try_take(key: &PartKey<'_>, waiting: impl FnMut() -> ControlFlow<()>) -> io::Result<Self> {
        let path = key.file();
        if let Some(folder) = path.parent() {
            // Whoever has written the repository may have put links there.
            let home = key.home();
            let mut ours = folder.ancestors().take_while(|above| above.starts_with(&home));
            ours.try_for_each(files::refuse_link)?;
            fs::create_dir_all(folder)?;
        }
        hide(&key.home())?;
        let lock = lock(&path.with_extension("lock"), waiting)?;
        let number = match files::read(&path, Links::Refuse, 4096) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_or(0, |State { run_index }| run_index),
            Err(err)
                if [io::ErrorKind::NotFound, io::ErrorKind::InvalidData].contains(&err.kind()) =>
            {
                0
            }
            Err(err) => return Err(err),
        };
        Ok(Self { number, file: Some((path, lock)) })
    }

    /// The number of an upload that nobody counts.
    pub(crate) const fn uncounted() -> Self {
        Self { number: 0, file: None }
    }

    /// Uploads before this one.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Counts this upload, which has succeeded.
    pub(crate) fn commit(self) -> io::Result<()> {
        let Self { number, file } = self;
        let Some((path, _lock)) = file else { return Ok(()) };
        let state = State { run_index: number.saturating_add(1) };
        files::replace(&path, &serde_json::to_vec_pretty(&state)?)
    }
}

/// Keeps our folder out of `git status`, unless somebody has decided otherwise.
fn hide(home: &Path) -> io::Result<()> {
    let path = home.join(".gitignore");
    match path.symlink_metadata() {
        Ok(_) => Ok(()),
        Err(_) => files::replace(&path, b"*\n"),
    }
}

#[expect(clippy::disallowed_methods, reason = "who waits for a lock hears of no signal")]
fn lock(path: &Path, mut waiting: impl FnMut() -> ControlFlow<()>) -> io::Result<Flock<File>> {
    let mut options = File::options();
    let mut file =
        files::open_with(path, Links::Refuse, options.read(true).write(true).create(true))?;
    loop {
        file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((file, Errno::EWOULDBLOCK)) => {
                if waiting().is_break() {
                    return Err(io::Error::other("stopped"));
                }
                std::thread::sleep(TURN);
                file
            }
            Err((file, Errno::EINTR)) => file,
            Err((_, errno)) => return Err(errno.into()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alone() -> ControlFlow<()> {
        panic!("nobody else is there");
    }

    const PART: &str = r#"build-{"os":"ubuntu-24.04","py":3.12}-{"job-total":4,"job-index":2}"#;

    #[test]
    fn an_upload_counts_when_it_succeeded() {
        let folder = tempfile::tempdir().unwrap();
        let key = PartKey::new(folder.path(), "9001", PART);
        let take = || {
            let (index, trouble) = RunIndex::take(&key, alone);
            assert!(trouble.is_none(), "{trouble:?}");
            index
        };
        assert_eq!(take().number(), 0);
        assert_eq!(take().number(), 0, "the first one was not uploaded");
        take().commit().unwrap();
        assert_eq!(take().number(), 1);

        // The vector of the specification: path and content.
        let name = "9ed44474c453dc292b68d9011a25ebc568cbc6cd579890f3f2ec28cd880a7c00.json";
        let file = folder.path().join(".codspeed/run-state/9001").join(name);
        assert_eq!(fs::read_to_string(&file).unwrap(), "{\n  \"run_index\": 1\n}");
        assert_eq!(fs::read_to_string(folder.path().join(".codspeed/.gitignore")).unwrap(), "*\n");
        // Another part counts for itself.
        let other = PartKey::new(folder.path(), "9001", "other");
        assert_eq!(RunIndex::take(&other, alone).0.number(), 0);
    }

    #[test]
    fn links_in_the_repository_are_not_followed() {
        for place in ["", "run-state", "run-state/9001"] {
            let folder = tempfile::tempdir().unwrap();
            let key = PartKey::new(folder.path(), "9001", PART);
            let elsewhere = folder.path().join("elsewhere");
            fs::create_dir(&elsewhere).unwrap();
            let link = key.home().join(place);
            let link = link.components().collect::<PathBuf>();
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
            let (index, trouble) = RunIndex::take(&key, alone);
            assert_eq!(index.number(), 0);
            assert!(trouble.unwrap().to_string().contains("symbolic link"), "{place}");
            assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0, "{place}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_0_and_is_mended() {
        let folder = tempfile::tempdir().unwrap();
        let key = PartKey::new(folder.path(), "1", "p");
        for text in ["", "{", "[]", "{\"run_index\":-1}", &"x".repeat(10_000)] {
            fs::create_dir_all(key.file().parent().unwrap()).unwrap();
            fs::write(key.file(), text).unwrap();
            let (index, trouble) = RunIndex::take(&key, alone);
            assert!(index.number() == 0 && trouble.is_none(), "{text}");
            index.commit().unwrap();
            assert_eq!(RunIndex::take(&key, alone).0.number(), 1);
        }
    }

    #[test]
    fn a_folder_that_takes_no_file_costs_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".codspeed"), "a file in the way").unwrap();
        let (index, trouble) = RunIndex::take(&PartKey::new(folder.path(), "1", "p"), alone);
        assert!(trouble.is_some());
        assert_eq!(index.number(), 0);
        index.commit().unwrap();
    }

    #[test]
    fn a_gitignore_of_the_users_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".codspeed/.gitignore");
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(&path, "mine").unwrap();
        RunIndex::take(&PartKey::new(folder.path(), "1", "p"), alone).0.commit().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }

    #[test]
    fn who_waits_for_another_upload_can_be_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let key = PartKey::new(folder.path(), "1", "p");
        let _first = RunIndex::take(&key, alone).0;
        assert!(RunIndex::take(&key, || ControlFlow::Break(())).1.is_some());
    }

    #[test]
    fn two_uploads_of_a_job_take_turns() {
        let folder = tempfile::tempdir().unwrap();
        let key = PartKey::new(folder.path(), "1", "p");
        let first = RunIndex::take(&key, alone).0;
        let (said, heard) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                let waiting = || {
                    said.send(()).unwrap();
                    ControlFlow::Continue(())
                };
                RunIndex::take(&key, waiting).0.number()
            });
            // It waits, and says so, before the first one is over.
            heard.recv().unwrap();
            first.commit().unwrap();
            assert_eq!(second.join().unwrap(), 1);
        });
    }
}
