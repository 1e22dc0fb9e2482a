//! pytest-codspeed, from today's back to the first ones that speak with a runner.

use super::{
    Benchmark,
    Cell::{self, Fails, Measured, Silent},
    Client, Rounds,
};

const SUITE: &[Benchmark] = &[
    Benchmark::new("test_interop.py::test_marked", Rounds::Exactly(3)),
    Benchmark::new("test_interop.py::test_fixture[500]", Rounds::Some),
    Benchmark::new("test_interop.py::test_fixture[1000]", Rounds::Some),
    Benchmark::allocating("test_interop.py::test_allocates", Rounds::Some, 3_000_000),
    Benchmark::new("test_interop.py::test_pedantic", Rounds::Exactly(4)),
];

const LEGACY_SUITE: &[Benchmark] = &[
    Benchmark::new("test_interop.py::test_marked", Rounds::Never),
    Benchmark::new("test_interop.py::test_fixture[500]", Rounds::Never),
    Benchmark::new("test_interop.py::test_fixture[1000]", Rounds::Never),
    Benchmark::allocating("test_interop.py::test_allocates", Rounds::Never, 3_000_000),
];

const PYTEST: Client = Client {
    name: "pytest",
    package: "pytest-codspeed 5.0.4 (pytest 9.2.0)",
    folder: "python",
    place: "python",
    prepare: "test -x venv/bin/pytest || { python3 -m venv venv && \
        venv/bin/python -m pip install --quiet pytest==9.2.0 pytest-codspeed==5.0.4; }",
    command: "venv/bin/python -m pytest -q --codspeed --codspeed-warmup-time=0.1 --codspeed-max-time=0.3 \
        -p no:cacheprovider test_interop.py",
    integration: ("pytest-codspeed", "5.0.4"),
    writer: None,
    benchmarks: SUITE,
    walltime: Measured,
    simulation: Measured,
    memory: Measured,
    // From Python 3.12 on.
    may_leave: &["perf-<pid>.map"],
    is_quick: true,
};

/// Without `pedantic`, which the oldest ones don't have.
const LEGACY: Client = Client {
    prepare: "test -x venv/bin/pytest || { python3 -m venv venv && \
        venv/bin/python -m pip install --quiet 'pytest<9' pytest-codspeed==@VERSION@; }",
    command: "venv/bin/python -m pytest -q --codspeed --codspeed-warmup-time=0.1 --codspeed-max-time=0.3 \
        -p no:cacheprovider -k 'not pedantic' test_interop.py",
    benchmarks: LEGACY_SUITE,
    is_quick: false,
    ..PYTEST
};

const TOO_OLD: Cell = Fails { code: 1, says: "4.3.0", why: "older than memory mode" };

const MUTE: Cell =
    Fails { code: 4, says: "no benchmark reported a result", why: "older than the FIFO protocol" };

/// A legacy client, with what its version decides.
macro_rules! legacy {
    ($version:literal, $walltime:expr, $memory:expr) => {
        Client {
            name: concat!("pytest-", $version),
            package: concat!("pytest-codspeed ", $version, " (pytest 8)"),
            place: concat!("python-", $version),
            integration: ("pytest-codspeed", $version),
            walltime: $walltime,
            memory: $memory,
            ..LEGACY
        }
    };
}

pub(super) const CLIENTS: &[Client] = &[
    PYTEST,
    legacy!("4.5.0", Measured, Measured),
    legacy!("4.3.0", Measured, Measured),
    legacy!("4.2.0", Measured, TOO_OLD),
    legacy!("4.0.0", Measured, TOO_OLD),
    legacy!("3.2.0", Silent, MUTE),
];
