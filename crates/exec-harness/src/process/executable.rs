//! Finds the program of a command once, so that no round searches `PATH`.

use std::{
    ffi::OsStr,
    io,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
};

use nix::unistd::{AccessFlags, access};
use runner_shared::{
    command_text::{CommandText, OpenQuote},
    fault::{Attempt, explain},
};

/// Why a command cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ExecutableError {
    /// Nowhere in `PATH`.
    #[error("`{name}` was not found in any folder of PATH")]
    NotInPath {
        /// The word as given.
        name: String,
    },
    /// A path that doesn't exist.
    #[error("`{}` does not exist", path.display())]
    Missing {
        /// The path as given.
        path: PathBuf,
    },
    /// A link whose target is not there.
    #[error("`{}` is a link to something that does not exist", path.display())]
    DeadLink {
        /// The path as given.
        path: PathBuf,
    },
    /// The system doesn't even say whether it is there.
    #[error("`{}` can't be reached: {why}", path.display())]
    Unreachable {
        /// The path as given, or a folder of `PATH`.
        path: PathBuf,
        /// In words.
        why: String,
    },
    /// Something else than a program.
    #[error("`{}` is {what}, no program", path.display())]
    NoFile {
        /// The path as given.
        path: PathBuf,
        /// A folder, or a device.
        what: &'static str,
    },
    /// A program for others.
    #[error("`{}` is a program that you may not run", path.display())]
    Forbidden {
        /// The path that was found.
        path: PathBuf,
    },
    /// A file that nobody may run.
    #[error("`{}` is not an executable file; `chmod +x` makes it one", path.display())]
    NotExecutable {
        /// The path that was found.
        path: PathBuf,
    },
    /// The word is empty.
    #[error("the name of the program is empty")]
    Empty,
    /// Unbalanced quotes.
    #[error("`{text}` is no command: a quote is not closed")]
    Quotes {
        /// The text as given.
        text: String,
    },
}

/// A program to run: where it is, and its words, its own name first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Executable {
    /// What is executed.
    pub path: PathBuf,
    /// The argument list; `argv[0]` is the word as the user gave it.
    pub argv: Vec<String>,
    /// The command is run by a shell.
    pub by_shell: bool,
}

impl Executable {
    /// Resolves a command given as words.
    ///
    /// A single word that is no program is a text. Everything is run by `sh -c` when `shell` is set.
    pub(crate) fn of_words(
        words: &[String],
        shell: bool,
        path_variable: Option<&OsStr>,
    ) -> Result<Self, ExecutableError> {
        if shell {
            return Self::by_shell(&words.join(" "), path_variable);
        }
        let name = words.first().ok_or(ExecutableError::Empty)?;
        match find(name, path_variable) {
            Ok(path) => Ok(Self { path, argv: words.to_vec(), by_shell: false }),
            Err(err) if words.len() > 1 => Err(err),
            Err(err) => match CommandText::read(name) {
                Ok(CommandText::Words(split)) if split == words => Err(err),
                _ => Self::of_text(name, false, path_variable),
            },
        }
    }

    /// Resolves a command given as one text, such as a hook: run by `sh -c` if only a shell can do it.
    pub(crate) fn of_text(
        text: &str,
        shell: bool,
        path_variable: Option<&OsStr>,
    ) -> Result<Self, ExecutableError> {
        if shell {
            return Self::by_shell(text, path_variable);
        }
        let words = match CommandText::read(text) {
            Ok(CommandText::Words(words)) => words,
            Ok(CommandText::Shell) => return Self::by_shell(text, path_variable),
            Err(OpenQuote) => return Err(ExecutableError::Quotes { text: text.to_owned() }),
        };
        let name = words.first().ok_or(ExecutableError::Empty)?;
        let path = find(name, path_variable)?;
        Ok(Self { path, argv: words, by_shell: false })
    }

    fn by_shell(text: &str, path_variable: Option<&OsStr>) -> Result<Self, ExecutableError> {
        let path = find("sh", path_variable).or_else(|_| find("/bin/sh", None))?;
        Ok(Self {
            path,
            argv: vec!["sh".to_owned(), "-c".to_owned(), text.to_owned()],
            by_shell: true,
        })
    }
}

/// Where the program `name` is: itself if it contains a slash, else the first hit in `PATH`.
pub(crate) fn find(name: &str, path_variable: Option<&OsStr>) -> Result<PathBuf, ExecutableError> {
    if name.is_empty() {
        return Err(ExecutableError::Empty);
    }
    if name.contains('/') {
        let path = PathBuf::from(name);
        return check(&path).map(|()| path);
    }
    let folders = path_variable.unwrap_or(OsStr::new("/usr/local/bin:/usr/bin:/bin"));
    let mut why_not = None;
    for folder in folders.as_bytes().split(|byte| *byte == b':') {
        // An empty entry means the working directory.
        let folder =
            if folder.is_empty() { Path::new(".") } else { Path::new(OsStr::from_bytes(folder)) };
        let path = folder.join(name);
        match check(&path) {
            Ok(()) => return Ok(path),
            // No program of that name is there.
            Err(ExecutableError::Missing { .. } | ExecutableError::NoFile { .. }) => {}
            Err(err) => {
                why_not.get_or_insert(err);
            }
        }
    }
    Err(why_not.unwrap_or_else(|| ExecutableError::NotInPath { name: name.to_owned() }))
}

