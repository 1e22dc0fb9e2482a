//! Options of memory mode.

use clap::Args;

use crate::settings::options::Backend;

/// The heading of the help that lists them.
const HEADING: &str = "Memory mode";

/// The way in which allocations are traced.
#[derive(Debug, Args)]
pub(crate) struct MemoryArgs {
    /// Also record the call stack of each allocation, to show where memory is allocated and kept (`codspeed inspect`).
    ///
    /// Needs programs with frame pointers. Turned on by exports of profiles. The profile folder, which alone has all of
    /// it, is kept.
    #[arg(long, help_heading = HEADING)]
    pub stacks: bool,

    /// How to trace allocations: from the kernel, or with a library inside the processes [default: auto].
    #[arg(long, help_heading = HEADING, value_name = "WHERE", value_enum)]
    pub backend: Option<Backend>,
}
