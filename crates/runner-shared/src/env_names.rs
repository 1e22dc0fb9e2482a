//! Every environment variable that one of our programs reads or sets. No other file spells such a name.

/// An environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnvName {
    /// The name as the system knows it.
    pub name: &'static str,
    /// What it is for, as shown in the documentation.
    pub meaning: &'static str,
}

const fn env(name: &'static str, meaning: &'static str) -> EnvName {
    EnvName { name, meaning }
}

/// Set for the benchmark: it runs under CodSpeed.
pub const ENV: EnvName = env("CODSPEED_ENV", "set to `runner` for the benchmark process");
/// The mode: read by `codspeed` and `exec-harness` as the default of `--mode`, set for the benchmark.
pub const RUNNER_MODE: EnvName =
    env("CODSPEED_RUNNER_MODE", "the mode: `walltime`, `simulation` or `memory`");
/// Set for the benchmark: absolute path of the folder for results.
pub const PROFILE_FOLDER: EnvName =
    env("CODSPEED_PROFILE_FOLDER", "folder that receives the results");
/// Upload token; never handed to the benchmark.
pub const TOKEN: EnvName = env("CODSPEED_TOKEN", "token for uploads");
/// Login token; never handed to the benchmark.
pub const OAUTH_TOKEN: EnvName = env("CODSPEED_OAUTH_TOKEN", "login token");
/// The same as `--skip-upload`.
pub const SKIP_UPLOAD: EnvName =
    env("CODSPEED_SKIP_UPLOAD", "`true` keeps the results on this machine");
/// Path of the `exec-harness` program to use.
pub const EXEC_HARNESS: EnvName =
    env("CODSPEED_EXEC_HARNESS", "path of the `exec-harness` program to use");
/// Path of the `codspeed-memtrack` program to use.
pub const MEMTRACK: EnvName =
    env("CODSPEED_MEMTRACK", "path of the `codspeed-memtrack` program to use in memory mode");
/// Set for Python: a fixed seed makes set and dict order repeatable.
pub const PYTHONHASHSEED: EnvName =
    env("PYTHONHASHSEED", "set to `0` for the benchmark, so that hashes repeat");
/// Set for CPython 3.13 and newer: write a `jitdump` for the profiler.
pub const PYTHON_PERF_JIT_SUPPORT: EnvName =
    env("PYTHON_PERF_JIT_SUPPORT", "`1` when a profiler records, else `0`");
/// Processor architecture, historical.
pub const ARCH: EnvName = env("ARCH", "processor architecture, for older integrations");
/// GitHub's address for minting tokens; never handed to the benchmark.
pub const OIDC_REQUEST_URL: EnvName = env("ACTIONS_ID_TOKEN_REQUEST_URL", "GitHub's token service");
/// GitHub's secret for minting tokens; never handed to the benchmark.
pub const OIDC_REQUEST_TOKEN: EnvName =
    env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "secret for GitHub's token service");
/// Path of the `valgrind` program to use in simulation mode.
pub const VALGRIND: EnvName =
    env("CODSPEED_VALGRIND", "path of the `valgrind` program to use in simulation mode");
/// The same as `--simulation-tool`.
pub const SIMULATION_TOOL: EnvName =
    env("CODSPEED_SIMULATION_TOOL", "the tool of Valgrind: `callgrind` or `tracegrind`");
/// The same as `--cycle-estimation`.
pub const CYCLE_ESTIMATION: EnvName =
    env("CODSPEED_CYCLE_ESTIMATION", "`false`: no cycles are counted in simulation mode");
/// The same as `--exclude-allocations`.
pub const EXCLUDE_ALLOCATIONS: EnvName =
    env("CODSPEED_EXCLUDE_ALLOCATIONS", "`true`: without allocator functions in simulation mode");
/// The same as `--experimental-fair-sched`.
pub const FAIR_SCHED: EnvName =
    env("CODSPEED_EXPERIMENTAL_FAIR_SCHED", "`true`: threads take turns of equal length");
/// Where Valgrind finds its tools.
pub const VALGRIND_LIB: EnvName =
    env("VALGRIND_LIB", "set for a Valgrind that `codspeed setup` installed");
/// Folder for caches.
pub const XDG_CACHE_HOME: EnvName = env(
    "XDG_CACHE_HOME",
    "tools that `codspeed setup` installs go below it, else below `~/.cache`",
);
/// The user's folder.
pub const HOME: EnvName = env("HOME", "the user's folder");
/// Set for the first of two runs of Node: a file that receives the options which the plugin wants.
pub const NODE_INTROSPECTION: EnvName =
    env("__CODSPEED_NODE_CORE_INTROSPECTION_PATH__", "where a Node plugin writes its options");
