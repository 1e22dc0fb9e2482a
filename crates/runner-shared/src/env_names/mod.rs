//! Every environment variable that one of our programs reads or sets. No other file spells such a name.

mod git;
mod providers;
mod secrets;

pub use git::{
    GIT_ALTERNATE_OBJECT_DIRECTORIES, GIT_COMMON_DIR, GIT_DIR, GIT_INDEX_FILE, GIT_LFS_SKIP_SMUDGE,
    GIT_NAMESPACE, GIT_OBJECT_DIRECTORY, GIT_OPTIONAL_LOCKS, GIT_PREFIX, GIT_TERMINAL_PROMPT,
    GIT_WORK_TREE, OTHER_REPOSITORY,
};
pub use providers::{
    BUILDKITE, BUILDKITE_AGENT_NAME, BUILDKITE_BASE_BRANCH, BUILDKITE_BRANCH, BUILDKITE_COMMIT,
    BUILDKITE_ORGANIZATION, BUILDKITE_PIPELINE, BUILDKITE_PULL_REQUEST, BUILDKITE_REPO,
    CIRCLE_BRANCH, CIRCLE_COMMIT, CIRCLE_FORK, CIRCLE_JOB, CIRCLE_NODE, CIRCLE_NODES,
    CIRCLE_PULL_REQUEST, CIRCLE_PULL_REQUEST_OF_FORK, CIRCLE_REPOSITORY, CIRCLE_TAG,
    CIRCLE_WORKFLOW, CIRCLECI, GH_MATRIX, GH_STRATEGY, GITHUB_ACTIONS, GITHUB_ACTOR,
    GITHUB_ACTOR_ID, GITHUB_BASE_REF, GITHUB_EVENT_NAME, GITHUB_EVENT_PATH, GITHUB_JOB, GITHUB_REF,
    GITHUB_REPOSITORY, GITHUB_RUN_ID, GITHUB_SHA, GITHUB_WORKSPACE, GITLAB_CI, GITLAB_COMMIT,
    GITLAB_JOB_ID, GITLAB_JOB_NAME, GITLAB_MR_IID, GITLAB_MR_SOURCE, GITLAB_MR_SOURCE_PATH,
    GITLAB_MR_TARGET, GITLAB_NAMESPACE, GITLAB_PIPELINE_ID, GITLAB_PROJECT_DIR,
    GITLAB_PROJECT_NAME, GITLAB_PROJECT_PATH, GITLAB_REF_NAME, GITLAB_SOURCE, GITLAB_TAG,
    GITLAB_USER_ID, GITLAB_USER_LOGIN,
};
pub use secrets::{SECRETS, is_secret};

/// An environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnvName {
    /// The name as the system knows it.
    pub name: &'static str,
    /// Its purpose, as shown in the documentation.
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
/// The same as `--repository`.
pub const REPOSITORY: EnvName =
    env("CODSPEED_REPOSITORY", "`owner/name` of the repository, outside of CI");
/// The same as `--provider`.
pub const PROVIDER: EnvName = env("CODSPEED_PROVIDER", "where it lives: `github` or `gitlab`");
/// The same as `--upload-url`.
pub const UPLOAD_URL: EnvName = env("CODSPEED_UPLOAD_URL", "where results are uploaded to");
/// The same as `--walltime-profiler`.
pub const WALLTIME_PROFILER: EnvName =
    env("CODSPEED_WALLTIME_PROFILER", "understood for other versions: there is one profiler, perf");
/// The same as `--go-runner-version`; handed on to the benchmark.
pub const GO_RUNNER_VERSION: EnvName =
    env("CODSPEED_GO_RUNNER_VERSION", "the version of the Go runner that a suite shall use");
/// The same as `--skip-upload`.
pub const SKIP_UPLOAD: EnvName =
    env("CODSPEED_SKIP_UPLOAD", "`true` keeps the results on this machine");
/// Path of the `exec-harness` program to use.
pub const EXEC_HARNESS: EnvName =
    env("CODSPEED_EXEC_HARNESS", "path of the `exec-harness` program to use");
/// Path of the `codspeed-memtrack` program to use.
pub const MEMTRACK: EnvName =
    env("CODSPEED_MEMTRACK", "path of the `codspeed-memtrack` program to use in memory mode");
