//! The build system of the workspace: parses the command line and hands over to one module per command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod compat;
mod demo;
mod lint;
mod needs;
mod rust_text;
mod say;
mod setup;
mod shell;
mod test;
mod tidy;
mod tools;
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
    /// Find the tools that are needed, and install what is missing.
    Setup {
        /// Look only at what this command needs.
        #[arg(long = "for", value_enum)]
        task: Option<tools::Task>,
    },
    /// Build in release mode and show a measurement and a comparison, offline.
    Demo,
    /// Run the doc tests, then all other tests.
    Test {
        /// Handed on to `cargo nextest run`, for example a part of a test's name.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Check format, lints, docs and the rules of the house.
    Lint {
        /// Repair what a tool can repair.
        #[arg(long)]
        fix: bool,
    },
    /// Check only the rules of the house.
    Tidy,
    /// Run real benchmark clients from their registries, and check what is measured.
    Compat(compat::Request),
    /// Measure our own code.
    Bench {
        /// Only the benches whose `crate/name` contains this.
        filter: Option<String>,
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
        Command::Bench { filter } => bench::run(filter.as_deref().unwrap_or_default()),
    };
    done.unwrap_or_else(|err| {
        say::note(&format!("error: {err:#}"));
        ExitCode::FAILURE
    })
}
