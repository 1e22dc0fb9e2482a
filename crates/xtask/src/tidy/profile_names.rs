//! Rule: names of files in a profile folder are spelled in one table only. Tests are free, and so is what may use nothing
//! of ours.

use super::{File, Finding, Tree};
use crate::rust_text::Piece;

/// The file with the table: a row begins with the name of its constant, and the path.
const HOME: &str = "crates/runner-shared/src/profile_dir/mod.rs";
/// The folder of the files that take its names apart.
const ROOM: &str = "crates/runner-shared/src/profile_dir/";
/// Endings that files of other kinds have, too.
const COMMON: &[&str] = &[".json", ".log", ".map"];

/// The forms that a name of the table has elsewhere.
#[derive(Debug, PartialEq, Eq)]
struct Name<'t> {
    /// The constant.
    row: &'t str,
    folder: Option<&'t str>,
    /// Before and behind the key; `None` for a name without one.
    around: Option<(&'t str, &'t str)>,
    file: &'t str,
}

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(home) = tree.file(HOME) else { return Vec::new() };
    let names = table(&home.text);
    if names.is_empty() {
        return vec![home.finding(1, "profile names", "the rows of the table are not recognised")];
    }
    tree.files.iter().filter(|file| is_bound(file)).flat_map(|file| spelled(file, &names)).collect()
}

/// Returns whether the rule is about this file.
fn is_bound(file: &File) -> bool {
    let package = file.package().filter(|package| !["xtask", "test-support"].contains(package));
    let is_source = |package| file.path.starts_with(&format!("crates/{package}/src/"));
    package.is_some_and(is_source) && !file.path.starts_with(ROOM) && !file.is_test()
}

/// Reads the names in the table.
fn table(text: &str) -> Vec<Name<'_>> {
    text.lines().filter_map(row).map(|(row, path)| Name::of(row, path)).collect()
}

/// Returns the constant and the path in the first line of a row.
fn row(line: &str) -> Option<(&str, &str)> {
    let (row, rest) = line.trim_start().split_once(": \"")?;
    let (path, _) = rest.split_once("\",")?;
    let is_constant = row.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    is_constant.then_some((row, path))
}

impl<'t> Name<'t> {
    fn of(row: &'t str, path: &'t str) -> Self {
        let (folder, name) =
            path.rsplit_once('/').map_or((None, path), |(folder, name)| (Some(folder), name));
        let around = || Some((name.split_once('<')?.0, name.rsplit_once('>')?.1));
        Self { row, folder, around: around(), file: name }
    }

    /// Returns whether a text has this name in it, or the part of it that tells it from others.
    fn is_in(&self, text: &str) -> bool {
        let Some((before, after)) = self.around else {
            return self.file.contains('.') && has_word(text, self.file);
        };
        let is_telling = |part: &str| !part.is_empty() && !COMMON.contains(&part);
        let whole = format!("{before}<>{after}");
        let is_whole = (is_telling(before) || is_telling(after)) && has_word(&plain(text), &whole);
        is_whole || [before, after].iter().any(|part| is_telling(part) && text == *part)
    }

    /// Returns whether a text in this line is the folder in which it lies, or a path in it.
    fn has_folder(&self, text: &str, line: &str) -> bool {
        self.folder.is_some_and(|folder| {
            let is_path = |before: &&str| line.contains(&format!("{before}\"{folder}\""));
            text.starts_with(&format!("{folder}/"))
                || (text == folder && ["join(", "Path::new(", "= "].iter().any(is_path))
        })
    }
}

