//! Options of memory mode.

use clap::{Args, ValueEnum};

/// The heading of the help that lists them.
const HEADING: &str = "Memory mode";

/// The way in which allocations are traced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub(crate) struct MemoryArgs {
    /// Also record the call stack of each allocation, to show where memory is allocated and kept (`codspeed inspect`).
    ///
    /// Needs programs with frame pointers. Turned on by exports of profiles.
    #[arg(long, help_heading = HEADING)]
    pub stacks: bool,

    /// How to trace allocations: from the kernel, or with a library inside the processes [default: auto].
    #[arg(long, help_heading = HEADING, value_name = "WHERE", value_enum)]
    pub backend: Option<Backend>,
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
