//! The command line.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use runner_shared::{command_line::without_variables, env_names};

use crate::backend::ebpf::{AttachMethod, SELF_TEST};

/// Traces the allocations of a program and of everything that it starts.
#[derive(Debug, Parser)]
#[command(
    name = "memtrack",
    bin_name = "codspeed-memtrack",
    version,
    about,
    after_help = "Examples:\n  codspeed-memtrack track -- ./program --its-option\n  codspeed-memtrack track --stacks -- python3 script.py\n  codspeed-memtrack track --json - -- ./program > usage.json\n  codspeed-memtrack doctor"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Reads the command line of this process, or ends it with what is wrong. Empty variables count as unset.
    pub(crate) fn read() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place that takes the environment")]
        let is_empty = |name: &str| std::env::var_os(name).is_some_and(|value| value.is_empty());
        let matches = without_variables(Self::command(), &is_empty).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|err| err.exit())
    }
}

/// The command to carry out.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Trace a command: write its allocations to a file and show a summary
    #[command(
        long_about = "Traces a command and all processes that it starts. Every call of an allocator (malloc, free, operators of C++, jemalloc, mimalloc, tcmalloc, rpmalloc, snmalloc; dynamic or static) is written to `<pid>.MemtrackArtifact.msgpack`, and a summary is shown at the end.\n\nThe exit code is that of the command; 128 plus the number of the signal if it was ended by one; 126 or 127 if it can't be started; 1 if events were lost; 3 if a permission is missing."
    )]
    Track(Track),
    /// Show which ways of tracing work here, and what the others lack
    Doctor,
    /// Exit with code 3 if a permission to trace from the kernel is missing. Tries nothing
    #[command(hide = true)]
    Rights,
    /// Make a known number of calls, to be traced
    #[command(name = SELF_TEST, hide = true)]
    SelfTest {
        /// Be a child of the one that is traced
        #[arg(long)]
        child: bool,
    },
}

/// Options of `track`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
#[expect(clippy::doc_markdown, reason = "these are texts of the help")]
pub(crate) struct Track {
    /// Folder for the files of the trace; created if it is missing
    #[arg(short, long, value_name = "FOLDER", default_value = ".")]
    pub output: PathBuf,
    /// Way to trace calls: from the kernel (root, or CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN), or by a library inside
    /// the processes (no permissions needed; can't see static programs)
    #[arg(long, value_enum, default_value_t, env = env_names::MEMTRACK_BACKEND.name)]
    pub backend: BackendChoice,
    /// Way to attach in the kernel, instead of the best one that works
    #[arg(long, value_enum, hide = true)]
    pub attach: Option<AttachMethod>,
    /// Record the call stack of each allocation in `<pid>.MemtrackStacks.msgpack`. Needs no frame pointers, unless they
    /// are asked for [default without a value: auto]
    #[arg(
        long,
        value_name = "HOW",
        value_enum,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "auto"
    )]
    pub stacks: Option<StacksChoice>,
    /// Also record anonymous memory that is mapped outside of allocators, such as arenas of Python; `ebpf` backend only
    #[arg(long)]
    pub mappings: bool,
    /// Start and stop recording when a client says so, as `perf record --control`: `fifo:CONTROL,ANSWERS`. Without it,
    /// everything from the first instruction on is recorded
    #[arg(long, value_name = "fifo:CTL,ACK", value_parser = control)]
    pub control: Option<(PathBuf, PathBuf)>,
    /// The first process is a harness: its own allocations do not count for the client's benchmarks
    #[arg(long, requires = "control", hide = true)]
    pub root_is_harness: bool,
    /// A FIFO of the client for messages about the progress of the trace
    #[arg(long, value_name = "FIFO", requires = "control", hide = true)]
    pub progress: Option<PathBuf>,
    /// Memory for events that are not written yet, in bytes; a power of two, with `--stacks` at least 262144; `ebpf`
    /// backend only
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20, value_parser = ring_size)]
    pub ring_size: u32,
    /// Lose events that can't be written fast enough instead of slowing the program down; `ebpf` backend only
    #[arg(long)]
    pub lossy: bool,
    /// As root: run the command as this user, who also owns the files; a name or `UID:GID` [default: the user who called
    /// sudo, doas or pkexec, else root]
    #[arg(long, value_name = "USER")]
    pub run_as: Option<String>,
    /// Don't write frees for blocks that a process had not freed when it ended
    #[arg(long)]
    pub no_release_on_exit: bool,
    /// Write the summary as JSON to this file; `-` is standard output
    #[arg(long, value_name = "PATH")]
    pub json: Option<PathBuf>,
    /// Fail if another measurement is in progress instead of waiting for it to finish
    #[arg(long)]
    pub no_wait: bool,
    /// Don't show the summary
    #[arg(short, long)]
    pub quiet: bool,
    /// The program and its arguments; a single argument is run by the shell
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "COMMAND"
    )]
    pub command: Vec<OsString>,
}

