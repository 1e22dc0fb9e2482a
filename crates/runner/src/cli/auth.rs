//! Options of `codspeed auth`.

use clap::{Args, Subcommand};

/// Log in to or out of the service.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AuthArgs {
    /// The subcommand.
    #[command(subcommand)]
    pub command: AuthCommand,
}

/// The subcommands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub(crate) enum AuthCommand {
    /// Log in with a browser, or with a token.
    Login {
        /// Read a token from standard input instead of opening a browser.
        #[arg(long)]
        with_token: bool,

        /// Print the address instead of opening a browser.
        #[arg(long, conflicts_with = "with_token")]
        no_browser: bool,
    },
    /// Show the account that is logged in.
    Status,
    /// Delete the profile's token.
    Logout,
}

const EXAMPLES: &str = "\
Examples:
  codspeed auth login                             opens a browser
  codspeed auth login --with-token < token.txt    on a machine without one
  codspeed --profile work auth login              a second account

The token is kept in `~/.config/codspeed/config.yaml`, which only you can read.";