/// Says why a file can't be started, as far as that shows before it is.
fn check(path: &Path) -> Result<(), ExecutableError> {
    let path = path.to_owned();
    let data = match path.metadata() {
        Ok(data) => data,
        Err(err) if err.kind() == io::ErrorKind::NotFound => {
            let is_link = path.symlink_metadata().is_ok();
            return Err(if is_link {
                ExecutableError::DeadLink { path }
            } else {
                ExecutableError::Missing { path }
            });
        }
        Err(err) => {
            let why = explain(&err, Attempt::Read).why;
            return Err(ExecutableError::Unreachable { path, why });
        }
    };
    if !data.is_file() {
        let what = if data.is_dir() { "a folder" } else { "a device or a pipe" };
        return Err(ExecutableError::NoFile { path, what });
    }
    match access(&path, AccessFlags::X_OK) {
        Ok(()) => Ok(()),
        Err(_) if data.permissions().mode() & 0o111 == 0 => {
            Err(ExecutableError::NotExecutable { path })
        }
        Err(_) => Err(ExecutableError::Forbidden { path }),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn file(folder: &Path, name: &str, mode: u32) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn programs_are_found_in_path_order_and_folders_are_skipped() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(one.path().join("tool")).unwrap();
        let wanted = file(two.path(), "tool", 0o755);
        let path = std::env::join_paths([one.path(), two.path()]).unwrap();
        let found = Executable::of_words(&words(&["tool", "x"]), false, Some(&path)).unwrap();
        let argv = words(&["tool", "x"]);
        assert_eq!(found, Executable { path: wanted, argv, by_shell: false });
    }

    #[test]
    fn each_reason_has_its_own_error() {
        let folder = tempfile::tempdir().unwrap();
        let plain = file(folder.path(), "plain", 0o644);
        let path = Some(folder.path().as_os_str());
        let err = |name: &str| Executable::of_words(&words(&[name]), false, path).unwrap_err();
        assert_eq!(err("nothing"), ExecutableError::NotInPath { name: "nothing".to_owned() });
        assert_eq!(err("plain"), ExecutableError::NotExecutable { path: plain });
        assert_eq!(err("./no/such"), ExecutableError::Missing { path: "./no/such".into() });
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        for (target, link) in [("gone", "dead"), ("round", "round")] {
            symlink(target, at(link)).unwrap();
        }
        for (path, why) in [
            (at(""), "is a folder, no program"),
            ("/dev/null".to_owned(), "is a device or a pipe, no program"),
            (at("dead"), "is a link to something that does not exist"),
            (at("round"), "can't be reached: its links lead around in a circle"),
            (at("plain/x"), "can't be reached: a part of its path is a file, no folder"),
            (at(&"n".repeat(300)), "can't be reached: its name is too long"),
        ] {
            assert_eq!(err(&path).to_string(), format!("`{path}` {why}"));
        }
        assert_eq!(err(""), ExecutableError::Empty);
        let quotes = Executable::of_text("echo 'x", false, path).unwrap_err();
        assert_eq!(quotes, ExecutableError::Quotes { text: "echo 'x".to_owned() });
    }

    #[test]
    fn one_word_of_shell_text_is_run_by_the_shell_unless_it_is_a_program() {
        let folder = tempfile::tempdir().unwrap();
        let odd = file(folder.path(), "a b", 0o755);
        let path = std::env::join_paths([folder.path(), Path::new("/bin")]).unwrap();
        let resolve = |list: &[&str]| Executable::of_words(&words(list), false, Some(&path));
        assert_eq!(resolve(&["a b"]).unwrap().path, odd);
        let piped = resolve(&["true | cat"]).unwrap();
        assert!(piped.by_shell);
        assert_eq!(piped.argv, ["sh", "-c", "true | cat"]);
        assert!(resolve(&["no-such-program", "|"]).is_err(), "several words are no shell text");
        let split = resolve(&["true 'a b'"]).unwrap();
        assert_eq!((split.by_shell, &split.argv[..]), (false, &words(&["true", "a b"])[..]));
        let hook = |text| Executable::of_text(text, false, Some(&path)).unwrap();
        assert!(
            hook("exit 3").by_shell && hook("rm -rf out/*").by_shell && !hook("true x").by_shell
        );
    }
}
