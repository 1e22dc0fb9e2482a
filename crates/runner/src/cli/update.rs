//! Options of `codspeed update`.

use clap::Args;

/// Replace these programs by those of a newer release.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct UpdateArgs {
    /// This version, newer or older, rather than the newest one.
    #[arg(long, value_name = "VERSION", value_parser = parse_version)]
    pub version: Option<semver::Version>,

    /// Only say whether there is another version.
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
  codspeed update --version 5.1.0    this one, also to go back

Works for programs that codspeed-installer.sh has installed. What is downloaded has to have the
hash that its release names; otherwise nothing is changed. Runs that go on keep their programs.";
