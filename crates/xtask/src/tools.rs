//! The table of tools that the commands of xtask start. To add a tool, add a row.

use clap::ValueEnum;

/// A command of xtask that needs tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Task {
    Test,
    Demo,
    Bench,
    Lint,
    Dist,
    Compat,
    Servers,
}

/// The way to see that a tool is there.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Probe {
    /// A program on `PATH`.
    Program(&'static str),
    /// A command that succeeds.
    Succeeds(&'static [&'static str]),
}

/// The origin of a tool when it is missing.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    /// Debian packages.
    Apt(&'static [&'static str]),
    /// `cargo install --locked <crate>`.
    Cargo(&'static str),
    /// `rustup component add <component>`.
    Rustup(&'static str),
}

/// One row.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) what_for: &'static str,
    pub(crate) probe: Probe,
    pub(crate) source: Source,
    /// These stop without it.
    pub(crate) required_by: &'static [Task],
    /// These do less without it, and say so.
    pub(crate) used_by: &'static [Task],
}

impl Tool {
    pub(crate) fn is_there(&self) -> bool {
        match self.probe {
            Probe::Program(name) => crate::shell::find(name).is_some(),
            Probe::Succeeds(words) => words.split_first().is_some_and(|(program, args)| {
                crate::shell::Cmd::new(program).args(args.iter().copied()).succeeds()
            }),
        }
    }

    /// Returns whether a command (or, for none, any command) has to do with it.
    pub(crate) fn concerns(&self, task: Option<Task>) -> bool {
        task.is_none_or(|task| self.required_by.contains(&task) || self.used_by.contains(&task))
    }

    /// Returns whether a command (or, for none, any command) stops without it.
    pub(crate) fn is_required(&self, task: Option<Task>) -> bool {
        task.map_or(!self.required_by.is_empty(), |task| self.required_by.contains(&task))
    }
}

/// The commands that build the programs.
const ALL: &[Task] =
    &[Task::Test, Task::Demo, Task::Bench, Task::Lint, Task::Dist, Task::Compat, Task::Servers];

