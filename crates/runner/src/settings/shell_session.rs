//! Choices of a shell: modes, or a profile. They are kept in a small file for the shell process, so that everything
//! which is started from that shell finds it, and nobody after it does.

use std::{
    fs::{self, DirBuilder, Metadata},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use nix::unistd::geteuid;
use runner_shared::{env_names, text::shown};
use system::{
    files::{self, Links},
    lineage::{Ancestor, start_of},
};

use crate::env::Env;

/// The stored data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// Names of modes.
    Modes,
    /// The name of a profile.
    Profile,
}

impl Topic {
    /// Name of the folder, also of older programs.
    const fn folder(self) -> &'static str {
        match self {
            Self::Modes => "codspeed_use_mode",
            Self::Profile => "codspeed_profile",
        }
    }
}

/// The stored data can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    /// There is no process above us.
    #[error("could not find the shell that started this program")]
    NoShell,
    /// Somebody else may write there.
    #[error("`{}` belongs to another user, or other users may write to it", shown(&path))]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// It can't be read or written.
    #[error("could not use `{}`", shown(&path))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// It holds something else.
    #[error("`{}` has unexpected content: {what}", shown(&path))]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The problem.
        what: String,
    },
}

/// The folder of one topic.
#[derive(Debug)]
pub(crate) struct SessionStore {
    /// A folder of this user alone, which we may have to make first.
    private: Option<PathBuf>,
    folder: PathBuf,
}

/// A stored choice, and its file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// The file.
    pub path: PathBuf,
    /// One or more words.
    pub words: Vec<String>,
}

/// The longest file that is read.
const MAX_BYTES: u64 = 4096;
/// The extent to which the clock of the kernel and that of files may differ.
const SLACK: Duration = Duration::from_secs(2);

impl SessionStore {
    /// The folder for a topic. Nothing is made yet.
    pub(crate) fn new(topic: Topic, env: &Env) -> Self {
        // In containers, and after a change of the user, the variable names what is not there or not ours.
        let runtime = env.get(env_names::XDG_RUNTIME_DIR).map(Path::new);
        let runtime = runtime.filter(|folder| folder.metadata().is_ok_and(|data| is_ours(&data)));
        if let Some(runtime) = runtime {
            return Self { private: None, folder: runtime.join(topic.folder()) };
        }
        // Everybody can write to the folder for temporary files.
        let parent = env.temp_dir();
        let private = parent.join(format!("codspeed-{}", geteuid()));
        let folder = private.join(topic.folder());
        Self { private: Some(private), folder }
    }

