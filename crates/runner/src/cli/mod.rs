//! The command line as data. No behaviour.

mod ab;
mod auth;
mod choose;
mod compat;
mod doctor;
mod documents;
mod exec;
mod global;
mod inspect;
mod instruments;
mod isolate;
mod memory;
mod parameter;
mod perf;
mod place;
mod profile;
mod run;
mod setup;
mod shared;
mod simulation;
mod update;
mod upload;
mod words;

use std::path::Path;

use clap::{Parser, Subcommand};

pub(crate) use ab::{AbArgs, BisectArgs, CompareArgs};
pub(crate) use auth::{AuthArgs, AuthCommand};
pub(crate) use choose::UseArgs;
pub(crate) use compat::CompatArgs;
pub(crate) use doctor::{DoctorArgs, measuring};
pub(crate) use documents::{CompletionsArgs, ManArgs};
pub(crate) use exec::{ExecArgs, FailureLimit};
pub(crate) use global::{GlobalArgs, parse_name};
pub(crate) use inspect::InspectArgs;
pub(crate) use instruments::{Instrument, InstrumentArgs};
pub(crate) use isolate::{IsolateArgs, IsolateCommand, IsolateOnArgs};
pub(crate) use memory::{Backend, MemoryArgs};
pub(crate) use parameter::Parameter;
pub(crate) use perf::{MOST_STACK_BYTES, PerfArgs};
pub(crate) use place::{Pin, PlaceArgs};
pub(crate) use profile::{ProfileArgs, ProfileCommand, ProfileSetArgs};
pub(crate) use run::RunArgs;
pub(crate) use setup::SetupArgs;
pub(crate) use shared::{ExportArg, MessageFormat, PythonAllocator, SharedArgs, parse_pattern};
pub(crate) use simulation::{SimulationArgs, SimulationTool};
pub(crate) use update::UpdateArgs;
pub(crate) use upload::{TargetArgs, UploadArgs, UploadCommandArgs};
pub(crate) use words::{old_mode, parse};

/// Runs benchmarks and says how long they take, and how sure that is.
#[derive(Debug, Parser)]
#[command(name = "codspeed-runner", bin_name = "codspeed", version, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a benchmark suite that has a CodSpeed integration.
    #[command(visible_alias = "r")]
    Run(Box<RunArgs>),
    /// Benchmark any command.
    #[command(visible_alias = "x")]
    Exec(Box<ExecArgs>),
    /// Compare two states of a repository, all benchmarks in turns.
    ///
    /// Both states are checked out side by side in folders of their own, and nothing is written into your repository.
    /// Each is built by `--build`, then the suite is run in pairs, base and head in random order, until it is clear of
    /// every benchmark whether it has changed. What seems to have changed is measured once more, with twice as many
    /// pairs. Files that Git ignores (`target`, `node_modules`, `.venv`) are in neither state: `--build` makes what the
    /// suite needs.
    Ab(Box<AbArgs>),
    /// Find the commit that made a benchmark slower.
    ///
    /// Each step compares the good commit with another one as `codspeed ab` does. Commits that can't be built or judged
    /// are skipped. Neither your files nor the state of `git bisect` are touched.
    Bisect(Box<BisectArgs>),
    /// Show the results in a profile folder once more.
    Inspect(InspectArgs),
    /// Send what a run has left to the service, also hours later.
    Upload(UploadCommandArgs),
    /// Log in to the service, or out.
    Auth(AuthArgs),
    /// Install what a mode needs, after saying what that is.
    Setup(SetupArgs),
    /// Show what each mode finds on this machine and what it lacks.
    Status,
    /// Say what makes measurements worse here, which command helps, and which differences this machine resolves.
    Doctor(DoctorArgs),
    /// Make a core of this machine calm for measurements, as root, and bring all back.
    Isolate(IsolateArgs),
    /// Replace these programs by those of a newer release.
    Update(UpdateArgs),
    /// Choose what `run` and `exec` measure from now on in this shell.
    Use(UseArgs),
    /// Show the modes and the profile that this shell uses.
    Show,
    /// Accounts and services to choose from.
    Profile(ProfileArgs),
    /// Print the JSON schema of `codspeed.yml`, for editors.
    Schema,
    /// Print what a shell needs to complete the words of `codspeed`.
    Completions(CompletionsArgs),
    /// Print a manual page, or write all of them into a folder.
    Man(ManArgs),
}

impl Command {
    /// What another program may want from standard output; nothing of commands that only show something to people.
    pub(crate) fn wants_output(&self) -> Option<String> {
        let exported = |exports: &[ExportArg]| {
            let to_stdout = exports.iter().find(|export| export.path == Path::new("-"))?;
            Some(format!("`--export {}=-`", to_stdout.format))
        };
        match self {
            Self::Inspect(args) => exported(&args.export),
            Self::Doctor(args) => args.json.then(|| "`--json`".to_owned()),
            Self::Schema => Some("the schema".to_owned()),
            Self::Completions(_) => Some("the completions".to_owned()),
            Self::Run(_)
            | Self::Exec(_)
            | Self::Ab(_)
            | Self::Bisect(_)
            | Self::Isolate(_)
            | Self::Upload(_)
            | Self::Auth(_)
            | Self::Setup(_)
            | Self::Status
            | Self::Update(_)
            | Self::Use(_)
            | Self::Show
            | Self::Profile(_)
            | Self::Man(_) => {
                let shared = self.shared()?;
                let lines = (shared.message_format == MessageFormat::Json)
                    .then(|| "`--message-format json`".to_owned());
                lines.or_else(|| exported(&shared.export))
            }
        }
    }

    /// The options of commands that measure.
    pub(crate) fn shared(&self) -> Option<&SharedArgs> {
        match self {
            Self::Run(args) => Some(&args.shared),
            Self::Exec(args) => Some(&args.shared),
            Self::Ab(args) => Some(&args.shared),
            Self::Bisect(args) => Some(&args.shared),
            Self::Inspect(_)
            | Self::Upload(_)
            | Self::Auth(_)
            | Self::Setup(_)
            | Self::Status
            | Self::Doctor(_)
            | Self::Isolate(_)
            | Self::Update(_)
            | Self::Use(_)
            | Self::Show
            | Self::Profile(_)
            | Self::Schema
            | Self::Completions(_)
            | Self::Man(_) => None,
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  codspeed exec -- sha256sum big.iso             benchmark a command
  codspeed exec --vs './old in.txt' -- ./new in.txt
                                                 which one is faster?
  codspeed exec -L j=1,2,4,8 -- ./program -j{j}  with which value?
  codspeed run -m walltime -- pytest --codspeed  run a suite with its integration
  codspeed exec -m simulation --profile-folder p -- ls; codspeed inspect p
                                                 which functions cost most?
  codspeed exec -m memory -- ./program           how much memory does it allocate?
  codspeed ab --base main --build make -- ./suite
                                                 what is slower than it is in `main`?

Exit codes:
  0 ok                  1 benchmark failed      2 usage
  3 missing tool/right  4 no benchmarks found   5 service: upload or answer
  6 regression          70 bug in codspeed      130 interrupted";
