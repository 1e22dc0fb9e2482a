//! Reads the user's repository by the `git` program: nothing is written into it.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    time::Duration,
};

use runner_shared::{
    bounds::{COMMITS, GIT_ANSWER_BYTES, NAME_BYTES},
    env_names,
    text::{one_line, shown},
};

use crate::{
    env::Env,
    process::{AddressSpace, Answer, AskError, Ended, Limits, Output, Stdin, ToolCommand},
    tools,
};

/// Trees of files may be large, and disks slow.
const LIMITS: Limits =
    Limits { time: Duration::from_mins(15), bytes: GIT_ANSWER_BYTES, heeds_signals: true };
/// Lines of git's complaint that are shown.
const MOST_LINES: usize = 4;
/// Commits that one call describes: the kernel limits the length of a command line.
const BATCH: usize = 1000;
/// Options for repositories of our own: no hooks and monitors of the user, and nothing that only costs time for files
/// that don't stay.
pub(super) const PLAIN: &[&str] = &[
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.compression=0",
    "-c",
    "core.fsync=none",
    "-c",
    "core.sharedRepository=false",
    "-c",
    "advice.addEmbeddedRepo=false",
];
/// Parts the fields of a commit: in none of them.
const FIELD: char = '\u{1f}';

/// The user's repository, or why it can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitError {
    /// There is no such program.
    #[error("`git` was not found in PATH")]
    Missing,
    /// It doesn't answer.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// There is none here.
    #[error("`{}` is not in a Git repository: {words}", shown(folder))]
    NoRepository {
        /// The folder that it was looked for in.
        folder: PathBuf,
        /// The complaint of git.
        words: String,
    },
    /// No such commit.
    #[error("`{}` is not a commit of this repository", one_line(revision))]
    NoCommit {
        /// As given.
        revision: String,
        /// The history is cut off.
        shallow: bool,
    },
    /// A submodule that a state needs and that is not there.
    #[error("the submodule `{}` lacks the commit {} that this state needs", shown(path), commit.get(..12).unwrap_or(commit))]
    Submodule {
        /// Its place.
        path: PathBuf,
        /// The commit that the state has there.
        commit: String,
    },
    /// Files that Git LFS keeps can't be had.
    #[error("Git LFS did not give all files of {}: {words}", commit.get(..12).unwrap_or(commit))]
    LargeFiles {
        /// The commit of the state.
        commit: String,
        /// The complaint of git.
        words: String,
    },
    /// More commits than a search looks at.
    #[error("more than {COMMITS} commits lie between `{}` and `{}`", one_line(good), one_line(bad))]
    Far {
        /// The first one.
        good: String,
        /// The last one.
        bad: String,
    },
    /// It refuses.
    #[error("`git {command}` {ended}: {words}")]
    Failed {
        /// Its first word.
        command: String,
        /// Its end.
        ended: Ended,
        /// Its complaint.
        words: String,
    },
}

/// A way to call git in a folder.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    program: PathBuf,
    env: Env,
    folder: PathBuf,
    /// The repository and its files, where they aren't looked for.
    told: Vec<OsString>,
}

impl Git {
    /// Git in this folder, if there is one.
    pub(super) fn in_folder(folder: &Path, env: &Env) -> Result<Self, GitError> {
        let program = tools::find("git", env).ok_or(GitError::Missing)?;
        let env = env
            .clone()
            .without(env_names::OTHER_REPOSITORY)
            .with(env_names::GIT_OPTIONAL_LOCKS, "0")
            .with(env_names::GIT_TERMINAL_PROMPT, "0");
        Ok(Self { program, env, folder: folder.to_owned(), told: Vec::new() })
    }

    /// The same in another folder.
    pub(super) fn at(&self, folder: &Path) -> Self {
        Self { folder: folder.to_owned(), told: Vec::new(), ..self.clone() }
    }

    /// The same in the folder `files`, for our repository `home` whatever is around it: nothing that is written ends up
    /// in another one.
    pub(super) fn of(&self, home: &Path, files: &Path) -> Self {
        let mut told = vec!["--git-dir".into(), home.into(), "--work-tree".into(), files.into()];
        told.extend(PLAIN.iter().map(OsString::from));
        Self { folder: files.to_owned(), told, ..self.clone() }
    }

    /// The environment that it is called with.
    pub(super) const fn env(&self) -> &Env {
        &self.env
    }

    /// The folder that it is called in.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the text that git prints; an error if it fails.
    pub(super) fn ask<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> Result<String, GitError> {
        Ok(String::from_utf8_lossy(&self.bytes(args)?).into_owned())
    }

