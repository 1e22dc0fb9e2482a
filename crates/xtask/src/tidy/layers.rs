//! Rule: inside a layered crate, a module uses only modules of lower rank. Unit tests may use what they like.

use super::{File, Finding, Tree};

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
        layer("cli", 0, None),
        layer("report", 0, None),
        layer("workload", 0, None),
        layer("host", 1, Some(0)),
        layer("isolate", 1, Some(0)),
        layer("process", 1, Some(0)),
        layer("ui", 2, Some(1)),
        layer("session", 2, Some(1)),
        layer("profiler", 2, Some(1)),
        layer("ci", 3, Some(2)),
        layer("tools", 3, Some(2)),
        layer("instruments", 4, Some(3)),
        layer("mode", 4, Some(3)),
        layer("upload", 4, Some(3)),
        layer("doctor", 5, Some(4)),
        // Not 4: a plan names modes, and knows nothing of what they do.
        layer("settings", 5, Some(3)),
        layer("orchestrator", 6, Some(5)),
        // Shows readers of all others to an example, and is used by none of them.
        layer("ab", 7, Some(6)),
        layer("fuzzing", 7, Some(6)),
        layer("commands", 8, Some(7)),
        layer("app", 9, Some(8)),
    ],
)];

/// Reports uses that go up or sideways.
pub(super) fn check_file(file: &File) -> Vec<Finding> {
    let (Some((layers, module)), Some(rust)) = (place(&file.path), &file.rust) else {
        return Vec::new();
    };
    let Some(own) = find(layers, module) else { return Vec::new() };
    let mut findings = Vec::new();
    for (line, used) in uses(&rust.code) {
        let Some(other) = find(layers, &used) else { continue };
        let allowed = used == module || own.uses.is_some_and(|highest| other.rank <= highest);
        if !allowed && !rust.is_test(line) && !file.is_test() {
            findings.push(file.finding(
                line,
                "layers",
                format!("`{module}` must not use `{used}`"),
            ));
        }
    }
    findings
}

/// Reports modules that the table doesn't know.
pub(super) fn check_tree(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut seen = Vec::new();
    for file in &tree.files {
        let Some((layers, module)) = place(&file.path) else { continue };
        if find(layers, module).is_none() && !seen.contains(&(file.package(), module)) {
            seen.push((file.package(), module));
            let advice = format!(
                "add the module `{module}` to the table in crates/xtask/src/tidy/layers.rs"
            );
            findings.push(file.finding(1, "layers", advice));
        }
    }
    findings
}

/// The layers of a file's crate and the module of the root that the file belongs to.
fn place(path: &str) -> Option<(&'static [Layer], &str)> {
    let (package, below) = path.strip_prefix("crates/")?.split_once("/src/")?;
    let (_, layers) = CRATES.iter().find(|(name, _)| *name == package)?;
    let module = match below.split_once('/') {
        Some((folder, _)) => folder,
        None => below.strip_suffix(".rs")?,
    };
    (!["main", "lib", "bin"].contains(&module)).then_some((layers, module))
}

fn find<'a>(layers: &'a [Layer], module: &str) -> Option<&'a Layer> {
    layers.iter().find(|layer| layer.module == module)
}

/// Every module named in `crate::module` or `crate::{module, …}`, with its line.
fn uses(code: &str) -> Vec<(usize, String)> {
    let mut uses = Vec::new();
    let mut line = 1;
    let mut rest = code;
    while let Some((before, after)) = rest.split_once("crate::") {
        line += before.matches('\n').count();
        // `$crate::` and `my_crate::` are no paths from this crate's root.
        let is_root = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$');
        if is_root {
            uses.extend(first_names(after).into_iter().map(|name| (line, name)));
        }
        rest = after;
    }
    uses
}

/// The name that a path goes on with, or all those of a group in braces.
fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| {
        text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
    };
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let mut depth = 0_usize;
    let mut parts = vec![String::new()];
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            '{' => depth += 1,
            ',' if depth == 0 => parts.push(String::new()),
            _ => {
                if let Some(part) = parts.last_mut() {
                    part.push(c);
                }
            }
        }
    }
    parts.iter().map(|part| name(part)).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn advice(path: &str, text: &str, expected: &[&str]) {
        let findings = check_file(&File::new(path, text));
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
    fn groups_are_taken_apart() {
        let text = "use crate::{env::Env, ui::{self, app},\n mode};\nuse my_crate::app;\n";
        let expected = ["1: `host` must not use `ui`", "1: `host` must not use `mode`"];
        advice("crates/runner/src/host/os.rs", text, &expected);
    }

    #[test]
    fn comments_strings_and_tests_are_free() {
        let text = "// crate::app\nconst A: &str = \"crate::app\";\n#[cfg(test)]\nmod tests { use crate::app::A; }\n";
        advice("crates/runner/src/env.rs", text, &[]);
    }

    #[test]
    fn unknown_modules_are_named_once() {
        let tree =
            Tree::of(&[("crates/runner/src/new/a.rs", ""), ("crates/runner/src/new/b.rs", "")]);
        let advice: Vec<String> =
            check_tree(&tree).into_iter().map(|finding| finding.advice).collect();
        assert_eq!(
            advice,
            ["add the module `new` to the table in crates/xtask/src/tidy/layers.rs"]
        );
    }

    #[test]
    fn the_table_has_no_cycles() {
        for (_, layers) in CRATES {
            assert!(layers.iter().all(|layer| layer.uses < Some(layer.rank)), "{layers:?}");
        }
    }
}
