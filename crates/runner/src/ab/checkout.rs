//! The two states as folders side by side, below paths of the same length.
//!
//! Each is a repository of its own that reads the objects of the user's repository (`objects/info/alternates`), so that
//! git writes nothing into that one: no worktree has to be registered there, and none be forgotten. The state of the
//! working tree, with what is not committed, becomes a commit that only the folder has.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::MetadataExt,
    },
    path::{Path, PathBuf},
};

use nix::unistd::geteuid;
use results::SuiteSide;
use system::{
    files::{self, Links},
    lock::FolderLock,
    temporary::{Folder, Kind},
};

use super::{
    AbError,
    git::{Commit, Git, GitError, PLAIN, Repository},
};
use crate::orchestrator::RunError;

/// Submodules in submodules, at most so deep.
const DEEPEST: u8 = 10;
/// Lists of files and patterns are shorter.
const MOST_BYTES: u64 = 16 << 20;
/// A file in each repository that we have made.
const MARK: &str = "codspeed-side";
/// Files by which git keeps others out of a repository, and which stay when it is killed.
const LOCKS: &[&str] = &["index.lock", "HEAD.lock", "config.lock"];
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
            // Without a slash at the end, which would follow a link.
            let path: PathBuf = path.components().collect();
            let made = files::create_private_folder(&path)
                .and_then(|()| check_ours(&path, Company::Shared))
                .and_then(|()| path.canonicalize());
            let root = made.map_err(|err| failed(&path, err))?;
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

/// Surroundings of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Company {
    /// Others may get there, so that the folder itself has to keep them out.
    Shared,
    /// It lies in a folder that keeps them out.
    Private,
}

/// Finds out that this is a folder of this user, no link, and that nobody else may write there: git takes commands from
/// the settings of a repository that it is told to use, whoever made it.
fn check_ours(folder: &Path, company: Company) -> io::Result<()> {
    let data = folder.symlink_metadata()?;
    let why = if data.file_type().is_symlink() {
        "it is a symbolic link, which is not followed here"
    } else if !data.is_dir() {
        "it is no folder"
    } else if data.uid() != geteuid().as_raw() {
        "it belongs to another user"
    } else if company == Company::Shared && data.mode() & 0o022 != 0 {
        "other users may write to it (`chmod go-w` forbids that)"
    } else {
        return Ok(());
    };
    Err(io::Error::other(why))
}

/// Content that a folder is to have.
#[derive(Debug, Clone, Copy)]
enum Wanted<'a> {
    Commit(&'a str),
    Files,
}

