//! The command line as data, and what it means. Nothing below the commands knows it.

mod ab;
mod auth;
mod choose;
mod clean;
mod compare;
mod compat;
mod doctor;
mod documents;
mod exec;
mod gate;
mod global;
mod history;
mod import;
mod inspect;
mod instruments;
mod isolate;
mod memory;
mod perf;
mod place;
mod profile;
mod remember;
mod report;
mod resolve;
mod run;
mod schema;
mod setup;
mod shared;
mod simulation;
mod store;
mod update;
mod upload;
mod words;

use std::path::Path;

use clap::{Parser, Subcommand};

pub(crate) use ab::{AbArgs, BisectArgs, CompareArgs};
pub(crate) use auth::{AuthArgs, AuthCommand};
pub(crate) use choose::UseArgs;
pub(crate) use clean::CleanArgs;
pub(crate) use compare::CompareRunsArgs;
pub(crate) use compat::CompatArgs;
pub(crate) use doctor::{DoctorArgs, measuring};
pub(crate) use documents::{CompletionsArgs, ManArgs};
pub(crate) use exec::{ExecArgs, FailureLimit};
pub(crate) use gate::{GateAbArgs, GateArgs, GateOutcomeArgs, GateRunArgs, NotifyArgs};
pub(crate) use global::{GlobalArgs, parse_name};
pub(crate) use history::HistoryArgs;
pub(crate) use import::ImportArgs;
pub(crate) use inspect::{DetailArgs, InspectArgs};
pub(crate) use instruments::InstrumentArgs;
pub(crate) use isolate::{IsolateArgs, IsolateCommand, IsolateOnArgs};
pub(crate) use memory::MemoryArgs;
pub(crate) use perf::PerfArgs;
pub(crate) use place::PlaceArgs;
pub(crate) use profile::{ProfileArgs, ProfileCommand, ProfileSetArgs};
pub(crate) use remember::RememberArgs;
pub(crate) use report::{PictureArgs, PictureCommand, ReportArgs, ReportFileArgs};
pub(crate) use resolve::resolve;
pub(crate) use run::RunArgs;
pub(crate) use schema::{SchemaArgs, SchemaOf};
pub(crate) use setup::SetupArgs;
pub(crate) use shared::SharedArgs;
pub(crate) use simulation::SimulationArgs;
pub(crate) use store::{
    MergeArgs, StoreArgs, StoreCommand, StoreExportArgs, StoreFilterArgs, StoreGcArgs,
    StoreListArgs, StorePullArgs, StorePushArgs, ago,
};
pub(crate) use update::UpdateArgs;
pub(crate) use upload::{TargetArgs, UploadArgs, UploadCommandArgs};
pub(crate) use words::{old_mode, parse};

use crate::settings::options::{Export, MessageFormat};

/// Run benchmarks, and show how long they take and how certain that is.
#[derive(Debug, Parser)]
#[command(name = "codspeed-runner", bin_name = "codspeed", version, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,

    /// The subcommand.
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
    /// Compare two states of a repository, benchmark by benchmark.
    ///
    /// Both states are checked out side by side in separate folders, and nothing is written to your repository. Each
    /// is built with `--build`, then the suite is run in pairs, base and head in random order, until it is clear for
    /// every benchmark whether it has changed. Apparent changes are measured again, with twice as many pairs. Files
    /// that Git ignores (`target`, `node_modules`, `.venv`) are in neither state: use `--build` to create what the
    /// suite needs.
    Ab(Box<AbArgs>),
    /// Find the commit that made a benchmark slower.
    ///
    /// Each step compares the good commit with another one, like `codspeed ab`. Commits that can't be built or judged
    /// are skipped. Your files and the state of `git bisect` are not touched.
    Bisect(Box<BisectArgs>),
    /// Judge a stored run by the limits in `codspeed.yml`.
    Gate(Box<GateArgs>),
    /// Show how benchmarks changed over the stored runs.
    History(HistoryArgs),
    /// Compare two stored runs, benchmark by benchmark.
    ///
    /// Every run is stored, so that today's can be compared with yesterday's. Where the machine or its programs differ
    /// in something that matters, the runs are incomparable, which is no regression.
    Compare(CompareRunsArgs),
    /// Show the results of an earlier run.
    Inspect(InspectArgs),
    /// Make a report of a stored run, or of what changed since another one: one HTML page, or pictures.
    Report(Box<ReportArgs>),
    /// Store the results of another tool, such as hyperfine or criterion, as a run.
    Import(Box<ImportArgs>),
    /// List, show and remove stored runs, and carry them to other machines.
    Store(StoreArgs),
    /// Make one run of the shards that jobs of a matrix have measured.
    Merge(MergeArgs),
    /// Upload the results of an earlier run.
    Upload(UploadCommandArgs),
    /// Log in to or out of the service.
    Auth(AuthArgs),
    /// Install the tools of a mode.
    Setup(SetupArgs),
    /// Show which tools each mode finds on this machine, and which are missing.
    Status,
    /// Check this machine for causes of noise, and show how to fix them and which differences it can resolve.
    Doctor(DoctorArgs),
    /// Reserve a quiet core for measurements (as root), or restore the settings.
    Isolate(IsolateArgs),
    /// Update these programs to a newer release.
    Update(UpdateArgs),
    /// Choose the modes of `run` and `exec` for this shell.
    Use(UseArgs),
    /// Show the modes and the profile that this shell uses.
    Show,
    /// Manage profiles: accounts and services to choose from.
    Profile(ProfileArgs),
    /// Remove profile folders that earlier runs have left in the temp folder.
    Clean(CleanArgs),
    /// Print the JSON schema of `codspeed.yml`, for editors, or of the record of a run.
    Schema(SchemaArgs),
    /// Generate shell completions.
    Completions(CompletionsArgs),
    /// Print a manual page, or write all manual pages to a folder.
    Man(ManArgs),
}