/// The ways to see the calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum BackendChoice {
    /// From the kernel if that is permitted, else by a library.
    #[default]
    Auto,
    /// From the kernel.
    Ebpf,
    /// By a library inside the processes.
    Preload,
}

/// The ways to find the callers of an allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StacksChoice {
    /// As gives whole stacks: `dwarf`, which follows frame pointers where a file has no call frame information
    Auto,
    /// By frame pointers, which is faster; functions near the allocation need none
    Fp,
    /// From a copy of the stack, by call frame information (`.eh_frame`)
    Dwarf,
}

fn control(value: &str) -> Result<(PathBuf, PathBuf), String> {
    let paths = value.strip_prefix("fifo:").and_then(|paths| paths.split_once(','));
    let (ctl, ack) =
        paths.ok_or("expected `fifo:` and the paths of two FIFOs with a comma between them")?;
    Ok((ctl.into(), ack.into()))
}

/// The smallest is a page, the largest what the kernel takes.
fn ring_size(value: &str) -> Result<u32, String> {
    const SMALLEST: u32 = 4096;
    const LARGEST: u32 = 1 << 30;
    let size: u32 = value.parse().map_err(|err: std::num::ParseIntError| err.to_string())?;
    if size.is_power_of_two() && (SMALLEST..=LARGEST).contains(&size) {
        Ok(size)
    } else {
        Err(format!("expected a power of two between {SMALLEST} and {LARGEST}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_follows_the_command_is_the_commands() {
        let cli = Cli::try_parse_from(["x", "track", "--stacks", "ls", "-l", "--json"]).unwrap();
        let Command::Track(track) = cli.command else { panic!("{cli:?}") };
        assert_eq!((track.stacks, track.json), (Some(StacksChoice::Auto), None));
        assert_eq!(track.command, ["ls", "-l", "--json"]);
        assert!(Cli::try_parse_from(["x", "track"]).is_err());
    }

    #[test]
    fn stacks_are_taken_as_is_asked_for() {
        let taken = |options: &[&str]| {
            let words = ["x", "track"].into_iter().chain(options.iter().copied()).chain(["ls"]);
            let Command::Track(track) = Cli::try_parse_from(words)?.command else { panic!() };
            Ok::<_, clap::Error>(track.stacks)
        };
        assert_eq!(taken(&[]).unwrap(), None);
        assert_eq!(taken(&["--stacks"]).unwrap(), Some(StacksChoice::Auto));
        assert_eq!(taken(&["--stacks=auto"]).unwrap(), Some(StacksChoice::Auto));
        assert_eq!(taken(&["--stacks=fp"]).unwrap(), Some(StacksChoice::Fp));
        assert_eq!(taken(&["--stacks=dwarf"]).unwrap(), Some(StacksChoice::Dwarf));
        assert!(taken(&["--stacks=lbr"]).is_err());
    }

    #[test]
    fn odd_values_are_refused() {
        assert_eq!(control("fifo:/a b,/c"), Ok(("/a b".into(), "/c".into())));
        assert!(control("fd:3,4").is_err() && control("fifo:/a").is_err());
        assert_eq!(ring_size("4096"), Ok(4096));
        for odd in ["0", "4097", "2048", "-1", "x", "2147483648"] {
            assert!(ring_size(odd).is_err(), "{odd}");
        }
    }
}
