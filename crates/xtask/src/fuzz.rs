//! `cargo xtask fuzz`: builds the example binaries that throw damaged bytes at our readers, and runs each target for a
//! while.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::say;
use crate::shell::Cmd;
use crate::workspace::Workspace;

/// Crates with an example `fuzz_*`, and the targets that it has. To add a reader, add its name here and a row there.
const FUZZERS: &[(&str, &[&str])] = &[
    (
        "runner-shared",
        &[
            "frames",
            "artifacts",
            "memory-events",
            "memory-stacks",
            "tracer-says",
            "harness-list",
            "results-json",
            "words",
        ],
    ),
    (
        "results",
        &[
            "callgrind",
            "tracegrind",
            "symbol-map",
            "walltime-folder",
            "memory-folder",
            "environment",
        ],
    ),
    (
        "profile",
        &["perf", "jitdump", "perf-map", "elf", "dwarf", "unwind-data", "metadata", "maps"],
    ),
    (
        "runner",
        &[
            "codspeed-yml",
            "user-settings",
            "git",
            "event-payload",
            "remote-url",
            "receipt",
            "machine",
            "lock",
            "shell-session",
            "progress",
        ],
    ),
    ("store", &["import", "import-folder"]),
    ("api", &["service-answers", "service-responses"]),
    ("memtrack", &["preload-records", "unwind-data"]),
    ("exec-harness", &["counts", "kernel-records", "program-head"]),
];

/// The example of a crate. Their names differ, as all are built into one folder.
fn example(package: &str) -> String {
    format!("fuzz_{}", package.replace('-', "_"))
}

/// The command: all targets, or the one of this name, each for so many minutes.
pub(crate) fn run(target: Option<&str>, minutes: f64) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    let seconds = format!("{:.0}", (minutes * 60.0).max(1.0));
    let (mut run, mut failed) = (0, Vec::new());
    for (package, targets) in FUZZERS {
        let chosen = targets.iter().filter(|name| target.is_none_or(|wanted| wanted == **name));
        let chosen: Vec<&str> = chosen.copied().collect();
        if chosen.is_empty() {
            continue;
        }
        let example = example(package);
        workspace.cargo(&["build", "--release", "-p", package, "--example", &example]).run()?;
        for name in chosen {
            let cmd = Cmd::new(workspace.release("examples").join(&example)).cwd(&workspace.root);
            run += 1;
            if cmd.args([name, seconds.as_str()]).status()? != 0 {
                failed.push(name);
            }
        }
    }
    if run == 0 {
        let names: Vec<&str> = FUZZERS.iter().flat_map(|(_, targets)| *targets).copied().collect();
        bail!("unknown target; use one of {}", names.join(", "));
    }
    let failures = if failed.is_empty() { "none".to_owned() } else { failed.join(", ") };
    say::note(&format!("fuzz: run: {run}, failed: {failures}"));
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_every_target_of_the_examples() {
        for (package, targets) in FUZZERS {
            let path = format!(
                "{}/../{package}/examples/{}.rs",
                env!("CARGO_MANIFEST_DIR"),
                example(package)
            );
            let text = std::fs::read_to_string(path).unwrap();
            let found: Vec<&str> =
                text.split("name: \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
            assert_eq!(found, *targets, "{package}");
        }
    }
}
