//! Options of `codspeed clean`.

use clap::Args;

use super::store::parse_age;

/// Remove profile folders that earlier runs have left in the temp folder.
#[derive(Debug, Clone, Copy, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CleanArgs {
    /// Only show what would be removed.
    #[arg(long)]
    pub dry_run: bool,

    /// Remove only folders that nothing was written to for so long.
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = parse_age)]
    pub older_than: u64,
}

const EXAMPLES: &str = "\
Examples:
  codspeed clean --dry-run              what is there, how old and how large?
  codspeed clean                        removes all that is older than a week
  codspeed clean --older-than 0         removes all but those of running runs

Only folders that this program has made for you in the temp folder are removed: not those that
you have named by `--profile-folder`, not those of other users, and no stored runs (see
`codspeed store gc`). Folders that `--keep-profile` has kept, and those whose upload has failed,
are removed as well: use `codspeed upload` first.";
