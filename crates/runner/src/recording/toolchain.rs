//! The words of integrations about themselves and their language, as a record has them.

use std::collections::{BTreeMap, BTreeSet};

use results::{Benchmark, Fact, Report, read_environments};
use runner_shared::{profile_dir::ProfileDir, text::one_line};
use store::{Module, Tool};

use super::tool;

/// Facts that are versions of a tool: language, name of the fact, name of the tool.
const VERSIONS: &[(&str, &str, &str)] = &[
    ("python", "version", "python"),
    ("python", "compiler", "python-compiler"),
    ("rust", "rustc", "rustc"),
    ("rust", "cargo", "cargo"),
    ("rust", "LLVM version", "llvm"),
    ("nodejs", "version", "node"),
    ("nodejs", "v8", "v8"),
    ("go", "version", "go"),
    ("cpp", "version", "c++-compiler"),
];

/// Libraries of all processes together, at most.
const MOST_LIBRARIES: usize = 1_000;

/// The words of the processes of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Compilers and interpreters.
    pub tools: Vec<Tool>,
    /// All else, by language and name.
    pub languages: BTreeMap<String, BTreeMap<String, String>>,
    /// The libraries that they had loaded, those with a build ID.
    pub modules: Vec<Module>,
}

/// Reads what the processes of a run left in its folder. What can't be read has been said already.
pub(super) fn of_folder(folder: &ProfileDir) -> Said {
    let (environments, _) = read_environments(folder);
    let mut said = Said::default();
    let mut libraries = BTreeSet::new();
    for environment in environments {
        for (language, facts) in environment.languages {
            for (name, fact) in facts {
                let value = match fact {
                    Fact::One(value) => one_line(&value),
                    Fact::Several(values) => one_line(&values.join(" ")),
                };
                let version = VERSIONS.iter().find(|(of, key, _)| *of == language && *key == name);
                if let Some((_, _, called)) = version {
                    said.tools.push(tool(called, &value));
                } else {
                    let facts = said.languages.entry(one_line(&language)).or_default();
                    facts.entry(one_line(&name)).or_insert(value);
                }
            }
        }
        let known = environment.libraries.into_values();
        libraries.extend(known.filter_map(|library| Some((library.path, library.build_id?))));
    }
    let libraries = libraries.into_iter().take(MOST_LIBRARIES);
    said.modules = libraries.map(|(path, id)| Module { path, id }).collect();
    said
}

/// The integrations of a report, with their versions.
pub(super) fn of_report(report: &Report) -> BTreeSet<Tool> {
    let integration = |of: Benchmark<'_>| match of {
        Benchmark::Walltime(of) => Some(of.integration.clone()),
        Benchmark::Simulation(of, _) => of.integration.clone(),
        Benchmark::Memory(_) => None,
    };
    let named = report.benchmarks().into_iter().filter_map(integration);
    named.map(|it| tool(&it.name, &it.version.unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_tools_and_all_else_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"integration_environment": {"python": {"version": "3.11.2 (main)\n[GCC]",
            "build_args": ["--a", "--b"]}}, "linked_libraries":
            {"libc.so.6": {"path": "/lib/libc.so.6", "build_id": "93ac"},
             "x": {"path": "/x", "build_id": null}}}"#;
        for pid in [3, 4] {
            std::fs::write(folder.path().join(format!("environment-{pid}.json")), text).unwrap();
        }
        let said = of_folder(&ProfileDir::new(folder.path()));
        assert_eq!(said.tools, [tool("python", "3.11.2 (main)\n[GCC]")]);
        assert_eq!(said.languages["python"]["build_args"], "--a --b");
        let libc = Module { path: "/lib/libc.so.6".to_owned(), id: "93ac".to_owned() };
        assert_eq!(said.modules, [libc]);
    }
}