    /// Returns what the nearest of these processes was told. Entries of processes that have ended count for nobody.
    pub(crate) fn find(&self, ancestors: &[Ancestor]) -> Result<Option<Remembered>, SessionError> {
        let folders = self.private.iter().chain([&self.folder]);
        for folder in folders {
            match folder.symlink_metadata() {
                Ok(data) if is_ours(&data) => {}
                // Then it holds nothing of ours.
                Ok(_) | Err(_) => return Ok(None),
            }
        }
        for ancestor in ancestors {
            let path = self.folder.join(name(*ancestor));
            if let Some(found) = read(&path)? {
                return Ok(Some(found));
            }
            let path = self.folder.join(ancestor.pid.to_string());
            let written = path.symlink_metadata().and_then(|data| data.modified()).ok();
            if written.is_some_and(|written| is_of_this_process(written, *ancestor))
                && let Some(found) = read(&path)?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Remembers words for the shell, which is the first of these processes; and forgets those of shells that have ended.
    pub(crate) fn remember(
        &self,
        ancestors: &[Ancestor],
        words: &[&str],
    ) -> Result<(), SessionError> {
        let shell = ancestors.first().ok_or(SessionError::NoShell)?;
        for folder in self.private.iter().chain([&self.folder]) {
            make(folder)?;
        }
        self.sweep();
        self.forget(ancestors)?;
        let path = self.folder.join(name(*shell));
        let text = serde_json::Value::from(words).to_string();
        files::replace_private(&path, text.as_bytes())
            .map_err(|source| SessionError::Io { path, source })
    }

    /// Forgets what the shell was told. What a shell around it was told counts again.
    pub(crate) fn forget(&self, ancestors: &[Ancestor]) -> Result<(), SessionError> {
        let shell = ancestors.first().ok_or(SessionError::NoShell)?;
        for name in [name(*shell), shell.pid.to_string()] {
            let path = self.folder.join(name);
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(SessionError::Io { path, source });
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Removes the entries of processes that have ended. What can't be removed does no harm.
    fn sweep(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let file_name = entry.file_name();
            let Some((pid, start)) = file_name.to_str().and_then(parse_name) else { continue };
            let now = start_of(pid);
            if now.is_none() || start.is_some_and(|start| now != Some(start)) {
                drop(fs::remove_file(entry.path()));
            }
        }
    }
}

/// Name of the file for a process.
fn name(process: Ancestor) -> String {
    format!("{}-{}", process.pid, process.start)
}

/// The process and its start; older programs named files by the process alone.
fn parse_name(name: &str) -> Option<(i32, Option<u64>)> {
    match name.split_once('-') {
        Some((pid, start)) => Some((pid.parse().ok()?, Some(start.parse().ok()?))),
        None => Some((name.parse().ok()?, None)),
    }
}

/// Returns whether a file that names only the process was written in its time, and not in that of another one with the
/// same id.
fn is_of_this_process(written: SystemTime, process: Ancestor) -> bool {
    let latest = written.checked_add(SLACK);
    process.started.is_some_and(|started| latest.is_some_and(|latest| started <= latest))
}

/// Reads a list of words, or one word as older programs wrote it.
fn read(path: &Path) -> Result<Option<Remembered>, SessionError> {
    let failed = |source| SessionError::Io { path: path.to_owned(), source };
    let bytes = match files::read(path, Links::Refuse, MAX_BYTES) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed)?,
    };
    let corrupt =
        |what: &str| SessionError::Corrupt { path: path.to_owned(), what: what.to_owned() };
    let value: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|err| corrupt(&err.to_string()))?;
    let words = match value {
        serde_json::Value::String(word) => vec![word],
        serde_json::Value::Array(words) => {
            let words = words.iter().map(|word| word.as_str().map(str::to_owned));
            words
                .collect::<Option<_>>()
                .ok_or_else(|| corrupt("a list with items that are not strings"))?
        }
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::Object(_) => return Err(corrupt("neither a string nor a list")),
    };
    if words.is_empty() {
        return Err(corrupt("an empty list"));
    }
    Ok(Some(Remembered { path: path.to_owned(), words }))
}

/// Reads a file, for the fuzzer.
pub(crate) fn fuzz_file(path: &Path) {
    drop(read(path).map_err(|err| err.to_string()));
}

/// Makes a folder for this user, or finds out that it is one.
fn make(folder: &Path) -> Result<(), SessionError> {
    let failed = |source| SessionError::Io { path: folder.to_owned(), source };
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(err) if err.kind() != io::ErrorKind::AlreadyExists => return Err(failed(err)),
        Ok(()) | Err(_) => {}
    }
    // A link may lead anywhere, so it is not followed.
    if is_ours(&folder.symlink_metadata().map_err(failed)?) {
        Ok(())
    } else {
        Err(SessionError::Foreign { path: folder.to_owned() })
    }
}

/// A folder of ours to which nobody else can write.
fn is_ours(data: &Metadata) -> bool {
    data.is_dir() && data.uid() == geteuid().as_raw() && data.mode() & 0o022 == 0
}

#[cfg(test)]
mod tests {
    use std::{
        ffi::OsString,
        os::unix::fs::{PermissionsExt, symlink},
    };

    use nix::{sys::stat::Mode, unistd::mkfifo};

    use super::*;

    /// A process that is alive, and one that is not.
    fn processes() -> (Ancestor, Ancestor) {
        let pid = std::process::id().try_into().unwrap();
        let start = start_of(pid).unwrap();
        let started = Some(SystemTime::now());
        let gone = Ancestor { pid: 4_194_305, start: 1, started };
        (Ancestor { pid, start, started }, gone)
    }

    fn store(folder: &Path) -> SessionStore {
        let env = Env::default().with(env_names::XDG_RUNTIME_DIR, folder);
        SessionStore::new(Topic::Modes, &env)
    }

    fn words(store: &SessionStore, ancestors: &[Ancestor]) -> Option<Vec<String>> {
        store.find(ancestors).unwrap().map(|found| found.words)
    }