/// Makes `folder` hold that state of the repository in whose top folder `source` is.
fn fill(folder: &Path, source: &Git, wanted: Wanted<'_>, depth: u8) -> Result<(), AbError> {
    let home = folder.join(".git");
    let company = if depth == 0 { Company::Shared } else { Company::Private };
    prepare(folder, &home, source, company)?;
    let git = source.of(&home, folder);
    lend_objects(&home, &git, source)?;
    let commit = match wanted {
        Wanted::Commit(hash) => Ok(hash.to_owned()),
        Wanted::Files => snapshot(&home, source),
    };
    let checked_out = commit.and_then(|commit| {
        git.ask(["checkout", "--quiet", "--force", "--detach", &commit])?;
        Ok(commit)
    });
    let commit = checked_out.map_err(|err| name_partial(err, source))?;
    // What an earlier state had and this one hasn't, its submodules (hence twice) as well; what is ignored was built, and
    // saves time.
    git.ask(["clean", "--quiet", "--force", "--force", "-d"])?;
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

/// Makes the folder and an empty repository in it, unless we have done so before. Nothing of somebody else is used; the
/// caller has the lock of the folder, so that nobody else is at work here.
fn prepare(folder: &Path, home: &Path, source: &Git, company: Company) -> Result<(), AbError> {
    let io = |source| AbError::Folder { path: folder.to_owned(), source };
    files::create_private_folder(folder).map_err(io)?;
    check_ours(folder, company).map_err(io)?;
    let mark = home.join(MARK);
    if files::is_there(home) {
        check_ours(home, company)
            .map_err(|source| AbError::Folder { path: home.to_owned(), source })?;
    }
    let is_marked = mark.symlink_metadata().is_ok_and(|data| data.is_file());
    if !is_marked {
        match company {
            Company::Shared if is_used(folder, home).map_err(io)? => {
                return Err(AbError::Foreign(folder.to_owned()));
            }
            Company::Shared => {}
            // Within a side all is ours: builds of a state that had files here, where this one has a submodule.
            Company::Private => empty(folder).map_err(io)?,
        }
        // The mark comes first: one who is killed after it has made no foreign folder.
        files::create_private_folder(home).map_err(io)?;
        drop(files::create_private(&mark).map_err(io)?);
    }
    for lock in LOCKS {
        remove(&home.join(lock)).map_err(io)?;
    }
    let format = source.ask(["rev-parse", "--show-object-format"])?;
    let format = format!("--object-format={}", format.trim());
    // Completes one that was begun, and leaves a whole one as it is.
    let init = ["init", "--quiet", "--template=", &format];
    source.at(folder).ask(PLAIN.iter().chain(&init))?;
    Ok(())
}

/// Returns true if the folder holds anything but an empty `home`.
fn is_used(folder: &Path, home: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path != home || fs::read_dir(home)?.next().is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes all that is in a folder.
fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Adds the way out to a complaint about a clone that lacks objects.
fn name_partial(err: GitError, source: &Git) -> GitError {
    if !is_partial(source) {
        return err;
    }
    let GitError::Failed { command, ended, words } = err else { return err };
    let words = format!(
        "{words} (this clone is partial: `git fetch --refetch --no-filter` gets the files that it lacks)"
    );
    GitError::Failed { command, ended, words }
}

/// Returns true if the clone has a remote that keeps objects for it: `git clone --filter`.
fn is_partial(source: &Git) -> bool {
    let pattern = r"^(extensions\.partialclone|remote\..*\.promisor)$";
    source.ask(["config", "--get-regexp", pattern]).is_ok()
}

/// Lets the repository `home` read the objects of the other one, and see files as that one does.
fn lend_objects(home: &Path, git: &Git, source: &Git) -> Result<(), AbError> {
    let io = |source| AbError::Folder { path: home.to_owned(), source };
    let objects = source.path("objects")?;
    let objects =
        objects.canonicalize().map_err(|source| AbError::Folder { path: objects, source })?;
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
    // Those of an earlier time that the user has removed go.
    for (key, _) in kept_settings(git)? {
        git.ask(["config", "--local", "--unset-all", &key])?;
    }
    for (key, value) in kept_settings(source)? {
        git.ask(["config", "--local", "--replace-all", &key, &value])?;
    }
    Ok(())
}

/// Returns the settings of a repository that decide how files look, the last value of each.
fn kept_settings(git: &Git) -> Result<BTreeMap<String, String>, GitError> {
    let settings = git.ask(["config", "--local", "--includes", "--list", "--null"])?;
    let settings = settings.split('\0').filter(|setting| !setting.is_empty());
    let pairs = settings.map(|setting| setting.split_once('\n').unwrap_or((setting, "true")));
    let kept = pairs.filter(|(key, _)| KEPT_SETTINGS.iter().any(|kept| key.starts_with(kept)));
    Ok(kept.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

/// Adds the folder for builds to the excluded ones, if it lies among the user's files.
fn exclude_ourselves(home: &Path, top: &Path) -> io::Result<()> {
    let place = home.parent().and_then(Path::parent).and_then(|root| root.strip_prefix(top).ok());
    let Some(place) = place.filter(|place| !place.as_os_str().is_empty()) else { return Ok(()) };
    let path = home.join("info/exclude");
    let mut lines = match files::read(&path, Links::Refuse, MOST_BYTES) {
        Ok(lines) => lines,
        Err(err) if err.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(err) => return Err(err),
    };
    lines.extend_from_slice(b"\n/");
    lines.extend(as_pattern(place.as_os_str().as_bytes()));
    lines.extend_from_slice(b"/\n");
    files::replace(&path, &lines)
}

/// A path as a pattern that fits it alone, see `gitignore(5)`. A line can't hold the end of a line: any letter stands for
/// it.
fn as_pattern(path: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(path.len());
    for byte in path {
        match byte {
            b'*' | b'?' | b'[' | b'\\' => pattern.extend([b'\\', *byte]),
            b'\n' => pattern.push(b'?'),
            other => pattern.push(*other),
        }
    }
    pattern
}

/// Copies a small file; if there is none, an earlier copy goes.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let bytes = match files::read(from, Links::Follow, MOST_BYTES) {
        Ok(bytes) => bytes,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return remove(to),
        Err(err) => return Err(err),
    };
    files::replace(to, &bytes)
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
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
    git.ask(["add", "--all"])?;
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
    // Not with `-z`, which gives paths as they are: such text may be no UTF-8.
    let text = git.ask(["ls-tree", "-r", "--full-tree", commit])?;
    Ok(text.lines().filter_map(read_submodule).collect())
}

/// Reads a line of `ls-tree`: `160000 commit HASH<TAB>PATH`, with the path in quotes if it has special letters.
fn read_submodule(entry: &str) -> Option<(PathBuf, String)> {
    let (about, path) = entry.split_once('\t')?;
    let hash = about.strip_prefix("160000 commit ")?;
    let quoted = path.strip_prefix('"').and_then(|path| path.strip_suffix('"'));
    let path = quoted.map_or_else(|| path.as_bytes().to_vec(), unquote);
    Some((PathBuf::from(OsString::from_vec(path)), hash.to_owned()))
}

/// Reads a path that git has put in quotes, see `core.quotePath` in `git-config(1)`: the escapes of C, octal ones with
/// three digits.
fn unquote(text: &str) -> Vec<u8> {
    let mut path = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        let (byte, after) = match rest {
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] => {
                (((a & 3) << 6) | ((b & 7) << 3) | (c & 7), after)
            }
            [b'\\', letter, after @ ..] => (escaped(*letter), after),
            [byte, after @ ..] => (*byte, after),
            [] => return path,
        };
        path.push(byte);
        rest = after;
    }
}

