//! The rules of the house, one file per rule. A rule is a pure function over files; this module feeds and reports them.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use serde_json::Value;

use crate::files;
use crate::rust_text::RustText;
use crate::say;
use crate::shell::Cmd;
use crate::workspace::Workspace;

mod action_hashes;
mod actions;
mod changelog;
mod circles;
mod edges;
mod heads;
mod host_paths;
mod layers;
mod literals;
mod markers;
mod modules;
mod names;
mod openings;
mod profile_names;
mod safety;
mod size;
mod snapshots;
mod versions;

/// A broken rule: the place, and the advice.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    rule: &'static str,
    advice: String,
}

impl Finding {
    fn new(path: &str, line: usize, rule: &'static str, advice: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, rule, advice: advice.into() }
    }

    fn shown(&self) -> String {
        format!("{}:{}: {}: {}", self.path, self.line, self.rule, self.advice)
    }
}

/// A file of the tree; its path starts at the root and has slashes.
#[derive(Debug)]
pub(crate) struct File {
    path: String,
    text: String,
    /// Present for Rust files.
    rust: Option<RustText>,
}

impl File {
    fn new(path: &str, text: &str) -> Self {
        let is_rust = Path::new(path).extension().is_some_and(|extension| extension == "rs");
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            rust: is_rust.then(|| RustText::read(text)),
        }
    }

    fn finding(&self, line: usize, rule: &'static str, advice: impl Into<String>) -> Finding {
        Finding::new(&self.path, line, rule, advice)
    }

    /// Returns whether the whole file is a test: in a folder `tests`, or a module file of that name.
    fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "tests.rs")
    }

    /// The crate it belongs to, by its folder.
    fn package(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split_once('/').map(|(package, _)| package)
    }
}

/// Everything that the rules look at.
#[derive(Debug)]
pub(crate) struct Tree {
    files: Vec<File>,
    /// The answer of `cargo metadata --no-deps`.
    metadata: Value,
}

impl Tree {
    #[cfg(test)]
    fn of(files: &[(&str, &str)]) -> Self {
        Self {
            files: files.iter().map(|(path, text)| File::new(path, text)).collect(),
            metadata: Value::Null,
        }
    }

    fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }
}

/// Rules that look at one file at a time.
const FILE_RULES: &[fn(&File) -> Vec<Finding>] = &[
    heads::check,
    literals::check,
    markers::check,
    host_paths::check,
    actions::check,
    safety::check,
    versions::check,
    size::check_file,
    names::check,
];

/// Rules that need the whole tree.
const TREE_RULES: &[fn(&Tree) -> Vec<Finding>] = &[
    size::check_tree,
    edges::check,
    layers::check,
    circles::check,
    snapshots::check,
    changelog::check,
    openings::check,
    profile_names::check,
    action_hashes::check,
];

/// The command.
pub(crate) fn run() -> Result<ExitCode> {
    let found = report(&Workspace::load()?);
    Ok(if found == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints all findings and one summary line; the answer is their number.
pub(crate) fn report(workspace: &Workspace) -> usize {
    let tree = load(workspace);
    let findings = check(&tree);
    for finding in &findings {
        say::data(&finding.shown());
    }
    say::note(&format!("tidy: {} files read, findings: {}", tree.files.len(), findings.len()));
    findings.len()
}

fn check(tree: &Tree) -> Vec<Finding> {
    let by_file = tree.files.iter().flat_map(|file| FILE_RULES.iter().flat_map(|rule| rule(file)));
    let mut findings: Vec<Finding> =
        by_file.chain(TREE_RULES.iter().flat_map(|rule| rule(tree))).collect();
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    findings
}

/// The paths of all shell scripts, by their names or by their first lines.
pub(crate) fn shell_scripts(workspace: &Workspace) -> Vec<String> {
    let is_script = |path: &String| {
        let bytes = files::read(workspace.root.join(path)).unwrap_or_default();
        let first = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let is_named = Path::new(path).extension().is_some_and(|extension| extension == "sh");
        is_named || (first.starts_with(b"#!") && first.ends_with(b"sh"))
    };
    paths(workspace).into_iter().filter(is_script).collect()
}

/// Reads the files that belong to the repository; bytes that are not text are replaced.
fn load(workspace: &Workspace) -> Tree {
    let read = |path: &String| {
        let bytes = files::read(workspace.root.join(path)).ok()?;
        Some(File::new(path, &String::from_utf8_lossy(&bytes)))
    };
    let files = paths(workspace).iter().filter_map(read).collect();
    Tree { files, metadata: workspace.metadata.clone() }
}

/// The files that belong to the repository, sorted.
fn paths(workspace: &Workspace) -> Vec<String> {
    // Files that nobody has added yet count as well. The folder may belong to somebody else, as in a container.
    let git = Cmd::new("git")
        .cwd(&workspace.root)
        .args(["-c", "safe.directory=*", "ls-files", "-z"])
        .args(["--cached", "--others", "--exclude-standard"]);
    let mut paths: Vec<String> = match git.capture() {
        Ok(list) => list.split_terminator('\0').map(str::to_owned).collect(),
        Err(err) => {
            say::note(&format!("tidy: reading all files of the folder, because {err:#}"));
            walk(&workspace.root, "")
        }
    };
    paths.sort();
    paths.dedup();
    paths
}

/// All files below a folder, but for what is built or downloaded.
fn walk(root: &Path, below: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(root.join(below)).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_dir {
            paths.push(path);
        } else if !["target", ".git", ".codspeed"].contains(&name.as_str()) {
            paths.extend(walk(root, &path));
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let findings = check(&load(&Workspace::load().unwrap()));
        let shown: Vec<String> = findings.iter().map(Finding::shown).collect();
        assert!(shown.is_empty(), "{}", shown.join("\n"));
    }

    #[test]
    fn a_finding_reads_like_a_compiler_message() {
        let finding = Finding::new("a.rs", 3, "heads", "say what it is for");
        assert_eq!(finding.shown(), "a.rs:3: heads: say what it is for");
    }

    #[test]
    fn scripts_are_found_by_name_and_by_their_first_line() {
        let scripts = shell_scripts(&Workspace::load().unwrap());
        for path in [".ci/run", ".github/action/lib.sh"] {
            assert!(scripts.contains(&path.to_owned()), "{scripts:?}");
        }
        assert!(!scripts.contains(&"Cargo.toml".to_owned()), "{scripts:?}");
    }

    #[test]
    fn without_git_the_folder_is_walked() {
        let paths = walk(&Workspace::load().unwrap().root, "crates/xtask");
        assert!(paths.contains(&"crates/xtask/src/tidy/mod.rs".to_owned()), "{paths:?}");
    }
}
