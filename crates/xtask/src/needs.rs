//! The table of what some tests need from the machine, by a part of their names. Decides nothing about other tests.

use std::path::Path;

use serde_json::Value;

use crate::setup::is_root;
use crate::shell::{Cmd, find};

/// Tests whose names contain `part` can run only where `is_met`.
#[derive(Debug)]
pub(crate) struct Need {
    pub(crate) part: &'static str,
    pub(crate) what: &'static str,
    /// Gets a scratch folder.
    pub(crate) is_met: fn(&Path) -> bool,
}

pub(crate) const NEEDS: &[Need] = &[
    Need { part: "privileged::", what: "root", is_met: |_| is_root() },
    Need {
        part: "namespace::",
        what: "a private mount namespace (`unshare --mount true`)",
        is_met: |_| Cmd::new("unshare").args(["--mount", "true"]).succeeds(),
    },
    Need {
        part: "debian::",
        what: "packages of Debian (`apt-get download valgrind`)",
        is_met: |_| Cmd::new("apt-get").args(["download", "--print-uris", "valgrind"]).succeeds(),
    },
    Need {
        part: "perf_records::",
        what: "a perf that may record (`perf record -o - true`)",
        is_met: |_| Cmd::new("perf").args(["record", "--quiet", "-o", "-", "true"]).succeeds(),
    },
    Need {
        part: "heaptrack::",
        what: "heaptrack (`heaptrack --version`)",
        is_met: |_| Cmd::new("heaptrack").args(["--version"]).succeeds(),
    },
    Need {
        part: "lfs::",
        what: "Git LFS (`git lfs version`)",
        is_met: |_| Cmd::new("git").args(["lfs", "version"]).succeeds(),
    },
    Need {
        part: "node::",
        what: "node and npm with a registry that answers (`npm view tinybench`)",
        is_met: |_| Cmd::new("npm").args(["view", "tinybench", "version"]).succeeds(),
    },
    Need {
        part: "pyenv::",
        what: "Python 3.11, 3.12 and 3.13 in `~/.pyenv/versions`",
        is_met: |_| ["3.11.", "3.12.", "3.13."].iter().all(|version| has_pyenv(version)),
    },
    Need {
        part: "network::",
        what: "python3 with venv, and a package registry that answers",
        is_met: registry_answers,
    },
    Need {
        part: "chromium::",
        what: "a Chromium that starts (`chromium --version`)",
        is_met: |_| Cmd::new("chromium").args(["--version"]).succeeds(),
    },
    Need {
        part: "garage::",
        what: "`garage` on PATH (`cargo xtask servers` brings it, and runs these)",
        is_met: |_| find("garage").is_some(),
    },
    Need {
        part: "seaweedfs::",
        what: "`weed` on PATH (`cargo xtask servers` brings it, and runs these)",
        is_met: |_| find("weed").is_some(),
    },
    Need {
        part: "azurite::",
        what: "`azurite-blob` on PATH (`cargo xtask servers` brings it, and runs these)",
        is_met: |_| find("azurite-blob").is_some(),
    },
    Need {
        part: "fake_gcs::",
        what: "`fake-gcs-server` on PATH (`cargo xtask servers` brings it, and runs these)",
        is_met: |_| find("fake-gcs-server").is_some(),
    },
];

/// Looks for a version of Python whose number begins so.
fn has_pyenv(version: &str) -> bool {
    let versions = std::env::home_dir().map(|home| home.join(".pyenv/versions"));
    let entries = versions.and_then(|versions| std::fs::read_dir(versions).ok());
    let is_it = |name: &std::ffi::OsStr| name.to_str().is_some_and(|it| it.starts_with(version));
    entries.is_some_and(|entries| entries.flatten().any(|entry| is_it(&entry.file_name())))
}

/// Asks for the one package the tests want, in the way they do.
fn registry_answers(scratch: &Path) -> bool {
    let venv = scratch.join("venv");
    let made = Cmd::new("python3").args(["-m", "venv"]).args([&venv]).succeeds();
    made && Cmd::new(venv.join("bin/python"))
        .args([
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--retries=0",
            "--timeout=15",
            "pytest-codspeed",
            "-d",
        ])
        .args([scratch])
        .succeeds()
}

/// The names of all tests in the answer of `cargo nextest list --message-format json`.
pub(crate) fn names(list: &Value) -> Vec<String> {
    let suites = list.get("rust-suites").and_then(Value::as_object);
    let tests = |(binary, suite): (&String, &Value)| -> Vec<String> {
        let cases = suite.get("testcases").and_then(Value::as_object);
        cases
            .into_iter()
            .flat_map(|cases| cases.keys())
            .map(|name| format!("{binary} {name}"))
            .collect()
    };
    suites.into_iter().flatten().flat_map(tests).collect()
}

/// The tests that fall under a need.
pub(crate) fn concerned<'a>(need: &Need, names: &'a [String]) -> Vec<&'a str> {
    names.iter().map(String::as_str).filter(|name| name.contains(need.part)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_found_by_a_part_of_their_names() {
        let list = serde_json::json!({"rust-suites": {
            "runner::cli": {"testcases": {"privileged::perf": {}, "exec::prints": {}}},
            "runner": {"testcases": {"session::privileged::stops": {}}},
        }});
        let names = names(&list);
        let root = NEEDS.iter().find(|need| need.what == "root").unwrap();
        assert_eq!(names.len(), 3);
        assert_eq!(
            concerned(root, &names),
            ["runner session::privileged::stops", "runner::cli privileged::perf"]
        );
    }
}
