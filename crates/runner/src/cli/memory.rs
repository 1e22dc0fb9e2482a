//! Options of memory mode.

use clap::Args;

use crate::settings::options::{Backend, StackWalk};

/// The heading of the help that lists them.
const HEADING: &str = "Memory mode";

/// The way in which allocations are traced.
#[derive(Debug, Args)]
pub(crate) struct MemoryArgs {
    /// Also record the call stack of each allocation, to show where memory is allocated and kept (`codspeed inspect`).
    ///
    /// How callers are found may follow: `--stacks=fp` is faster and needs programs with frame pointers. Turned on by
    /// exports of profiles. The profile folder, which alone has all of it, is kept.
    #[arg(
        long,
        help_heading = HEADING,
        value_name = "HOW",
        value_enum,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "auto"
    )]
    pub stacks: Option<StackWalk>,

    /// How to trace allocations: from the kernel, or with a library inside the processes [default: auto].
    #[arg(long, help_heading = HEADING, value_name = "WHERE", value_enum)]
    pub backend: Option<Backend>,
}