/// Reports each text of a file that spells a name of the table.
fn spelled(file: &File, names: &[Name<'_>]) -> Vec<Finding> {
    let Some(rust) = &file.rust else { return Vec::new() };
    let mut findings = Vec::new();
    // Pages of help have several lines.
    let is_page = |text: &str| text.contains("\\n") || text.contains('\n');
    let bound = |string: &&Piece| !rust.is_test(string.line) && !is_page(&string.text);
    for string in rust.strings.iter().filter(bound) {
        let line = file.text.lines().nth(string.line - 1).unwrap_or_default();
        let found = names
            .iter()
            .find(|name| name.is_in(&string.text) || name.has_folder(&string.text, line));
        if let Some(name) = found {
            let advice = format!("use `{}` of {HOME} instead of \"{}\"", name.row, string.text);
            findings.push(file.finding(string.line, "profile names", advice));
        }
    }
    findings
}

/// Returns the text with `<>` for whatever is put in: `{pid}`, `<pid>`, and Valgrind's `%p`.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '{' => rest.find('}').map(|at| at + 1),
            '<' => rest.find('>').map(|at| at + 1),
            '%' if rest.starts_with("%p") => Some(2),
            _ => None,
        };
        if end.is_none() {
            out.push(first);
        } else {
            out.push_str("<>");
        }
        rest = rest.get(end.unwrap_or(first.len_utf8())..).unwrap_or_default();
    }
    out
}

/// Returns whether the word is in the text, and no part of a longer name.
fn has_word(text: &str, word: &str) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let mut after = text.get(at + word.len()..).unwrap_or_default().chars();
        let next = after.next();
        let goes_on =
            next.is_some_and(is_part) || (next == Some('.') && after.next().is_some_and(is_part));
        !before.is_some_and(|letter| is_part(letter) || letter == '.') && !goes_on
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = r#"
files! {
    RESULTS: "results/<pid>.json", TIMES, "a" => "b",
        "content";
    CALLGRIND: "<pid>.out", COUNTS, "a" => "b", "content";
    PERF_MAP: "perf-<pid>.map", COUNTS, "a" => "b", "content";
    LOG: "runner.log", EVERY, "a" => "b", "content";
    JOURNAL: ".codspeed/timestamps", EVERY, "a" => "b", "content";
}
"#;

    #[track_caller]
    fn rows(path: &str, text: &str, expected: &[&str]) {
        let findings = check(&Tree::of(&[(HOME, TABLE), (path, text)]));
        let name = |finding: Finding| finding.advice.split('`').nth(1).unwrap().to_owned();
        let found: Vec<String> = findings.into_iter().map(name).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn names_have_one_home() {
        let path = "crates/runner/src/a.rs";
        rows(path, "fn a() { b.join(\"runner.log\"); c(\"see runner.log.\") }", &["LOG", "LOG"]);
        rows(path, "fn a() { format!(\"perf-{pid}.map\") }", &["PERF_MAP"]);
        rows(path, "fn a() { b.strip_prefix(\"perf-\") }", &["PERF_MAP"]);
        rows(path, "fn a() { b.ends_with(\".out\"); c(\"/%p.out\") }", &["CALLGRIND", "CALLGRIND"]);
        rows(path, "fn a() { b.join(\"results\"); c(\"results/x\") }", &["RESULTS", "RESULTS"]);
        rows(path, "const A: &str = \".codspeed\";", &["JOURNAL"]);
    }

    #[test]
    fn other_words_are_free() {
        let path = "crates/runner/src/a.rs";
        let free = [
            "fn a() { b(\"results\"); c(\"timestamps\"); d(\".codspeed.yml\") }",
            "fn a() { b.split_once(\".codspeed\"); c(\"Writes `runner.log`.\\n\") }",
            "fn a() { format!(\"{name}.json\"); b(\".map\") }",
            "fn a() { b(\"my-runner.log\"); c(\"runner.logs\"); d(\"cut.outer\") }",
            "//! The file `runner.log`.",
            "#[cfg(test)]\nmod tests { const A: &str = \"runner.log\"; }",
        ];
        for text in free {
            rows(path, text, &[]);
        }
        for path in ["crates/xtask/src/a.rs", "crates/runner/tests/a.rs", "README.md"] {
            rows(path, "const A: &str = \"runner.log\";", &[]);
        }
    }

    #[test]
    fn a_table_that_is_not_understood_is_a_finding() {
        assert_eq!(check(&Tree::of(&[(HOME, "const FILES: &[u8] = &[];")])).len(), 1);
    }
}
