//! Every name once, and the short forms `(id) name` and `(id)` of the format.

use std::{collections::HashMap, sync::Arc};

use runner_shared::{
    bounds::{Allowance, CALLGRIND_NAMES_BYTES, size},
    text::bytes_as_text,
};

use super::{hash::FastBuild, line::number};

/// A name by its number in [`Names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NameId(u32);

/// Bytes of a name in the tables besides its text.
const NAME: u64 = 200;
/// Bytes of a short form in them.
const SHORT: u64 = 32;

/// All names of a file: objects, files and functions alike.
#[derive(Debug)]
pub(crate) struct Names {
    ids: HashMap<Box<[u8]>, NameId, FastBuild>,
    texts: Vec<Arc<str>>,
    room: Allowance,
    /// The name of all that have no room.
    others: Option<NameId>,
}

impl Default for Names {
    fn default() -> Self {
        Self::within(CALLGRIND_NAMES_BYTES)
    }
}

impl Names {
    /// The name that callgrind writes for "not known".
    pub(crate) const UNKNOWN: &'static str = "???";
    /// The name of those for which there is no room.
    pub(super) const OTHERS: &'static str = "(others)";

    /// Names that take at most so many bytes.
    pub(super) fn within(bytes: u64) -> Self {
        let room = Allowance::of(bytes);
        Self { ids: HashMap::default(), texts: Vec::new(), room, others: None }
    }

    /// The number of a name, new or not.
    pub(super) fn id(&mut self, name: &[u8]) -> NameId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let text = bytes_as_text(name);
        if !self.room.take(NAME + size(name.len()) + size(text.len())) {
            return self.others();
        }
        let id = self.push(text.into());
        self.ids.insert(name.into(), id);
        id
    }

    /// The number of the name of those that have no room.
    pub(super) fn others(&mut self) -> NameId {
        if let Some(known) = self.others {
            return known;
        }
        let id = self.push(Self::OTHERS.into());
        self.others = Some(id);
        id
    }

    /// Names for which there was no room; some of them several times.
    pub(super) fn left_out(&self) -> u64 {
        self.room.left_out()
    }

    fn push(&mut self, text: Arc<str>) -> NameId {
        // There is no room for so many.
        let id = NameId(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        self.texts.push(text);
        id
    }

    /// The name.
    pub(crate) fn text(&self, id: NameId) -> Arc<str> {
        let text = usize::try_from(id.0).ok().and_then(|at| self.texts.get(at));
        text.map_or_else(|| Self::UNKNOWN.into(), Arc::clone)
    }
}

/// The short forms of one kind of name: objects, files or functions.
#[derive(Debug, Default)]
pub(super) struct Short(HashMap<u64, NameId, FastBuild>);

impl Short {
    /// The name that is meant; `None` for a number that was never explained.
    pub(super) fn resolve(&mut self, text: &[u8], names: &mut Names) -> Option<NameId> {
        let Some((number, name)) = split(text) else { return Some(names.id(text)) };
        if name.is_empty() {
            return self.0.get(&number).copied();
        }
        let id = names.id(name);
        if self.0.contains_key(&number) || names.room.take(SHORT) {
            self.0.insert(number, id);
        }
        Some(id)
    }
}

/// `(12) name` and `(12)`, but not `(below main)`.
fn split(text: &[u8]) -> Option<(u64, &[u8])> {
    let inner = text.strip_prefix(b"(")?;
    inner.first().filter(|first| first.is_ascii_digit())?;
    let (number, rest) = number(inner)?;
    let rest = rest.strip_prefix(b")")?;
    match rest {
        [] => Some((number, rest)),
        [b' ', name @ ..] => Some((number, name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_bound_are_one() {
        let mut names = Names::within(3 * (NAME + 2));
        let ids: Vec<NameId> = (b'a'..b'f').map(|letter| names.id(&[letter])).collect();
        let texts: Vec<_> = ids.iter().map(|id| names.text(*id)).collect();
        assert_eq!(
            texts.iter().map(|text| &**text).collect::<Vec<_>>(),
            ["a", "b", "c", "(others)", "(others)"]
        );
        assert_eq!(names.left_out(), 2);
        assert_eq!(names.id(b"b"), ids[1]);
    }

    #[test]
    fn short_names_are_explained_once_and_may_change() {
        let mut names = Names::default();
        let mut short = Short::default();
        let mut text = |of: &str| {
            let id = short.resolve(of.as_bytes(), &mut names);
            id.map(|id| names.text(id).to_string())
        };
        assert_eq!(text("(1) main"), Some("main".to_owned()));
        assert_eq!(text("(1)"), Some("main".to_owned()));
        assert_eq!(text("(2)"), None);
        assert_eq!(text("(1) other"), Some("other".to_owned()));
        assert_eq!(text("(1)"), Some("other".to_owned()));
        assert_eq!(text("main"), Some("main".to_owned()));
        assert_eq!(text("(below main)"), Some("(below main)".to_owned()));
        assert_eq!(text("(1)x"), Some("(1)x".to_owned()));
        assert_eq!(text(""), Some(String::new()));
    }
}
