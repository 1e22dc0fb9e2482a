//! `cargo xtask test`: doc tests, then everything else under nextest, whose own summary ends the output.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::needs::{NEEDS, concerned, names};
use crate::setup::{self, MISSING};
use crate::tools::Task;
use crate::workspace::Workspace;
use crate::{say, shell};

/// The command.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    if !setup::ensure(Some(Task::Test)) {
        return Ok(ExitCode::from(MISSING));
    }
    let workspace = Workspace::load()?;
    // All targets at once: the tests find the sibling binaries beside their own, and nothing is built twice.
    workspace.cargo(&["build", "--workspace", "--all-targets"]).run()?;
    let docs = workspace.cargo(&["test", "--doc", "--workspace"]).status()?;
    let skipped = what_cannot_run(&workspace)?;

    let in_ci = shell::env("CI").is_some_and(|value| value == "true");
    let mut cmd = workspace.cargo(&["nextest", "run", "--workspace"]);
    if in_ci {
        cmd = cmd.args(["--profile", "ci"]).env("INSTA_UPDATE", "no");
    }
    cmd = cmd.args(with_skips(args, &skipped));
    if docs != 0 {
        say::note("test: DOC TESTS FAILED (see above); running the other tests");
    }
    let tests = cmd.hearing_ctrl_c().status()?;
    // Nothing is printed from here on: the last lines belong to nextest.
    Ok(ExitCode::from(if tests == 0 { docs } else { tests }))
}

/// Names the tests that this machine can't run, and returns the parts of names to skip.
fn what_cannot_run(workspace: &Workspace) -> Result<Vec<&'static str>> {
    let list = workspace
        .cargo(&["nextest", "list", "--workspace", "--message-format", "json"])
        .capture()?;
    let names = names(&serde_json::from_str(&list).context("the list of tests is not JSON")?);
    let scratch = workspace.target.join("xtask-test");
    let mut skipped = Vec::new();
    let mut count = 0_usize;
    for need in NEEDS {
        let tests = concerned(need, &names);
        if tests.is_empty() {
            continue;
        }
        fs::create_dir_all(&scratch)
            .with_context(|| format!("could not create `{}`", say::path(&scratch)))?;
        let met = (need.is_met)(&scratch);
        fs::remove_dir_all(&scratch)
            .with_context(|| format!("could not remove `{}`", say::path(&scratch)))?;
        if met {
            say::note(&format!(
                "test: `{}` tests can run here: {} ({})",
                need.part,
                tests.len(),
                need.what
            ));
            continue;
        }
        for name in &tests {
            say::note(&format!("test: NOT RUN: {name}: needs {}", need.what));
        }
        count = count.saturating_add(tests.len());
        skipped.push(need.part);
    }
    say::note(&format!("test: {} tests listed, {count} can't run on this machine", names.len()));
    Ok(skipped)
}

/// The caller's arguments, and what nextest shall skip. Skips go behind `--`, where they only ever narrow a filter.
fn with_skips(args: &[String], skipped: &[&str]) -> Vec<String> {
    let mut all = args.to_vec();
    if !skipped.is_empty() && !all.iter().any(|arg| arg == "--") {
        all.push("--".to_owned());
    }
    all.extend(skipped.iter().flat_map(|part| ["--skip".to_owned(), (*part).to_owned()]));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn skips(args: &[&str], skipped: &[&str], expected: &[&str]) {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        assert_eq!(with_skips(&args, skipped), expected);
    }

    #[test]
    fn skips_are_added_behind_the_callers_arguments() {
        skips(&["frame"], &[], &["frame"]);
        skips(&["frame"], &["network::"], &["frame", "--", "--skip", "network::"]);
        skips(
            &["--", "--exact"],
            &["a::", "b::"],
            &["--", "--exact", "--skip", "a::", "--skip", "b::"],
        );
    }
}
