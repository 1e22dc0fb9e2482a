//! `cargo xtask fuzz`: builds the example binaries that throw damaged bytes at our readers, and runs each for a while.

use std::process::ExitCode;

use anyhow::Result;

use crate::say;
use crate::shell::Cmd;
use crate::workspace::Workspace;

/// Crates, and examples of theirs that take a number of seconds. To add one, add a row.
const FUZZERS: &[(&str, &str)] = &[("profile", "fuzz"), ("results", "fuzz_callgrind")];

/// The command.
pub(crate) fn run(seconds: u32) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    let mut failed = Vec::new();
    for (package, example) in FUZZERS {
        workspace.cargo(&["build", "--release", "-p", package, "--example", example]).run()?;
        let cmd = Cmd::new(workspace.release("examples").join(example)).cwd(&workspace.root);
        if cmd.args([seconds.to_string()]).status()? != 0 {
            failed.push(format!("{package}/{example}"));
        }
    }
    let failures = if failed.is_empty() { "none".to_owned() } else { failed.join(", ") };
    say::note(&format!("fuzz: {} run, failed: {failures}", FUZZERS.len()));
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
