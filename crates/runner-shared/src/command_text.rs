//! A command that is given as one text means what `sh` makes of it, wherever it is given. A text that `sh` would only
//! split into words is split here, so that no shell is measured and none is needed.
//!
//! Rules: POSIX.1-2024, Shell Command Language, 2.2 (quoting), 2.3 (tokens) and 2.9.1 (simple commands).
//!
//! All that has a meaning is ASCII, so texts are read byte by byte and need not be UTF-8.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
};

/// The meaning of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandText {
    /// A program and its arguments; nothing if the text is blank.
    Words(Vec<OsString>),
    /// Something for `sh -c`: several commands, redirections, variables, patterns, words of the shell.
    Shell,
}

/// A quote that is not closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a quote is not closed")]
pub struct OpenQuote;

/// Means something to the shell wherever it stands outside of quotes.
const OPERATORS: &str = "\n|&;<>()$`*?[";
/// Means something at the beginning of a word.
const AT_THE_BEGINNING: &str = "#~";
/// Mean something to the shell as the first word of a command, and are no programs.
const SHELL_WORDS: &[&str] = &[
    "!", ".", ":", "{", "alias", "bg", "break", "case", "cd", "command", "continue", "eval",
    "exec", "exit", "export", "fg", "for", "hash", "if", "jobs", "local", "read", "readonly",
    "return", "set", "shift", "source", "times", "trap", "type", "ulimit", "umask", "unalias",
    "unset", "until", "wait", "while",
];

impl CommandText {
    /// Reads a text.
    ///
    /// # Errors
    ///
    /// If a quote is not closed.
    pub fn read(text: impl AsRef<OsStr>) -> Result<Self, OpenQuote> {
        let text = letters(text.as_ref());
        let text = text.trim_matches([' ', '\t', '\n', '\r']);
        if needs_shell(text) {
            return Ok(Self::Shell);
        }
        let Ok(words) = shell_words::split(text) else { return Err(OpenQuote) };
        let first = words.first().map_or("", String::as_str);
        // Also where it is quoted: the shell knows which of these words are its own then.
        let is_shell = SHELL_WORDS.contains(&first) || assigns(first);
        Ok(if is_shell {
            Self::Shell
        } else {
            Self::Words(words.iter().map(|letters| word(letters)).collect())
        })
    }
}

/// Returns a text that a shell splits into these words.
pub fn join(words: &[OsString]) -> OsString {
    let words: Vec<String> = words.iter().map(|word| letters(word)).collect();
    word(&shell_words::join(words))
}

/// Returns a letter for each byte.
fn letters(text: &OsStr) -> String {
    text.as_bytes().iter().copied().map(char::from).collect()
}

/// Returns the bytes that the letters stand for.
fn word(letters: &str) -> OsString {
    OsString::from_vec(letters.chars().filter_map(|letter| u8::try_from(letter).ok()).collect())
}

/// Returns true if something outside of quotes needs a shell.
fn needs_shell(text: &str) -> bool {
    let (mut quote, mut begins) = (None, true);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let began = std::mem::replace(&mut begins, quote.is_none() && matches!(c, ' ' | '\t'));
        match (quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('\''), _) => {}
            (_, '\\') => {
                if chars.next() == Some('\n') {
                    return true;
                }
            }
            (Some(_), '$' | '`') => return true,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, _) => {
                if OPERATORS.contains(c) || (began && AT_THE_BEGINNING.contains(c)) {
                    return true;
                }
            }
        }
    }
    false
}

/// Returns true if a word sets a variable, as in `NAME=value`.
fn assigns(word: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    word.split_once('=').is_some_and(|(name, _)| {
        name.chars().all(fits) && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn words(text: &str) -> Vec<OsString> {
        match CommandText::read(text) {
            Ok(CommandText::Words(words)) => words,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_sh_would_only_split_is_split() {
        assert_eq!(words("./old 'in put.txt' -n"), ["./old", "in put.txt", "-n"]);
        assert_eq!(words("\n  a\t--b=c \n"), ["a", "--b=c"]);
        assert_eq!(
            words(r#"a 'x | y' "b; \$c" d\&e f#g h~i"#),
            ["a", "x | y", "b; $c", "d&e", "f#g", "h~i"]
        );
        assert_eq!(words("grep '*.c' \"a'b\""), ["grep", "*.c", "a'b"]);
        assert_eq!(words(" "), [""; 0]);
        assert_eq!(words("é 'ü ß'"), ["é", "ü ß"]);
        let odd = CommandText::read(OsStr::from_bytes(b"cat 'caf\xe9 au lait'")).unwrap();
        let odd_word = OsStr::from_bytes(b"caf\xe9 au lait").to_owned();
        let words = vec!["cat".into(), odd_word];
        assert_eq!(CommandText::read(join(&words)), Ok(odd.clone()));
        assert_eq!(odd, CommandText::Words(words));
        assert_eq!(join(&["a".into(), "é b".into()]), "a 'é b'");
    }

    #[test]
    fn all_else_is_for_a_shell() {
        for text in [
            "a && b",
            "a &&b",
            "a;b",
            "a ; b",
            "a\nb",
            "a \\\n b",
            "FOO=1 cmd",
            "_x= cmd",
            "echo $HOME",
            "echo \"$HOME\"",
            "echo $(date)",
            "echo `date`",
            "echo \"`date`\"",
            "ls *.c",
            "ls a?",
            "ls [ab]",
            "cat < in",
            "cat >out",
            "(a)",
            "ls ~",
            "a # b",
            "exit 3",
            "'exit' 3",
            "'A=1' x",
            "cd x",
            "if true",
            "! a",
            ". ./env",
            "a&",
        ] {
            assert_eq!(CommandText::read(text), Ok(CommandText::Shell), "{text}");
        }
    }

    #[test]
    fn an_open_quote_is_an_error() {
        for text in ["./old 'x", "a \"b"] {
            assert_eq!(CommandText::read(text), Err(OpenQuote), "{text}");
        }
    }
}