/// Set for all that our programs start: who ends it when they are killed.
pub const GUARD: EnvName = env(
    "CODSPEED_GUARD",
    "set for the benchmark: the process that ends it when `codspeed` is killed",
);
/// Beginning of the variables that move the stack; their values mean nothing. Lengths for counts:
/// [`Repeats::PADDINGS`](crate::artifact::Repeats::PADDINGS).
pub const PADDING: EnvName = env(
    "CODSPEED_PADDING",
    "set for commands that are compared, so that all have equally long environments",
);
/// The lock of `exec-harness` and `codspeed-memtrack` when they are no part of a run.
pub const LOCK_FILE: EnvName = env(
    "CODSPEED_LOCK_FILE",
    "lock that `exec-harness` and `codspeed-memtrack` alone take, instead of that of the machine",
);
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
/// The prefix of variables of experiments.
pub const EXPERIMENTAL_PREFIX: &str = "CODSPEED_EXPERIMENTAL_";
/// An early name of [`CYCLE_ESTIMATION`].
pub const EXPERIMENTAL_CYCLE_ESTIMATION: EnvName =
    env("CODSPEED_EXPERIMENTAL_CYCLE_ESTIMATION", "deprecated: does nothing");
/// An early name of [`EXCLUDE_ALLOCATIONS`].
pub const EXPERIMENTAL_EXCLUDE_ALLOCATIONS: EnvName =
    env("CODSPEED_EXPERIMENTAL_EXCLUDE_ALLOCATIONS", "deprecated: does nothing");
/// The folder in which Valgrind finds its tools.
pub const VALGRIND_LIB: EnvName =
    env("VALGRIND_LIB", "set for a Valgrind that `codspeed setup` installed");
/// The same as `--profile`.
pub const PROFILE: EnvName = env("CODSPEED_PROFILE", "the account profile to use");
/// The same as `--api-url`.
pub const API_URL: EnvName = env("CODSPEED_API_URL", "address of the CodSpeed service");
/// The same as `--config-name`.
pub const CONFIG_NAME: EnvName =
    env("CODSPEED_CONFIG_NAME", "deprecated: another name for the file of the user's settings");
/// The same as `--setup-cache-dir`.
pub const SETUP_CACHE_DIR: EnvName =
    env("CODSPEED_SETUP_CACHE_DIR", "folder for tools that `codspeed setup` installs");
/// Folder for settings.
pub const XDG_CONFIG_HOME: EnvName =
    env("XDG_CONFIG_HOME", "the user's settings lie below it, else below `~/.config`");
/// Folder for what lasts as long as a login.
pub const XDG_RUNTIME_DIR: EnvName =
    env("XDG_RUNTIME_DIR", "where `codspeed use` remembers what a shell uses");
/// Folder for caches.
pub const XDG_CACHE_HOME: EnvName = env(
    "XDG_CACHE_HOME",
    "tools that `codspeed setup` installs go below it, else below `~/.cache`",
);
/// Folder for data.
pub const XDG_DATA_HOME: EnvName = env(
    "XDG_DATA_HOME",
    "stored runs go to `codspeed/store` below it, else below `~/.local/share`",
);
/// Another place for stored runs.
pub const STORE: EnvName = env("CODSPEED_STORE", "folder of the stored runs");
/// A store of several machines.
pub const SHARED_STORE: EnvName = env(
    "CODSPEED_SHARED_STORE",
    "address of a store that machines share: `s3://bucket/folder`, `gs://...`, `az://...`, `file:///folder`",
);
/// The user's folder.
pub const HOME: EnvName = env("HOME", "the user's folder");
/// Set for a benchmark that runs as another user.
pub const USER: EnvName = env("USER", "the user's name");
/// The same.
pub const LOGNAME: EnvName = env("LOGNAME", "the user's name");
/// Set by sudo: who called it.
pub const SUDO_UID: EnvName =
    env("SUDO_UID", "set by sudo: benchmarks run as this user unless `--run-as` says otherwise");
/// Set by sudo: the group of who called it.
pub const SUDO_GID: EnvName = env("SUDO_GID", "set by sudo: the group of that user");
/// Set by doas: who called it.
pub const DOAS_USER: EnvName = env("DOAS_USER", "set by doas: the same as `SUDO_UID`, a name");
/// Set by pkexec: who called it.
pub const PKEXEC_UID: EnvName = env("PKEXEC_UID", "set by pkexec: the same as `SUDO_UID`");
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
/// The allocator that Python uses.
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
/// The folders in which programs are looked for.
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
/// Folders in which the loader looks for libraries first.
pub const LD_LIBRARY_PATH: EnvName = env(
    "LD_LIBRARY_PATH",
    "where the loader looks for libraries first: for the identity of those that ran",
);
/// The way in which allocations are traced.
pub const MEMTRACK_BACKEND: EnvName =
    env("CODSPEED_MEMTRACK_BACKEND", "how allocations are seen: `auto`, `ebpf` or `preload`");
