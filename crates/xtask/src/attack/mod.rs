//! `cargo xtask attack` breaks the files, system calls and signals of our programs: each attack tries one kind of fault in
//! every place where it can come, and fails on a finding.

mod faults;
mod files;
mod probe;
mod replace;
mod service;
mod signals;
mod stage;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use crate::say;

use stage::Stage;

/// The attacks. To add one, add a row here and in [`run`].
#[derive(Debug, Subcommand)]
pub(crate) enum Attack {
    /// Replace every file that we read with invalid content, links, pipes and the like.
    Files(Extent),
    /// Make every system call fail once.
    Faults(Extent),
    /// Send every signal in every phase of a run, many times, and at any time of a run.
    Signals(signals::Options),
}

/// The part of an attack on a stage that is run.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Extent {
    /// Try each kind of fault on each command once, without building first.
    #[arg(long)]
    quick: bool,
}

/// The same for whoever attacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    /// All of it, after a build.
    Full,
    /// Each kind of trouble at each command once, with the programs that are there.
    Quick,
}

/// The faults, one line each.
type Findings = Vec<String>;

/// Runs an attack.
pub(crate) fn run(attack: &Attack) -> Result<ExitCode> {
    match attack {
        Attack::Files(extent) => on_stage("files", *extent, files::run),
        Attack::Faults(extent) => on_stage("faults", *extent, faults::run),
        Attack::Signals(options) => signals::run(options),
    }
}

/// Runs an attack in a mount namespace with a `/tmp` of its own, so that it meets nobody and leaves nothing. It has printed
/// a table.
fn on_stage(
    name: &str,
    Extent { quick }: Extent,
    run: fn(&Stage, Scale) -> Result<Findings>,
) -> Result<ExitCode> {
    let scale = if quick { Scale::Quick } else { Scale::Full };
    let Some(stage) = Stage::entered() else { return Stage::enter(name, scale) };
    let findings =
        run(&stage, scale).with_context(|| format!("the attack `{name}` was aborted"))?;
    for finding in &findings {
        say::data(&format!("FINDING: {finding}"));
    }
    say::note(&format!("attack {name}: findings: {}", findings.len()));
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
