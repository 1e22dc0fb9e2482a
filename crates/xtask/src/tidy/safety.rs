//! Rule: a comment above every unsafe block or impl says why it is sound there.

use super::{File, Finding};

/// The number of lines by which the comment may start above the block: a statement that leads to the block may stand between them.
const REACH: usize = 6;

pub(super) fn check(file: &File) -> Vec<Finding> {
    let Some(rust) = &file.rust else { return Vec::new() };
    let is_explained = |line: usize| {
        let near = line.saturating_sub(REACH)..=line;
        rust.comments
            .iter()
            .any(|comment| near.contains(&comment.line) && comment.text.contains("SAFETY:"))
    };
    let is_unsafe =
        |code: &str| ["unsafe {", "unsafe impl"].iter().any(|start| code.contains(start));
    let lines =
        (1..).zip(rust.code.lines()).filter(|(line, code)| is_unsafe(code) && !is_explained(*line));
    lines
        .map(|(line, _)| {
            file.finding(line, "safety", "say above it, after `// SAFETY:`, why it is sound here")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn count(text: &str, expected: usize) {
        assert_eq!(check(&File::new("a.rs", text)).len(), expected, "for {text:?}");
    }

    #[test]
    fn unsafe_code_is_explained() {
        count("fn a() {\n    unsafe { b() }\n}\n", 1);
        count("// SAFETY: b is harmless.\nlet a =\n    unsafe { b() };\n", 0);
        count("unsafe impl Send for A {}\n", 1);
        count("// unsafe { }\nconst A: &str = \"unsafe {\";\n", 0);
    }
}
