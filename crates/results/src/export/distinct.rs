//! Names that have to be different within a file, whatever benchmarks are called.

use std::collections::HashMap;

/// The names so far, each with the last number that was tried for it.
#[derive(Debug, Default)]
pub(super) struct Distinct(HashMap<String, u32>);

impl Distinct {
    /// Returns a name that was not returned before: `named` of the first number from `first` on that gives one. The same
    /// `key` has the same names.
    pub(super) fn name(&mut self, key: &str, first: u32, named: impl Fn(u32) -> String) -> String {
        let next = self.0.get(key).map_or(first, |last| last.saturating_add(1).max(first));
        let mut tried = (next..=u32::MAX).map(|number| (number, named(number)));
        let free = tried.find(|(_, name)| !self.0.contains_key(name));
        let (number, name) = free.unwrap_or_default();
        self.0.insert(key.to_owned(), number);
        self.0.entry(name.clone()).or_insert(1);
        name
    }
}
