//! Rule: there is a changelog, and it has a place for what comes next.

use super::{Finding, Tree};

const PATH: &str = "CHANGELOG.md";
const HEADING: &str = "## Unreleased";
/// The heading must be among this many lines, above all releases.
const NEAR_TOP: usize = 12;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(file) = tree.file(PATH) else {
        return vec![Finding::new(
            PATH,
            1,
            "changelog",
            format!("write it, with `{HEADING}` near its top"),
        )];
    };
    if file.text.lines().take(NEAR_TOP).any(|line| line.trim_end() == HEADING) {
        return Vec::new();
    }
    vec![file.finding(1, "changelog", format!("put `{HEADING}` among its first {NEAR_TOP} lines"))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_release_has_a_place() {
        let found = |files: &[(&str, &str)]| check(&Tree::of(files)).len();
        assert_eq!(found(&[]), 1);
        assert_eq!(found(&[(PATH, "# Changes\n\n## 1.0\n")]), 1);
        assert_eq!(found(&[(PATH, "# Changes\n\n## Unreleased\n\n## 1.0\n")]), 0);
    }
}
