//! Which crates end up in the programs of a target, with what a bill of materials says about each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::files;
use crate::workspace::{Workspace, items};

/// A crate that is linked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Linked {
    pub(super) name: String,
    pub(super) version: String,
    /// As its author wrote it.
    pub(super) licence: String,
    /// The place where its sources are on this machine.
    pub(super) folder: PathBuf,
    /// The SHA-256 of its package; none for our own crates.
    pub(super) checksum: Option<String>,
}

/// The name and the version of a crate.
type Key = (String, String);

/// Asks cargo for the crates of our three programs; without those that only build others, and procedural macros.
pub(super) fn crates(workspace: &Workspace, triple: &str) -> Result<Vec<Linked>> {
    let tree = workspace
        .cargo(&["tree", "--locked", "--prefix", "none", "--format", "{p}", "--target", triple])
        .args(["--edges", "normal,no-proc-macro", "--features", "memtrack/vendored"])
        .args(["-p", "runner", "-p", "exec-harness", "-p", "memtrack"])
        .capture()?;
    let metadata = workspace.cargo(&["metadata", "--locked", "--format-version=1"]).capture()?;
    let metadata: Value =
        serde_json::from_str(&metadata).context("`cargo metadata` is not JSON")?;
    let lock = files::read_to_string(workspace.root.join("Cargo.lock"))
        .context("could not read `Cargo.lock`")?;
    join(&keys(&tree), &metadata, &checksums(&lock))
}

/// The lines of `cargo tree`: `name v1.2.3 (where from) (*)`.
fn keys(tree: &str) -> BTreeSet<Key> {
    let key = |line: &str| {
        let mut words = line.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
    };
    tree.lines().filter_map(key).collect()
}

/// The hashes of packages in a `Cargo.lock`.
fn checksums(lock: &str) -> BTreeMap<Key, String> {
    let block = |block: &str| {
        let value = |key: &str| {
            let line = block.lines().find_map(|line| line.strip_prefix(key))?;
            Some(line.strip_prefix(" = \"")?.strip_suffix('"')?.to_owned())
        };
        Some(((value("name")?, value("version")?), value("checksum")?))
    };
    lock.split("[[package]]").filter_map(block).collect()
}

fn join(
    keys: &BTreeSet<Key>,
    metadata: &Value,
    checksums: &BTreeMap<Key, String>,
) -> Result<Vec<Linked>> {
    let packages = items(metadata, "packages");
    let text = |package: &Value, key: &str| {
        package.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let linked = |(name, version): &Key| {
        let package = packages
            .iter()
            .find(|package| text(package, "name") == *name && text(package, "version") == *version)
            .with_context(|| format!("`cargo metadata` doesn't know {name} {version}"))?;
        let manifest = PathBuf::from(text(package, "manifest_path"));
        Ok(Linked {
            name: name.clone(),
            version: version.clone(),
            licence: text(package, "license"),
            folder: manifest.parent().map(PathBuf::from).unwrap_or_default(),
            checksum: checksums.get(&(name.clone(), version.clone())).cloned(),
        })
    };
    keys.iter().map(linked).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"libc\"\nversion = \"0.2.1\"\nsource = \"x\"\n\
        checksum = \"c0ffee\"\n\n[[package]]\nname = \"runner\"\nversion = \"5.1.0\"\ndependencies = [\n \"libc\",\n]\n";

    #[test]
    fn crates_are_joined_with_what_is_known_of_them() {
        let tree = "runner v5.1.0 (/a/crates/runner)\nlibc v0.2.1\n\nlibc v0.2.1 (*)\n";
        let package = |name: &str, version: &str| {
            json!({"name": name, "version": version, "license": "MIT",
            "manifest_path": format!("/a/{name}/Cargo.toml")})
        };
        let metadata = json!({"packages": [package("libc", "0.1.0"), package("libc", "0.2.1"),
            package("runner", "5.1.0")]});
        let linked = join(&keys(tree), &metadata, &checksums(LOCK)).unwrap();
        let shown: Vec<_> = linked
            .iter()
            .map(|linked| {
                (linked.name.as_str(), linked.version.as_str(), linked.checksum.as_deref())
            })
            .collect();
        assert_eq!(shown, [("libc", "0.2.1", Some("c0ffee")), ("runner", "5.1.0", None)]);
        assert_eq!(linked[0].folder, PathBuf::from("/a/libc"));
    }

    #[test]
    fn a_crate_that_nobody_knows_is_an_error() {
        let err = join(&keys("libc v1.0.0"), &json!({"packages": []}), &BTreeMap::new());
        assert!(err.unwrap_err().to_string().contains("libc 1.0.0"));
    }
}
