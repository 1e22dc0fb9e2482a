//! Options of `codspeed doctor`.

use std::path::Path;

use clap::{Args, Parser};

use super::{Args as All, Command, SharedArgs};

/// Check this machine for causes of noise.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(after_help = EXAMPLES)]
pub(crate) struct DoctorArgs {
    /// Print one JSON object for other programs.
    #[arg(long)]
    pub json: bool,

    /// Exit with 1 if there is a problem: a mode can't measure, or its results would be wrong.
    #[arg(long)]
    pub strict: bool,

    /// Don't measure which differences this machine can resolve.
    #[arg(long)]
    pub no_measure: bool,

    /// Time to measure for: `5`, `500ms`, `1m`.
    #[arg(long, value_name = "DURATION", default_value = "5s", conflicts_with = "no_measure")]
    pub time: String,

    /// Fail if another run is in progress instead of waiting for it to finish.
    #[arg(long, conflicts_with = "no_measure")]
    pub no_wait: bool,
}

const EXAMPLES: &str = "\
Each line is `ok`, `note` (costs precision), `problem` (a mode can't measure, or its results would be wrong), or \
    `unknown` (not reported by the system, as in many containers). A note is followed by why it matters, for which \
    mode, and \
    the command that fixes it, with who can run it: you, root, or the admin of the host of this machine. Nothing is \
    changed.

At the end a small program is compared with itself, as with `codspeed exec --vs`. Any difference found is noise, and the \
    width of its interval shows which difference this machine can resolve, with undisturbed and with wall times, in \
    how \
    many seconds.

Examples:
  codspeed doctor
  codspeed doctor --no-measure --json | jq '.checks[] | select(.grade == \"problem\")'
  codspeed doctor --time 30s                      a more precise measurement of the noise

Exit codes: 0 even if problems are found; 1 with `--strict` if there is a problem; 130 interrupted.";

/// The options of a run in walltime mode without a profile that leaves its results in `folder`.
pub(crate) fn measuring(folder: &Path) -> Result<SharedArgs, clap::Error> {
    let words = ["codspeed", "exec", "--mode=walltime", "--no-perf", "--profile-folder"];
    let words = words.map(Into::into).into_iter().chain([folder.as_os_str().to_owned()]);
    let Command::Exec(args) = All::try_parse_from(words.chain(["true".into()]))?.command else {
        return Err(clap::Error::new(clap::error::ErrorKind::InvalidSubcommand));
    };
    Ok(args.shared)
}