/// Set for a command that is traced by a library: the memory that it shares with the tracer.
pub const MEMTRACK_SEGMENT: EnvName =
    env("CODSPEED_MEMTRACK_SEGMENT", "file through which allocations are told to the tracer");
/// Of traced processes that may see other files than the tracer; set by the library inside of them.
pub const MEMTRACK_HELD: EnvName = env(
    "CODSPEED_MEMTRACK_HELD",
    "descriptors by which a traced process with another root folder finds its tracer",
);
/// Set for `CPython` 3.12 and newer: write a map of generated code.
pub const PYTHONPERFSUPPORT: EnvName = env(
    "PYTHONPERFSUPPORT",
    "`1` in simulation mode and when a profiler records: functions have names",
);
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
/// The same as `--perf-stack-size`.
pub const PERF_STACK_SIZE: EnvName =
    env("CODSPEED_PERF_STACK_SIZE", "bytes of the stack that perf copies with each sample");
/// Any value: perf writes its data as they are.
pub const PERF_DISABLE_COMPRESSION: EnvName =
    env("CODSPEED_PERF_DISABLE_COMPRESSION", "when set: perf doesn't compress what it records");
/// A switch for keeping other work away from a benchmark.
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

/// The CI provider, where it is not to be detected: `buildkite`, `circleci`, `github-actions`, `gitlab-ci`, `generic` or `local`.
pub const CI_PROVIDER: EnvName = env(
    "CODSPEED_CI_PROVIDER",
    "the CI provider, where it is not to be detected: `buildkite`, `circleci`, `github-actions`, `gitlab-ci`, `generic` or `local`",
);
/// Any CI: `owner/name` or a URL of the repository [default: the Git remote].
pub const CI_REPOSITORY: EnvName = env(
    "CODSPEED_CI_REPOSITORY",
    "`owner/name` or a URL of the repository [default: the Git remote]",
);
/// Any CI: what is checked out, such as `refs/heads/main` or `refs/pull/7/merge` [default: the branch].
pub const CI_REF: EnvName = env(
    "CODSPEED_CI_REF",
    "what is checked out, such as `refs/heads/main` or `refs/pull/7/merge` [default: the branch]",
);
/// Any CI: the branch of a pull request; `owner:branch` in a fork.
pub const CI_HEAD_REF: EnvName =
    env("CODSPEED_CI_HEAD_REF", "the branch of a pull request; `owner:branch` in a fork");
/// Any CI: the branch that a pull request is for.
pub const CI_BASE_REF: EnvName =
    env("CODSPEED_CI_BASE_REF", "the branch that a pull request is for");
/// Any CI: the commit that is measured [default: the one that is checked out].
pub const CI_COMMIT: EnvName =
    env("CODSPEED_CI_COMMIT", "the commit that is measured [default: the one that is checked out]");
/// Any CI: `push`, `pull_request`, `workflow_dispatch` or `schedule` [default: `pull_request` with a base branch, else `push`].
pub const CI_EVENT: EnvName = env(
    "CODSPEED_CI_EVENT",
    "`push`, `pull_request`, `workflow_dispatch` or `schedule` [default: `pull_request` with a base branch, else `push`]",
);
/// Any CI: what all jobs have in common whose results belong together.
pub const CI_RUN_ID: EnvName =
    env("CODSPEED_CI_RUN_ID", "what all jobs have in common whose results belong together");
/// Any CI: name of the job [default: `job`].
pub const CI_JOB: EnvName = env("CODSPEED_CI_JOB", "name of the job [default: `job`]");
/// Any CI: tells the jobs of a run from each other [default: the name of the job].
pub const CI_PART: EnvName = env(
    "CODSPEED_CI_PART",
    "tells the jobs of a run from each other [default: the name of the job]",
);
/// The log level.
pub const LOG: EnvName = env(
    "CODSPEED_LOG",
    "how much is said: `off`, `error`, `warn`, `info` (the default), `debug` or `trace`",
);
/// Set by GitHub when a workflow is run with debug logging.
pub const RUNNER_DEBUG: EnvName = env("RUNNER_DEBUG", "`1` at GitHub: all is said");
/// Set by GitHub: the page of the step.
pub const GITHUB_STEP_SUMMARY: EnvName =
    env("GITHUB_STEP_SUMMARY", "at GitHub: file to which results are appended");

/// The folder in which Cargo builds; `codspeed ab` gives each side its own.
pub const CARGO_TARGET_DIR: EnvName =
    env("CARGO_TARGET_DIR", "if set, `ab` sets it to a folder of each side for builds and suites");
/// The prefix of our own names, also of those that only integrations know.
pub const OWN_PREFIX: &str = "CODSPEED_";

