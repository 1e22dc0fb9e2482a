//! The table of real benchmark clients. To add one, add a row, and a folder below `compat/`.

/// A client, and a suite that it measures.
#[derive(Debug)]
pub(super) struct Client {
    /// What one types.
    pub(super) name: &'static str,
    /// What is tested, with its version.
    pub(super) package: &'static str,
    /// The folder with the suite, below `crates/xtask/compat`. Clients may share one.
    pub(super) folder: &'static str,
    /// Makes the suite ready, for a mode (`@MODE@`); run by a shell in a copy of the folder. Done
    /// again at the next time, so it has to be quick then. `$TOOLS` is a folder for programs.
    pub(super) prepare: &'static str,
    /// What `codspeed run` runs.
    pub(super) command: &'static str,
    /// URIs of the benchmarks.
    pub(super) benchmarks: &'static [&'static str],
    /// Modes in which it works.
    pub(super) modes: &'static [&'static str],
}

const CARGO_CODSPEED: &str = "test -x \"$TOOLS/bin/cargo-codspeed\" || \
    cargo install --quiet --locked cargo-codspeed@6.0.0 --root \"$TOOLS\"; \
    cargo codspeed build -m @MODE@";
const NPM: &str = "test -d node_modules || npm install --silent --no-audit --no-fund";

pub(super) const CLIENTS: &[Client] = &[
    Client {
        name: "pytest",
        package: "pytest-codspeed 5.0.4",
        folder: "python",
        prepare: "test -d venv || { python3 -m venv venv && \
            venv/bin/python -m pip install --quiet pytest==9.2.0 pytest-codspeed==5.0.4; }",
        command: "venv/bin/python -m pytest -q --codspeed -p no:cacheprovider test_interop.py",
        benchmarks: &[
            "test_interop.py::test_marked",
            "test_interop.py::test_fixture[500]",
            "test_interop.py::test_fixture[1000]",
            "test_interop.py::test_pedantic",
        ],
        modes: &["simulation", "walltime"],
    },
    Client {
        name: "divan",
        package: "codspeed-divan-compat 6.0.0 (cargo-codspeed 6.0.0)",
        folder: "rust",
        prepare: CARGO_CODSPEED,
        command: "cargo codspeed run --bench d",
        benchmarks: &["benches/d.rs::small", "benches/d.rs::sized[10]", "benches/d.rs::sized[20]"],
        modes: &["simulation", "walltime"],
    },
    Client {
        name: "criterion",
        package: "codspeed-criterion-compat 6.0.0 (cargo-codspeed 6.0.0)",
        folder: "rust",
        prepare: CARGO_CODSPEED,
        command: "cargo codspeed run --bench c",
        benchmarks: &["benches/c.rs::grp::one::work_5k"],
        modes: &["simulation", "walltime"],
    },
    Client {
        name: "tinybench",
        package: "@codspeed/tinybench-plugin 5.7.1 (tinybench 6.2.3)",
        folder: "node",
        prepare: NPM,
        command: "node tb.mjs",
        benchmarks: &["tb.mjs::tiny"],
        modes: &["simulation", "walltime"],
    },
    Client {
        name: "vitest",
        package: "@codspeed/vitest-plugin 5.7.1 (vitest 4.1.12)",
        folder: "node",
        prepare: NPM,
        command: "npx vitest bench --run",
        benchmarks: &["bench/sum.bench.mjs::sums::small"],
        modes: &["simulation", "walltime"],
    },
];
