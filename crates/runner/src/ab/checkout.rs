//! The two states as folders side by side, below paths of the same length.
//!
//! Each is a repository of its own that reads the objects of the user's repository (`objects/info/alternates`), so that
//! git writes nothing into that one: no worktree has to be registered there, and none be forgotten. The state of the
//! working tree, with what is not committed, becomes a commit that only the folder has.

use std::{
    fs, io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use results::SuiteSide;
use system::{
    files::{self, Links},
    lock::FolderLock,
    temporary::{Folder, Kind},
};

use super::{
    AbError,
    git::{Commit, Git, GitError, Repository},
};
use crate::orchestrator::RunError;

/// Submodules in submodules, at most so deep.
const DEEPEST: u8 = 10;
/// Lists of files and patterns are shorter.
const MOST_BYTES: u64 = 16 << 20;
/// A file in each repository that we have made.
const MARK: &str = "codspeed-side";
/// What our calls of git leave out: hooks and monitors of the user, and what only costs time for files that don't stay.
const PLAIN: &[&str] = &[
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.compression=0",
    "-c",
    "core.fsync=none",
    "-c",
    "advice.addEmbeddedRepo=false",
];
/// Settings of the user's repository that decide how files look.
const KEPT_SETTINGS: &[&str] =
    &["filter.", "core.autocrlf", "core.eol", "core.attributesfile", "core.excludesfile", "lfs."];

/// A state of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// A commit.
    Commit(Commit),
    /// All files as they are, but those that git ignores.
    WorkingTree,
}

impl State {
    /// For people.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Commit(commit) => commit.title(),
            Self::WorkingTree => "the working tree".to_owned(),
        }
    }
}

/// Two folders for two states.
#[derive(Debug)]
pub(crate) struct Sides {
    /// Gone when this is dropped, if nobody has named another place.
    _temporary: Option<Folder>,
    /// Nobody else builds there meanwhile.
    _lock: Option<FolderLock>,
    root: PathBuf,
}

impl Sides {
    /// Makes a place for both: a folder that stays and may have been used before, or one below `parent` that is removed.
    pub(crate) fn create(kept: Option<&Path>, parent: &Path) -> Result<Self, AbError> {
        let failed = |path: &Path, source| AbError::Folder { path: path.to_owned(), source };
        if let Some(path) = kept {
            let made = files::create_private_folder(path).and_then(|()| path.canonicalize());
            let root = made.map_err(|err| failed(path, err))?;
            let lock = FolderLock::acquire(&root).map_err(RunError::Lock)?;
            return Ok(Self { _temporary: None, _lock: Some(lock), root });
        }
        let folder = Folder::create(parent, Kind::Sides).map_err(|err| failed(parent, err))?;
        let root = folder.path().canonicalize().map_err(|err| failed(parent, err))?;
        Ok(Self { _temporary: Some(folder), _lock: None, root })
    }

    /// The folder of a side.
    pub(crate) fn folder(&self, side: SuiteSide) -> PathBuf {
        self.root.join(side.name())
    }

    /// Puts a state into the folder of a side. What was built there and is ignored by git stays.
    pub(crate) fn check_out(
        &self,
        side: SuiteSide,
        repository: &Repository,
        state: &State,
    ) -> Result<(), AbError> {
        let state = match state {
            State::Commit(commit) => Wanted::Commit(&commit.hash),
            State::WorkingTree => Wanted::Files,
        };
        fill(&self.folder(side), &repository.git, state, 0)
    }
}

/// What a folder shall hold.
#[derive(Debug, Clone, Copy)]
enum Wanted<'a> {
    Commit(&'a str),
    Files,
}

/// Makes `folder` hold that state of the repository in whose top folder `source` is.
fn fill(folder: &Path, source: &Git, wanted: Wanted<'_>, depth: u8) -> Result<(), AbError> {
    let home = folder.join(".git");
    prepare(folder, &home, source)?;
    let git = source.of(&home, folder);
    lend_objects(&home, &git, source)?;
    let commit = match wanted {
        Wanted::Commit(hash) => hash.to_owned(),
        Wanted::Files => snapshot(&home, source)?,
    };
    let checkout = ["checkout", "--quiet", "--force", "--detach", &commit];
    git.ask(PLAIN.iter().chain(&checkout))?;
    // What an earlier state had and this one hasn't; what is ignored was built, and saves time.
    git.ask(["clean", "--quiet", "--force", "-d"])?;
    if depth >= DEEPEST {
        return Ok(());
    }
    for (path, hash) in submodules(&git, &commit)? {
        let from = source.folder().join(&path);
        // One that nobody has asked for is empty, as it is where the user works.
        if !from.join(".git").exists() {
            continue;
        }
        let inner = source.at(&from);
        let wanted = match wanted {
            Wanted::Files => Wanted::Files,
            Wanted::Commit(_) => {
                let object = format!("{hash}^{{commit}}");
                if inner.ask(["cat-file", "-e", &object]).is_err() {
                    return Err(GitError::Submodule { path, commit: hash }.into());
                }
                Wanted::Commit(&hash)
            }
        };
        fill(&folder.join(&path), &inner, wanted, depth + 1)?;
    }
    Ok(())
}

