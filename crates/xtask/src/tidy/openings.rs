//! Rule: doc comments open with a noun or a verb. Counts the paragraphs of each crate that open with a question word.

use std::collections::BTreeMap;

use super::{Finding, Tree};

/// Openings that make a reader guess: "What it is called" instead of "The name".
const QUESTIONS: &[&str] =
    &["What", "Who", "Whose", "Whom", "Whether", "Where", "How", "When", "Why", "Until"];

/// The share of such openings that a crate may have, in per mille of its paragraphs.
const CEILING: usize = 30;

/// The paragraphs of a crate's documentation.
#[derive(Debug, Default)]
struct Paragraphs {
    all: usize,
    questions: usize,
}

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut crates: BTreeMap<&str, Paragraphs> = BTreeMap::new();
    for file in tree.files.iter().filter(|file| file.rust.is_some()) {
        let Some(package) = file.package() else { continue };
        let counted = crates.entry(package).or_default();
        for opening in openings(&file.text) {
            counted.all += 1;
            counted.questions += usize::from(is_question(opening));
        }
    }
    crates.iter().filter_map(|(package, counted)| verdict(package, counted)).collect()
}

/// Returns the first lines of the paragraphs in doc comments, without the slashes.
fn openings(text: &str) -> impl Iterator<Item = &str> {
    let mut within = false;
    text.lines().filter_map(move |line| {
        let line = line.trim_start();
        let prose = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
        let prose = prose.map(str::trim).filter(|prose| !prose.is_empty());
        let opens = !within;
        within = prose.is_some();
        prose.filter(|_| opens)
    })
}

fn is_question(opening: &str) -> bool {
    let word = opening.split(|letter: char| !letter.is_alphabetic()).next();
    word.is_some_and(|word| QUESTIONS.contains(&word))
}

fn verdict(package: &str, counted: &Paragraphs) -> Option<Finding> {
    let Paragraphs { all, questions } = counted;
    (questions * 1000 > all * CEILING).then(|| {
        let advice = format!(
            "{questions} of {all} doc paragraphs open with What, Who, Whether, ... (at most {CEILING} per mille): \
             open with a noun, or with a verb in the third person"
        );
        Finding::new(&format!("crates/{package}"), 1, "openings", advice)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_first_lines_of_paragraphs_count() {
        let text =
            "//! A\n//! Who\n\n    /// How it\n    ///\n    /// Whatever\nfn a() {} // What\n";
        let found: Vec<(&str, bool)> =
            openings(text).map(|line| (line, is_question(line))).collect();
        assert_eq!(found, [("A", false), ("How it", true), ("Whatever", false)]);
    }

    #[test]
    fn a_crate_may_not_pass_its_ceiling() {
        let text = |questions: usize, all: usize| {
            let line = |nth| if nth < questions { "/// What\n\n" } else { "/// Reads.\n\n" };
            (0..all).map(line).collect::<String>()
        };
        let found = |text: String| check(&Tree::of(&[("crates/api/src/a.rs", &text)])).len();
        assert_eq!(found(text(3, 100)), 0);
        assert_eq!(found(text(4, 100)), 1);
    }
}