/// Path of the tracer of the MongoDB instrument.
pub const MONGO_TRACER: EnvName =
    env("CODSPEED_MONGO_TRACER", "path of the `cs-mongo-tracer` program to use");
/// Set for the tracer and for the benchmark: where the tracer is spoken to.
pub const MONGO_SERVER_ADDRESS: EnvName =
    env("CODSPEED_MONGO_INSTR_SERVER_ADDRESS", "where the MongoDB tracer listens");
/// Set for the tracer: where it stands in for the database.
pub const MONGO_PROXY: EnvName =
    env("CODSPEED_MONGO_PROXY_HOST_PORT", "where the MongoDB tracer stands in for the database");
/// Set for the tracer: the database.
pub const MONGO_DEST: EnvName =
    env("CODSPEED_MONGO_DEST_HOST_PORT", "the database behind the MongoDB tracer");
/// Set for the tracer: how much it says.
pub const RUST_LOG: EnvName = env("RUST_LOG", "how much the MongoDB tracer says");
/// How Python allocates.
pub const PYTHONMALLOC: EnvName = env(
    "PYTHONMALLOC",
    "set to `malloc` in simulation and memory mode, so that allocations are seen",
);
/// No colours.
pub const NO_COLOR: EnvName = env("NO_COLOR", "when set and not empty: no colours");
/// Colours even when the output is not a terminal.
pub const CLICOLOR_FORCE: EnvName = env("CLICOLOR_FORCE", "when set and not `0`: colours always");
/// Kind of terminal.
pub const TERM: EnvName = env("TERM", "`dumb` turns colours and the moving progress line off");
/// Where programs are looked for.
pub const PATH: EnvName = env("PATH", "where programs are looked for");
/// Folder for temporary files.
pub const TMPDIR: EnvName = env("TMPDIR", "where a fresh profile folder is made");
/// Set for a command in simulation mode: what the preload library labels its count with.
pub const BENCH_URI: EnvName =
    env("CODSPEED_BENCH_URI", "URI of the command that is counted in simulation mode");
/// Set for a command in simulation mode: where the preload library says what happened.
pub const BENCH_REPORT: EnvName =
    env("CODSPEED_BENCH_REPORT", "file for reports of the library of simulation mode");
/// Libraries that the loader adds to each program.
pub const LD_PRELOAD: EnvName =
    env("LD_PRELOAD", "extended by the libraries of simulation and memory mode");
/// How allocations are seen.
pub const MEMTRACK_BACKEND: EnvName =
    env("CODSPEED_MEMTRACK_BACKEND", "how allocations are seen: `auto`, `ebpf` or `preload`");
/// Set for a command that is traced by a library: the memory that it shares with the tracer.
pub const MEMTRACK_SEGMENT: EnvName =
    env("CODSPEED_MEMTRACK_SEGMENT", "file through which allocations are told to the tracer");
/// Set for `CPython` 3.12 and newer: write a map of generated code.
pub const PYTHONPERFSUPPORT: EnvName =
    env("PYTHONPERFSUPPORT", "`1` in simulation mode, so that Python functions have names");
/// Options for Node.
pub const NODE_OPTIONS: EnvName =
    env("NODE_OPTIONS", "extended in simulation mode, so that JavaScript functions have names");
/// Path of the `perf` program to use in walltime mode.
pub const PERF: EnvName = env("CODSPEED_PERF", "path of the `perf` program to use");
/// The same as `--enable-perf`.
pub const PERF_ENABLED: EnvName =
    env("CODSPEED_PERF_ENABLED", "`false` measures times without recording a profile");
/// A later name of [`PERF_ENABLED`].
pub const PROFILER_ENABLED: EnvName =
    env("CODSPEED_PROFILER_ENABLED", "another name of `CODSPEED_PERF_ENABLED`");
/// The same as `--perf-unwinding-mode`.
pub const PERF_UNWINDING_MODE: EnvName =
    env("CODSPEED_PERF_UNWINDING_MODE", "how stacks are taken: `fp` or `dwarf`");
/// Any value: perf writes its data as they are.
pub const PERF_DISABLE_COMPRESSION: EnvName =
    env("CODSPEED_PERF_DISABLE_COMPRESSION", "when set: perf doesn't compress what it records");
