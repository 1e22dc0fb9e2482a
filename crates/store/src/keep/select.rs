//! The run that somebody means by a word.

use std::path::PathBuf;

use runner_shared::text::count;

use super::{Entry, Filter, Store, StoreError};

/// Fewer digits are no beginning of an ID or a hash.
const LEAST_DIGITS: usize = 4;
/// Runs of a branch that are looked at for one that fits.
const MOST_TRIED: usize = 200;
/// Names that are shown instead of one that is unknown.
const MOST_SHOWN: usize = 10;

/// A word for a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// A run in the store.
    Stored(Wanted),
    /// A profile folder, or a file: a record or an export.
    Path(PathBuf),
}

/// A run in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The newest run of the project, or one so many before it.
    Last(usize),
    /// The newest run with this label.
    Label(String, String),
    /// A name, a branch, an ID or a commit, in this order.
    Word(String),
}

impl Selector {
    /// Reads a word. One that could be anything else is a path only if it says so by a slash at or before its start, or
    /// by its end; the caller may look for other files first.
    pub fn parse(text: &str) -> Self {
        const STARTS: [&str; 3] = ["/", "./", "../"];
        const ENDS: [&str; 4] = ["/", ".json", ".zst", ".tar"];
        let is_path = matches!(text, "." | "..")
            || STARTS.iter().any(|start| text.starts_with(start))
            || ENDS.iter().any(|end| text.ends_with(end));
        if is_path {
            return Self::Path(PathBuf::from(text));
        }
        let back = text.strip_prefix("last").and_then(|rest| match rest {
            "" => Some(0),
            _ => rest.strip_prefix('~')?.parse().ok(),
        });
        let stored = match (back, text.split_once('=')) {
            (Some(back), _) => Wanted::Last(back),
            (None, Some((key, value))) if !key.is_empty() => {
                Wanted::Label(key.to_owned(), value.to_owned())
            }
            (None, _) => Wanted::Word(text.to_owned()),
        };
        Self::Stored(stored)
    }
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Last(0) => f.write_str("last"),
            Self::Last(back) => write!(f, "last~{back}"),
            Self::Label(key, value) => write!(f, "{key}={value}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

/// The surroundings in which a word is meant.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The project. IDs are found in all of them, all else in this one.
    pub project: &'a str,
    /// Returns the full hash that a Git reference stands for.
    pub commit_of: &'a dyn Fn(&str) -> Option<String>,
    /// Returns whether a run is suitable. Of several runs of a branch or a commit the newest suitable one is taken, and
    /// the newest complete one if none is.
    pub is_suitable: &'a dyn Fn(&Entry) -> bool,
}

/// The reason why a word stands for no run.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// The store could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no run of this project at all.
    #[error("no run of `{project}` is stored")]
    Empty {
        /// The project.
        project: String,
        /// Number of runs of other projects.
        others: usize,
    },
    /// There are fewer runs.
    #[error("`{wanted}` is not among the {} of `{project}` that are stored", runs(*there))]
    Few {
        /// The word.
        wanted: String,
        /// The project.
        project: String,
        /// Number of its runs.
        there: usize,
    },
    /// No run fits.
    #[error("no stored run of `{project}` has `{wanted}` as its {}", kinds(wanted))]
    Unknown {
        /// The word.
        wanted: String,
        /// The project.
        project: String,
        /// Names of runs and branches that there are, the newest first.
        names: Vec<String>,
    },
    /// Several runs fit.
    #[error("`{wanted}` is the beginning of the IDs of {} stored runs", candidates.len())]
    Ambiguous {
        /// The word.
        wanted: String,
        /// The runs, the newest first.
        candidates: Vec<Entry>,
    },
    /// Several commits fit.
    #[error("`{wanted}` is the beginning of the hashes of {} commits with stored runs", hashes.len())]
    AmbiguousCommit {
        /// The word.
        wanted: String,
        /// The commits.
        hashes: Vec<String>,
    },
}

fn runs(number: usize) -> String {
    count(u64::try_from(number).unwrap_or(u64::MAX), "run")
}

fn kinds(wanted: &str) -> &'static str {
    if wanted.contains('=') { "label" } else { "name, ID, branch or commit" }
}

