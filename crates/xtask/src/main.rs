//! The build system of the workspace: parses the command line and hands over to one module per command.

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests look at what they have made"))]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod action_hashes;
mod attack;
mod bench;
mod compat;
mod demo;
mod dist;
mod files;
mod fuzz;
mod lint;
mod needs;
mod release_notes;
mod rust_text;
mod say;
mod servers;
mod setup;
mod shell;
mod test;
mod tidy;
mod tools;
#[cfg(test)]
mod workflows;
mod workspace;

#[derive(Debug, Parser)]
#[command(
    name = "xtask",
    bin_name = "cargo xtask",
    about = "Set up, show, test, check and measure this workspace"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Find the required tools, and install missing ones.
    Setup {
        /// Only the tools that this command needs.
        #[arg(long = "for", value_enum)]
        task: Option<tools::Task>,
    },
    /// Build in release mode and show a measurement and a comparison, offline.
    Demo,
    /// Run the doc tests, then all other tests.
    Test {
        /// Arguments for `cargo nextest run`, such as a part of a test's name.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Check format, lints, docs and house rules.
    Lint {
        /// Fix what a tool can fix.
        #[arg(long)]
        fix: bool,
    },
    /// Check only the house rules.
    Tidy,
    /// Run real benchmark clients from their registries, and check the measurements.
    Compat(compat::Request),
    /// Test shared stores with object stores as people host them.
    Servers {
        /// Only these servers.
        #[arg(value_name = "SERVER")]
        only: Vec<String>,
    },
    /// Add the hashes of a release to the GitHub Action, and make the action install that version.
    ActionHashes {
        /// The file `SHA256SUMS` of the release.
        sums: PathBuf,
    },
    /// Measure our own code.
    Bench {
        /// Only the benches whose `crate/name` contains this.
        filter: Option<String>,
    },
    /// Fuzz everything that reads foreign bytes.
    Fuzz {
        /// Only this reader.
        target: Option<String>,
        /// Minutes for each reader.
        #[arg(long, default_value_t = 1.0)]
        minutes: f64,
    },
    /// Inject faults into the files, system calls and signals of our programs, and fail on a finding.
    #[command(subcommand)]
    Attack(attack::Attack),
    /// Build a release archive of all programs, and test it in an empty system.
    Dist(dist::Options),
    /// Print the changelog section of a version, as the text of its release.
    ReleaseNotes {
        /// As in `5.1.0` or `v5.1.0`.
        version: String,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Setup { task } => Ok(setup::run(task)),
        Command::Demo => demo::run(),
        Command::Test { args } => test::run(&args),
        Command::Lint { fix } => lint::run(fix),
        Command::Tidy => tidy::run(),
        Command::Compat(request) => compat::run(&request),
        Command::Servers { only } => servers::run(&only),
        Command::Fuzz { target, minutes } => fuzz::run(target.as_deref(), minutes),
        Command::Attack(attack) => attack::run(&attack),
        Command::Dist(options) => dist::run(&options),
        Command::ReleaseNotes { version } => release_notes::run(&version),
        Command::ActionHashes { sums } => action_hashes::run(&sums),
        Command::Bench { filter } => bench::run(filter.as_deref().unwrap_or_default()),
    };
    done.unwrap_or_else(|err| {
        say::note(&format!("error: {err:#}"));
        ExitCode::FAILURE
    })
}
