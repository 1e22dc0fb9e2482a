//! The workspace as `cargo metadata` reports it: its root, its target folder, its packages.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::shell;

/// The workspace as cargo describes it.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    /// The whole answer of `cargo metadata --no-deps`.
    pub(crate) metadata: Value,
}

impl Workspace {
    pub(crate) fn load() -> Result<Self> {
        // Cargo sets this for what it runs. The value at build time may be that of another checkout
        // with the same target folder.
        let package =
            shell::env("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
        let cmd =
            shell::cargo().args(["metadata", "--no-deps", "--format-version=1"]).cwd(&package);
        let metadata: Value =
            serde_json::from_str(&cmd.capture()?).context("`cargo metadata` is not JSON")?;
        let folder = |key: &str| {
            let text = metadata.get(key).and_then(Value::as_str);
            text.map(PathBuf::from).with_context(|| format!("`cargo metadata` has no key `{key}`"))
        };
        Ok(Self { root: folder("workspace_root")?, target: folder("target_directory")?, metadata })
    }

    /// cargo, started in the root.
    pub(crate) fn cargo(&self, args: &[&str]) -> shell::Cmd {
        shell::cargo().args(args).cwd(&self.root)
    }

    /// A file below `target/release`.
    pub(crate) fn release(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }

    /// A package of ours, as cargo describes it.
    pub(crate) fn package(&self, name: &str) -> Option<&Value> {
        let is_it = |package: &&Value| package.get("name").and_then(Value::as_str) == Some(name);
        items(&self.metadata, "packages").iter().find(is_it)
    }

    /// Returns whether a package has an example of that name.
    pub(crate) fn has_example(&self, package: &str, example: &str) -> bool {
        let named =
            |value: &Value, name: &str| value.get("name").and_then(Value::as_str) == Some(name);
        let is_example = |target: &Value| {
            let kinds = items(target, "kind");
            named(target, example) && kinds.iter().any(|kind| kind == "example")
        };
        let packages = items(&self.metadata, "packages");
        packages
            .iter()
            .filter(|found| named(found, package))
            .any(|found| items(found, "targets").iter().any(is_example))
    }
}

/// The list below a key; empty when there is none.
pub(crate) fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
