//! Rule: every Rust file opens by saying what it is for.

use super::{File, Finding};

/// Prose of its own, or that of a document beside it.
const HEADS: [&str; 2] = ["//!", "#![doc = include_str!("];

pub(super) fn check(file: &File) -> Vec<Finding> {
    if file.rust.is_none() || HEADS.iter().any(|head| file.text.starts_with(head)) {
        return Vec::new();
    }
    vec![file.finding(
        1,
        "heads",
        "start the file with `//!` and one sentence that says what it is for",
    )]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rust_file_needs_a_head() {
        assert_eq!(check(&File::new("a.rs", "// a\n")).len(), 1);
        assert_eq!(check(&File::new("a.rs", "")).len(), 1);
        assert_eq!(check(&File::new("a.rs", "//! Counts.\n")), []);
        assert_eq!(check(&File::new("a.rs", "#![doc = include_str!(\"A.md\")]\n")), []);
        assert_eq!(check(&File::new("a.md", "# a\n")), []);
    }
}
