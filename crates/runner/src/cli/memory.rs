//! Options of memory mode.

use clap::{Args, ValueEnum};

/// Where the help lists them.
const HEADING: &str = "Memory mode";

/// How allocations are traced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub(crate) struct MemoryArgs {
    /// Record the stack of each allocation as well: who allocates, who keeps (`codspeed inspect`).
    ///
    /// Needs programs with frame pointers. Exports of profiles switch it on.
    #[arg(long, help_heading = HEADING)]
    pub stacks: bool,

    /// Where allocations are seen: from the kernel, or by a library inside the processes [default: auto].
    #[arg(long, help_heading = HEADING, value_name = "WHERE", value_enum)]
    pub backend: Option<Backend>,
}

/// Where allocations are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// From the kernel if that is allowed, else by a library.
    Auto,
    /// From the kernel: sees all allocators, needs rights.
    Ebpf,
    /// By a library inside the processes: needs no rights, sees no statically linked allocators.
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
