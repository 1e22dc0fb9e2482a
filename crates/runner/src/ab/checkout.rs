//! The two states as folders side by side, below paths of the same length.
//!
//! Each is a repository of its own that reads the objects of the user's repository (`objects/info/alternates`), so that
//! git writes nothing into that one: no worktree has to be registered there, and none be forgotten. The state of the
//! working tree, with what is not committed, becomes a commit that only the folder has.

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use nix::unistd::geteuid;
use results::SuiteSide;
use runner_shared::env_names;
use system::{
    files,
    lock::FolderLock,
    temporary::{Folder, Kind},
};

use super::{
    AbError,
    git::{Commit, Git, GitError, PLAIN, Repository},
    lend::{lend, remove},
};
use crate::orchestrator::RunError;

/// Submodules in submodules, at most so deep.
const DEEPEST: u8 = 10;
/// A file in each repository that we have made.
const MARK: &str = "codspeed-side";
/// Files by which git keeps others out of a repository, and which stay when it is killed.
const LOCKS: &[&str] = &["index.lock", "HEAD.lock", "config.lock"];
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
        let failed = |path: &Path, err| AbError::Folder { path: path.to_owned(), err };
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
    lend(&home, &git, source)?;
    let commit = match wanted {
        Wanted::Commit(hash) => hash.to_owned(),
        Wanted::Files => snapshot(&home, source).map_err(|err| {
            let AbError::Git(err) = err else { return err };
            name_partial(err, source).into()
        })?,
    };
    let checked_out = git.ask(["checkout", "--quiet", "--force", "--detach", &commit]);
    checked_out.map_err(|err| name_partial(name_large_files(err, &commit), source))?;
    fill_large_files(&git).map_err(|err| name_large_files(err, &commit))?;
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
    let io = |err| AbError::Folder { path: folder.to_owned(), err };
    files::create_private_folder(folder).map_err(io)?;
    check_ours(folder, company).map_err(io)?;
    let mark = home.join(MARK);
    if files::is_there(home) {
        check_ours(home, company).map_err(|err| AbError::Folder { path: home.to_owned(), err })?;
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

/// Gives files that Git LFS keeps their content, as far as the user has it, where checkouts leave that to `git lfs pull`
/// (`git lfs install --skip-smudge`).
fn fill_large_files(git: &Git) -> Result<(), GitError> {
    let names = r"^filter\.lfs\.(smudge|process)$";
    let Ok(filters) = git.ask(["config", "--get-regexp", names]) else { return Ok(()) };
    let skips = git.env().get(env_names::GIT_LFS_SKIP_SMUDGE).is_some_and(is_true);
    if !(skips || filters.contains(" --skip")) {
        return Ok(());
    }
    // Without such a file there is no need for the program either.
    let large = git.bytes(["ls-files", "-z", "--", ":(top,attr:filter=lfs)"])?;
    if !large.is_empty() {
        git.ask(["lfs", "checkout"])?;
    }
    Ok(())
}

/// Returns true if a variable of Git LFS is set to anything but a word for no.
fn is_true(value: &OsStr) -> bool {
    !["", "0", "false", "no", "off"].iter().any(|no| value.eq_ignore_ascii_case(no))
}

/// Tells a complaint about Git LFS from others. Its log goes with the folder.
fn name_large_files(err: GitError, commit: &str) -> GitError {
    let GitError::Failed { command, ended, words } = err else { return err };
    if !["filter lfs", "git-lfs", "git lfs"].iter().any(|name| words.contains(name)) {
        return GitError::Failed { command, ended, words };
    }
    let is_of_log = |part: &&str| part.contains("lfs/logs") || part.contains("git lfs logs");
    let kept: Vec<&str> = words.split("; ").filter(|part| !is_of_log(part)).collect();
    GitError::LargeFiles { commit: commit.to_owned(), words: kept.join("; ") }
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

/// A commit in the repository `home` with all files of the user's working tree, as they are.
fn snapshot(home: &Path, source: &Git) -> Result<String, AbError> {
    let head = source.ask(["rev-parse", "--verify", "--quiet", "HEAD"]).ok();
    let head = head.as_deref().map(str::trim);
    let git = source.of(home, source.folder());
    // What is tracked although it is ignored is known from here.
    match head {
        Some(head) => git.ask(["read-tree", head])?,
        None => git.ask(["read-tree", "--empty"])?,
    };
    git.ask(["add", "--all"])?;
    if let Some(head) = head {
        keep_sparse(home, &git, source, head)?;
    }
    let tree = git.ask(["write-tree"])?;
    let who = ["-c", "user.name=codspeed", "-c", "user.email=codspeed@localhost"];
    let mut words = who.to_vec();
    words.extend(["commit-tree", "-m", "the working tree", tree.trim()]);
    words.extend(head.iter().flat_map(|head| ["-p", head]));
    Ok(git.ask(words).map(|hash| hash.trim().to_owned())?)
}

/// Takes files that a sparse checkout leaves out as they are in the commit `head`: nobody has removed them.
fn keep_sparse(home: &Path, git: &Git, source: &Git, head: &str) -> Result<(), AbError> {
    let is_sparse = source.ask(["config", "--type=bool", "core.sparseCheckout"]);
    if !is_sparse.is_ok_and(|answer| answer.trim() == "true") {
        return Ok(());
    }
    let all = source.bytes(["ls-files", "-t", "-z"])?;
    let left_out = all.split(|byte| *byte == 0).filter_map(|entry| entry.strip_prefix(b"S "));
    let left_out: Vec<&[u8]> = left_out.collect();
    // Without a path, all would be reset.
    if left_out.is_empty() {
        return Ok(());
    }
    let list = home.join("codspeed-sparse");
    let io = |err| AbError::Folder { path: home.to_owned(), err };
    files::replace(&list, &left_out.join(&0)).map_err(io)?;
    let mut from = OsString::from("--pathspec-from-file=");
    from.push(&list);
    let words = ["--literal-pathspecs", "reset", "--quiet", "--pathspec-file-nul"];
    git.ask(words.map(OsStr::new).into_iter().chain([&*from, OsStr::new(head)]))?;
    remove(&list).map_err(io)
}

/// Places and commits of the submodules of a commit.
fn submodules(git: &Git, commit: &str) -> Result<Vec<(PathBuf, String)>, GitError> {
    // Most repositories have none, and large ones have many files.
    if !git.folder().join(".gitmodules").exists()
        && git.ask(["ls-files", "--stage", "-z"]).is_ok_and(|all| !all.contains("160000 "))
    {
        return Ok(Vec::new());
    }
    let entries = git.bytes(["ls-tree", "-r", "-z", "--full-tree", commit])?;
    Ok(entries.split(|byte| *byte == 0).filter_map(read_submodule).collect())
}

/// Reads an entry of `ls-tree`: `160000 commit HASH<TAB>PATH`.
fn read_submodule(entry: &[u8]) -> Option<(PathBuf, String)> {
    let mut parts = entry.strip_prefix(b"160000 commit ")?.splitn(2, |byte| *byte == b'\t');
    let hash = String::from_utf8(parts.next()?.to_vec()).ok()?;
    let path = parts.next()?;
    Some((PathBuf::from(OsStr::from_bytes(path)), hash))
}

#[cfg(test)]
mod tests {
    use std::{
        fs::Permissions,
        os::unix::fs::{PermissionsExt, symlink},
    };

    use super::*;
    use crate::process::Ended;

    #[test]
    fn submodules_are_told_from_files() {
        let (path, hash) = read_submodule(b"160000 commit abc\tlibs/a \xff\t\"").unwrap();
        assert_eq!((path.as_os_str().as_bytes(), &*hash), (&b"libs/a \xff\t\""[..], "abc"));
        assert_eq!(read_submodule(b"100644 blob abc\ta"), None);
        assert_eq!(read_submodule(b""), None);
    }

    #[test]
    fn a_complaint_of_git_lfs_is_told_without_its_log() {
        let told = |words: &str| {
            let words = words.to_owned();
            let failed = GitError::Failed { command: String::new(), ended: Ended::Code(1), words };
            name_large_files(failed, "0123456789abcdef").to_string()
        };
        let words = "Errors logged to '/a/.git/lfs/logs/1.log'.; Use `git lfs logs last` to view the log.; fatal: a: smudge filter lfs failed";
        assert_eq!(
            told(words),
            "Git LFS did not give all files of 0123456789ab: fatal: a: smudge filter lfs failed"
        );
        for other in ["fatal: no such path", "error: unable to write /home/u/elfs/selfsigned.pem"] {
            assert!(told(other).starts_with("`git "), "{other}");
        }
    }

    #[test]
    fn words_for_no_leave_a_variable_unset() {
        assert!(["1", "true", "YES"].iter().all(|value| is_true(OsStr::new(value))));
        assert!(!["", "0", "False", "off"].iter().any(|value| is_true(OsStr::new(value))));
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
