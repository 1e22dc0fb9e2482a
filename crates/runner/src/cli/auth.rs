//! Options of `codspeed auth`.

use clap::{Args, Subcommand};

/// Log in to the service, or out.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AuthArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: AuthCommand,
}

/// The subcommands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub(crate) enum AuthCommand {
    /// Log in through a browser, or with a token.
    Login {
        /// Read a token from standard input, instead of asking a browser.
        #[arg(long)]
        with_token: bool,

        /// Print the address, and leave the browser alone.
        #[arg(long, conflicts_with = "with_token")]
        no_browser: bool,
    },
    /// Show who is logged in.
    Status,
    /// Forget the token of the profile.
    Logout,
}

const EXAMPLES: &str = "\
Examples:
  codspeed auth login                             opens a browser
  codspeed auth login --with-token < token.txt    on a machine without one
  codspeed --profile work auth login              another account beside it

The token is kept in `~/.config/codspeed/config.yaml`, which only you can read.";
