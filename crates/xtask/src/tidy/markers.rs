//! Rule: nothing half-done is left behind without an issue's number, and no lint or test is switched off.

use super::{File, Finding};

/// Words that stand for work that is left.
const LATER: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

/// Code that must not be there, and what to do instead.
const FORBIDDEN: [(&str, &str); 7] = [
    ("todo!(", "write the code, or return an error"),
    ("unimplemented!(", "write the code, or return an error"),
    ("dbg!(", "remove it, or log with fields"),
    ("#[ignore", "put the test in a module of `xtask/src/needs.rs`, or remove it"),
    ("#[allow(", "fix it, or use #[expect(..., reason = \"...\")] on the narrowest item"),
    ("#![allow(", "fix it, or use #![expect(..., reason = \"...\")]"),
    (", allow(", "fix it, or use expect(..., reason = \"...\")"),
];

/// Code that must not be in tests. They are exempt from the list of methods that clippy refuses.
const FORBIDDEN_IN_TESTS: [(&str, &str); 1] = [(
    "thread::sleep(",
    "wait for the event instead: time that is enough on one machine is not on another",
)];

/// Files besides Rust that hold code.
const CODE: [&str; 8] = [".toml", ".yml", ".yaml", ".c", ".h", ".py", ".sh", ".ci/run"];

pub(super) fn check(file: &File) -> Vec<Finding> {
    let Some(rust) = &file.rust else {
        let is_code = CODE.iter().any(|end| file.path.ends_with(end));
        return if is_code { later(file, 1, &file.text) } else { Vec::new() };
    };
    let mut findings: Vec<Finding> =
        rust.comments.iter().flat_map(|comment| later(file, comment.line, &comment.text)).collect();
    let mut is_test = is_file_of_tests(&file.path);
    for (number, line) in (1..).zip(rust.code.lines()) {
        is_test |= line.trim() == "#[cfg(test)]";
        let of_tests = FORBIDDEN_IN_TESTS.iter().filter(|_| is_test);
        for (marker, advice) in FORBIDDEN.iter().chain(of_tests) {
            if has(line, marker) {
                findings.push(file.finding(number, "markers", format!("no `{marker}`: {advice}")));
            }
        }
    }
    findings
}

/// Returns whether all of a file belongs to tests.
fn is_file_of_tests(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("tests.rs")
}

/// Returns whether a line holds the marker, and not as the end of a longer name.
fn has(line: &str, marker: &str) -> bool {
    if !marker.starts_with(char::is_alphanumeric) {
        return line.contains(marker);
    }
    let mut hits = line.match_indices(marker);
    hits.any(|(at, _)| {
        !line.get(..at).unwrap_or_default().ends_with(|c: char| c.is_alphanumeric() || c == '_')
    })
}

fn later(file: &File, first_line: usize, text: &str) -> Vec<Finding> {
    let is_open = |line: &str| LATER.iter().any(|word| line.contains(word)) && !has_issue(line);
    let lines = (first_line..).zip(text.lines()).filter(|(_, line)| is_open(line));
    lines
        .map(|(number, _)| {
            file.finding(number, "markers", "name the issue (#123) for it, or do it now")
        })
        .collect()
}

/// Returns whether a line holds `#` and a digit.
fn has_issue(line: &str) -> bool {
    line.split('#').skip(1).any(|after| after.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn lines(path: &str, text: &str, expected: &[usize]) {
        let found: Vec<usize> =
            check(&File::new(path, text)).iter().map(|finding| finding.line).collect();
        assert_eq!(found, expected, "for {text:?}");
    }

    #[test]
    fn work_that_is_left_names_its_issue() {
        lines("a.rs", "// TODO later\n/* a\nFIXME */\n", &[1, 3]);
        lines("a.rs", "// TODO(#12) later\nlet todo = \"TODO\";\n", &[]);
        lines("a.toml", "# TODO later\n", &[1]);
        lines("a.md", "TODO\n", &[]);
    }

    #[test]
    fn tests_do_not_wait_for_time() {
        let text = "thread::sleep(a);\n#[cfg(test)]\nmod tests {\n    std::thread::sleep(a);\n}\n";
        lines("crates/a/src/a.rs", text, &[4]);
        lines("crates/a/tests/cli/a.rs", "thread::sleep(a);\n", &[1]);
        lines("crates/a/src/a/tests.rs", "thread::sleep(a);\n", &[1]);
        lines("crates/a/src/a.rs", "thread::sleep(a);\n", &[]);
    }

    #[test]
    fn macros_and_attributes_are_found_in_code_only() {
        lines("a.rs", "todo!()\nunimplemented!()\ndbg!(1)\n#[ignore = \"slow\"]\n", &[1, 2, 3, 4]);
        lines(
            "a.rs",
            "#[allow(dead_code)]\n#![allow(dead_code)]\n#[cfg_attr(a, allow(b))]\n",
            &[1, 2, 3],
        );
        lines("a.rs", "// todo!()\nlet a = \"dbg!(\";\nmy_todo!();\n", &[]);
    }
}
