//! Python's memory: small objects live in arenas of its own, which no instrument sees, unless it is told to use `malloc`.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
};

use runner_shared::{env_names, text::as_text};
use system::files::{self, Links};

use super::interpreters::is_free_threaded;
use crate::{env::Env, settings::options::PythonAllocator, tools, workload::Workload};

/// What Python allocates with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Python {
    /// `malloc`, because we told it so.
    Told,
    /// `malloc`, because the user told it so.
    Malloc,
    /// Its own arenas, because the user wants it so.
    Own,
    /// Its own arenas: it is a build without a global lock, which can't do without them.
    FreeThreaded,
}

/// The environment with Python's allocator chosen. `trouble` gets what is to be told of a Python that was asked in vain.
pub(super) fn prepared(
    env: Env,
    cwd: &Path,
    wanted: Option<PythonAllocator>,
    trouble: &mut Vec<String>,
) -> (Env, Python) {
    let told = env.get(env_names::PYTHONMALLOC).map(|value| as_text(&value).into_owned());
    match (wanted, told) {
        (Some(PythonAllocator::Own), told) | (None, told @ Some(_)) => {
            let is_malloc = told.is_some_and(|value| value.starts_with("malloc"));
            (env, if is_malloc { Python::Malloc } else { Python::Own })
        }
        (Some(PythonAllocator::Malloc), _) | (None, None) => {
            let env = env.without(&[env_names::PYTHONMALLOC]);
            // Such builds don't start with it.
            if is_free_threaded(&env, cwd, trouble) {
                (env, Python::FreeThreaded)
            } else {
                (env.with(env_names::PYTHONMALLOC, "malloc"), Python::Told)
            }
        }
    }
}

impl Python {
    /// Returns whether we made it allocate each object with `malloc`.
    pub(super) const fn is_told(self) -> bool {
        matches!(self, Self::Told)
    }

    /// Returns whether memory is shared out where no allocator sees it.
    pub(super) const fn has_arenas(self) -> bool {
        matches!(self, Self::Own | Self::FreeThreaded)
    }

    /// Returns what has to be said below the numbers, if Python is likely to be in them.
    pub(super) fn remark(self, workload: &Workload, cwd: &Path, env: &Env) -> Option<String> {
        let text = match self {
            _ if !runs_python(workload, cwd, env) => return None,
            Self::Malloc => return None,
            Self::Told => {
                "Python allocates each object with malloc (PYTHONMALLOC=malloc), so all are counted; use \
                    `--python-allocator own` for its default, which keeps small objects in arenas"
            }
            Self::Own => {
                "Python kept small objects in arenas: single objects are not counted (memory mapped for arenas is \
                    listed separately); use `--python-allocator malloc` to count each object"
            }
            Self::FreeThreaded => {
                "this Python is free-threaded and keeps small objects in arenas: single objects are not counted \
                    (memory mapped for arenas is listed separately)"
            }
        };
        Some(text.to_owned())
    }
}

/// Returns whether a command is Python, or a script that says so in its first line.
fn runs_python(workload: &Workload, cwd: &Path, env: &Env) -> bool {
    let is_python = |word: &str| {
        let name = word.rsplit('/').next().unwrap_or(word);
        let known = ["python", "pypy", "pytest"].iter().any(|known| name.starts_with(known));
        known || (is_name(word) && script_of_python(word, cwd, env))
    };
    match workload {
        Workload::Suite(text) => as_text(text).split_whitespace().any(is_python),
        Workload::Commands { targets, .. } => targets
            .iter()
            .flat_map(|target| &target.command)
            .any(|word| as_text(word).split_whitespace().any(is_python)),
    }
}

/// Options and shell text are no names of programs.
fn is_name(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_alphanumeric() || "./_".contains(letter))
        && !word.contains(['=', '(', ')', '$', '*', ';', '|', '&', '<', '>', '\'', '"'])
}

fn script_of_python(word: &str, cwd: &Path, env: &Env) -> bool {
    let path = if word.contains('/') { Some(cwd.join(word)) } else { tools::find(word, env) };
    let Some(file) = path.and_then(|path| files::open(&path, Links::Follow).ok()) else {
        return false;
    };
    let mut first = Vec::new();
    let read = BufReader::new(file.take(256)).read_until(b'\n', &mut first);
    let first = String::from_utf8_lossy(&first);
    read.is_ok() && first.starts_with("#!") && first.contains("python")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env() -> Env {
        Env::default().with(env_names::PATH, "/nowhere")
    }

    fn suite(text: &str) -> Workload {
        Workload::Suite(text.into())
    }

    #[test]
    fn the_user_s_choice_counts_more_than_ours() {
        let of = |env, wanted| {
            let (env, python) = prepared(env, Path::new("/"), wanted, &mut Vec::new());
            let value = env.get(env_names::PYTHONMALLOC).map(|value| as_text(&value).into_owned());
            (value, python)
        };
        let malloc = || Some("malloc".to_owned());
        assert_eq!(of(env(), None), (malloc(), Python::Told));
        assert_eq!(of(env(), Some(PythonAllocator::Own)), (None, Python::Own));
        let theirs = || env().with(env_names::PYTHONMALLOC, "pymalloc");
        assert_eq!(of(theirs(), None), (Some("pymalloc".to_owned()), Python::Own));
        assert_eq!(of(theirs(), Some(PythonAllocator::Malloc)), (malloc(), Python::Told));
        let debug = env().with(env_names::PYTHONMALLOC, "malloc_debug");
        assert_eq!(of(debug, None).1, Python::Malloc);
    }

    #[test]
    fn only_runs_of_python_are_told_about_its_arenas() {
        for text in ["pytest tests --codspeed", "cd x && /usr/bin/python3.11 -m y", "A=1 pypy3 x"] {
            assert!(Python::Told.remark(&suite(text), Path::new("/"), &env()).is_some(), "{text}");
        }
        for text in ["cargo codspeed run", "./run --python", "echo 'python"] {
            assert_eq!(Python::Told.remark(&suite(text), Path::new("/"), &env()), None, "{text}");
        }
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("tool");
        std::fs::write(&script, "#!/usr/bin/env python3\n").unwrap();
        let text = format!("{} now", as_text(&script));
        assert!(Python::Own.remark(&suite(&text), Path::new("/"), &env()).is_some());
        assert_eq!(Python::Malloc.remark(&suite(&text), Path::new("/"), &env()), None);
    }
}
