//! Every name once, and the short forms `(id) name` and `(id)` of the format.

use std::{collections::HashMap, sync::Arc};

use runner_shared::text::bytes_as_text;

use super::{hash::FastBuild, line::number};

/// A name by its number in [`Names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NameId(u32);

/// All names of a file: objects, files and functions alike.
#[derive(Debug, Default)]
pub(crate) struct Names {
    ids: HashMap<Box<[u8]>, NameId, FastBuild>,
    texts: Vec<Arc<str>>,
}

impl Names {
    /// What callgrind writes for "not known".
    pub(crate) const UNKNOWN: &'static str = "???";

    /// The number of a name, new or not.
    pub(super) fn id(&mut self, name: &[u8]) -> NameId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        // Four thousand million names don't fit in memory.
        let id = NameId(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        self.texts.push(bytes_as_text(name).into());
        self.ids.insert(name.into(), id);
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
        self.0.insert(number, id);
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
