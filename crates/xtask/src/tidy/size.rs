//! Rule: files are short. Counts lines of code; blank lines, comments and unit tests are free.

use super::{File, Finding, Tree};

/// No file may be longer.
const MAX: usize = 400;
/// Nine of ten files must not be longer.
const P90: usize = 250;

pub(super) fn check_file(file: &File) -> Vec<Finding> {
    let lines = code_lines(file).unwrap_or_default();
    if lines <= MAX {
        return Vec::new();
    }
    vec![file.finding(1, "size", format!("{lines} lines of code, at most {MAX}: split it by idea"))]
}

pub(super) fn check_tree(tree: &Tree) -> Vec<Finding> {
    let mut sizes: Vec<(usize, &File)> =
        tree.files.iter().filter_map(|file| code_lines(file).map(|lines| (lines, file))).collect();
    sizes.sort_by(|(a, one), (b, other)| (a, &one.path).cmp(&(b, &other.path)));
    // The smallest place at or below which nine tenths of the files lie.
    let place = (sizes.len() * 9).div_ceil(10);
    match place.checked_sub(1).and_then(|index| sizes.get(index)) {
        Some((lines, file)) if P90 < *lines => {
            let advice = format!(
                "{lines} lines of code at the 90th percentile, at most {P90}: split the long files"
            );
            vec![file.finding(1, "size", advice)]
        }
        Some(_) | None => Vec::new(),
    }
}

fn code_lines(file: &File) -> Option<usize> {
    file.rust.as_ref().map(|rust| rust.production_lines().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(lines: usize) -> String {
        format!(
            "//! Head.\n\n{}#[cfg(test)]\nmod tests {{\n{}}}\n",
            "a;\n".repeat(lines),
            "b;\n".repeat(500)
        )
    }

    #[test]
    fn only_code_counts() {
        assert_eq!(code_lines(&File::new("a.rs", &code(3))), Some(3));
        assert_eq!(code_lines(&File::new("a.txt", &code(3))), None);
    }

    #[test]
    fn a_file_may_be_as_long_as_the_limit() {
        assert_eq!(check_file(&File::new("a.rs", &code(MAX))), []);
        assert_eq!(check_file(&File::new("a.rs", &code(MAX + 1))).len(), 1);
    }

    #[test]
    fn one_file_in_ten_may_be_longer() {
        let (short, long) = (code(P90), code(P90 + 1));
        let tree = |long_ones: usize| {
            let texts = (0..10).map(|n| if n < long_ones { &long } else { &short });
            Tree::of(&texts.map(|text| ("a.rs", text.as_str())).collect::<Vec<_>>())
        };
        assert_eq!(check_tree(&tree(1)), []);
        assert_eq!(check_tree(&tree(2)).len(), 1);
        assert_eq!(check_tree(&Tree::of(&[])), []);
    }
}