    /// The same as it is: paths and values of settings need not be UTF-8.
    pub(super) fn bytes<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> Result<Vec<u8>, GitError> {
        let args: Vec<OsString> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        let is_word = |arg: &&OsString| arg.as_encoded_bytes().first() != Some(&b'-');
        // Settings come in pairs before the verb.
        let is_setting = |pair: &&[OsString]| pair.first().is_some_and(|arg| arg == "-c");
        let skipped = 2 * args.chunks(2).take_while(is_setting).count();
        let verb = args.iter().skip(skipped).find(is_word);
        let command = verb.map(|verb| shown(verb).into_owned()).unwrap_or_default();
        let Answer { ended, stdout, stderr } = self.answer(args)?;
        match ended {
            Ended::Code(0) => Ok(stdout),
            Ended::Code(_) | Ended::Signal(_) => {
                Err(GitError::Failed { command, ended, words: said(&stderr) })
            }
        }
    }

    /// Returns the text that git prints, and its end.
    fn answer(&self, args: Vec<OsString>) -> Result<Answer, GitError> {
        let command = ToolCommand {
            program: self.program.clone(),
            args: self.told.iter().cloned().chain(args).collect(),
            cwd: self.folder.clone(),
            env: self.env.clone(),
            stdin: Stdin::Null,
            output: Output::Piped,
            address_space: AddressSpace::Random,
        };
        Ok(command.answer(LIMITS)?)
    }

    /// A path that git names, absolute.
    pub(super) fn path(&self, what: &str) -> Result<PathBuf, GitError> {
        self.place(["rev-parse", "--git-path", what])
    }

    /// The folder of the repository that all its worktrees share, absolute.
    pub(super) fn common_folder(&self) -> Result<PathBuf, GitError> {
        self.place(["rev-parse", "--git-common-dir"])
    }

    fn place<const N: usize>(&self, words: [&str; N]) -> Result<PathBuf, GitError> {
        let bytes = self.bytes(words)?;
        Ok(self.folder.join(line(&bytes)))
    }
}

/// The last lines of a complaint, on one line.
fn said(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let from = lines.len().saturating_sub(MOST_LINES);
    lines.get(from..).unwrap_or_default().join("; ")
}

/// A line that holds a path, which may begin or end with blanks.
fn line(text: &[u8]) -> &OsStr {
    OsStr::from_bytes(text.strip_suffix(b"\n").unwrap_or(text))
}

/// The repository of the user.
#[derive(Debug, Clone)]
pub(crate) struct Repository {
    /// Git in its top folder.
    pub git: Git,
    /// The folder that was asked for, from the top.
    pub prefix: PathBuf,
}

/// A commit, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commit {
    /// Its whole hash.
    pub hash: String,
    /// The hash as far as it is unique.
    pub short: String,
    /// Its author.
    pub author: String,
    /// The day, as `2026-11-30`.
    pub date: String,
    /// Its first line.
    pub subject: String,
}

impl Commit {
    /// Hash and first line.
    pub(crate) fn title(&self) -> String {
        format!("{} \"{}\"", self.short, one_line(&self.subject))
    }
}

impl Repository {
    /// Finds the repository that `folder` is in.
    pub(crate) fn find(folder: &Path, env: &Env) -> Result<Self, GitError> {
        let git = Git::in_folder(folder, env)?;
        let words = ["rev-parse", "--show-toplevel", "--show-cdup"].map(OsString::from);
        let answer = git.answer(words.to_vec())?;
        if answer.ended != Ended::Code(0) {
            let words = said(&answer.stderr);
            return Err(GitError::NoRepository { folder: folder.to_owned(), words });
        }
        // Without links: git has followed them.
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let top = folder.join(OsStr::from_bytes(way_up(&answer.stdout)));
        let top = top.canonicalize().unwrap_or(top);
        let prefix = folder.strip_prefix(&top).unwrap_or(Path::new("")).to_owned();
        Ok(Self { git: git.at(&top), prefix })
    }

    /// The commit that a revision means.
    pub(crate) fn commit(&self, revision: &str) -> Result<Commit, GitError> {
        let no_commit = || {
            let shallow = self.git.ask(["rev-parse", "--is-shallow-repository"]);
            let shallow = shallow.is_ok_and(|answer| answer.trim() == "true");
            GitError::NoCommit { revision: revision.to_owned(), shallow }
        };
        // A word that begins with a dash is an option to git, whatever comes before it in older versions.
        if revision.starts_with('-') || revision.trim().is_empty() {
            return Err(no_commit());
        }
        let wanted = format!("{revision}^{{commit}}");
        let words = ["rev-parse", "--verify", "--quiet", &wanted];
        let answer = self.git.answer(words.map(OsString::from).to_vec())?;
        if answer.ended != Ended::Code(0) {
            return Err(no_commit());
        }
        let hash = String::from_utf8_lossy(&answer.stdout);
        let described = self.describe(&[hash.trim()])?;
        described.into_iter().next().ok_or_else(no_commit)
    }