impl Store {
    /// Finds the run that is meant.
    ///
    /// # Errors
    ///
    /// If there is none, or more than one.
    pub fn select(&self, wanted: &Wanted, scope: &Scope<'_>) -> Result<Entry, SelectError> {
        let ours = Filter::of_project(scope.project);
        let found = match wanted {
            Wanted::Last(back) => return self.select_last(*back, scope),
            Wanted::Label(key, value) => {
                let label = Some((key.clone(), value.clone()));
                self.newest(Filter { label, ..ours })?
            }
            Wanted::Word(word) => self.select_word(word, scope)?,
        };
        match found {
            Some(entry) => Ok(entry),
            None => Err(self.unknown(&wanted.to_string(), scope)?),
        }
    }

    fn newest(&self, filter: Filter) -> Result<Option<Entry>, StoreError> {
        Ok(self.entries(&Filter { newest: Some(1), ..filter })?.pop())
    }

    fn select_last(&self, back: usize, scope: &Scope<'_>) -> Result<Entry, SelectError> {
        let newest = Some(back.saturating_add(1));
        let ours = Filter { newest, ..Filter::of_project(scope.project) };
        let entries = self.entries(&ours)?;
        if let Some(entry) = entries.get(back) {
            return Ok(entry.clone());
        }
        if entries.is_empty() {
            return Err(self.empty(scope)?);
        }
        Err(SelectError::Few {
            wanted: Wanted::Last(back).to_string(),
            project: scope.project.to_owned(),
            there: entries.len(),
        })
    }

    fn select_word(&self, word: &str, scope: &Scope<'_>) -> Result<Option<Entry>, SelectError> {
        let ours = || Filter::of_project(scope.project);
        let name = Some(word.to_owned());
        if let Some(entry) = self.newest(Filter { name, ..ours() })? {
            return Ok(Some(entry));
        }
        let branch = Some(word.to_owned());
        if let Some(entry) = self.suitable(Filter { branch, ..ours() }, scope)? {
            return Ok(Some(entry));
        }
        let is_digits = word.len() >= LEAST_DIGITS
            && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_digits {
            let id = Some(word.to_owned());
            let mut candidates = self.entries(&Filter { id, ..Filter::default() })?;
            if candidates.len() > 1 {
                return Err(SelectError::Ambiguous { wanted: word.to_owned(), candidates });
            }
            if let Some(entry) = candidates.pop() {
                return Ok(Some(entry));
            }
        }
        if let Some(commit) = (scope.commit_of)(word) {
            let commit = Some(commit);
            if let Some(entry) = self.suitable(Filter { commit, ..ours() }, scope)? {
                return Ok(Some(entry));
            }
        }
        if !is_digits {
            return Ok(None);
        }
        let of_commit = Filter { commit: Some(word.to_owned()), ..ours() };
        let mut hashes: Vec<String> = self
            .entries(&of_commit)?
            .into_iter()
            .filter_map(|entry| entry.commit.map(|commit| commit.hash))
            .collect();
        hashes.sort_unstable();
        hashes.dedup();
        if hashes.len() > 1 {
            return Err(SelectError::AmbiguousCommit { wanted: word.to_owned(), hashes });
        }
        Ok(self.suitable(of_commit, scope)?)
    }

    /// The newest run that is suitable, else the newest complete one, else the newest one.
    fn suitable(&self, filter: Filter, scope: &Scope<'_>) -> Result<Option<Entry>, StoreError> {
        let complete = Filter { complete: true, newest: Some(MOST_TRIED), ..filter.clone() };
        let entries = self.entries(&complete)?;
        let found = entries.iter().find(|entry| (scope.is_suitable)(entry));
        match found.or(entries.first()) {
            Some(entry) => Ok(Some(entry.clone())),
            None => self.newest(filter),
        }
    }

    fn empty(&self, scope: &Scope<'_>) -> Result<SelectError, StoreError> {
        let others = self.entries(&Filter::default())?.len();
        Ok(SelectError::Empty { project: scope.project.to_owned(), others })
    }

    fn unknown(&self, wanted: &str, scope: &Scope<'_>) -> Result<SelectError, StoreError> {
        let entries = self.entries(&Filter::of_project(scope.project))?;
        if entries.is_empty() {
            return self.empty(scope);
        }
        let mut names: Vec<String> = Vec::new();
        let said = entries.iter().flat_map(|entry| {
            let branch = entry.branch().map(str::to_owned);
            entry.name.clone().into_iter().chain(branch)
        });
        for name in said {
            if names.len() < MOST_SHOWN && !names.contains(&name) {
                names.push(name);
            }
        }
        let (wanted, project) = (wanted.to_owned(), scope.project.to_owned());
        Ok(SelectError::Unknown { wanted, project, names })
    }
}