    #[test]
    fn a_shells_settings_hold_for_its_children_until_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let (shell, other) = processes();
        assert_eq!(words(&store, &[shell]), None);
        assert!(!folder.path().join("codspeed_use_mode").exists(), "looking makes nothing");
        store.forget(&[shell]).unwrap();
        store.remember(&[shell, other], &["walltime", "memory"]).unwrap();
        assert_eq!(words(&store, &[other, shell]).unwrap(), ["walltime", "memory"]);
        assert_eq!(words(&store, &[other]), None);
        let later = Ancestor { start: shell.start + 1, ..shell };
        assert_eq!(words(&store, &[later]), None, "another process with the same id");
        store.remember(&[shell], &["simulation"]).unwrap();
        assert_eq!(words(&store, &[shell]).unwrap(), ["simulation"]);
        store.forget(&[shell]).unwrap();
        assert_eq!(words(&store, &[shell]), None);
        assert!(matches!(store.remember(&[], &["x"]), Err(SessionError::NoShell)));
    }

    #[test]
    fn entries_of_ended_processes_are_swept_and_other_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let (shell, gone) = processes();
        let path = folder.path().join("codspeed_use_mode");
        make(&path).unwrap();
        let recycled = format!("{}-{}", shell.pid, shell.start + 1);
        for file in [&name(gone), &gone.pid.to_string(), &recycled, "notes"] {
            fs::write(path.join(file), "\"walltime\"").unwrap();
        }
        store.remember(&[shell], &["memory"]).unwrap();
        let mut left: Vec<_> =
            fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        let mut expected = [name(shell).into(), OsString::from("notes")];
        expected.sort();
        assert_eq!(left, expected);
    }

    #[test]
    fn files_of_older_programs_count_if_they_are_of_this_process() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let (shell, _) = processes();
        let path = folder.path().join("codspeed_use_mode");
        make(&path).unwrap();
        fs::write(path.join(shell.pid.to_string()), "\"walltime\"").unwrap();
        assert_eq!(words(&store, &[shell]).unwrap(), ["walltime"]);
        let later = SystemTime::now() + Duration::from_mins(1);
        let recycled = Ancestor { started: Some(later), ..shell };
        assert_eq!(words(&store, &[recycled]), None, "written before the process started");
        fs::write(path.join(shell.pid.to_string()), "[\"walltime\", \"memory\"]").unwrap();
        assert_eq!(words(&store, &[shell]).unwrap(), ["walltime", "memory"]);
    }

    #[test]
    fn what_is_no_list_of_words_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let (shell, _) = processes();
        store.remember(&[shell], &["walltime"]).unwrap();
        let path = folder.path().join("codspeed_use_mode").join(name(shell));
        for text in ["", "walltime", "[]", "[1]", "{}", "null", "\"open"] {
            fs::write(&path, text).unwrap();
            let found = store.find(&[shell]);
            assert!(matches!(found, Err(SessionError::Corrupt { .. })), "{text:?}");
        }
        fs::remove_file(&path).unwrap();
        mkfifo(&path, Mode::S_IRWXU).unwrap();
        assert!(matches!(store.find(&[shell]), Err(SessionError::Io { .. })));
        fs::remove_file(&path).unwrap();
        symlink("/dev/zero", &path).unwrap();
        assert!(matches!(store.find(&[shell]), Err(SessionError::Io { .. })));
    }

    #[test]
    fn folders_that_others_can_write_to_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        // What is not there is as good as unset.
        let env = Env::default()
            .with(env_names::TMPDIR, folder.path())
            .with(env_names::XDG_RUNTIME_DIR, folder.path().join("none"));
        let store = SessionStore::new(Topic::Profile, &env);
        let (shell, _) = processes();
        store.remember(&[shell], &["work"]).unwrap();
        let private = folder.path().join(format!("codspeed-{}", geteuid()));
        assert_eq!(private.metadata().unwrap().mode() & 0o777, 0o700);
        assert_eq!(words(&store, &[shell]).unwrap(), ["work"]);

        fs::set_permissions(&private, PermissionsExt::from_mode(0o777)).unwrap();
        assert_eq!(words(&store, &[shell]), None);
        let refused = store.remember(&[shell], &["work"]).unwrap_err();
        assert!(matches!(refused, SessionError::Foreign { .. }));

        fs::remove_dir_all(&private).unwrap();
        let elsewhere = folder.path().join("elsewhere");
        make(&elsewhere).unwrap();
        symlink(&elsewhere, &private).unwrap();
        let refused = store.remember(&[shell], &["work"]).unwrap_err();
        assert!(matches!(refused, SessionError::Foreign { .. }));
        assert!(fs::read_dir(&elsewhere).unwrap().next().is_none());
    }
}