    /// Describes these commits for people, in their order: one for each, or an error.
    pub(crate) fn describe(&self, hashes: &[&str]) -> Result<Vec<Commit>, GitError> {
        let format = ["%H", "%h", "%an", "%ad", "%s"].join(&FIELD.to_string());
        let format = format!("--format={format}");
        let words = ["show", "-s", "--no-show-signature", "--date=short", &format];
        let mut all = Vec::with_capacity(hashes.len());
        for batch in hashes.chunks(BATCH) {
            let text = self.git.ask(words.iter().chain(batch))?;
            all.extend(read_commits(&text, batch)?);
        }
        Ok(all)
    }

    /// Commits after `good` up to `bad`, each the first parent of the next: none if `good` is not among the ancestors.
    pub(crate) fn first_parents(&self, good: &str, bad: &str) -> Result<Vec<String>, GitError> {
        let range = format!("{good}..{bad}");
        let most = format!("--max-count={}", COMMITS + 1);
        let text = self.git.ask(["rev-list", "--first-parent", "--reverse", &most, &range])?;
        let hashes: Vec<String> = text.lines().map(str::to_owned).collect();
        if hashes.len() > COMMITS {
            return Err(GitError::Far { good: good.to_owned(), bad: bad.to_owned() });
        }
        Ok(hashes)
    }

    /// Returns true if one commit is an ancestor of the other.
    pub(crate) fn is_ancestor(&self, one: &str, other: &str) -> Result<bool, GitError> {
        let words = ["merge-base", "--is-ancestor", one, other].map(OsString::from);
        let Answer { ended, stderr, .. } = self.git.answer(words.to_vec())?;
        match ended {
            Ended::Code(0) => Ok(true),
            Ended::Code(1) => Ok(false),
            Ended::Code(_) | Ended::Signal(_) => Err(GitError::Failed {
                command: "merge-base".to_owned(),
                ended,
                words: said(&stderr),
            }),
        }
    }
}

/// Reads the way from a folder to the top of its repository: the last line, as `../../`. The line before is the top
/// itself, as a path that may be no UTF-8.
fn way_up(text: &[u8]) -> &[u8] {
    let lines = text.strip_suffix(b"\n").unwrap_or(text);
    let end = lines.iter().rposition(|byte| *byte == b'\n');
    end.and_then(|end| lines.get(end + 1..)).unwrap_or_default()
}

/// Reads a commit of each line. One that is missing or another one would be mistaken for its neighbour.
fn read_commits(text: &str, hashes: &[&str]) -> Result<Vec<Commit>, GitError> {
    let mut lines = text.lines();
    let read = |hash: &&str| {
        let commit = lines.next().and_then(read_commit).filter(|commit| commit.hash == *hash);
        let revision = (*hash).to_owned();
        commit.ok_or(GitError::NoCommit { revision, shallow: false })
    };
    hashes.iter().map(read).collect()
}

/// The beginning of a text, as much as is kept of a name.
fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(NAME_BYTES)).unwrap_or(text)
}

fn read_commit(line: &str) -> Option<Commit> {
    let mut fields = line.splitn(5, FIELD).map(|field| cut(field).to_owned());
    let mut next = || fields.next();
    let (hash, short, author, date) = (next()?, next()?, next()?, next()?);
    Some(Commit { hash, short, author, date, subject: next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_read_whatever_its_first_line_is() {
        let line = "abc0\u{1f}abc\u{1f}Ann O\u{1f}2026-01-02\u{1f}Fix \u{1f}it";
        let commit = read_commit(line).unwrap();
        assert_eq!((commit.short.as_str(), commit.subject.as_str()), ("abc", "Fix \u{1f}it"));
        assert_eq!(commit.title(), "abc \"Fix \\u{1f}it\"");
        assert_eq!(read_commit("abc"), None);
    }

    #[test]
    fn a_commit_that_git_does_not_describe_is_an_error() {
        let line = |hash: &str| format!("{hash}\u{1f}a\u{1f}Ann\u{1f}2026-01-02\u{1f}Fix\n");
        let text = [line("a0"), line("b0")].concat();
        assert_eq!(read_commits(&text, &["a0", "b0"]).unwrap().len(), 2);
        for hashes in [&["a0", "c0"][..], &["b0", "a0"], &["a0", "b0", "c0"]] {
            assert!(read_commits(&text, hashes).is_err(), "{hashes:?}");
        }
        assert!(read_commits("b0\n", &["b0"]).is_err());
    }

    #[test]
    fn the_way_to_the_top_is_the_last_line() {
        assert_eq!(way_up(b"/a\nb\n../\n"), b"../");
        assert_eq!(way_up(b"/a\n\n"), b"");
        assert_eq!(way_up(b""), b"");
    }

    #[test]
    fn the_end_of_a_complaint_is_shown_on_one_line() {
        assert_eq!(said("a\n\n b\nc\nd\ne\n"), "b; c; d; e");
        assert_eq!(line(b" a \n"), " a ");
    }
}
