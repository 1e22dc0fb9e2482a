//! Rule: every snapshot file belongs to a test that is still there.

use super::{File, Finding, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files.iter().filter_map(|file| orphan(tree, file)).collect()
}

fn orphan(tree: &Tree, file: &File) -> Option<Finding> {
    let name = file.path.strip_suffix(".snap")?;
    let finding = |advice: String| Some(file.finding(1, "snapshots", advice));
    let Some(source) =
        file.text.lines().find_map(|line| line.strip_prefix("source:")).map(str::trim)
    else {
        return finding("remove it: it names no source".to_owned());
    };
    let Some(rust) = tree.file(source.trim_matches('"')).and_then(|found| found.rust.as_ref())
    else {
        return finding(format!("remove it: its source {source} is gone"));
    };
    // The file is called `module__path__name[-number][@suffix]`.
    let name = name.rsplit('/').next().and_then(|name| name.rsplit("__").next()).unwrap_or(name);
    let name = name.split('@').next().unwrap_or(name);
    let numbered = name.rsplit_once('-').filter(|(_, end)| end.chars().all(|c| c.is_ascii_digit()));
    let names = [Some(name), numbered.map(|(name, _)| name)];
    let lives = names.into_iter().flatten().any(|name| {
        let is_test = [format!("fn {name}("), format!("fn test_{name}(")]
            .iter()
            .any(|text| rust.code.contains(text));
        is_test || rust.strings.iter().any(|string| makes(&string.text, name))
    });
    if lives {
        None
    } else {
        finding(format!("remove it: {source} has no test or snapshot called `{name}`"))
    }
}

/// Returns whether a string literal is the name, or a format that begins like it.
fn makes(literal: &str, name: &str) -> bool {
    match literal.split_once('{') {
        Some((start, _)) => !start.is_empty() && name.starts_with(start),
        None => literal == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn orphans(snapshot: &str, source: &str, expected: usize) {
        let tree = Tree::of(&[
            (snapshot, "---\nsource: a/tests/cli.rs\n---\ntext\n"),
            ("a/tests/cli.rs", source),
        ]);
        let findings = check(&tree);
        assert_eq!(findings.len(), expected, "{findings:?}");
    }

    #[test]
    fn a_snapshot_belongs_to_a_test() {
        orphans("a/snapshots/cli__help.snap", "fn help() {}", 0);
        orphans("a/snapshots/cli__help-2.snap", "fn help() {}", 0);
        orphans("a/snapshots/cli__help@wide.snap", "fn test_help() {}", 0);
        orphans("a/snapshots/cli__help.snap", "fn help_page() {}", 1);
    }

    #[test]
    fn a_snapshot_may_be_named_by_a_literal() {
        orphans("a/snapshots/cli__run-2.snap", "fn a() { b(\"run-2\") }", 0);
        orphans("a/snapshots/cli__help_run.snap", "fn a() { b(format!(\"help_{c}\")) }", 0);
        orphans("a/snapshots/cli__run.snap", "// \"run\"", 1);
    }

    #[test]
    fn a_snapshot_whose_source_is_gone_is_an_orphan() {
        let tree = Tree::of(&[
            ("a/snapshots/x.snap", "---\nsource: gone.rs\n---\n"),
            ("b/y.snap", "text"),
        ]);
        assert_eq!(check(&tree).len(), 2);
    }
}
