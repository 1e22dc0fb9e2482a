//! `cargo xtask attack`: does to the programs what nobody should do, over and over. A file per way.

mod signals;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// The ways.
#[derive(Debug, Subcommand)]
pub(crate) enum Attack {
    /// Send every signal in every phase of a run, many times, and at any time of a run.
    Signals(signals::Options),
}

/// The command.
pub(crate) fn run(attack: &Attack) -> Result<ExitCode> {
    match attack {
        Attack::Signals(options) => signals::run(options),
    }
}