/// The registry that documentation and tests are derived from: all names but those in [`OTHER_REPOSITORY`].
pub const ALL: &[EnvName] = &[
    ENV,
    RUNNER_MODE,
    PROFILE_FOLDER,
    TOKEN,
    OAUTH_TOKEN,
    REPOSITORY,
    PROVIDER,
    UPLOAD_URL,
    GO_RUNNER_VERSION,
    WALLTIME_PROFILER,
    SKIP_UPLOAD,
    EXEC_HARNESS,
    MEMTRACK,
    GUARD,
    PADDING,
    LOCK_FILE,
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
    EXPERIMENTAL_CYCLE_ESTIMATION,
    EXPERIMENTAL_EXCLUDE_ALLOCATIONS,
    VALGRIND_LIB,
    PROFILE,
    API_URL,
    CONFIG_NAME,
    SETUP_CACHE_DIR,
    XDG_CONFIG_HOME,
    XDG_RUNTIME_DIR,
    XDG_CACHE_HOME,
    XDG_DATA_HOME,
    STORE,
    SHARED_STORE,
    HOME,
    USER,
    LOGNAME,
    SUDO_UID,
    SUDO_GID,
    DOAS_USER,
    PKEXEC_UID,
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
    LD_LIBRARY_PATH,
    MEMTRACK_BACKEND,
    MEMTRACK_SEGMENT,
    MEMTRACK_HELD,
    PYTHONPERFSUPPORT,
    NODE_OPTIONS,
    PERF,
    PERF_ENABLED,
    PROFILER_ENABLED,
    PERF_UNWINDING_MODE,
    PERF_STACK_SIZE,
    PERF_DISABLE_COMPRESSION,
    ISOLATION,
    PERF_CONFIG,
    JAVA_TOOL_OPTIONS,
    GO_SUPPRESS_UNWINDING_WARNING,
    BUILDKITE,
    BUILDKITE_PULL_REQUEST,
    BUILDKITE_REPO,
    BUILDKITE_BRANCH,
    BUILDKITE_BASE_BRANCH,
    BUILDKITE_COMMIT,
    BUILDKITE_AGENT_NAME,
    BUILDKITE_ORGANIZATION,
    BUILDKITE_PIPELINE,
    CIRCLECI,
    CIRCLE_REPOSITORY,
    CIRCLE_BRANCH,
    CIRCLE_TAG,
    CIRCLE_COMMIT,
    CIRCLE_PULL_REQUEST,
    CIRCLE_PULL_REQUEST_OF_FORK,
    CIRCLE_FORK,
    CIRCLE_WORKFLOW,
    CIRCLE_JOB,
    CIRCLE_NODE,
    CIRCLE_NODES,
    GITHUB_ACTIONS,
    GITHUB_REPOSITORY,
    GITHUB_EVENT_PATH,
    GITHUB_EVENT_NAME,
    GITHUB_REF,
    GITHUB_BASE_REF,
    GITHUB_SHA,
    GITHUB_JOB,
    GITHUB_RUN_ID,
    GITHUB_ACTOR,
    GITHUB_ACTOR_ID,
    GITHUB_WORKSPACE,
    GH_MATRIX,
    GH_STRATEGY,
    GITLAB_CI,
    GITLAB_USER_ID,
    GITLAB_USER_LOGIN,
    GITLAB_NAMESPACE,
    GITLAB_PROJECT_NAME,
    GITLAB_PROJECT_PATH,
    GITLAB_PROJECT_DIR,
    GITLAB_SOURCE,
    GITLAB_REF_NAME,
    GITLAB_TAG,
    GITLAB_COMMIT,
    GITLAB_JOB_ID,
    GITLAB_PIPELINE_ID,
    GITLAB_JOB_NAME,
    GITLAB_MR_IID,
    GITLAB_MR_TARGET,
    GITLAB_MR_SOURCE,
    GITLAB_MR_SOURCE_PATH,
    CI_PROVIDER,
    CI_REPOSITORY,
    CI_REF,
    CI_HEAD_REF,
    CI_BASE_REF,
    CI_COMMIT,
    CI_EVENT,
    CI_RUN_ID,
    CI_JOB,
    CI_PART,
    LOG,
    RUNNER_DEBUG,
    GITHUB_STEP_SUMMARY,
    CARGO_TARGET_DIR,
    GIT_LFS_SKIP_SMUDGE,
    GIT_OPTIONAL_LOCKS,
    GIT_TERMINAL_PROMPT,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique() {
        let all = || ALL.iter().chain(OTHER_REPOSITORY).map(|env| env.name);
        assert_eq!(all().collect::<BTreeSet<_>>().len(), all().count());
    }
}
