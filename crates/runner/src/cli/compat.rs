//! Options of other versions of `codspeed`: understood, so that scripts go on working, and not shown.

use clap::{Args, builder::BoolishValueParser};
use runner_shared::env_names;

/// Hidden options of `run` and `exec`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct CompatArgs {
    /// Upload the results in the profile folder without measuring. Use `codspeed upload` instead.
    #[arg(long, hide = true, requires = "profile_folder")]
    pub skip_run: bool,

    /// Does nothing: nothing is set up by a run.
    #[arg(long, hide = true)]
    pub skip_setup: bool,

    /// The version of the Go runner, which is told to the benchmark.
    #[arg(long, hide = true, env = env_names::GO_RUNNER_VERSION.name, value_name = "VERSION", value_parser = parse_version)]
    pub go_runner_version: Option<String>,

    /// The profiler; there is one.
    #[arg(long, hide = true, env = env_names::WALLTIME_PROFILER.name, value_name = "NAME")]
    pub walltime_profiler: Option<String>,

    /// An early name of `--cycle-estimation`.
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", value_parser = BoolishValueParser::new())]
    pub experimental_cycle_estimation: Option<bool>,

    /// An early name of `--exclude-allocations`.
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", value_parser = BoolishValueParser::new())]
    pub experimental_exclude_allocations: Option<bool>,
}

impl CompatArgs {
    /// Returns what those who use them should know.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let Self {
            skip_run,
            // What it asks for is always so.
            skip_setup: _,
            go_runner_version: _,
            walltime_profiler,
            experimental_cycle_estimation,
            experimental_exclude_allocations,
        } = self;
        let renamed = |old: &str, new: &str| {
            format!("`--experimental-{old}` has no effect any more; use `--{new}` instead")
        };
        let warnings = [
            skip_run.then(|| {
                "`--skip-run` is deprecated; use `codspeed upload FOLDER` instead".to_owned()
            }),
            walltime_profiler
                .as_deref()
                .filter(|name| *name != "perf")
                .map(|name| format!("unknown profiler `{name}`: the only profiler is perf")),
            experimental_cycle_estimation
                .is_some()
                .then(|| renamed("cycle-estimation", "cycle-estimation")),
            experimental_exclude_allocations
                .is_some()
                .then(|| renamed("exclude-allocations", "exclude-allocations")),
        ];
        warnings.into_iter().flatten().collect()
    }
}

/// A version as `1.2.3`, without a `v`.
pub(super) fn parse_version(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split(['-', '+']).next().unwrap_or_default().split('.').collect();
    let is_number =
        |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() == 3 && parts.iter().all(is_number) {
        Ok(text.to_owned())
    } else {
        Err("a version has three numbers, as in `1.2.3`".to_owned())
    }
}
