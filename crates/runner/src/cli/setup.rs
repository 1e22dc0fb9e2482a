//! Options of `codspeed setup`.

use clap::Args;
use runner_shared::{env_names, mode::Mode};

use super::{compat::parse_version, shared::mode_parser};
use crate::settings::options::Instrument;

/// Install the tools of a mode.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::doc_markdown, reason = "the help has no backticks around variables")]
pub(crate) struct SetupArgs {
    /// The mode to set up (comma-separated or repeated) [env: CODSPEED_RUNNER_MODE] [default: all].
    #[arg(short, long, value_parser = mode_parser(), value_delimiter = ',', hide_possible_values = true)]
    pub mode: Vec<Mode>,

    /// The instrument to set up instead of a mode.
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',', conflicts_with_all = ["mode", "apt"])]
    pub instruments: Vec<Instrument>,

    /// Install the program that measures Go benchmarks with `go install`, instead of setting up a mode.
    #[arg(long, conflicts_with_all = ["apt", "instruments", "sha256"])]
    pub go_runner: bool,

    /// Version of the Go program [default: the newest].
    #[arg(long, env = env_names::GO_RUNNER_VERSION.name, value_name = "VERSION", value_parser = parse_version)]
    pub go_runner_version: Option<String>,

    /// Install your distribution's packages system-wide with apt-get (as root).
    #[arg(long, conflicts_with_all = ["package", "sha256"])]
    pub apt: bool,

    /// Get the package from this path or URL instead of its publisher; for Go, from this module path.
    #[arg(long, value_name = "SOURCE")]
    pub package: Option<String>,

    /// SHA-256 of that package, if it differs from the expected one.
    #[arg(long, value_name = "HEX", requires = "package")]
    pub sha256: Option<String>,

    /// `status`: show what is installed, like `codspeed status`.
    #[arg(value_name = "status", value_parser = ["status"], hide_possible_values = true)]
    pub what: Option<String>,

    /// Show what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
}

const EXAMPLES: &str = "\
Examples:
  codspeed setup -m simulation          CodSpeed's Valgrind, for your user only, without root
  codspeed setup -m simulation --apt    your distribution's Valgrind, and debug symbols of the C library
  codspeed setup -m walltime --apt      your distribution's perf, for profiles
  codspeed setup -m memory              shows the command that gives the tracer its permissions
  codspeed setup --go-runner            codspeed-go-runner, for `go test -bench` in walltime mode
  codspeed setup -m simulation --package mirror/valgrind.deb
                                        the same file from elsewhere

Downloads must match a known hash. Tools that are installed and intact are
kept: a cache restored by CI (`--setup-cache-dir`) is verified, and damaged files are replaced.
Run `codspeed status` to see what is installed.";
