//! The number of benchmarks that a report may hold, whatever the mode: a folder may name any number of them.

use runner_shared::bounds::{self, Allowance, BENCHMARKS, NAME_BYTES, URI_BYTES, Unit, size};

/// The room for benchmarks in one report.
#[derive(Debug)]
pub(super) struct Room {
    benchmarks: Allowance,
    uris: Allowance,
}

impl Default for Room {
    fn default() -> Self {
        Self { benchmarks: Allowance::of(size(BENCHMARKS)), uris: Allowance::of(URI_BYTES) }
    }
}

impl Room {
    /// Takes the room for a benchmark with this identity; without room it is counted, and `false` is returned.
    pub(super) fn takes(&mut self, uri: &str) -> bool {
        self.benchmarks.take(1) && self.uris.take(size(uri.len()))
    }

    /// A sentence about what had no room.
    pub(super) fn warning(&self) -> Option<String> {
        let left_out = self.benchmarks.left_out() + self.uris.left_out();
        let text = || {
            format!(
                "too many benchmarks (at most {} are read, with names of {} altogether): {left_out} are left out",
                bounds::shown(size(BENCHMARKS), Unit::Items),
                bounds::shown(URI_BYTES, Unit::Bytes)
            )
        };
        (left_out > 0).then(text)
    }
}

/// The end of a name that was cut.
const ELLIPSIS: &str = "…";

/// A name as it is shown: at most [`NAME_BYTES`] of it.
pub(super) fn shown_name(name: String) -> String {
    if name.len() <= NAME_BYTES {
        return name;
    }
    let end = name.floor_char_boundary(NAME_BYTES - ELLIPSIS.len());
    format!("{}{ELLIPSIS}", name.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_suite_is_complete_up_to_the_bound() {
        let mut room = Room::default();
        assert!((0..BENCHMARKS).all(|_| room.takes("tests/a.py::b")));
        assert_eq!(room.warning(), None);
        assert!(!room.takes("c") && !room.takes("d"));
        let text = room.warning().unwrap();
        assert!(text.contains("50,000") && text.ends_with("2 are left out"), "{text}");
        let mut room = Room::default();
        let long = "x".repeat(20 << 20);
        assert!(room.takes(&long) && !room.takes(&long) && room.takes("short"));
    }

    #[test]
    fn names_are_cut_between_characters() {
        assert_eq!(shown_name("short".to_owned()), "short");
        let cut = shown_name("é".repeat(600));
        assert!(cut.len() <= NAME_BYTES && cut.ends_with("é…"), "{}", cut.len());
    }
}
