//! The command line of `exec-harness`.

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser};
use runner_shared::{
    command_line::without_variables,
    env_names,
    harness::{RunArgs, Target, WalltimeArgs, name},
    mode::{Mode, UnknownMode},
    share::Share,
};

/// Benchmark any command: run it repeatedly and show how long it takes.
///
/// Results are written to `<folder>/results/`, the folder being `CODSPEED_PROFILE_FOLDER` or
/// `.codspeed`. `codspeed exec` runs this program and shows the results as a table.
#[derive(Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(name = "exec-harness", version, after_help = EXAMPLES)]
pub struct Args {
    /// Name of the benchmark [default: the words of the command].
    #[arg(long, value_parser = name())]
    pub name: Option<String>,

    /// The mode to measure in: `walltime`, or as set up by `codspeed exec -m`: `simulation` (under Valgrind) or
    /// `memory` (under a tracer).
    #[arg(short = 'm', long, env = env_names::RUNNER_MODE.name, value_parser = parse_mode, hide = true)]
    pub measurement_mode: Option<Mode>,

    /// Start the command with this program and these arguments, one word per option: Valgrind, which then runs only
    /// the command, not exec-harness or the hooks (simulation mode).
    #[arg(long, value_name = "WORD", allow_hyphen_values = true, hide = true)]
    pub launcher: Vec<OsString>,

    /// Run several benchmarks alternately instead of one after another, so that drift of the machine affects all of
    /// them alike, until their differences from the first are clear.
    #[arg(long)]
    pub interleave: bool,

    /// With `--interleave`: the smallest difference that matters [default: 3%].
    #[arg(long, value_name = "SHARE", requires = "interleave")]
    pub threshold: Option<Share>,

    /// With `--interleave`: seed for the order in each turn [default: random].
    #[arg(long, value_name = "NUMBER", requires = "interleave", hide = true)]
    pub seed: Option<u64>,

    /// Write undisturbed times to the results instead of wall times.
    #[arg(long)]
    pub robust: bool,

    /// Plan rounds with the formulas of exec-harness 1.x.
    #[arg(long, hide = true)]
    pub compat_rounds: bool,

    /// Show errors only.
    #[arg(short, long)]
    pub quiet: bool,

    /// Fail if another measurement is in progress instead of waiting for it to finish.
    #[arg(long)]
    pub no_wait: bool,

    /// Check the benchmarks for errors without running anything.
    #[arg(long, hide = true)]
    pub check: bool,

    /// Options of the rounds.
    #[command(flatten)]
    pub walltime: WalltimeArgs,

    /// Hooks around the rounds.
    #[command(flatten)]
    pub run: RunArgs,

    /// The command to benchmark, or `-` to read a JSON list of benchmarks from standard input.
    #[arg(trailing_var_arg = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

const EXAMPLES: &str = "\
Examples:
  exec-harness sha256sum big.iso
  exec-harness --max-rounds 20 --name sort -- sort -n numbers.txt
  exec-harness 'grep -c x file | sort'          a single word of shell text is run by sh
  exec-harness --prepare 'rm -f out' -- ./make-out
  echo '[{\"command\":[\"true\"]},{\"command\":[\"false\"]}]' | exec-harness -";

fn parse_mode(word: &str) -> Result<Mode, UnknownMode> {
    Mode::parse(word)
}

impl Args {
    /// Reads the command line of this process, or ends it with what is wrong. Empty variables count as unset.
    pub fn read(environment: &[(OsString, OsString)]) -> Self {
        let is_empty = |name: &str| {
            environment.iter().any(|(of, value)| of.as_os_str() == name && value.is_empty())
        };
        let matches = without_variables(Self::command(), &is_empty).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|err| err.exit())
    }

    /// Standard input holds the list of benchmarks.
    pub fn reads_stdin(&self) -> bool {
        matches!(self.command.as_slice(), [only] if only == "-")
    }

    /// The one benchmark of the command line.
    pub fn target(&self) -> Target {
        Target {
            command: self.command.clone(),
            name: self.name.clone(),
            walltime_args: self.walltime.clone(),
            run_args: self.run.clone(),
            working_directory: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Args, clap::error::ErrorKind> {
        let words = std::iter::once("exec-harness").chain(words.iter().copied());
        Args::try_parse_from(words).map_err(|err| err.kind())
    }

    #[test]
    fn options_end_with_the_first_word_of_the_command() {
        let args = parse(&["--max-rounds", "3", "true", "--max-rounds", "5"]).unwrap();
        assert_eq!(args.walltime.max_rounds, Some(3));
        assert_eq!(args.command, ["true", "--max-rounds", "5"]);
        assert_eq!(parse(&["--", "-x"]).unwrap().command, ["-x"]);
        assert_eq!(parse(&["--name", "", "true"]).unwrap().name.as_deref(), Some(""));
    }

    #[test]
    fn an_unknown_option_is_an_error_and_never_the_command() {
        use clap::error::ErrorKind;
        assert_eq!(parse(&["--max-round", "3", "true"]).unwrap_err(), ErrorKind::UnknownArgument);
        assert_eq!(parse(&[]).unwrap_err(), ErrorKind::MissingRequiredArgument);
        assert_eq!(parse(&["-m", "fast", "true"]).unwrap_err(), ErrorKind::ValueValidation);
        assert_eq!(parse(&["-m", "Walltime", "true"]).unwrap_err(), ErrorKind::ValueValidation);
    }

    #[test]
    fn only_a_dash_without_arguments_reads_the_list() {
        assert!(parse(&["-"]).unwrap().reads_stdin());
        assert!(!parse(&["-", "--max-rounds", "3"]).unwrap().reads_stdin());
        assert!(!parse(&["true"]).unwrap().reads_stdin());
    }

    #[test]
    fn the_words_of_a_launcher_may_look_like_options() {
        let args = parse(&["--launcher=/bin/valgrind", "--launcher=-q", "--quiet", "-"]).unwrap();
        assert_eq!(args.launcher, ["/bin/valgrind", "-q"]);
        assert!(args.quiet && args.reads_stdin());
    }

    #[test]
    fn failures_can_be_ignored_with_and_without_codes() {
        let ignored = |words: &[&str]| parse(words).unwrap().run.ignore_failure;
        assert_eq!(ignored(&["--ignore-failure", "false"]).as_deref(), Some("all"));
        assert_eq!(ignored(&["--ignore-failure=1,3", "false"]).as_deref(), Some("1,3"));
    }
}