/// The byte that an escape of C stands for.
const fn escaped(letter: u8) -> u8 {
    match letter {
        b'a' => 0x07,
        b'b' => 0x08,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 0x0b,
        b'f' => 0x0c,
        b'r' => b'\r',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::Permissions,
        os::unix::fs::{PermissionsExt, symlink},
    };

    use super::*;

    #[test]
    fn submodules_are_told_from_files() {
        let submodule = read_submodule("160000 commit abc\tlibs/a b");
        assert_eq!(submodule, Some((PathBuf::from("libs/a b"), "abc".to_owned())));
        assert_eq!(read_submodule("100644 blob abc\ta"), None);
        assert_eq!(read_submodule(""), None);
    }

    #[test]
    fn paths_in_quotes_are_read_byte_by_byte() {
        let (path, _) = read_submodule("160000 commit abc\t\"a\\377 \\\"\\t\\\\\"").unwrap();
        assert_eq!(path.as_os_str().as_bytes(), b"a\xff \"\t\\");
        assert_eq!(unquote("\\"), b"\\");
        assert_eq!(unquote("\\9\\n"), b"9\n");
    }

    #[test]
    fn a_pattern_fits_its_path_alone() {
        assert_eq!(as_pattern(b"a*?[b]\\c\nd/e"), b"a\\*\\?\\[b]\\\\c?d/e");
    }

    #[test]
    fn a_copy_goes_with_its_original() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write(&from, "new").unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"new");
        fs::remove_file(&from).unwrap();
        copy(&from, &to).unwrap();
        assert!(!to.exists());
        copy(&from, &to).unwrap();
    }

    #[test]
    fn folders_that_others_may_change_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, link) = (folder.path().join("ours"), folder.path().join("link"));
        fs::create_dir(&ours).unwrap();
        symlink(&ours, &link).unwrap();
        let refused = |path: &Path, mode, company| {
            fs::set_permissions(&ours, Permissions::from_mode(mode)).unwrap();
            check_ours(path, company).err().map(|err| err.to_string()).unwrap_or_default()
        };
        assert_eq!(refused(&ours, 0o755, Company::Shared), "");
        assert!(refused(&ours, 0o775, Company::Shared).contains("may write"));
        assert!(refused(&ours, 0o757, Company::Shared).contains("may write"));
        assert_eq!(refused(&ours, 0o775, Company::Private), "");
        assert!(refused(&link, 0o755, Company::Private).contains("symbolic link"));
    }

    #[test]
    fn a_folder_with_nothing_but_an_empty_repository_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join(".git");
        let used = || is_used(folder.path(), &home).unwrap();
        assert!(!used());
        fs::create_dir(&home).unwrap();
        assert!(!used());
        fs::write(home.join("config"), "").unwrap();
        assert!(used());
        fs::remove_file(home.join("config")).unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(used());
    }
}
