//! Rule: versions of dependencies stand in the root's `[workspace.dependencies]` only, and nothing comes from git.

use super::{File, Finding};

pub(super) fn check(file: &File) -> Vec<Finding> {
    if file.path == "Cargo.toml" {
        return from_git(file);
    }
    // A suite of another project, which `cargo xtask compat` builds.
    let is_ours = file.path.matches('/').count() == 2;
    if !file.path.ends_with("/Cargo.toml") || !is_ours {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut in_dependencies = false;
    // Open brackets: the lines of a list that goes on are no entries of their own.
    let mut open = 0_usize;
    for (number, line) in (1..).zip(file.text.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        let starts_entry = open == 0;
        open += line.matches(['[', '{']).count();
        open = open.saturating_sub(line.matches([']', '}']).count());
        if line.is_empty() || !starts_entry {
            continue;
        }
        if line.starts_with('[') {
            let name = line.trim_matches(['[', ']']);
            in_dependencies = name.ends_with("dependencies");
            if name.contains("dependencies.") {
                findings.push(file.finding(
                    number,
                    "versions",
                    "write this dependency as one line of its table",
                ));
            }
        } else if in_dependencies && !line.replace(' ', "").contains("workspace=true") {
            let advice = "move the version to [workspace.dependencies] of the root and write `workspace = true` here";
            findings.push(file.finding(number, "versions", advice));
        }
    }
    findings
}

fn from_git(file: &File) -> Vec<Finding> {
    let is_git = |line: &str| line.replace(' ', "").contains("git=\"");
    let lines = (1..).zip(file.text.lines()).filter(|(_, line)| is_git(line));
    lines
        .map(|(number, _)| {
            file.finding(number, "versions", "take this from crates.io, not from git")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn lines(path: &str, text: &str, expected: &[usize]) {
        let found: Vec<usize> =
            check(&File::new(path, text)).iter().map(|finding| finding.line).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn crates_name_no_versions() {
        let good = "[package]\nversion = \"1\"\n[dependencies]\na.workspace = true\nb = { workspace = true, features = [\n  \"c\",\n] } # d\n";
        lines("crates/a/Cargo.toml", good, &[]);
        lines("crates/a/Cargo.toml", "[dependencies]\na = \"1\"\n", &[2]);
        lines(
            "crates/a/Cargo.toml",
            "[target.'cfg(unix)'.dev-dependencies]\na = { version = \"1\" }\n",
            &[2],
        );
        lines("crates/a/Cargo.toml", "[dependencies.a]\nversion = \"1\"\n", &[1]);
    }

    #[test]
    fn the_root_takes_nothing_from_git() {
        lines(
            "Cargo.toml",
            "[workspace.dependencies]\na = \"1\"\nb = { git = \"https://example.org\" }\n",
            &[3],
        );
    }
}