impl Command {
    /// Returns what another program may want from standard output; nothing of commands that only show something to
    /// people.
    pub(crate) fn wants_output(&self) -> Option<String> {
        let all = [("--export", self.own_exports()), ("--gate-export", self.gate_exports())];
        for (option, exports) in all {
            if let Some(export) = exports.iter().find(|export| export.path == Path::new("-")) {
                return Some(format!("`{option} {}=-`", export.format));
            }
        }
        match self {
            Self::History(HistoryArgs { json: true, .. }) => Some("`--json`".to_owned()),
            Self::History(HistoryArgs { csv: true, .. }) => Some("`--csv`".to_owned()),
            Self::Compare(args) => args.json.then(|| "`--json`".to_owned()),
            Self::Doctor(args) => args.json.then(|| "`--json`".to_owned()),
            Self::Store(args) => args.command.wants_output(),
            Self::Merge(args) => args.json.then(|| "`--json`".to_owned()),
            Self::Report(args) => args.wants_output().then(|| "`--output -`".to_owned()),
            Self::Schema(_) => Some("the schema".to_owned()),
            Self::Completions(_) => Some("the completions".to_owned()),
            Self::Run(_)
            | Self::Exec(_)
            | Self::Ab(_)
            | Self::Bisect(_)
            | Self::Inspect(_)
            | Self::Import(_)
            | Self::Gate(_)
            | Self::History(_)
            | Self::Isolate(_)
            | Self::Upload(_)
            | Self::Auth(_)
            | Self::Setup(_)
            | Self::Status
            | Self::Update(_)
            | Self::Use(_)
            | Self::Show
            | Self::Profile(_)
            | Self::Clean(_)
            | Self::Man(_) => {
                let shared = self.shared()?;
                (shared.message_format == MessageFormat::Json)
                    .then(|| "`--message-format json`".to_owned())
            }
        }
    }

    /// Returns all exports that it was asked for, those of a gate behind the others.
    pub(crate) fn exports(&self) -> impl Iterator<Item = &Export> {
        self.own_exports().iter().chain(self.gate_exports())
    }

    /// The gate of a command that measures one state.
    const fn gate(&self) -> Option<&GateRunArgs> {
        if let Self::Run(args) = self {
            return Some(&args.gate);
        }
        if let Self::Exec(args) = self { Some(&args.gate) } else { None }
    }

    fn gate_exports(&self) -> &[Export] {
        if let Self::Ab(args) = self {
            return &args.gate.gate_export;
        }
        self.gate().map_or(&[], |gate| &gate.gate_export)
    }

    /// Returns true if it may measure twice.
    pub(crate) fn is_confirmed(&self) -> bool {
        self.gate().is_some_and(|gate| gate.confirm)
    }

    /// Returns true if results of a measurement go to standard output.
    pub(crate) fn sends_results(&self) -> bool {
        self.own_exports().iter().any(|export| export.path == Path::new("-"))
    }

    /// Returns true if JSON goes to standard output that is no export.
    pub(crate) fn prints_json(&self) -> bool {
        if let Self::Compare(args) = self {
            return args.json;
        }
        self.shared().is_some_and(|it| it.message_format == MessageFormat::Json)
    }

    fn own_exports(&self) -> &[Export] {
        if let Self::Inspect(args) = self {
            return &args.export;
        }
        if let Self::Compare(args) = self {
            return &args.export;
        }
        if let Self::Gate(args) = self {
            return &args.export;
        }
        if let Self::Import(args) = self {
            return &args.export;
        }
        self.shared().map_or(&[], |shared| &shared.export)
    }

    /// The options of commands that measure.
    pub(crate) fn shared(&self) -> Option<&SharedArgs> {
        match self {
            Self::Run(args) => Some(&args.shared),
            Self::Exec(args) => Some(&args.shared),
            Self::Ab(args) => Some(&args.shared),
            Self::Bisect(args) => Some(&args.shared),
            Self::Inspect(_)
            | Self::Report(_)
            | Self::Import(_)
            | Self::Compare(_)
            | Self::Gate(_)
            | Self::History(_)
            | Self::Store(_)
            | Self::Merge(_)
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
            | Self::Clean(_)
            | Self::Schema(_)
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
                                                 which functions cost the most?
  codspeed exec -m memory -- ./program           how much memory does it allocate?
  codspeed ab --base main --build make -- ./suite
                                                 what is slower than in `main`?

Exit codes:
  0 ok                  1 benchmark failed      2 usage
  3 missing tool/permission  4 no benchmarks   5 upload or service failed
  6 regression          70 bug in codspeed      130 interrupted";