/// Makes the folder and an empty repository in it, unless we have done so before. Nothing of somebody else is used.
fn prepare(folder: &Path, home: &Path, source: &Git) -> Result<(), AbError> {
    let io = |source| AbError::Folder { path: folder.to_owned(), source };
    let mark = home.join(MARK);
    if mark.is_file() {
        return Ok(());
    }
    let is_used = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if is_used {
        return Err(AbError::Foreign(folder.to_owned()));
    }
    files::create_private_folder(folder).map_err(io)?;
    let format = source.ask(["rev-parse", "--show-object-format"])?;
    let format = format!("--object-format={}", format.trim());
    source.at(folder).ask(["init", "--quiet", "--template=", &format])?;
    files::replace(&mark, b"made by codspeed\n").map_err(io)
}

/// Lets the repository `home` read the objects of the other one, and see files as that one does.
fn lend_objects(home: &Path, git: &Git, source: &Git) -> Result<(), AbError> {
    let io = |source| AbError::Folder { path: home.to_owned(), source };
    let objects = source.path("objects")?.canonicalize().map_err(io)?;
    let mut line = objects.as_os_str().as_bytes().to_vec();
    line.push(b'\n');
    for folder in ["objects/info", "info"] {
        fs::create_dir_all(home.join(folder)).map_err(io)?;
    }
    files::replace(&home.join("objects/info/alternates"), &line).map_err(io)?;
    for name in ["shallow", "info/exclude", "info/attributes"] {
        copy(&source.path(name)?, &home.join(name)).map_err(io)?;
    }
    exclude_ourselves(home, source.folder()).map_err(io)?;
    let settings = source.ask(["config", "--local", "--list", "--null"])?;
    for setting in settings.split('\0').filter(|setting| !setting.is_empty()) {
        let (key, value) = setting.split_once('\n').unwrap_or((setting, "true"));
        if KEPT_SETTINGS.iter().any(|kept| key.starts_with(kept)) {
            git.ask(["config", "--local", key, value])?;
        }
    }
    Ok(())
}

/// A folder for builds that lies among the user's files is none of them.
fn exclude_ourselves(home: &Path, top: &Path) -> io::Result<()> {
    let place = home.parent().and_then(Path::parent).and_then(|root| root.strip_prefix(top).ok());
    let Some(place) = place.filter(|place| !place.as_os_str().is_empty()) else { return Ok(()) };
    let path = home.join("info/exclude");
    let mut lines = files::read(&path, Links::Refuse, MOST_BYTES).unwrap_or_default();
    lines.extend_from_slice(b"\n/");
    lines.extend_from_slice(place.as_os_str().as_bytes());
    lines.extend_from_slice(b"/\n");
    files::replace(&path, &lines)
}

/// Copies a small file, if it is there.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let bytes = match files::read(from, Links::Follow, MOST_BYTES) {
        Ok(bytes) => bytes,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(err) => return Err(err),
    };
    files::replace(to, &bytes)
}

/// A commit in the repository `home` with all files of the user's working tree, as they are.
fn snapshot(home: &Path, source: &Git) -> Result<String, GitError> {
    let head = source.ask(["rev-parse", "--verify", "--quiet", "HEAD"]).ok();
    let head = head.as_deref().map(str::trim);
    let git = source.of(home, source.folder());
    // What is tracked although it is ignored is known from here.
    match head {
        Some(head) => git.ask(["read-tree", head])?,
        None => git.ask(["read-tree", "--empty"])?,
    };
    git.ask(PLAIN.iter().chain(&["add", "--all"]))?;
    let tree = git.ask(["write-tree"])?;
    let who = ["-c", "user.name=codspeed", "-c", "user.email=codspeed@localhost"];
    let mut words = who.to_vec();
    words.extend(["commit-tree", "-m", "the working tree", tree.trim()]);
    words.extend(head.iter().flat_map(|head| ["-p", head]));
    git.ask(words).map(|hash| hash.trim().to_owned())
}

/// Places and commits of the submodules of a commit.
fn submodules(git: &Git, commit: &str) -> Result<Vec<(PathBuf, String)>, GitError> {
    // Most repositories have none, and large ones have many files.
    if !git.folder().join(".gitmodules").exists()
        && git.ask(["ls-files", "--stage", "-z"]).is_ok_and(|all| !all.contains("160000 "))
    {
        return Ok(Vec::new());
    }
    let text = git.ask(["ls-tree", "-r", "-z", "--full-tree", commit])?;
    Ok(text.split('\0').filter_map(read_submodule).collect())
}

/// A line of `ls-tree`: `160000 commit HASH<TAB>PATH`.
fn read_submodule(entry: &str) -> Option<(PathBuf, String)> {
    let (about, path) = entry.split_once('\t')?;
    let hash = about.strip_prefix("160000 commit ")?;
    Some((PathBuf::from(path), hash.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submodules_are_told_from_files() {
        let submodule = read_submodule("160000 commit abc\tlibs/a b");
        assert_eq!(submodule, Some((PathBuf::from("libs/a b"), "abc".to_owned())));
        assert_eq!(read_submodule("100644 blob abc\ta"), None);
        assert_eq!(read_submodule(""), None);
    }
}
