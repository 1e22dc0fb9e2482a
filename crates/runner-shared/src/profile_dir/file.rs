//! A kind of file in a profile folder: its name, made and taken apart.

use std::{fmt::Display, str::FromStr};

use super::NOT_ARCHIVED;
use crate::mode::Mode;

/// A kind of file in a profile folder. The words are those of the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileFile {
    /// Path below the profile folder. What is in angle brackets stands for a key, such as the number of a process.
    pub path: &'static str,
    /// Modes whose runs may leave it.
    pub modes: &'static [Mode],
    /// The program that writes it.
    pub writer: &'static str,
    /// Those who read it.
    pub readers: &'static str,
    /// Its content.
    pub content: &'static str,
}

impl ProfileFile {
    /// Returns the folder below the profile folder in which it lies; nothing for the profile folder itself.
    pub fn folder(&self) -> Option<&'static str> {
        self.path.rsplit_once('/').map(|(folder, _)| folder)
    }

    /// Returns the file name. Of a kind with a key, this is the pattern.
    pub fn name(&self) -> &'static str {
        self.path.rsplit_once('/').map_or(self.path, |(_, name)| name)
    }

    /// Returns the name of the file with this key, or the one name of a kind without keys.
    pub fn named(&self, key: impl Display) -> String {
        match self.around() {
            Some((before, after)) => format!("{before}{key}{after}"),
            None => self.name().to_owned(),
        }
    }

    /// Returns the key in a file name; `None` for the name of another kind, or of one without keys.
    pub fn key<'n>(&self, name: &'n str) -> Option<&'n str> {
        let (before, after) = self.around()?;
        let key = name.strip_prefix(before)?.strip_suffix(after)?;
        (!key.is_empty()).then_some(key)
    }

    /// Returns the number in a file name whose key is one, such as that of a process.
    pub fn number<N: FromStr>(&self, name: &str) -> Option<N> {
        self.key(name)?.parse().ok()
    }

    /// Returns whether this is the name of a file of this kind, whatever its key is.
    pub fn is(&self, name: &str) -> bool {
        name == self.name() || self.key(name).is_some()
    }

    /// Returns the word in its name that says what is in it: `RoundLog` of `<pid>.RoundLog.msgpack`.
    pub fn kind(&self) -> &'static str {
        let name = self.name().rsplit('>').next().unwrap_or_default().trim_start_matches('.');
        name.split_once('.').map_or(name, |(kind, _)| kind)
    }

    /// Returns whether archives contain it.
    pub fn is_uploaded(&self) -> bool {
        !self.path.starts_with(NOT_ARCHIVED)
    }

    /// Returns what is before and behind the key; `None` for a kind without keys.
    fn around(&self) -> Option<(&'static str, &'static str)> {
        let (before, _) = self.name().split_once('<')?;
        let (_, after) = self.name().rsplit_once('>')?;
        Some((before, after))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        CALLGRIND, EARLIER_CALLGRIND, ENVIRONMENT, FILES, LOG, PREEMPTIONS, ROUND_LOG, SYMBOLS,
    };

    #[test]
    fn keys_are_put_in_and_taken_out_again() {
        assert_eq!(ENVIRONMENT.named(7), "environment-7.json");
        assert_eq!(ENVIRONMENT.number("environment-7.json"), Some(7));
        assert_eq!(ENVIRONMENT.number::<u32>("environment-x.json"), None);
        assert_eq!(ENVIRONMENT.key("environment-.json"), None);
        assert_eq!(SYMBOLS.key("0__libc.so.6.symbols.map"), Some("0__libc.so.6"));
        assert_eq!(CALLGRIND.number::<u32>("7.1.out"), None);
        assert_eq!(EARLIER_CALLGRIND.named(format_args!("{}.{}", 7, 1)), "7.1.out");
        for file in FILES.iter().filter(|file| file.path.contains('<')) {
            assert_eq!(file.number(&file.named(42)), Some(42), "{}", file.path);
        }
    }

    #[test]
    fn a_file_without_a_key_has_one_name() {
        assert!(LOG.is("runner.log") && !LOG.is("runner.log.old") && !LOG.is("a.log"));
        assert!(ROUND_LOG.is("7.RoundLog.msgpack") && !ROUND_LOG.is("RoundLog.msgpack"));
        assert_eq!((LOG.key("runner.log"), LOG.key("runner.log.old")), (None, None));
        assert_eq!(LOG.named(7), "runner.log");
    }

    #[test]
    fn folders_and_kinds_are_parts_of_the_path() {
        assert_eq!((ROUND_LOG.folder(), ROUND_LOG.kind()), (Some("results"), "RoundLog"));
        assert_eq!((PREEMPTIONS.folder(), PREEMPTIONS.kind()), (Some(".codspeed"), "Preemptions"));
        assert_eq!((LOG.folder(), LOG.name()), (None, "runner.log"));
    }
}
