//! Options of `codspeed update`.

use clap::Args;

/// Update these programs to a newer release.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct UpdateArgs {
    /// Install this version, newer or older, instead of the newest one.
    #[arg(long, value_name = "VERSION", value_parser = parse_version)]
    pub version: Option<semver::Version>,

    /// Show whether there is another version, and change nothing.
    #[arg(long)]
    pub check: bool,
}

/// Reads a version, which may begin with `v` as tags do.
fn parse_version(text: &str) -> Result<semver::Version, semver::Error> {
    text.strip_prefix('v').unwrap_or(text).parse()
}

const EXAMPLES: &str = "\
Examples:
  codspeed update                    the newest release
  codspeed update --check            is there a newer one? Changes nothing
  codspeed update --version 5.1.0    this version, even an older one

Works for programs installed by codspeed-installer.sh. The download must match the
hash that its release names; otherwise nothing is changed. Runs in progress keep their programs.";
