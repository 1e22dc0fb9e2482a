//! The options of a run, resolved: plain data, whoever has said them. The words of a choice are those of its variants.

use std::{ffi::OsString, path::PathBuf};

use api::{MetadataVersion, RepositoryProvider, Secret};
use clap::ValueEnum;
use results::CostModel;
use runner_shared::mode::Mode;
use system::processors::Processors;

use crate::workload::Profiling;

/// The options that all commands which measure have in common.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is independent of the others")]
pub(crate) struct RunOptions {
    /// The ways in which each target is measured; none for the usual one.
    pub modes: Vec<Mode>,
    /// The place where everything is kept, if the user cares.
    pub profile_folder: Option<PathBuf>,
    /// Files to write besides the table.
    pub exports: Vec<Export>,
    /// A profile is recorded beside times.
    pub profiling: Profiling,
    /// Processors and addresses of the benchmark.
    pub place: PlaceOptions,
    /// Options of simulation mode.
    pub simulation: SimulationOptions,
    /// Options of memory mode.
    pub memory: MemoryOptions,
    /// The allocator for Python objects, if the user chose one.
    pub python_allocator: Option<PythonAllocator>,
    /// Additional data to record.
    pub instruments: InstrumentOptions,
    /// The version of the Go runner, which the benchmark is told.
    pub go_runner_version: Option<String>,
    /// No benchmark is no error.
    pub allow_empty: bool,
    /// Wait for the end of another run.
    pub wait: bool,
    /// The profile folder stays where it is, also if nobody has named it.
    pub keep_profile: bool,
    /// The record of the run, if it is kept.
    pub remember: Option<Remember>,
    /// The upload, if there is one.
    pub upload: UploadOptions,
    /// Nothing is measured: what lies in the profile folder is sent.
    pub skip_run: bool,
}

/// The party that reads standard output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum MessageFormat {
    /// People.
    #[default]
    Human,
    /// Another program.
    Json,
}

/// The format of a report for a command of the user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// All that is known.
    #[default]
    Json,
    /// For people.
    Markdown,
}

/// The words of the user about the record of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Remember {
    /// A name by which it is found again.
    pub name: Option<String>,
    /// Labels: keys and values.
    pub labels: Vec<(String, String)>,
}

/// One export: format and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Export {
    /// Id of an exporter.
    pub format: String,
    /// A path, or `-` for standard output.
    pub path: PathBuf,
}

/// The place of a benchmark.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PlaceOptions {
    /// Its processors, if they are not left to the system.
    pub pin: Option<Pin>,
    /// The same memory addresses in each process, where the system permits it.
    pub no_aslr: bool,
}

/// The processors of a benchmark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pin {
    /// So many of the idlest.
    Auto(usize),
    /// These.
    These(Processors),
}

/// Options of simulation mode.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is independent of the others")]
pub(crate) struct SimulationOptions {
    /// Path of the `valgrind` to use, else the most capable one.
    pub valgrind: Option<PathBuf>,
    /// Any other Valgrind than CodSpeed's is an error.
    pub require_fork: bool,
    /// The tool that counts.
    pub tool: SimulationTool,
    /// Cycles are counted, too, where that is possible.
    pub cycle_estimation: bool,
    /// The cost of allocator functions is left out.
    pub exclude_allocations: bool,
    /// The model that turns counts into an estimated time.
    pub cost_model: &'static CostModel,
    /// Patterns of paths of programs that are not counted.
    pub skip_program: Vec<OsString>,
    /// Compilers and small helper programs are counted, too.
    pub trace_helpers: bool,
    /// The variables that the benchmark sees.
    pub variables: Variables,
    /// Names of further variables that it sees.
    pub keep_env: Vec<OsString>,
    /// Threads have time slices of equal length.
    pub fair_sched: bool,
}

/// The Valgrind tool that counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SimulationTool {
    /// Counts per function and call.
    #[default]
    Callgrind,
    /// Writes down every call; only in some builds of the fork.
    Tracegrind,
}

/// The variables that a benchmark in simulation mode sees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Variables {
    /// All but those that a CI system sets anew for each job.
    #[default]
    Lasting,
    /// Those that programs commonly need.
    Needed,
    /// All.
    All,
}

/// Options of memory mode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct MemoryOptions {
    /// The call stack of each allocation is recorded, in this way.
    pub stacks: Option<StackWalk>,
    /// The way in which allocations are seen, if the user chose one.
    pub backend: Option<Backend>,
}

/// The way in which the callers of an allocation are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StackWalk {
    /// As gives whole stacks: at the moment `dwarf`.
    Auto,
    /// By frame pointers.
    Fp,
    /// From copies of the stack, by unwind information; by frame pointers where there is none.
    Dwarf,
}

impl StackWalk {
    /// The option of the tracer. The plain one is known to older ones as well.
    pub(crate) const fn option(self) -> &'static str {
        match self {
            Self::Auto => "--stacks",
            Self::Fp => "--stacks=fp",
            Self::Dwarf => "--stacks=dwarf",
        }
    }
}

/// The place where allocations are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// From the kernel if that is permitted, otherwise with a library.
    Auto,
    /// From the kernel: sees all allocators, needs permissions.
    Ebpf,
    /// With a library inside the processes: needs no permissions, doesn't see statically linked allocators.
    Preload,
}

impl Backend {
    /// As the tracer calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Ebpf => "ebpf",
            Self::Preload => "preload",
        }
    }
}

/// The allocator of Python's small objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PythonAllocator {
    /// `malloc`: each object is counted.
    Malloc,
    /// Its own choice: arenas.
    Own,
}

/// Additional data to record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct InstrumentOptions {
    /// The program that records it.
    pub instruments: Vec<Instrument>,
    /// The variable with the address of the benchmark's MongoDB server.
    pub mongo_uri_env_name: Option<String>,
}

/// Something that records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Instrument {
    /// The queries that each benchmark makes.
    Mongodb,
}

/// The upload: on or off, the account and the address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct UploadOptions {
    /// Results are uploaded.
    pub wish: UploadWish,
    /// The address, the account, and the answer that is wanted.
    pub target: TargetOptions,
}

/// The user's wish for an upload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum UploadWish {
    /// In CI, and for users who are logged in.
    #[default]
    Usual,
    /// In any case: an obstacle is an error.
    Always,
    /// Not at all.
    Never,
}

/// The place where results are sent, as whom, and what is wanted in return.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TargetOptions {
    /// The token, if not that of the CI provider or of the login.
    pub token: Option<Secret>,
    /// The repository that results belong to, outside of CI, as `owner/name`.
    pub repository: Option<String>,
    /// Its provider.
    pub provider: Option<RepositoryProvider>,
    /// The address to upload to, if not that of the profile or of the service.
    pub upload_url: Option<String>,
    /// Wait until the service has judged the results, and fail with it.
    pub wait: bool,
    /// Id of a run at the service to compare with.
    pub base: Option<String>,
    /// Version of the metadata, if not the newest.
    pub metadata_version: Option<MetadataVersion>,
}

/// Reads a pattern for the names of variables.
pub(crate) fn parse_pattern(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.contains('=') {
        return Err("expected the name of a variable, or a part of it with `*`".to_owned());
    }
    Ok(text.trim().to_owned())
}