/// Whether other work is kept away from a benchmark.
pub const ISOLATION: EnvName =
    env("CODSPEED_ISOLATION", "`false` runs no hooks of the machine and makes no systemd scope");
/// Set for perf: the file with the settings of the user, which we don't want.
pub const PERF_CONFIG: EnvName = env("PERF_CONFIG", "set for perf, so that it has no settings");
/// Options for the Java machine.
pub const JAVA_TOOL_OPTIONS: EnvName =
    env("JAVA_TOOL_OPTIONS", "extended when a profile is recorded, so that stacks can be taken");
/// Set for Go when stacks are taken by frame pointers.
pub const GO_SUPPRESS_UNWINDING_WARNING: EnvName = env(
    "CODSPEED_GO_SUPPRESS_PERF_UNWINDING_MODE_WARNING",
    "set when stacks are taken by frame pointers, as Go keeps them",
);

/// How much is said.
pub const LOG: EnvName = env(
    "CODSPEED_LOG",
    "how much is said: `off`, `error`, `warn`, `info` (the default), `debug` or `trace`",
);
/// Set by GitHub when a workflow is run with debug logging.
pub const RUNNER_DEBUG: EnvName = env("RUNNER_DEBUG", "`1` at GitHub: all is said");
/// Set by GitHub: the page of the step.
pub const GITHUB_STEP_SUMMARY: EnvName =
    env("GITHUB_STEP_SUMMARY", "at GitHub: file to which results are appended");
/// Set by GitHub.
pub const GITHUB_ACTIONS: EnvName = env("GITHUB_ACTIONS", "`true` at GitHub");
/// Set by GitLab.
pub const GITLAB_CI: EnvName = env("GITLAB_CI", "`true` at GitLab");
/// Set by Buildkite.
pub const BUILDKITE: EnvName = env("BUILDKITE", "`true` at Buildkite");

/// What the names of ours begin with, also of those that only integrations know.
pub const OWN_PREFIX: &str = "CODSPEED_";

/// The registry that documentation and tests are derived from.
pub const ALL: &[EnvName] = &[
    ENV,
    RUNNER_MODE,
    PROFILE_FOLDER,
    TOKEN,
    OAUTH_TOKEN,
    SKIP_UPLOAD,
    EXEC_HARNESS,
    MEMTRACK,
    PYTHONHASHSEED,
    PYTHON_PERF_JIT_SUPPORT,
    ARCH,
    OIDC_REQUEST_URL,
    OIDC_REQUEST_TOKEN,
    VALGRIND,
    SIMULATION_TOOL,
    CYCLE_ESTIMATION,
    EXCLUDE_ALLOCATIONS,
    FAIR_SCHED,
    VALGRIND_LIB,
    XDG_CACHE_HOME,
    HOME,
    NODE_INTROSPECTION,
    MONGO_TRACER,
    MONGO_SERVER_ADDRESS,
    MONGO_PROXY,
    MONGO_DEST,
    RUST_LOG,
    PYTHONMALLOC,
    NO_COLOR,
    CLICOLOR_FORCE,
    TERM,
    PATH,
    TMPDIR,
    BENCH_URI,
    BENCH_REPORT,
    LD_PRELOAD,
    MEMTRACK_BACKEND,
    MEMTRACK_SEGMENT,
    PYTHONPERFSUPPORT,
    NODE_OPTIONS,
    PERF,
    PERF_ENABLED,
    PROFILER_ENABLED,
    PERF_UNWINDING_MODE,
    PERF_DISABLE_COMPRESSION,
    ISOLATION,
    PERF_CONFIG,
    JAVA_TOOL_OPTIONS,
    GO_SUPPRESS_UNWINDING_WARNING,
    LOG,
    RUNNER_DEBUG,
    GITHUB_STEP_SUMMARY,
    GITHUB_ACTIONS,
    GITLAB_CI,
    BUILDKITE,
];

/// Variables that hold a secret; they never reach the benchmark.
pub const SECRETS: &[EnvName] = &[TOKEN, OAUTH_TOKEN, OIDC_REQUEST_URL, OIDC_REQUEST_TOKEN];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_every_secret_is_registered() {
        let names: BTreeSet<_> = ALL.iter().map(|env| env.name).collect();
        assert_eq!(names.len(), ALL.len());
        assert!(SECRETS.iter().all(|secret| names.contains(secret.name)));
    }
}
