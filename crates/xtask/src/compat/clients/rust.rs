//! The three compatible benchmark libraries of Rust, all started by cargo-codspeed.

use super::{
    Benchmark,
    Cell::{Fails, Measured},
    Client, Rounds,
};

/// Fetches the program.
macro_rules! prepare {
    ($build:literal) => {
        concat!(
            "test -x \"$TOOLS/bin/cargo-codspeed\" || \
            cargo install --quiet --locked cargo-codspeed@6.0.0 --root \"$TOOLS\"; ",
            $build
        )
    };
}

/// All three at once: what one doesn't need, the next one does.
const BUILD: &str = prepare!("cargo codspeed build -m @MODE@");

/// Of another version, divan alone.
const BUILD_OLDER: &str = prepare!(
    "sed -i -e 's/=6.0.0/=@VERSION@/' -e '/^criterion\\|^bencher/d' Cargo.toml; \
    cargo codspeed build -m @MODE@ --bench d"
);

const DIVAN: Client = Client {
    name: "divan",
    package: "codspeed-divan-compat 6.0.0 (cargo-codspeed 6.0.0)",
    folder: "rust",
    place: "rust",
    prepare: BUILD,
    command: "cargo codspeed run --bench d",
    integration: ("codspeed-rust", "6.0.0"),
    writer: Some("6.0.0"),
    benchmarks: &[
        Benchmark::new("benches/d.rs::small", Rounds::Exactly(5)),
        Benchmark::new("benches/d.rs::sized[10]", Rounds::Exactly(3)),
        Benchmark::new("benches/d.rs::sized[20]", Rounds::Exactly(3)),
        Benchmark::allocating("benches/d.rs::allocates", Rounds::Exactly(2), 3_000_000),
    ],
    walltime: Measured,
    simulation: Measured,
    memory: Measured,
    may_leave: &[],
    is_quick: false,
};

/// Another version of the library alone, in another copy of the suite.
macro_rules! older_divan {
    ($version:literal, $memory:expr) => {
        Client {
            name: concat!("divan-", $version),
            package: concat!("codspeed-divan-compat ", $version, " (cargo-codspeed 6.0.0)"),
            place: concat!("rust-", $version),
            prepare: BUILD_OLDER,
            integration: ("codspeed-rust", $version),
            memory: $memory,
            ..DIVAN
        }
    };
}

pub(super) const CLIENTS: &[Client] = &[
    DIVAN,
    Client {
        name: "criterion",
        package: "codspeed-criterion-compat 6.0.0 (cargo-codspeed 6.0.0)",
        command: "cargo codspeed run --bench c",
        benchmarks: &[Benchmark::new("benches/c.rs::grp::one::work_5k", Rounds::Exactly(10))],
        ..DIVAN
    },
    Client {
        name: "bencher",
        package: "codspeed-bencher-compat 6.0.0 (cargo-codspeed 6.0.0)",
        command: "cargo codspeed run --bench b",
        benchmarks: &[Benchmark::new("benches/b.rs::work_2k", Rounds::Never)],
        walltime: Fails {
            code: 4,
            says: "no benchmark reported a result",
            why: "it doesn't save its times",
        },
        ..DIVAN
    },
    older_divan!("5.0.1", Measured),
    older_divan!(
        "4.1.0",
        Fails { code: 4, says: "no benchmark reported a result", why: "older than memory mode" }
    ),
];
