//! Options of `codspeed profile`.

use clap::{Args, Subcommand};

use super::global::{parse_name, parse_url};

/// Manage profiles: accounts and services to choose from.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ProfileArgs {
    /// The subcommand.
    #[command(subcommand)]
    pub command: ProfileCommand,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// List all profiles; a star marks the one in use.
    List,
    /// Show a profile, or the settings in use.
    Show {
        /// The profile [default: the one in use, with options and the environment applied].
        #[arg(value_parser = parse_name)]
        name: Option<String>,
    },
    /// Create or change a profile. Options that are not given stay unchanged.
    Set(ProfileSetArgs),
    /// Use a profile in this shell and everything started from it.
    Use {
        /// The profile.
        #[arg(value_parser = parse_name)]
        name: String,
    },
    /// Remove a profile and its token.
    Remove {
        /// The profile; `default` is emptied instead.
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

    /// Address of the service's API.
    // The global option of this name, with a help of its own.
    #[arg(long, value_name = "URL", value_parser = parse_url)]
    pub api_url: Option<String>,

    /// Address for uploads.
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
  codspeed --profile work profile show     for one command; or set CODSPEED_PROFILE

Profiles are kept in `~/.config/codspeed/config.yaml`, which only you can read.";
