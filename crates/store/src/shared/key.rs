//! Keys of a shared store: each names a record, and sorts by the time of its run among those of its project.

use std::{fmt, str::FromStr};

use crate::{Entry, Record, RecordId};

/// Digits of the time in a key: enough until the year 33658, and until then keys sort like numbers.
const TIME_DIGITS: usize = 15;
/// The latest time that has so many digits.
const LAST_MS: u64 = 999_999_999_999_999;
/// Letters of the project's name in the name of its folder.
const NAME_LETTERS: usize = 40;
/// Digits of the digest behind them, which tells projects apart whose names look alike.
const DIGEST_DIGITS: usize = 8;

/// Behind the ID of a run that has a name of its own, so that it is found however old it is.
const NAMED: &str = "-named";

/// The name of a record in a shared store: `<project>/<time>-<id>.zst`, or `<project>/<time>-<id>-named.zst`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SharedKey {
    /// The start of its run, milliseconds since 1970.
    pub time_ms: u64,
    /// The record.
    pub id: RecordId,
    /// The folder of its project.
    pub folder: String,
    /// True if the user has given the run a name.
    pub is_named: bool,
}

impl SharedKey {
    /// Returns the key of a record, whose ID this is.
    pub fn of(record: &Record, id: RecordId) -> Self {
        Self::new(id, record.time_ms, &record.project, record.name.is_some())
    }

    /// Returns the key of the record that this entry is of.
    pub fn of_entry(entry: &Entry) -> Self {
        Self::new(entry.id, entry.time_ms, &entry.project, entry.name.is_some())
    }

    fn new(id: RecordId, time_ms: u64, project: &str, is_named: bool) -> Self {
        Self { time_ms: time_ms.min(LAST_MS), id, folder: folder_of(project), is_named }
    }

    /// Returns its last part, in which the folder is missing.
    pub(super) fn name(&self) -> String {
        let named = if self.is_named { NAMED } else { "" };
        format!("{}-{}{named}.zst", time(self.time_ms), self.id)
    }
}

/// Returns a time as it is in keys.
pub(super) fn time(time_ms: u64) -> String {
    format!("{:0TIME_DIGITS$}", time_ms.min(LAST_MS))
}

/// Returns the folder of a project: its name as far as any object store and file system takes it, and a digest.
pub(super) fn folder_of(project: &str) -> String {
    let plain = |letter: char| match letter {
        'a'..='z' | '0'..='9' => letter,
        'A'..='Z' => letter.to_ascii_lowercase(),
        _ => '-',
    };
    let name: String = project.chars().take(NAME_LETTERS).map(plain).collect();
    let digest: String =
        RecordId::of(project.as_bytes()).to_string().chars().take(DIGEST_DIGITS).collect();
    format!("{name}-{digest}")
}

impl fmt::Display for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.folder, self.name())
    }
}

impl FromStr for SharedKey {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (folder, name) = text.split_once('/').ok_or(())?;
        let (time, id) =
            name.strip_suffix(".zst").and_then(|name| name.split_once('-')).ok_or(())?;
        if time.len() != TIME_DIGITS || !time.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(());
        }
        let (id, is_named) = match id.strip_suffix(NAMED) {
            Some(id) => (id, true),
            None => (id, false),
        };
        let (time_ms, id) = (time.parse().map_err(drop)?, id.parse().map_err(drop)?);
        Ok(Self { time_ms, id, folder: folder.to_owned(), is_named })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let record =
            Record { time_ms: u64::MAX, project: "acme/Wi dgets".into(), ..Record::default() };
        let key = SharedKey::of(&record, RecordId::of(b"one"));
        assert_eq!(key.time_ms, LAST_MS);
        assert!(key.to_string().starts_with("acme-wi-dgets-"), "{key}");
        assert_eq!(key.to_string().parse(), Ok(key.clone()));
        let named = SharedKey { is_named: true, ..key };
        assert!(named.to_string().ends_with("-named.zst"), "{named}");
        assert_eq!(named.to_string().parse(), Ok(named));
    }

    #[test]
    fn an_entry_has_the_key_of_its_record() {
        let plain = Record { version: Record::VERSION, time_ms: 7, ..Record::default() };
        let named = Record { name: Some("a".into()), project: "b".into(), ..plain.clone() };
        let late = Record { time_ms: u64::MAX, ..plain.clone() };
        for record in [plain, named, late] {
            let packed = record.pack().unwrap();
            let entry = Entry::of(&packed, &record);
            assert_eq!(SharedKey::of_entry(&entry), SharedKey::of(&record, packed.id));
        }
    }

    #[test]
    fn projects_that_look_alike_have_folders_of_their_own() {
        let folders =
            ["acme/widgets", "acme-widgets", "ACME/widgets", "", "-", "ä", "ö"].map(folder_of);
        let distinct: std::collections::BTreeSet<&String> = folders.iter().collect();
        assert_eq!(distinct.len(), folders.len());
        let is_plain =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        assert!(folders.iter().all(|folder| folder.chars().all(is_plain)), "{folders:?}");
    }

    #[test]
    fn other_names_are_no_keys() {
        let id = RecordId::of(b"one");
        for text in [
            format!("p/1-{id}.zst"),
            format!("p/00000000000000a-{id}.zst"),
            format!("000000000000001-{id}.zst"),
            "p/000000000000001-ffff.zst".to_owned(),
            format!("p/q/000000000000001-{id}.zst"),
            format!("p/000000000000001-{id}.zst.tmp"),
        ] {
            assert!(text.parse::<SharedKey>().is_err(), "{text}");
        }
    }
}
