//! Words and paths of the system in JSON: a string if they are UTF-8, as all programs of this protocol read and write
//! them, else an object `{"bytes": [99, 97, 102, 233]}`, which older ones refuse rather than take for another word.

use std::{
    borrow::Cow,
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A word as it is written.
#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a string, or an object whose key `bytes` is a list of bytes"
)]
enum Wire<'a> {
    Text(Cow<'a, str>),
    Bytes(Bytes<'a>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bytes<'a> {
    bytes: Cow<'a, [u8]>,
}

impl<'a> Wire<'a> {
    fn of(word: &'a OsStr) -> Self {
        match word.to_str() {
            Some(text) => Self::Text(text.into()),
            None => Self::Bytes(Bytes { bytes: word.as_bytes().into() }),
        }
    }

    fn word(self) -> OsString {
        match self {
            Self::Text(text) => text.into_owned().into(),
            Self::Bytes(Bytes { bytes }) => OsString::from_vec(bytes.into_owned()),
        }
    }
}

/// For a field that is a list of words.
pub(crate) mod list {
    use super::{Deserialize, Deserializer, OsString, Serializer, Wire};

    pub(crate) fn serialize<S: Serializer>(words: &[OsString], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(words.iter().map(|word| Wire::of(word)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<OsString>, D::Error> {
        let words = Vec::<Wire<'_>>::deserialize(from)?;
        Ok(words.into_iter().map(Wire::word).collect())
    }
}

/// For a field that is a word or nothing.
pub(crate) mod option {
    use super::{Deserialize, Deserializer, OsString, Serialize, Serializer, Wire};

    #[expect(clippy::ref_option, reason = "serde passes references to fields")]
    pub(crate) fn serialize<S: Serializer>(
        word: &Option<OsString>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        word.as_deref().map(Wire::of).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<OsString>, D::Error> {
        Ok(Option::<Wire<'_>>::deserialize(from)?.map(Wire::word))
    }
}
