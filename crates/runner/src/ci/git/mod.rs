//! Reads a Git repository by its files: which commit, which branch, which remotes. So it works without the `git`
//! program, and where `git` refuses because somebody else owns the folder. Format: gitrepository-layout(5).
//!
//! The program is asked only when the files don't tell, as with a reference table (`reftable`).

mod config;
mod refs;
#[cfg(test)]
pub(super) mod tests;

use std::{
    io,
    path::{Path, PathBuf},
};

use config::Config;
use runner_shared::text::shown;
use system::files::{self, Links};

use super::remote::Remote;
use crate::{
    env::Env,
    process::{self, AskError},
};

/// Small files: `HEAD`, a loose reference, `.git` of a worktree. A path may have 4 KiB.
const SMALL: u64 = 16 << 10;
/// `config`.
const CONFIG: u64 = 4 << 20;
/// `packed-refs`: room for half a million references.
const PACKED: u64 = 64 << 20;

/// A repository could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitError {
    /// A file is unreadable.
    #[error("could not read `{}`", shown(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// `HEAD` names neither a commit nor a branch, and the program can't help.
    #[error("the current commit could not be determined from `{}` or with `git`", shown(path))]
    Head {
        /// The file.
        path: PathBuf,
        /// The fault of the program.
        #[source]
        why: Option<AskError>,
    },
    /// There is no commit yet.
    #[error("the branch `{branch}` has no commit yet")]
    Unborn {
        /// The branch.
        branch: String,
    },
    /// There is no repository here.
    #[error("`{}` is not in a Git repository", shown(path))]
    None {
        /// The folder that was looked at.
        path: PathBuf,
    },
}

/// A working tree and where its repository lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repository {
    /// The folder that is the top of the working tree.
    pub root: PathBuf,
    /// Folder of the files of this tree only, such as `HEAD`.
    git_dir: PathBuf,
    /// Folder of the files that all worktrees share, such as branches.
    common_dir: PathBuf,
}

/// The checked-out state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// The commit.
    pub commit: String,
    /// The branch, unless the commit itself is checked out.
    pub branch: Option<String>,
}

impl Repository {
    /// The repository that a folder belongs to: its own or that of the nearest folder above.
    pub(crate) fn find(start: &Path) -> Option<Self> {
        start.ancestors().find_map(Self::at)
    }

    /// The repository whose top is this folder.
    fn at(root: &Path) -> Option<Self> {
        let git_dir = git_dir(root)?;
        let common_dir = pointer(&git_dir.join("commondir"), "", &git_dir);
        let common_dir = common_dir.unwrap_or_else(|| git_dir.clone());
        Some(Self { root: root.to_owned(), git_dir, common_dir })
    }

    /// Returns the folder that stands for the repository in all of its working trees: the top of the main one, or of a bare
    /// repository its own folder.
    pub(crate) fn home(&self) -> PathBuf {
        if self.common_dir == self.git_dir {
            return self.root.clone();
        }
        let Ok(common) = self.common_dir.canonicalize() else { return self.root.clone() };
        match common.parent() {
            Some(top) if common.ends_with(".git") => top.to_owned(),
            Some(_) | None => common,
        }
    }

    /// Returns what is checked out.
    pub(crate) fn head(&self, env: &Env) -> Result<Head, GitError> {
        match self.head_by_files() {
            Err(GitError::Head { path, .. }) => {
                self.head_by_program(env).map_err(|why| GitError::Head { path, why })
            }
            other => other,
        }
    }

    /// Returns the commit that is checked out, as the files say.
    pub(super) fn head_by_files(&self) -> Result<Head, GitError> {
        let path = self.git_dir.join("HEAD");
        let bytes =
            read(&path, SMALL)?.ok_or_else(|| GitError::Head { path: path.clone(), why: None })?;
        let target = match refs::parse(&bytes) {
            Some(refs::Target::Commit(commit)) => return Ok(Head { commit, branch: None }),
            // What Git writes when the references are in a table.
            Some(refs::Target::Reference(name)) if !name.ends_with("/.invalid") => name,
            Some(refs::Target::Reference(_)) | None => {
                return Err(GitError::Head { path, why: None });
            }
        };
        let branch = target.strip_prefix("refs/heads/").unwrap_or(&target).to_owned();
        match self.resolve(&target)? {
            Some(commit) => Ok(Head { commit, branch: Some(branch) }),
            None => Err(GitError::Unborn { branch }),
        }
    }

