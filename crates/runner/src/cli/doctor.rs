//! Options of `codspeed doctor`.

use std::path::Path;

use clap::{Args, Parser};

use super::{Args as All, Command, SharedArgs};

/// Say what makes measurements worse here.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(after_help = EXAMPLES)]
pub(crate) struct DoctorArgs {
    /// Print one JSON object, for other programs.
    #[arg(long)]
    pub json: bool,

    /// Exit with 1 if something is a problem: a mode can't measure, or its results would be wrong.
    #[arg(long)]
    pub strict: bool,

    /// Only look: don't measure which differences this machine resolves.
    #[arg(long)]
    pub no_measure: bool,

    /// Measure for so long: `5`, `500ms`, `1m`.
    #[arg(long, value_name = "DURATION", default_value = "5s", conflicts_with = "no_measure")]
    pub time: String,

    /// Fail at once when another run is going on, rather than wait for its end.
    #[arg(long, conflicts_with = "no_measure")]
    pub no_wait: bool,
}

const EXAMPLES: &str = "\
Each line is `ok`, `note` (costs precision), `problem` (a mode can't measure, or its results would be wrong), or \
    `unknown` (the system doesn't tell, as in many containers). Below a note stands why it matters, for which mode, and \
    the command that mends it, with who may run it: you, root, or the admin of the host below this machine. Nothing is \
    changed.

At the end the same small program is compared with itself, as by `codspeed exec --vs`: what is found is noise, and how \
    wide its interval is says which difference this machine resolves, by undisturbed times and by wall times, in how \
    many seconds.

Examples:
  codspeed doctor
  codspeed doctor --no-measure --json | jq '.checks[] | select(.grade == \"problem\")'
  codspeed doctor --time 30s                      a better look at the noise

Exit codes: 0 whatever is found; 1 with `--strict` if something is a problem; 130 interrupted.";

/// The options of a run in walltime mode without a profile that leaves its results in `folder`.
pub(crate) fn measuring(folder: &Path) -> Result<SharedArgs, clap::Error> {
    let words = ["codspeed", "exec", "--mode=walltime", "--no-perf", "--profile-folder"];
    let words = words.map(Into::into).into_iter().chain([folder.as_os_str().to_owned()]);
    let Command::Exec(args) = All::try_parse_from(words.chain(["true".into()]))?.command else {
        return Err(clap::Error::new(clap::error::ErrorKind::InvalidSubcommand));
    };
    Ok(args.shared)
}
