//! Options of `codspeed store`.

use std::{
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use clap::{ArgGroup, Args, Subcommand};
use runner_shared::{duration::parse_nanos, mode::Mode};
use store::Filter;

use super::{remember::parse_name, shared::mode_parser};

/// List, show and remove stored runs, and carry them to other machines.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StoreArgs {
    /// The verb.
    #[command(subcommand)]
    pub command: StoreCommand,
}

/// The verbs of `codspeed store`.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// List the stored runs of this project, the newest first.
    List(StoreListArgs),
    /// Show what is stored of a run.
    Show {
        /// The run: an ID or its beginning, a name, `KEY=VALUE`, `last`, `last~2`, a branch, a commit, or an exported
        /// file.
        #[arg(value_name = "RUN")]
        run: String,
        /// Print the record as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove runs for good.
    ///
    /// A run that was sent to a shared store stays there, and comes back with the next fetch.
    Rm {
        /// The runs, as for `show`.
        #[arg(value_name = "RUN", required = true)]
        runs: Vec<String>,
        /// Print what was removed as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove old runs of all projects by a rule.
    ///
    /// A run stays if one of the options keeps it. Runs with a name, the last run of each branch, and its last complete
    /// run always stay. A run that was sent to a shared store stays there, and comes back with the next fetch.
    Gc(StoreGcArgs),
    /// Check all stored runs and the index.
    Check {
        /// Mend what is wrong: damaged files are moved to the folder `damaged` of the store, the index is made anew. No
        /// stored run is removed.
        #[arg(long)]
        repair: bool,
        /// Print what was found as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write runs to one file, for another machine or as an artifact of a job.
    Export(StoreExportArgs),
    /// Store the runs of files that `export` has written.
    ///
    /// The files may come from anybody: each run is checked, and what is none is refused.
    Import {
        /// The files; `-` is standard input.
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// Print what was stored as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Add runs to a store that machines share.
    Push(StorePushArgs),
    /// Fetch the runs of a store that machines share.
    Pull(StorePullArgs),
    /// Print the folder of the store, and why it is that one.
    Path {
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
    },
}

impl StoreCommand {
    /// Returns what another program may want from standard output.
    pub(crate) fn wants_output(&self) -> Option<String> {
        match self {
            Self::Export(args) if args.output == Path::new("-") => Some("the export".to_owned()),
            Self::List(StoreListArgs { json, .. })
            | Self::Show { json, .. }
            | Self::Rm { json, .. }
            | Self::Gc(StoreGcArgs { json, .. })
            | Self::Check { json, .. }
            | Self::Export(StoreExportArgs { json, .. })
            | Self::Import { json, .. }
            | Self::Push(StorePushArgs { json, .. })
            | Self::Pull(StorePullArgs { json, .. })
            | Self::Path { json } => json.then(|| "`--json`".to_owned()),
        }
    }
}

/// A choice of runs.
#[derive(Debug, Clone, Args)]
pub(crate) struct StoreFilterArgs {
    /// Only runs on this branch.
    #[arg(long, value_name = "BRANCH")]
    pub branch: Option<String>,
    /// Only runs of this name.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Only runs with this label.
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_label)]
    pub label: Option<(String, String)>,
    /// Only runs in this mode.
    #[arg(short, long, value_name = "MODE", value_parser = mode_parser(), hide_possible_values = true)]
    pub mode: Option<Mode>,
    /// Only runs that are not older, such as `12h`, `7d` or `3months`.
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    pub since: Option<u64>,
    /// Runs of all projects, not only of this one.
    #[arg(long)]
    pub all_projects: bool,
}

/// List runs.
#[derive(Debug, Args)]
pub(crate) struct StoreListArgs {
    /// The runs.
    #[command(flatten)]
    pub filter: StoreFilterArgs,
    /// At most so many, the newest ones; 0 for all.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// Print the list as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Remove old runs.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("rule").required(true).multiple(true)))]
pub(crate) struct StoreGcArgs {
    /// Keep the newest N runs of each branch.
    #[arg(long, value_name = "N", group = "rule")]
    pub keep: Option<usize>,
    /// Keep runs that are not older, such as `30d` or `6months`.
    #[arg(long, value_name = "AGE", value_parser = parse_age, group = "rule")]
    pub newer_than: Option<u64>,
    /// Show what would be removed, and remove nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Print what is removed as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Export runs.
#[derive(Debug, Args)]
pub(crate) struct StoreExportArgs {
    /// The runs, as for `show` [default: all of this project that fit the options].
    #[arg(value_name = "RUN")]
    pub runs: Vec<String>,
    /// The file to write; `-` is standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// The runs, if none is named.
    #[command(flatten)]
    pub filter: StoreFilterArgs,
    /// Print what was exported as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Add runs to a shared store.
#[derive(Debug, Args)]
#[command(after_help = SHARED)]
pub(crate) struct StorePushArgs {
    /// The address of the shared store.
    #[arg(long, value_name = "ADDRESS")]
    pub remote: Option<String>,
    /// The runs, as for `show` [default: all of this project that fit the options].
    #[arg(value_name = "RUN")]
    pub runs: Vec<String>,
    /// The runs, if none is named.
    #[command(flatten)]
    pub filter: StoreFilterArgs,
    /// Read the runs that are there already, and replace those that are damaged.
    #[arg(long)]
    pub repair: bool,
    /// Print what was sent as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Fetch runs of a shared store.
#[derive(Debug, Args)]
#[command(after_help = SHARED)]
pub(crate) struct StorePullArgs {
    /// The address of the shared store.
    #[arg(long, value_name = "ADDRESS")]
    pub remote: Option<String>,
    /// Only runs that are not older, such as `12h`, `7d` or `3months`.
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    pub since: Option<u64>,
    /// Print what was fetched as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Make one run of the shards that jobs of a matrix have measured.
#[derive(Debug, Args)]
#[command(after_help = MERGE)]
pub(crate) struct MergeArgs {
    /// The shards, as for `codspeed store show` [default: those of the newest CI run of this project].
    #[arg(value_name = "RUN")]
    pub runs: Vec<String>,
    /// A name for the merged run.
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    pub name: Option<String>,
    /// Print what was merged as JSON.
    #[arg(long)]
    pub json: bool,
}

impl StoreFilterArgs {
    /// Returns the choice, seen from this project.
    pub(crate) fn resolve(&self, project: &str) -> Filter {
        let Self { branch, name, label, mode, since, all_projects } = self.clone();
        Filter {
            project: (!all_projects).then(|| project.to_owned()),
            branch,
            name,
            label,
            mode: mode.map(Into::into),
            since_ms: since.map(ago),
            ..Filter::default()
        }
    }
}

/// Returns the point in time that was so many nanoseconds ago, in milliseconds since 1970.
pub(crate) fn ago(nanos: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    now.saturating_sub(nanos / 1_000_000)
}

/// A label.
fn parse_label(text: &str) -> Result<(String, String), String> {
    let label = text.split_once('=').filter(|(key, _)| !key.is_empty());
    let label = label.map(|(key, value)| (key.to_owned(), value.to_owned()));
    label.ok_or_else(|| "expected `KEY=VALUE`".to_owned())
}

/// An age in nanoseconds.
pub(super) fn parse_age(text: &str) -> Result<u64, String> {
    let is_number = text.trim().parse::<f64>().is_ok_and(|number| number != 0.0);
    match parse_nanos(text) {
        Ok(nanos) if !is_number => Ok(nanos),
        // Seconds are what nobody means here.
        Ok(_) | Err(_) => Err("expected an age such as `12h`, `7d` or `3months`".to_owned()),
    }
}

const EXAMPLES: &str = "\
Each run of `codspeed run`, `exec` and `ab` is stored, and stays until `rm` or `gc` removes it. The store is \
    `.codspeed/store` of the project if that folder is there or `codspeed.yml` says `store: project`, else \
    `codspeed/store` among your data (`$XDG_DATA_HOME`, `~/.local/share`). CODSPEED_STORE names another folder.

Examples:
  codspeed store list --branch main
  codspeed store show last
  codspeed store gc --keep 50 --newer-than 90d --dry-run
                                       what would be removed?
  codspeed store export last -o run.tar
  codspeed store import run.tar        on another machine

Exit codes: 0 ok; 1 something is damaged, was refused, or can't be written; 2 usage, or no such run.";

const SHARED: &str = "\
A shared store is a folder on an object store, which needs no server of its own: `s3://bucket/folder` (also MinIO, \
    R2, Garage, ...), `gs://bucket/folder`, `az://container/folder` or `file:///folder`. CODSPEED_SHARED_STORE names \
    it for all commands: runs are then sent to it as they end, and `compare`, `history`, `gate` and `merge` look for \
    new ones first. Credentials and endpoints are read from the usual variables: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, \
    AWS_ENDPOINT_URL; GOOGLE_APPLICATION_CREDENTIALS; AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY.

Examples:
  codspeed store push --remote s3://our-bench/app
  codspeed store pull --remote s3://our-bench/app --since 30d";

const MERGE: &str = "\
Shards are runs of one project, commit and CI run. A benchmark that a job measured again counts with its last \
    measurement; the parts of the merged run keep the machines that they were measured on.

Examples:
  codspeed merge                       the shards of the newest CI run
  codspeed merge 3f2a91 77c0de --name nightly";