    /// The commit that a reference leads to.
    fn resolve(&self, name: &str) -> Result<Option<String>, GitError> {
        let mut name = name.to_owned();
        // As many steps as Git itself goes.
        for _ in 0..5 {
            let Some(relative) = refs::as_path(&name) else { return Ok(None) };
            let own = read(&self.git_dir.join(&relative), SMALL)?;
            let loose = match own {
                Some(bytes) => Some(bytes),
                None => read(&self.common_dir.join(&relative), SMALL)?,
            };
            match loose.as_deref().and_then(refs::parse) {
                Some(refs::Target::Commit(commit)) => return Ok(Some(commit)),
                Some(refs::Target::Reference(next)) => name = next,
                None => {
                    let packed = read(&self.common_dir.join("packed-refs"), PACKED)?;
                    return Ok(packed.and_then(|bytes| refs::find_packed(&bytes, &name)));
                }
            }
        }
        Ok(None)
    }

    /// The error is that of the program, if it is its fault.
    fn head_by_program(&self, env: &Env) -> Result<Head, Option<AskError>> {
        let ask = |args: &[&str]| process::ask(Path::new("git"), args, env, &self.root);
        let answer = ask(&["rev-parse", "--verify", "HEAD"]).map_err(Some)?;
        let commit = refs::commit(answer.trim()).ok_or(None)?;
        let branch = ask(&["symbolic-ref", "--quiet", "--short", "HEAD"]).ok();
        let branch = branch.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        Ok(Head { commit, branch })
    }

    /// The remotes, in the order in which they tell best where the repository comes from: `origin`, that of the
    /// branch, all others. Each with its name; nothing for one whose URL leads to no host.
    ///
    /// # Errors
    ///
    /// If the configuration is there and can't be read.
    pub(crate) fn remotes(&self) -> Result<Vec<(String, Option<Remote>)>, GitError> {
        let bytes = read(&self.config_path(), CONFIG)?;
        let config = Config::parse(&bytes.unwrap_or_default());
        let branch = self.branch();
        let upstream = branch.and_then(|branch| config.value("branch", &branch, "remote"));
        let mut names = config.subsections("remote");
        let rank = |name: &str| match name {
            "origin" => 0,
            name if Some(name) == upstream => 1,
            _ => 2,
        };
        names.sort_by_key(|name| rank(name));
        let remote = |name: &str| {
            let url = config.value("remote", name, "url");
            (name.to_owned(), url.and_then(Remote::parse))
        };
        Ok(names.into_iter().map(remote).collect())
    }

    /// Returns the file that names the remotes, for people: seen from the working tree if it lies below.
    pub(crate) fn shown_config(&self) -> String {
        let path = self.config_path();
        shown(path.strip_prefix(&self.root).unwrap_or(&path)).to_string()
    }

    fn config_path(&self) -> PathBuf {
        self.common_dir.join("config")
    }

    /// The branch, also one without a commit.
    fn branch(&self) -> Option<String> {
        let bytes = read(&self.git_dir.join("HEAD"), SMALL).ok().flatten()?;
        match refs::parse(&bytes)? {
            refs::Target::Reference(name) => name.strip_prefix("refs/heads/").map(str::to_owned),
            refs::Target::Commit(_) => None,
        }
    }
}

/// A text, if it is a commit.
pub(super) fn commit(text: &str) -> Option<String> {
    refs::commit(text)
}

/// The folder `.git`, or the one that a file `.git` leads to: worktrees and submodules have such a file.
fn git_dir(root: &Path) -> Option<PathBuf> {
    let path = root.join(".git");
    let found = if path.is_dir() { path } else { pointer(&path, "gitdir:", root)? };
    // An empty folder `.git` is no repository for Git either.
    found.join("HEAD").symlink_metadata().is_ok().then_some(found)
}

/// The path in a file, relative to a folder.
fn pointer(file: &Path, key: &str, base: &Path) -> Option<PathBuf> {
    let bytes = files::read(file, Links::Follow, SMALL).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let path = text.strip_prefix(key)?.trim();
    (!path.is_empty() && !path.contains('\0')).then(|| base.join(path))
}

/// A file, or nothing where there is none.
fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, GitError> {
    match files::read(path, Links::Follow, limit) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(err) if is_absence(&err) => Ok(None),
        // A folder with the name of a reference: branches `a/b` have left it behind.
        Err(_) if path.is_dir() => Ok(None),
        Err(source) => Err(GitError::Io { path: path.to_owned(), source }),
    }
}

/// A file that isn't there, or whose folder is a file.
fn is_absence(err: &io::Error) -> bool {
    [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory, io::ErrorKind::InvalidFilename]
        .contains(&err.kind())
}
