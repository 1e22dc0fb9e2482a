//! Options of `codspeed profile`.

use clap::{Args, Subcommand};

use super::global::{parse_name, parse_url};

/// Accounts and services to choose from.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ProfileArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ProfileCommand,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// List all profiles; a star marks the one that is used.
    List,
    /// Show what a profile holds, or what is used now.
    Show {
        /// The profile [default: what is used now, with options and the environment].
        #[arg(value_parser = parse_name)]
        name: Option<String>,
    },
    /// Make a profile or change it. What is not given stays.
    Set(ProfileSetArgs),
    /// Use a profile in this shell and everything that is started from it.
    Use {
        /// The profile.
        #[arg(value_parser = parse_name)]
        name: String,
    },
    /// Remove a profile with its token.
    Remove {
        /// The profile; `default` becomes empty.
        #[arg(value_parser = parse_name)]
        name: String,
    },
}

/// What to change of a profile.
#[derive(Debug, Args)]
pub(crate) struct ProfileSetArgs {
    /// The profile.
    #[arg(value_parser = parse_name)]
    pub name: String,

    /// Where the service is asked.
    // The global option of this name, with a help of its own.
    #[arg(long, value_name = "URL", value_parser = parse_url)]
    pub api_url: Option<String>,

    /// Where results are uploaded to.
    #[arg(long, value_name = "URL", value_parser = parse_url)]
    pub upload_url: Option<String>,

    /// Read the token from standard input.
    #[arg(long)]
    pub token_stdin: bool,
}

const EXAMPLES: &str = "\
Examples:
  codspeed profile set work --api-url https://gql.example.com/
  codspeed profile set work --token-stdin < token.txt
  codspeed profile use work                for this shell
  codspeed --profile work profile show     for one command; CODSPEED_PROFILE does it, too

Profiles are kept in `~/.config/codspeed/config.yaml`, which only you can read.";
