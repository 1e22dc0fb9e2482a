//! Rule: inside a layered crate, a module uses only modules of lower rank. Unit tests may use what they like.

use super::modules::Modules;
use super::{Finding, Tree};

/// A module of the crate's root.
#[derive(Debug)]
struct Layer {
    module: &'static str,
    rank: u8,
    /// May use modules up to this rank; less than `rank`.
    uses: Option<u8>,
}

const fn layer(module: &'static str, rank: u8, uses: Option<u8>) -> Layer {
    Layer { module, rank, uses }
}

/// The crates with layers, each with its modules.
const CRATES: &[(&str, &[Layer])] = &[(
    "runner",
    &[
        layer("env", 0, None),
        layer("error", 0, None),
        layer("event", 0, None),
        layer("exposure", 0, None),
        layer("files", 0, None),
        layer("workload", 0, None),
        layer("host", 1, Some(0)),
        layer("isolate", 1, Some(0)),
        layer("process", 1, Some(0)),
        // A plan names modes, and knows nothing of what they do.
        layer("settings", 1, Some(0)),
        layer("ui", 2, Some(1)),
        layer("session", 2, Some(1)),
        layer("profiler", 2, Some(1)),
        layer("ci", 3, Some(2)),
        layer("tools", 3, Some(2)),
        layer("instruments", 4, Some(3)),
        layer("mode", 4, Some(3)),
        layer("upload", 4, Some(3)),
        layer("doctor", 5, Some(4)),
        layer("recording", 5, Some(4)),
        layer("orchestrator", 6, Some(5)),
        // Shows readers of all others to an example, and is used by none of them.
        layer("ab", 7, Some(6)),
        layer("fuzzing", 7, Some(6)),
        // What was typed: only commands know it, and what it means is in `settings`.
        layer("cli", 7, Some(1)),
        layer("commands", 8, Some(7)),
        layer("app", 9, Some(8)),
    ],
)];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    CRATES.iter().flat_map(|(package, layers)| check_package(tree, package, layers)).collect()
}

/// Reports uses that go up or sideways, and modules that the table doesn't know.
fn check_package(tree: &Tree, package: &str, layers: &[Layer]) -> Vec<Finding> {
    let modules = Modules::of(tree, package);
    let find = |module: &str| layers.iter().find(|layer| layer.module == module);
    let mut findings = Vec::new();
    for found in modules.uses() {
        let (parent, module, used) = found.siblings();
        let (Some(own), Some(other)) = (find(&module), find(&used)) else { continue };
        if parent.is_empty() && own.uses.is_none_or(|highest| highest < other.rank) {
            let advice = format!("`{module}` must not use `{used}`");
            findings.push(found.file.finding(found.line, "layers", advice));
        }
    }
    for (module, file) in modules.of_the_root() {
        if find(module).is_none() {
            let advice = format!("add `{module}` to the table in crates/xtask/src/tidy/layers.rs");
            findings.push(file.finding(1, "layers", advice));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn advice(path: &str, text: &str, expected: &[&str]) {
        let others =
            ["app", "host", "mode", "ui"].map(|name| format!("crates/runner/src/{name}.rs"));
        let mut files: Vec<(&str, &str)> = others.iter().map(|path| (path.as_str(), "")).collect();
        files.retain(|(other, _)| *other != path);
        files.push((path, text));
        let findings = check(&Tree::of(&files));
        let advice: Vec<String> =
            findings.iter().map(|f| format!("{}: {}", f.line, f.advice)).collect();
        assert_eq!(advice, expected);
    }

    #[test]
    fn uses_go_down_only() {
        advice("crates/runner/src/ui/table.rs", "use crate::host::Os;\nuse crate::ui::X;\n", &[]);
        advice(
            "crates/runner/src/ui.rs",
            "\nuse crate::app::App;\n",
            &["2: `ui` must not use `app`"],
        );
        advice(
            "crates/runner/src/session/a.rs",
            "fn a(_: crate::ui::Ui) {}",
            &["1: `session` must not use `ui`"],
        );
        advice(
            "crates/runner/src/settings/mod.rs",
            "use crate::mode::M;",
            &["1: `settings` must not use `mode`"],
        );
        advice("crates/runner/src/main.rs", "use crate::app::App;", &[]);
        advice("crates/results/src/ui.rs", "use crate::app::App;", &[]);
    }

    #[test]
    fn unknown_modules_are_named_once() {
        let tree =
            Tree::of(&[("crates/runner/src/new/a.rs", ""), ("crates/runner/src/new/mod.rs", "")]);
        let advice: Vec<String> = check(&tree).into_iter().map(|finding| finding.advice).collect();
        assert_eq!(advice, ["add `new` to the table in crates/xtask/src/tidy/layers.rs"]);
    }

    #[test]
    fn the_table_has_no_cycles() {
        for (_, layers) in CRATES {
            assert!(layers.iter().all(|layer| layer.uses < Some(layer.rank)), "{layers:?}");
        }
    }
}