pub(crate) const TOOLS: &[Tool] = &[
    Tool {
        name: "cc",
        what_for: "links Rust; compiles the C fixtures of tests and bench",
        probe: Probe::Succeeds(&["cc", "-E", "-include", "stdio.h", "-x", "c", "/dev/null"]),
        source: Source::Apt(&["gcc", "libc6-dev"]),
        required_by: ALL,
        used_by: &[],
    },
    Tool {
        name: "clang",
        what_for: "compiles the BPF program of the allocation tracer",
        probe: Probe::Program("clang"),
        source: Source::Apt(&["clang"]),
        required_by: ALL,
        used_by: &[],
    },
    Tool {
        name: "libelf, zlib",
        what_for: "headers for libbpf, which loads that program",
        probe: Probe::Succeeds(&[
            "cc",
            "-E",
            "-include",
            "gelf.h",
            "-include",
            "zlib.h",
            "-x",
            "c",
            "/dev/null",
        ]),
        source: Source::Apt(&["libelf-dev", "zlib1g-dev", "pkg-config"]),
        required_by: &[
            Task::Test,
            Task::Demo,
            Task::Bench,
            Task::Lint,
            Task::Compat,
            Task::Servers,
        ],
        used_by: &[],
    },
    Tool {
        name: "autotools, flex, bison",
        what_for: "builds the libelf that releases include",
        probe: Probe::Succeeds(&[
            "sh",
            "-c",
            "for tool in autoreconf autopoint flex bison gawk make pkg-config; do command -v $tool || exit 1; done",
        ]),
        source: Source::Apt(&[
            "autoconf",
            "automake",
            "autopoint",
            "bison",
            "flex",
            "gawk",
            "gettext",
            "make",
            "pkg-config",
        ]),
        required_by: &[Task::Dist],
        used_by: &[],
    },
    Tool {
        name: "debootstrap",
        what_for: "an empty system for testing an archive",
        probe: Probe::Program("debootstrap"),
        source: Source::Apt(&["debootstrap"]),
        required_by: &[],
        used_by: &[Task::Dist],
    },
    Tool {
        name: "shellcheck",
        what_for: "checks shell scripts",
        probe: Probe::Program("shellcheck"),
        source: Source::Apt(&["shellcheck"]),
        required_by: &[],
        used_by: &[Task::Lint],
    },
    Tool {
        name: "musl-gcc",
        what_for: "traces programs with another C library; builds archives that need none",
        probe: Probe::Program("musl-gcc"),
        source: Source::Apt(&["musl-tools"]),
        required_by: &[Task::Test],
        used_by: &[Task::Dist],
    },
    Tool {
        name: "git",
        what_for: "repositories of the tests; the list of files for tidy",
        probe: Probe::Program("git"),
        source: Source::Apt(&["git"]),
        required_by: &[Task::Test, Task::Compat],
        used_by: &[Task::Lint],
    },
    Tool {
        name: "unshare",
        what_for: "private mount namespaces for tests; a demo without network",
        probe: Probe::Program("unshare"),
        source: Source::Apt(&["util-linux"]),
        required_by: &[Task::Test, Task::Compat],
        used_by: &[Task::Demo],
    },
    Tool {
        name: "python3 with venv",
        what_for: "the real pytest-codspeed, in tests and compat",
        probe: Probe::Succeeds(&["python3", "-c", "import ensurepip, venv"]),
        source: Source::Apt(&["python3", "python3-venv"]),
        required_by: &[Task::Compat, Task::Servers],
        used_by: &[Task::Test],
    },
    Tool {
        name: "node with npm",
        what_for: "the real plugins for Node, in tests and compat",
        probe: Probe::Succeeds(&["npm", "--version"]),
        source: Source::Apt(&["nodejs", "npm"]),
        required_by: &[Task::Compat, Task::Servers],
        used_by: &[Task::Test],
    },
    Tool {
        name: "valgrind",
        what_for: "simulation mode, and its tests",
        probe: Probe::Program("valgrind"),
        source: Source::Apt(&["valgrind"]),
        required_by: &[Task::Test, Task::Compat],
        used_by: &[Task::Demo],
    },
    Tool {
        name: "git-lfs",
        what_for: "tests of `codspeed ab` with large files",
        probe: Probe::Program("git-lfs"),
        source: Source::Apt(&["git-lfs"]),
        required_by: &[],
        used_by: &[Task::Test],
    },
    Tool {
        name: "c++ with jemalloc, mimalloc and tcmalloc",
        what_for: "tests of the allocation tracer",
        probe: Probe::Succeeds(&[
            "c++",
            "-E",
            "-include",
            "jemalloc/jemalloc.h",
            "-include",
            "mimalloc.h",
            "-include",
            "gperftools/tcmalloc.h",
            "-x",
            "c++",
            "/dev/null",
        ]),
        source: Source::Apt(&[
            "g++",
            "libjemalloc-dev",
            "libmimalloc-dev",
            "libgoogle-perftools-dev",
        ]),
        required_by: &[Task::Test],
        used_by: &[],
    },
    Tool {
        name: "perf",
        what_for: "records profiles in walltime mode, its tests and its bench",
        probe: Probe::Succeeds(&["perf", "--version"]),
        source: Source::Apt(&["linux-perf"]),
        required_by: &[Task::Bench],
        used_by: &[Task::Test, Task::Demo, Task::Compat],
    },
    Tool {
        name: "lld",
        what_for: "the test of programs whose code shares a page with their headers",
        probe: Probe::Program("ld.lld"),
        source: Source::Apt(&["lld"]),
        required_by: &[Task::Test],
        used_by: &[],
    },
    Tool {
        name: "chromium",
        what_for: "opens reports in the tests",
        probe: Probe::Program("chromium"),
        // The package names no font, and draws nothing without one.
        source: Source::Apt(&["chromium", "fonts-dejavu-core"]),
        required_by: &[],
        used_by: &[Task::Test],
    },
    Tool {
        name: "heaptrack",
        what_for: "what the stacks of the tracer and their cost are compared with, in tests and bench",
        probe: Probe::Program("heaptrack"),
        source: Source::Apt(&["heaptrack"]),
        required_by: &[],
        used_by: &[Task::Bench, Task::Test],
    },
    Tool {
        name: "hyperfine",
        what_for: "a second opinion on the figures of bench",
        probe: Probe::Program("hyperfine"),
        source: Source::Apt(&["hyperfine"]),
        required_by: &[],
        used_by: &[Task::Bench],
    },
    Tool {
        name: "cargo-nextest",
        what_for: "runs the tests",
        probe: Probe::Program("cargo-nextest"),
        source: Source::Cargo("cargo-nextest"),
        required_by: &[Task::Test, Task::Servers],
        used_by: &[],
    },
    Tool {
        name: "rustfmt",
        what_for: "checks the format",
        probe: Probe::Succeeds(&["cargo", "fmt", "--version"]),
        source: Source::Rustup("rustfmt"),
        required_by: &[Task::Lint],
        used_by: &[],
    },
    Tool {
        name: "clippy",
        what_for: "checks the lints",
        probe: Probe::Succeeds(&["cargo", "clippy", "--version"]),
        source: Source::Rustup("clippy"),
        required_by: &[Task::Lint],
        used_by: &[],
    },
];
