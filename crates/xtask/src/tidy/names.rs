//! Rule: names of functions are short. Those of tests are printed behind the path of their module, on one line.

use super::{File, Finding};

/// The most characters of a name.
const MAX: usize = 60;

pub(super) fn check(file: &File) -> Vec<Finding> {
    let Some(rust) = &file.rust else { return Vec::new() };
    let named = (1..).zip(rust.code.lines()).filter_map(|(line, code)| Some((line, name(code)?)));
    named
        .filter(|(_, name)| MAX < name.len())
        .map(|(line, name)| {
            let advice = format!(
                "`{name}` has {} characters, at most {MAX}: name the behaviour in fewer words",
                name.len()
            );
            file.finding(line, "names", advice)
        })
        .collect()
}

/// Returns the name of the function that begins on a line of code. Macros that make tests of functions are not followed,
/// so this is any function.
fn name(code: &str) -> Option<&str> {
    let (before, after) = code.split_once("fn ")?;
    let is_keyword = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let name = after.split(|c: char| !c.is_alphanumeric() && c != '_').next();
    name.filter(|name| is_keyword && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn lines(text: &str, expected: &[usize]) {
        let found: Vec<usize> =
            check(&File::new("a.rs", text)).iter().map(|finding| finding.line).collect();
        assert_eq!(found, expected, "for {text:?}");
    }

    #[test]
    fn names_have_at_most_sixty_characters() {
        let (short, long) = ("a".repeat(MAX), "a".repeat(MAX + 1));
        lines(&format!("#[test]\nfn {short}() {{}}\n"), &[]);
        lines(&format!("#[test]\nfn {long}() {{}}\n"), &[2]);
        lines(&format!("mod tests {{\n    pub fn {long}(way: Way) {{}}\n}}\n"), &[2]);
    }

    #[test]
    fn only_functions_in_code_count() {
        let long = "a".repeat(MAX + 1);
        lines(&format!("// fn {long}()\nconst A: &str = \"fn {long}()\";\n"), &[]);
        lines(&format!("let {long} = a as fn (u8);\nlet my_fn {long}();\n"), &[]);
    }

    #[test]
    fn files_of_other_languages_are_free() {
        let text = format!("fn {}()\n", "a".repeat(MAX + 1));
        assert_eq!(check(&File::new("a.md", &text)), []);
    }
}
