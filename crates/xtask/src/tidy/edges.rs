//! Rule: which of our crates may use which. The table is the architecture; `cargo metadata` is the fact.

use serde_json::Value;

use super::{Finding, Tree};
use crate::workspace::items;

/// A crate, and those of ours that it may link.
const CRATES: &[(&str, &[&str])] = &[
    ("allocators", &[]),
    ("runner-shared", &[]),
    ("system", &["runner-shared"]),
    ("debug-info", &["runner-shared"]),
    ("profile", &["runner-shared", "system"]),
    ("results", &["allocators", "debug-info", "runner-shared", "system"]),
    ("api", &["runner-shared", "system"]),
    ("store", &["results", "runner-shared", "system"]),
    ("report", &["store", "results", "runner-shared"]),
    ("runner", &["profile", "report", "results", "store", "api", "runner-shared", "system"]),
    ("exec-harness", &["runner-shared", "system"]),
    ("memtrack", &["allocators", "debug-info", "runner-shared", "system"]),
    ("test-support", &["runner-shared"]),
    ("xtask", &[]),
];

/// Crates that tests may use in addition; `xtask` may not.
const FOR_TESTS: &[&str] = &["test-support", "runner-shared"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    items(&tree.metadata, "packages").iter().flat_map(check_package).collect()
}

fn check_package(package: &Value) -> Vec<Finding> {
    let name = text(package, "name");
    let path = format!("crates/{name}/Cargo.toml");
    let finding = |advice: String| Finding::new(&path, 1, "edges", advice);
    let Some((_, allowed)) = CRATES.iter().find(|(known, _)| *known == name) else {
        return vec![finding(format!(
            "add `{name}` to the table in crates/xtask/src/tidy/edges.rs"
        ))];
    };
    let mut findings = Vec::new();
    for dependency in items(package, "dependencies") {
        let used = text(dependency, "name");
        if text(dependency, "source").starts_with("git+") {
            findings.push(finding(format!("take `{used}` from crates.io, not from git")));
        }
        let is_ours = dependency.get("path").is_some_and(Value::is_string);
        let for_tests =
            text(dependency, "kind") == "dev" && name != "xtask" && FOR_TESTS.contains(&used);
        if is_ours && !for_tests && !allowed.contains(&used) {
            findings.push(finding(format!("`{name}` must not use `{used}`")));
        }
    }
    findings
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn advice(name: &str, dependency: &Value, expected: Option<&str>) {
        let metadata = json!({"packages": [{"name": name, "dependencies": [dependency]}]});
        let findings = check(&Tree { files: Vec::new(), metadata });
        let advice: Vec<&str> = findings.iter().map(|finding| finding.advice.as_str()).collect();
        assert_eq!(advice, expected.into_iter().collect::<Vec<_>>());
    }

    fn ours(name: &str, kind: Option<&str>) -> Value {
        json!({"name": name, "kind": kind, "source": null, "path": "x"})
    }

    #[test]
    fn edges_go_down_only() {
        advice("runner", &ours("results", None), None);
        advice("results", &ours("profile", None), Some("`results` must not use `profile`"));
        advice("runner", &ours("exec-harness", None), Some("`runner` must not use `exec-harness`"));
        advice(
            "runner",
            &ours("exec-harness", Some("dev")),
            Some("`runner` must not use `exec-harness`"),
        );
    }

    #[test]
    fn only_tests_use_test_support() {
        advice("runner", &ours("test-support", Some("dev")), None);
        advice("runner", &ours("test-support", None), Some("`runner` must not use `test-support`"));
        advice(
            "xtask",
            &ours("test-support", Some("dev")),
            Some("`xtask` must not use `test-support`"),
        );
    }

    #[test]
    fn other_crates_come_from_the_registry() {
        let from = |source: &str| json!({"name": "libc", "kind": null, "source": source});
        advice("runner", &from("registry+https://example.org"), None);
        advice(
            "runner",
            &from("git+https://example.org"),
            Some("take `libc` from crates.io, not from git"),
        );
    }

    #[test]
    fn a_new_crate_must_be_added_to_the_table() {
        let advice_text = "add `new` to the table in crates/xtask/src/tidy/edges.rs";
        advice("new", &ours("results", None), Some(advice_text));
    }
}
