//! Options of `codspeed setup`.

use clap::Args;
use runner_shared::{env_names, mode::Mode};

use super::{Instrument, compat::parse_version, shared::mode_parser};

/// Install what a mode needs.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::doc_markdown, reason = "the help has no backticks around variables")]
pub(crate) struct SetupArgs {
    /// The mode to set up; several with commas, or repeated [env: CODSPEED_RUNNER_MODE] [default: all].
    #[arg(short, long, value_parser = mode_parser(), value_delimiter = ',', hide_possible_values = true)]
    pub mode: Vec<Mode>,

    /// The instrument to set up, rather than a mode.
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',', conflicts_with_all = ["mode", "apt"])]
    pub instruments: Vec<Instrument>,

    /// Install the program that measures benchmarks of Go, by `go install`, rather than set up a mode.
    #[arg(long, conflicts_with_all = ["apt", "instruments", "sha256"])]
    pub go_runner: bool,

    /// Which version of it; the newest if none is named.
    #[arg(long, env = env_names::GO_RUNNER_VERSION.name, value_name = "VERSION", value_parser = parse_version)]
    pub go_runner_version: Option<String>,

    /// Install the packages of your distribution for everybody: with apt-get, as root.
    #[arg(long, conflicts_with_all = ["package", "sha256"])]
    pub apt: bool,

    /// Take the package from here rather than from its publisher: a path or a URL, for Go the path of a module.
    #[arg(long, value_name = "SOURCE")]
    pub package: Option<String>,

    /// What that package hashes to, if it is not the one that is expected.
    #[arg(long, value_name = "HEX", requires = "package")]
    pub sha256: Option<String>,

    /// `status`: only say what is there, as `codspeed status` does.
    #[arg(value_name = "status", value_parser = ["status"], hide_possible_values = true)]
    pub what: Option<String>,

    /// Only say what would be done.
    #[arg(long)]
    pub dry_run: bool,
}

const EXAMPLES: &str = "\
Examples:
  codspeed setup -m simulation          CodSpeed's Valgrind, for you alone, without root
  codspeed setup -m simulation --apt    the Valgrind of your distribution, and names for the C library
  codspeed setup -m walltime --apt      the perf of your distribution, for profiles
  codspeed setup -m memory              says which command gives the tracer its rights
  codspeed setup --go-runner            codspeed-go-runner, for `go test -bench` in walltime mode
  codspeed setup -m simulation --package mirror/valgrind.deb
                                        the same file from elsewhere

Everything that is downloaded has to have the hash that is known here. What is there and whole is
kept: a cache that CI restores (`--setup-cache-dir`) is checked, and damage is mended.
`codspeed status` says what is there.";
