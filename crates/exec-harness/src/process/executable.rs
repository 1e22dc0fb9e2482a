//! Finds the program of a command once, so that no round searches `PATH`.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use runner_shared::{
    command_text::{CommandText, OpenQuote},
    program::{self, ProgramError},
    text::shown,
};

/// The reason why a command cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ExecutableError {
    /// The program can't.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// Unbalanced quotes.
    #[error("`{}` is not a valid command: a quote is not closed", shown(text))]
    Quotes {
        /// The text as given.
        text: OsString,
    },
}

/// A program to run: where it is, and its words, its own name first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Executable {
    /// The program to execute.
    pub path: PathBuf,
    /// The argument list; `argv[0]` is the word as the user gave it.
    pub argv: Vec<OsString>,
    /// The command is run by a shell.
    pub by_shell: bool,
}

impl Executable {
    /// Resolves a command given as words.
    ///
    /// A single word that is no program is a text. Everything is run by `sh -c` when `shell` is set.
    pub(crate) fn of_words(
        words: &[OsString],
        shell: bool,
        path_variable: Option<&OsStr>,
    ) -> Result<Self, ExecutableError> {
        if shell {
            return Self::by_shell(&words.join(OsStr::new(" ")), path_variable);
        }
        let name = words.first().ok_or(ProgramError::Empty)?;
        match find(name, path_variable) {
            Ok(path) => Ok(Self { path, argv: words.to_vec(), by_shell: false }),
            Err(err) if words.len() > 1 => Err(err.into()),
            Err(err) => match CommandText::read(name) {
                Ok(CommandText::Words(split)) if split == words => Err(err.into()),
                _ => Self::of_text(name, false, path_variable),
            },
        }
    }

    /// Resolves a command given as one text, such as a hook: run by `sh -c` if only a shell can do it.
    pub(crate) fn of_text(
        text: &OsStr,
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
        let name = words.first().ok_or(ProgramError::Empty)?;
        let path = find(name, path_variable)?;
        Ok(Self { path, argv: words, by_shell: false })
    }

    fn by_shell(text: &OsStr, path_variable: Option<&OsStr>) -> Result<Self, ExecutableError> {
        let [name, elsewhere] = ["sh", "/bin/sh"].map(OsStr::new);
        let path = find(name, path_variable).or_else(|_| find(elsewhere, None))?;
        let argv = vec!["sh".into(), "-c".into(), text.to_owned()];
        Ok(Self { path, argv, by_shell: true })
    }
}

/// Returns where the program `name` is, for this process.
pub(crate) fn find(name: &OsStr, path_variable: Option<&OsStr>) -> Result<PathBuf, ProgramError> {
    program::find(name, path_variable, Path::new(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(Into::into).collect()
    }

    #[test]
    fn a_text_with_an_open_quote_is_named() {
        let quotes = Executable::of_text(OsStr::new("echo 'x"), false, None).unwrap_err();
        assert_eq!(quotes.to_string(), "`echo 'x` is not a valid command: a quote is not closed");
        let empty = Executable::of_words(&words(&[""]), false, None).unwrap_err();
        assert_eq!(empty, ProgramError::Empty.into());
    }

    #[test]
    fn one_word_of_shell_text_is_run_by_the_shell() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("a b");
        std::os::unix::fs::symlink("/bin/true", &odd).unwrap();
        let path = std::env::join_paths([folder.path(), Path::new("/bin")]).unwrap();
        let resolve = |list: &[&str]| Executable::of_words(&words(list), false, Some(&path));
        assert_eq!(resolve(&["a b"]).unwrap().path, odd);
        let piped = resolve(&["true | cat"]).unwrap();
        assert!(piped.by_shell);
        assert_eq!(piped.argv, ["sh", "-c", "true | cat"]);
        assert!(resolve(&["no-such-program", "|"]).is_err(), "several words are no shell text");
        let split = resolve(&["true 'a b'"]).unwrap();
        assert_eq!((split.by_shell, &split.argv[..]), (false, &words(&["true", "a b"])[..]));
        let hook = |text: &str| Executable::of_text(OsStr::new(text), false, Some(&path)).unwrap();
        assert!(
            hook("exit 3").by_shell && hook("rm -rf out/*").by_shell && !hook("true x").by_shell
        );
    }
}
