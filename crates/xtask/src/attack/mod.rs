//! `cargo xtask attack`: our programs in bad company. Each attack tries one kind of trouble in every place where it can
//! come, prints a table, and fails on a finding.
//!
//! An attack has a mount namespace with a `/tmp` of its own, so that it meets nobody and leaves nothing.

mod faults;
mod files;
mod probe;
mod replace;
mod service;
mod stage;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::say;

use stage::Stage;

/// An attack.
#[derive(Debug)]
struct Attack {
    name: &'static str,
    about: &'static str,
    run: fn(&Stage, Scale) -> Result<Findings>,
}

/// To add one, add a row.
const ATTACKS: &[Attack] = &[
    Attack {
        name: "files",
        about: "every file that we read is replaced by what no file should be",
        run: files::run,
    },
    Attack { name: "faults", about: "every call of the system fails once", run: faults::run },
];

/// How much of an attack is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// All of it, after a build.
    Full,
    /// Each kind of trouble at each command once, with the programs that are there.
    Quick,
}

/// What went wrong, one line each.
type Findings = Vec<String>;

/// Runs an attack, in a place of its own.
pub(crate) fn run(name: &str, scale: Scale) -> Result<ExitCode> {
    let Some(attack) = ATTACKS.iter().find(|attack| attack.name == name) else {
        let rows = ATTACKS.iter().map(|attack| format!("\n  {}: {}", attack.name, attack.about));
        bail!("there is no attack `{name}`; these are:{}", rows.collect::<String>());
    };
    let Some(stage) = Stage::entered() else { return Stage::enter(name, scale) };
    let findings =
        (attack.run)(&stage, scale).with_context(|| format!("the attack `{name}` broke off"))?;
    for finding in &findings {
        say::data(&format!("FINDING: {finding}"));
    }
    say::note(&format!("attack {name}: {} findings", findings.len()));
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
