//! Signals: the table of phases that the tests have, many times, then one signal after the other at any time of a run.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Args;

use crate::say;
use crate::shell::Cmd;
use crate::workspace::Workspace;

/// The part of it that is run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The number of tries of each row of the table.
    #[arg(long, default_value_t = 20)]
    times: u32,
    /// Only tests whose names contain this.
    #[arg(default_value = "")]
    filter: String,
}

/// The tests; of those that go through a whole run, the milliseconds from one moment to the next.
const ROUNDS: &[(&str, Option<&str>)] =
    &[("namespace::phases::", None), ("namespace::phases::any_time::", Some("5"))];

/// The command.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let Options { times, filter } = options;
    ensure!(*times > 0, "`--times` must be at least 1");
    let workspace = Workspace::load()?;
    workspace.cargo(&["build", "--workspace", "--bins"]).run()?;
    let mut failed = Vec::new();
    for (tests, every) in ROUNDS {
        // What goes through a whole run in small steps is many tries by itself.
        let times = if every.is_none() { *times } else { 1 };
        let expression = format!("test(/{tests}/) and test(/{filter}/)");
        let cmd = Cmd::new("cargo").cwd(&workspace.root).args(["nextest", "run", "-p", "runner"]);
        let cmd = cmd.args(["--test", "cli", "--no-tests", "pass", "-E", &expression]);
        let cmd = cmd.args(["--stress-count", &times.to_string()]);
        let cmd = every.iter().fold(cmd, |cmd, every| cmd.env("ATTACK_EVERY_MS", *every));
        if cmd.status()? != 0 {
            failed.push(*tests);
        }
    }
    let failures = if failed.is_empty() { "none".to_owned() } else { failed.join(", ") };
    say::note(&format!("signals: repeats: {times}, failed: {failures}"));
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
