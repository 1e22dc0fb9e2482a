//! `cargo xtask lint`: format, clippy, docs, shell, and the rules of the house. Runs all of them, then says which failed.

use std::process::ExitCode;

use anyhow::Result;

use crate::setup::{self, MISSING};
use crate::tools::Task;
use crate::workspace::Workspace;
use crate::{say, shell, tidy};

/// The command.
pub(crate) fn run(fix: bool) -> Result<ExitCode> {
    if !setup::ensure(Some(Task::Lint)) {
        return Ok(ExitCode::from(MISSING));
    }
    let workspace = Workspace::load()?;
    if fix {
        workspace.cargo(&["fmt", "--all"]).run()?;
        workspace
            .cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--fix",
                "--allow-dirty",
                "--allow-staged",
            ])
            .run()?;
    }
    let mut failed = Vec::new();
    let mut skipped = Vec::new();
    for (name, cmd) in [
        ("format", workspace.cargo(&["fmt", "--all", "--check"])),
        (
            "clippy",
            workspace.cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        ),
        (
            "docs",
            workspace
                .cargo(&["doc", "--no-deps", "--workspace"])
                .env("RUSTDOCFLAGS", "-D warnings"),
        ),
    ] {
        if cmd.status()? != 0 {
            failed.push(name);
        }
    }
    if shell::find("shellcheck").is_none() {
        skipped.push("shellcheck (not installed)");
    } else {
        let scripts = tidy::shell_scripts(&workspace);
        let check = shell::Cmd::new("shellcheck").args(["--external-sources"]).args(scripts);
        if check.cwd(&workspace.root).status()? != 0 {
            failed.push("shellcheck");
        }
    }
    if tidy::report(&workspace) != 0 {
        failed.push("tidy");
    }
    let or_none =
        |names: &[&str]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    say::note(&format!("lint: failed: {}; skipped: {}", or_none(&failed), or_none(&skipped)));
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
